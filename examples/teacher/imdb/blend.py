"""Last step: add up the views and write the teacher file.

python examples/teacher/imdb/blend.py

The logits of each view, over their deviation on the unlabelled reviews, are added up by weights,
and the sum is brought to deviation 1. The factor that makes probabilities of it comes from the
labelled reviews, which no view has seen the labels of. Unlabelled reviews and spans get a larger
factor: a student learns more from targets that are about as sure as labels are.

Labelled reviews stay out of the file, so that `toolkit train` takes their labels; with
``--labelled-share`` they get a mixture of the label and the calibrated probability.
"""

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import reviews as imdb
import spans
from reviews import PROJECT, Floats, Reviews
from views import View, best_scale, judgement, load

from toolkit.errors import InputError
from toolkit.logits import sigmoid
from toolkit.training.sources.teacher import fingerprint

WEIGHTS = {"document-vectors": 1.0, "minilm": 0.75, "bi-cnn": 0.4}
SHARPNESS = 5.6  # deviation of the logits of the targets
DOUBT = 0.02  # of a label, as in the training of the toolkit


@dataclass(frozen=True)
class Targets:
    """What students learn, from 0 to 1; NaN where not all views know a review.

    Attributes
    ----------
    labelled : Floats
        (labelled,) calibrated.
    unlabelled : Floats
        (unlabelled,) sharpened.
    spans : Floats
        (spans,) sharpened.
    """

    labelled: Floats
    unlabelled: Floats
    spans: Floats


def blend(views: Mapping[str, View], weights: Mapping[str, float]) -> View:
    """Add up views: deviation 1 on the unlabelled reviews, NaN where one of them is missing.

    Spans are known to some views only. Their sum is over the deviation that the sum of the same
    views has on the unlabelled reviews, so that equal logits make a span and a review equally sure.
    """
    factors = {name: weights[name] / np.nanstd(view.unlabelled) for name, view in views.items()}

    def total(part: str, names: Sequence[str]) -> Floats:
        parts = [factors[name] * getattr(views[name], part) for name in names]
        deviation = np.nanstd(np.sum([factors[name] * views[name].unlabelled for name in names], 0))
        return np.asarray(np.sum(parts, axis=0) / deviation)

    of_spans = [name for name, view in views.items() if len(view.spans)]
    return View(
        total("labelled", list(views)),
        total("unlabelled", list(views)),
        total("spans", of_spans) if of_spans else np.zeros(0),
    )


def rows_of_file(
    reviews: Reviews, texts_of_spans: Sequence[str], targets: Targets, labelled_share: float
) -> dict[str, float]:
    """The target of each text by its fingerprint, in the order of the fingerprints.

    A text that stands there several times has the mean; one that is labelled, too, is taken as
    labelled.
    """
    count = len(reviews.labels)
    texts = [fingerprint(text) for text in reviews.texts.to_pylist()]
    sure = DOUBT + (1 - 2 * DOUBT) * reviews.labels
    mixed = (1 - labelled_share) * sure
    if labelled_share:
        mixed = mixed + labelled_share * targets.labelled
    labelled = _means(texts[:count], np.where(np.isnan(mixed), sure, mixed))
    others = {
        **_means([fingerprint(text) for text in texts_of_spans], targets.spans),
        **_means(texts[count:], targets.unlabelled),
    }
    found = {**others, **labelled}
    return {name: found[name] for name in sorted(found if labelled_share else others)}


def main() -> None:
    parser = imdb.options(__doc__)
    shown = " ".join(f"{name}={weight}" for name, weight in WEIGHTS.items())
    parser.add_argument("--weights", nargs="+", type=_weight, metavar="VIEW=WEIGHT", help=shown)
    parser.add_argument("--sharpness", type=float, default=SHARPNESS)
    parser.add_argument("--labelled-share", type=float, default=0.0, help="from 0 to 1")
    parser.add_argument("--output", type=Path, default=PROJECT / "exported" / "teacher.parquet")
    chosen = parser.parse_args()
    weights = dict(chosen.weights or WEIGHTS.items())
    reviews, texts_of_spans = imdb.load(chosen.data), spans.load(chosen.work)

    views = {name: load(chosen.work, name) for name in weights}
    for name, view in views.items():
        _check(view, reviews, texts_of_spans, name)
        print(f"{name}: {judgement(view.labelled, reviews.labels)}")
    whole = blend(views, weights)
    known = ~np.isnan(whole.labelled)
    print(f"blend: {judgement(whole.labelled, reviews.labels)}")
    scale = best_scale(whole.labelled[known], reviews.labels[known])
    targets = Targets(
        sigmoid(scale * whole.labelled),
        sigmoid(chosen.sharpness * whole.unlabelled),
        sigmoid(chosen.sharpness * whole.spans),
    )
    rows = rows_of_file(reviews, texts_of_spans, targets, chosen.labelled_share)
    write(chosen.output, rows)
    print(f"{len(rows):,} texts, written to {chosen.output}")


def write(path: Path, rows: Mapping[str, float]) -> None:
    """Write a teacher file for `toolkit train --teacher`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        "text_sha256": pa.array(rows.keys(), pa.string()),
        "positive_probability": pa.array(rows.values(), pa.float32()),
    }
    pq.write_table(pa.table(columns), path, compression="zstd", use_dictionary=False)


def _weight(value: str) -> tuple[str, float]:
    name, _, weight = value.partition("=")
    try:
        return name, float(weight)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not like minilm=0.75") from None


def _check(view: View, reviews: Reviews, texts_of_spans: Sequence[str], name: str) -> None:
    """Refuse a view of other data."""
    count = len(reviews.labels)
    sizes = len(view.labelled), len(view.unlabelled)
    if sizes != (count, len(reviews) - count):
        raise InputError(
            f"view '{name}': made of {sizes[0]:,} labelled and {sizes[1]:,} unlabelled reviews, "
            f"not of these {count:,} and {len(reviews) - count:,}. Make it again."
        )
    if len(view.spans) not in (0, len(texts_of_spans)):
        raise InputError(f"view '{name}': made of other spans. Make it again after spans.py.")


def _means(names: Sequence[str], values: Floats) -> dict[str, float]:
    """The mean of each name's values; those that are NaN are left out."""
    found = defaultdict(list)
    for name, value in zip(names, values.tolist(), strict=True):
        if not np.isnan(value):
            found[name].append(value)
    return {name: float(np.mean(of_name)) for name, of_name in found.items()}


if __name__ == "__main__":
    imdb.run(main)
