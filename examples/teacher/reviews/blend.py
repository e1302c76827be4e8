"""Last step: make the teacher file of films and of all other domains.

python -m examples.teacher.reviews.blend

The logits are scaled so that they are calibrated on the labelled reviews that are held out, each
domain and each label counting the same, and sharpened a little, as a student learns more from
targets that are nearly certain. What the teacher of films says of them stays as it is.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.optimize import minimize_scalar

from examples.teacher import steps
from examples.teacher.imdb import reviews as imdb
from examples.teacher.imdb import spans as imdb_spans
from examples.teacher.reviews.reviews import PARTS, Reviews, load
from exported.data import HALVES, HELD_OUT
from toolkit.errors import InputError
from toolkit.model.stars import sigmoid
from toolkit.records import ReadOptions
from toolkit.training import fingerprint, teacher

SHARPNESS = 1.0  # times the calibrated logits
SURE = 0.998  # no target is nearer to 0 or 1
_FEWEST = 5  # texts of a label, for a domain that counts
DIGITS = 3  # of the probabilities: enough for targets
_ONE_PAGE = 2**28  # bytes: hashes in order are compressed best in one piece

Floats = npt.NDArray[np.float64]


def logits_of(work: Path) -> dict[str, float]:
    """The logit of each text by its fingerprint: the mean where both models have one."""
    found: dict[str, list[float]] = {}
    for fold in HALVES:
        for part in PARTS:
            path = work / f"reviews-{fold}-{part}.parquet"
            if not path.is_file():
                print(f"{path}: not there, left out")
                continue
            table = pq.read_table(path)
            names, logits = table["text_sha256"].to_pylist(), table["logit"].to_pylist()
            for name, logit in zip(names, logits, strict=True):
                found.setdefault(name, []).append(logit)
    return {name: float(np.mean(each)) for name, each in found.items()}


def scale_of(logits: Floats, labels: Floats, weights: Floats) -> float:
    """The factor that makes the weighted log loss the least."""

    def loss(scale: float) -> float:
        signed = np.where(labels > 0.5, -scale * logits, scale * logits)
        return float(np.average(np.logaddexp(0, signed), weights=weights))

    return float(minimize_scalar(loss, bounds=(0.05, 5), method="bounded").x)


def even_weights(domains: npt.NDArray[np.object_], labels: npt.NDArray[Any]) -> Floats:
    """Weigh each domain and each label alike; a domain with few texts of a label counts nothing."""
    weights = np.zeros(len(labels))
    for domain in np.unique(domains):
        of_label = [np.flatnonzero((domains == domain) & (labels == label)) for label in (0, 1)]
        if min(map(len, of_label)) >= _FEWEST:
            for part in of_label:
                weights[part] = 1 / len(part)
    return weights


def judge(reviews: Reviews, known: dict[str, float]) -> float:
    """Print how good the teacher is on what is held out, by domain; gives the scale."""
    rows = np.flatnonzero((reviews.folds == HELD_OUT) & (reviews.labels >= 0))
    names = [fingerprint(text) for text in reviews.texts.take(pa.array(rows)).to_pylist()]
    is_known = np.array([name in known for name in names])
    rows, logits = rows[is_known], np.array([known[name] for name in names if name in known])
    labels, domains = reviews.labels[rows], reviews.domains[rows]
    weights = even_weights(domains, labels)
    is_right = (logits > 0) == (labels > 0.5)
    accuracies = {
        domain: np.average(is_right[own], weights=weights[own])
        for domain in np.unique(domains[weights > 0])
        for own in (domains == domain,)
    }
    scale = scale_of(logits, labels, weights)
    signed = np.where(labels > 0.5, -scale * logits, scale * logits)
    for domain, accuracy in accuracies.items():
        print(f"  {domain}: balanced accuracy {accuracy:.2%}")
    print(
        f"{len(rows):,} held out: accuracy {np.mean(is_right):.2%}, balanced "
        f"accuracy of {len(accuracies)} domains {np.mean(list(accuracies.values())):.2%}, log loss "
        f"{np.average(np.logaddexp(0, signed), weights=weights):.4f} scaled by {scale:.3f}"
    )
    return scale


def rows_of_films(path: Path, data: Path) -> dict[str, float]:
    """What a teacher file says of the film reviews and of the spans of its own tools."""
    films = imdb.load(data)
    texts = films.texts.to_pylist()
    texts += imdb_spans.choose(texts[len(films.labels) :])
    wanted = {fingerprint(text) for text in texts}
    found = teacher.load_teacher(path, ReadOptions())
    rows = zip(found.texts or (), found.probabilities.tolist(), strict=True)
    return {name: value for name, value in rows if name is not None and name in wanted}


def rows_of_phrases(path: Path) -> dict[str, float]:
    """What the patterns of made-up phrases say they mean."""
    if not path.is_file():
        print(f"{path}: not there, left out")
        return {}
    columns = pq.read_table(path, columns=["text", "probability"])
    names = [fingerprint(text) for text in columns["text"].to_pylist()]
    return dict(zip(names, columns["probability"].to_pylist(), strict=True))


def write(path: Path, rows: dict[str, float]) -> None:
    """Write a small file: cut hashes in order, and rounded probabilities."""
    names = sorted(rows)
    columns = {
        "text_sha256": pa.array(names, pa.string()),
        "positive_probability": np.array([rows[name] for name in names], np.float32).round(DIGITS),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table(columns),
        path,
        row_group_size=len(rows),
        data_page_size=_ONE_PAGE,
        compression="zstd",
        compression_level=19,
        use_dictionary=["positive_probability"],
    )


def probabilities(logits: dict[str, float], scale: float) -> dict[str, float]:
    """The probability of each text, none of them 0 or 1."""
    found = sigmoid(scale * np.array(list(logits.values()))).clip(1 - SURE, SURE)
    return dict(zip(logits, found.tolist(), strict=True))


def main() -> None:
    parser = steps.options(__doc__)
    shipped = steps.PROJECT / "exported" / "teacher.parquet"
    parser.add_argument("--films", type=Path, default=shipped, help="a file with those of films")
    parser.add_argument("--sharpness", type=float, default=SHARPNESS)
    parser.add_argument("--output", type=Path, default=shipped)
    chosen = parser.parse_args()
    films = {} if chosen.open else rows_of_films(chosen.films, chosen.data)
    known = logits_of(chosen.work)
    if not known:
        raise InputError(
            f"{chosen.work}: no logits. Run reviews.label A and reviews.label B first."
        )
    scale = chosen.sharpness * judge(load(chosen.data, only_open=chosen.open), known)
    phrases = rows_of_phrases(chosen.work / "phrases.parquet")
    rows = {**phrases, **probabilities(known, scale), **films}
    write(chosen.output, rows)
    print(f"{len(rows):,} texts, {len(films):,} of films, written to {chosen.output}")


if __name__ == "__main__":
    steps.run(main)
