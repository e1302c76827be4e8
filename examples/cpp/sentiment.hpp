// The model file in C++17: a wrapper of examples/c that frees the model and throws errors.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sentiment.h"

namespace sentiment {

struct Score {
    std::string label;  // "" if the model knows no word of the text: not an opinion
    float probability;  // NaN if label is ""
    float stars;  // NaN if label is "", or the model has no stars
    int known_tokens;
};

// May be used by many threads at the same time.
class Model {
public:
    explicit Model(const std::string &path) : Model(path.c_str(), {}) {}

    static Model from_memory(std::string_view bytes) { return Model(nullptr, bytes); }

    // Texts are UTF-8; anything else throws.
    std::vector<Score> score(const std::vector<std::string> &texts) const
    {
        std::string joined;
        std::vector<std::size_t> lengths;
        for (const auto &text : texts) {
            joined += text;
            lengths.push_back(text.size());
        }
        std::vector<sentiment_result> results(texts.size());
        char error[SENTIMENT_ERROR_SIZE];
        if (sentiment_score(model_.get(), joined.data(), lengths.data(), texts.size(),
                            results.data(), error) != 0)
            throw std::runtime_error(error);
        std::vector<Score> scores;
        for (const auto &each : results)
            scores.push_back({each.label, each.probability, each.stars, each.known_tokens});
        return scores;
    }

private:
    Model(const char *path, std::string_view bytes) : model_(nullptr, sentiment_close)
    {
        char error[SENTIMENT_ERROR_SIZE];
        model_.reset(sentiment_open(path, bytes.data(), bytes.size(), error));
        if (!model_)
            throw std::runtime_error(error);
    }

    std::unique_ptr<sentiment_model, decltype(&sentiment_close)> model_;
};

}  // namespace sentiment
