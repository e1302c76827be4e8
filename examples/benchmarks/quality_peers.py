"""The models that ours are compared with: what they are, where from, and all their settings.

All but the lexicon are trained on the labels that our models are trained on, of films and of all
other domains, and on nothing else. C was chosen on films: it says how large weights are, not how
many reviews there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Of the benchmark of speed, trained on films, for 90.0 % on the test reviews; unigrams (dim 10,
# 5 epochs) reach 87.8 %, in half the time.
FASTTEXT_OPTIONS = ["-wordNgrams", "2", "-dim", "10", "-epoch", "25"]
# On films and all other domains, which are 17 times as many reviews, ten epochs are enough.
FASTTEXT_OF_ALL = ["-wordNgrams", "2", "-dim", "10", "-epoch", "10"]
# The others get the text that fastText gets: ASCII lowercased, punctuation apart. With the tokens
# that scikit-learn finds by itself, tf-idf is 0.3 points less accurate on held-out reviews.
TOKENS = {"lowercase": False, "token_pattern": r"\S+"}
NO_FASTTEXT = "needs the program fasttext: apt-get install fasttext"
NO_VADER = "needs the package vaderSentiment: pip install vaderSentiment"


@dataclass(frozen=True)
class Peer:
    """A model of others."""

    title: str
    source: str
    settings: dict[str, Any]


# To add one, add an entry, and how it is trained to `contenders.predict`.
PEERS = {
    "fasttext": Peer(
        "fastText, bigrams",
        "Joulin, Grave, Bojanowski and Mikolov 2017, Bag of Tricks for Efficient Text "
        "Classification (EACL); the program of that name",
        # With several threads, no two runs would give the same model.
        {"options": [*FASTTEXT_OF_ALL, "-thread", "1"]},
    ),
    "tfidf": Peer(
        "tf-idf of 1-2-grams, logistic regression",
        "scikit-learn's TfidfVectorizer and LogisticRegression (Pedregosa et al. 2011, JMLR 12)",
        {
            "features": {"ngram_range": (1, 2), "min_df": 2, "sublinear_tf": True, **TOKENS},
            "regression": {"C": 30, "solver": "liblinear", "random_state": 1},
        },
    ),
    "nblr": Peer(
        "NB-LR, 1-2-grams",
        "Wang and Manning 2012, Baselines and Bigrams (ACL), with logistic regression for the SVM "
        "as in Mesnil et al. 2015, Ensemble of Generative and Discriminative Techniques (ICLR)",
        {
            "features": {"ngram_range": (1, 2), "min_df": 2, "binary": True, **TOKENS},
            "alpha": 1,  # added to each count
            "regression": {"C": 0.3, "solver": "liblinear", "random_state": 1},
        },
    ),
    # It learns nothing. Its score from -1 to 1 becomes a probability from 0 to 1.
    "vader": Peer(
        "VADER, a lexicon",
        "Hutto and Gilbert 2014, VADER: A Parsimonious Rule-based Model for Sentiment Analysis of "
        "Social Media Text (ICWSM); the package vaderSentiment",
        {},
    ),
}
