"""Third view: convolutions over vectors of words and pairs.

python -m examples.teacher.imdb.bi_cnn

For each fold a network is fitted on the other three. It labels the fold and the unlabelled reviews.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from examples.teacher import steps
from examples.teacher.imdb import reviews as imdb
from examples.teacher.imdb.reviews import FOLDS, Floats, Reviews, Rows
from examples.teacher.imdb.views import View, judgement
from toolkit.networks import import_keras
from toolkit.networks.bigrams import Bigrams
from toolkit.networks.ngram_recurrent import embedding, mask, pooled
from toolkit.text import Ids, TokenIds, Vocabulary
from toolkit.text.token_ids import START_ID
from toolkit.training.epochs import Epochs
from toolkit.training.fit_ngrams import Vectors, word_and_bigram_vectors
from toolkit.training.fit_ragged import Examples, Schedule, fit
from toolkit.training.options import LINES, TrainingObserver

VOCABULARY_SIZE = 30_003
MOST_TOKENS = 512
MOST_COUNTED = 10_000  # tokens of a review that vectors and pairs are counted in: all of them
DIMENSIONS = 64
SCHEDULE = Schedule(epochs=4, batch_size=64, learning_rate=1e-3, word_dropout=0.1)
SEED = 3
ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class Encoded:
    """Reviews as the network takes them.

    Attributes
    ----------
    tokens : TokenIds
        (reviews,) rows of ids.
    pairs : Ids
        (all tokens,) int32, rows of the pairs.
    """

    tokens: TokenIds
    pairs: Ids

    def take(self, rows: Rows) -> "Encoded":
        """Some of the reviews."""
        pairs = TokenIds(self.pairs, self.tokens.starts, self.tokens.stops)
        return Encoded(self.tokens.take(rows), pairs.take(rows).values)


def rows_of(vocabulary: Vocabulary, texts: pa.ChunkedArray, most: int) -> TokenIds:
    """The last ids of each text, the start id included."""
    return vocabulary.encode(texts, last=most).with_start(most)


@dataclass(frozen=True)
class Start:
    """Counts over all reviews, without their labels."""

    vocabulary: Vocabulary
    bigrams: Bigrams
    vectors: tuple[Vectors, Vectors]

    @classmethod
    def of(cls, texts: pa.ChunkedArray) -> "Start":
        """Count words and pairs, and make their vectors."""
        vocabulary = Vocabulary.build(texts, VOCABULARY_SIZE)
        whole = rows_of(vocabulary, texts, MOST_COUNTED)
        bigrams = Bigrams.build(whole, vocabulary.size)
        sizes = vocabulary.size, len(bigrams)
        vectors = word_and_bigram_vectors(whole, bigrams.rows(whole), sizes, DIMENSIONS, seed=0)
        return cls(vocabulary, bigrams, vectors)

    def encode(self, texts: pa.ChunkedArray) -> Encoded:
        """Texts as rows of ids and pairs."""
        tokens = rows_of(self.vocabulary, texts, MOST_TOKENS)
        return Encoded(tokens, self.bigrams.rows(tokens))


def network_of(words: Vectors, pairs: Vectors) -> Any:
    """Convolutions of one and two tokens over vectors of words and pairs, strong dropout."""
    keras = import_keras()
    layers = keras.layers
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    rows = keras.Input((None,), dtype="int32", name="bigram_rows")
    is_token = mask(ids > START_ID)
    vectors = [embedding(words)(ids), embedding(pairs)(rows)]
    inside = layers.SpatialDropout1D(0.3)(layers.Concatenate()(vectors)) * is_token
    found_in_all = []
    for width in (1, 2):
        found = layers.Conv1D(64, width, padding="same", activation="relu")(inside) * is_token
        found_in_all += pooled(found, is_token)
    features = layers.Dropout(0.5)(layers.Concatenate()(found_in_all))
    return keras.Model([ids, rows], layers.Dense(1)(features))


def logits_of(network: Any, texts: Encoded) -> Floats:
    """What a network gives, (reviews,) float32, without dropout."""
    tokens = texts.tokens
    order = np.argsort(tokens.lengths, kind="stable")
    found = np.zeros(len(tokens), np.float32)
    for start in range(0, len(order), ROWS_AT_ONCE):
        rows = order[start : start + ROWS_AT_ONCE]
        inputs = [tokens.padded_rows(rows, each, multiple=32) for each in (None, texts.pairs)]
        found[rows] = np.asarray(network(inputs, training=False))[:, 0]
    return found


def view_without(fold: int, reviews: Reviews, start: Start, texts: Encoded) -> View:
    """Fit a network on the other folds, and label."""
    count = len(reviews.labels)
    rows = np.flatnonzero(reviews.folds != fold)
    fitted = texts.take(rows)
    import_keras().utils.set_random_seed(SEED)
    network = network_of(*start.vectors)
    weights = np.ones(len(rows), np.float32)
    examples = Examples(fitted.tokens, fitted.pairs, reviews.labels[rows], weights)
    observer = TrainingObserver()
    observer.progress = LINES
    fit(network, examples, SCHEDULE, SEED, Epochs(SCHEDULE.epochs, observer=observer))
    found = logits_of(network, texts)
    labelled = np.where(reviews.folds == fold, found[:count], np.float32(np.nan))
    return View(labelled, found[count:], np.zeros(0))


def main() -> None:
    parser = steps.options(__doc__)
    parser.add_argument("--folds", type=int, nargs="+", choices=range(FOLDS), default=range(FOLDS))
    chosen = parser.parse_args()
    reviews = imdb.load(chosen.data)
    start = Start.of(reviews.texts)
    texts = start.encode(reviews.texts)
    for fold in chosen.folds:
        view = view_without(fold, reviews, start, texts)
        view.save(chosen.work, f"bi-cnn-{fold}")
        print(f"fold {fold}: {judgement(view.labelled, reviews.labels)}")


if __name__ == "__main__":
    steps.run(main)
