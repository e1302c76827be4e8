"""First view: document vectors of n-grams, fitted without labels, and a logistic regression.

python -m examples.teacher.imdb.document_vectors

Words are those of the toolkit; n-grams are runs of one, two and three of them. See `vectors.c`.
"""

import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from examples.teacher import steps
from examples.teacher.imdb import reviews as imdb
from examples.teacher.imdb.reviews import FOLDS, Floats, Reviews
from examples.teacher.imdb.views import View, judgement
from toolkit.errors import InputError
from toolkit.text import Vocabulary

LONGEST = 3
FEWEST = 5  # times that an n-gram occurs in all reviews
STRENGTH = 0.0015  # C of the regression; the best of 0.003, 0.002, 0.0015, 0.001 by log loss
SOURCE = Path(__file__).with_name("vectors.c")


@dataclass(frozen=True)
class NgramRows:
    """The n-grams of each review, each once.

    Attributes
    ----------
    ids : npt.NDArray[np.uint32]
        (all,) n-grams of all reviews, ascending within each.
    offsets : npt.NDArray[np.int64]
        (reviews + 1,) where each review begins.
    counts : npt.NDArray[np.int64]
        (n-grams,) in how many reviews each is.
    """

    ids: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    def write(self, folder: Path) -> None:
        """Write the files that `vectors.c` reads."""
        folder.mkdir(parents=True, exist_ok=True)
        self.ids.astype("<u4").tofile(folder / "ngrams.u32")
        self.offsets.astype("<i8").tofile(folder / "offsets.i64")
        self.counts.astype("<i8").tofile(folder / "counts.i64")


def find_ngrams(reviews: Reviews, fewest: int = FEWEST) -> NgramRows:
    """Give an id to each n-gram that occurs often enough: words first, then pairs, then triples."""
    vocabulary = Vocabulary.build(reviews.texts)
    tokens = vocabulary.encode(reviews.texts)
    rows = np.repeat(np.arange(len(tokens)), tokens.lengths)
    inside = np.arange(len(rows)) + np.repeat(
        tokens.stops - np.cumsum(tokens.lengths), tokens.lengths
    )
    words = tokens.values[inside].astype(np.int64)
    found, known = [], 0
    keys = words
    for length in range(1, LONGEST + 1):
        if length > 1:
            keys = keys[:-1] * vocabulary.size + words[length - 1 :]
        of_one_review = rows[: len(keys)] == rows[length - 1 :]
        _, ids, counts = np.unique(keys[of_one_review], return_inverse=True, return_counts=True)
        is_kept = counts >= fewest
        new_ids = np.cumsum(is_kept) - 1 + known
        kept = is_kept[ids]
        found.append((rows[: len(keys)][of_one_review][kept] << 32) + new_ids[ids[kept]])
        known += int(is_kept.sum())
    # By review, then by n-gram. `np.unique` would take several times the memory.
    pairs = np.concatenate(found)
    pairs.sort()
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    ids, lengths = pairs & 0xFFFFFFFF, np.bincount(pairs >> 32, minlength=len(reviews))
    return NgramRows(
        ids.astype(np.uint32),
        np.concatenate([[0], np.cumsum(lengths)]),
        np.bincount(ids, minlength=known),
    )


def compile_vectors(work: Path, compiler: str, dimensions: int) -> Path:
    """Compile `vectors.c` for this machine."""
    if shutil.which(compiler) is None:
        raise InputError(f"no C compiler '{compiler}'. Install gcc, or name one with --compiler.")
    program = work.resolve() / f"vectors-{dimensions}"
    flags = ["-O3", "-march=native", "-ffast-math", f"-DDIMENSIONS={dimensions}"]
    if platform.machine() in ("x86_64", "AMD64"):
        flags.append("-mprefer-vector-width=512")
    _call([compiler, *flags, str(SOURCE), "-o", str(program), "-lm"])
    return program


def fit_vectors(program: Path, folder: Path, epochs: int, seconds: float, width: int) -> Floats:
    """Run the program: (reviews, width) float32."""
    output = folder / "documents.f32"
    _call([str(program), str(folder), str(output), str(epochs), str(seconds)])
    found: Floats = np.fromfile(output, "<f4").reshape(-1, width)
    return found


def regress(vectors: Floats, reviews: Reviews) -> View:
    """Logistic regressions: each fold by the other three, and the unlabelled reviews by all."""
    # The optimizer needs float64 and one scale for all; otherwise it stops too early.
    features = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float64)
    features -= features.mean(axis=0)
    features /= features.std()
    count = len(reviews.labels)

    def fit(rows: npt.NDArray[np.bool_]) -> LogisticRegression:
        regression = LogisticRegression(C=STRENGTH, max_iter=500, tol=1e-5)
        return regression.fit(features[:count][rows], reviews.labels[rows])

    labelled = np.zeros(count)
    for fold in range(FOLDS):
        inside = reviews.folds == fold
        labelled[inside] = fit(~inside).decision_function(features[:count][inside])
    unlabelled = fit(reviews.folds >= 0).decision_function(features[count:])
    # Scaled, to undo the shrinking by C: the logits are then those of probabilities.
    scaled = LogisticRegression(C=1e6).fit(labelled[:, None], reviews.labels)
    scale, shift = float(scaled.coef_[0, 0]), float(scaled.intercept_[0])
    return View(scale * labelled + shift, scale * unlabelled + shift, np.zeros(0))


def main() -> None:
    parser = steps.options(__doc__)
    parser.add_argument("--epochs", type=int, default=27)
    parser.add_argument("--seconds", type=float, default=0, help="end after these, not by epochs")
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--compiler", default="cc", help="gcc or clang")
    chosen = parser.parse_args()
    reviews = imdb.load(chosen.data)
    chosen.work.mkdir(parents=True, exist_ok=True)
    program = compile_vectors(chosen.work, chosen.compiler, chosen.dimensions)

    ngrams = find_ngrams(reviews)
    if not len(ngrams.ids):
        raise InputError(f"{chosen.data}: no word occurs {FEWEST} times. Give more reviews.")
    print(f"{len(ngrams.counts):,} n-grams, {len(ngrams.ids):,} in {len(reviews):,} reviews")
    folder = chosen.work / "ngrams"
    ngrams.write(folder)
    epochs = 1_000_000 if chosen.seconds else chosen.epochs
    vectors = fit_vectors(program, folder, epochs, chosen.seconds, chosen.dimensions)
    view = regress(vectors, reviews)
    view.save(chosen.work, "document-vectors")
    print(f"document vectors: {judgement(view.labelled, reviews.labels)}")


def _call(command: list[str]) -> None:
    """Run a program; it has printed its own errors."""
    done = subprocess.run(command, check=False)  # noqa: S603 (of this folder)
    if done.returncode:
        raise InputError(f"{command[0]} failed with exit code {done.returncode}, see above.")


if __name__ == "__main__":
    steps.run(main)
