// Texts through the C++ API of ONNX Runtime as they are, without any care.
//
//     raw_texts MODEL BATCH < TEXTS
//
// Each text of standard input is its length in bytes, a line feed, and its bytes. Prints the
// probability and the known tokens of each text, or the error of each batch.

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include <onnxruntime_cxx_api.h>

static void score(Ort::Session &session, const std::vector<std::string> &texts)
{
    Ort::AllocatorWithDefaultOptions memory;
    const int64_t shape[] = {static_cast<int64_t>(texts.size())};
    auto input = Ort::Value::CreateTensor(memory, shape, 1, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
    for (size_t i = 0; i < texts.size(); i++)
        std::memcpy(input.GetResizedStringTensorElementBuffer(i, texts[i].size()),
                    texts[i].data(), texts[i].size());
    const char *inputs[] = {"text"}, *outputs[] = {"probability", "known_tokens"};
    try {
        auto found = session.Run(Ort::RunOptions{}, inputs, &input, 1, outputs, 2);
        for (size_t i = 0; i < texts.size(); i++)
            std::cout << found[0].GetTensorData<float>()[i] << " "
                      << found[1].GetTensorData<int32_t>()[i] << "\n";
    } catch (const Ort::Exception &error) {
        std::cout << "error: " << error.what() << "\n";
    }
}

int main(int, char **argv)
{
    Ort::Env environment(ORT_LOGGING_LEVEL_FATAL, "raw_texts");
    Ort::Session session(environment, argv[1], Ort::SessionOptions{});
    const size_t batch = std::strtoul(argv[2], nullptr, 10);
    std::vector<std::string> texts;
    std::cout.precision(9);
    for (std::string size; std::getline(std::cin, size);) {
        std::string text(std::stoul(size), '\0');
        std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
        texts.push_back(text);
        if (texts.size() == batch) {
            score(session, texts);
            texts.clear();
        }
    }
    if (!texts.empty())
        score(session, texts);
}
