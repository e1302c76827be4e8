// Sentiment in a C++ program.
//
//     embed MODEL [TEXT...]
//
// Prints the label and the probability of each text, or of each line of standard input, and only
// "unknown" where the model knows no word of the text, which then says nothing. Texts are UTF-8.

#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "sentiment.hpp"

constexpr std::size_t at_once = 32;

static void print_scores(const sentiment::Model &model, const std::vector<std::string> &texts)
{
    for (const auto &score : model.score(texts))
        if (score.label.empty())
            std::puts("unknown");
        else
            std::printf("%s %.7f\n", score.label.c_str(), score.probability);
}

static void run(const std::vector<std::string> &arguments)
{
    const sentiment::Model model(arguments[0]);
    std::vector<std::string> texts(arguments.begin() + 1, arguments.end());
    if (!texts.empty())
        return print_scores(model, texts);
    for (std::string line; std::getline(std::cin, line);) {
        texts.push_back(line);
        if (texts.size() == at_once) {
            print_scores(model, texts);
            texts.clear();
        }
    }
    print_scores(model, texts);
}

int main(int argc, char **argv)
{
    std::ios::sync_with_stdio(false);
    if (argc < 2) {
        std::cerr << "usage: embed MODEL [TEXT...]\n";
        return 2;
    }
    try {
        run({argv + 1, argv + argc});
    } catch (const std::exception &error) {
        std::fflush(stdout);
        std::cerr << "embed: " << error.what() << "\n";
        return 1;
    }
    if (std::fflush(stdout) != 0) {
        std::perror("embed: standard output");
        return 1;
    }
}
