"""Last step: add up the views and write the teacher file.

python -m examples.teacher.imdb.blend

The logits of each view, over their deviation on the unlabelled reviews, are added up by weights,
and the sum is brought to deviation 1 and then to that of the targets. The labelled reviews, whose
labels the views have not seen, show which deviation would make calibrated probabilities: it is
printed. The targets are sharper, as a student learns more from ones that are nearly certain; those
of short texts are less so.

Labelled reviews have their targets in the file, too, made by views that have not seen their labels:
`toolkit train` mixes them with the labels, half and half. ``--labelled-share 0`` leaves them out,
and what lies between mixes in the label already here.
"""

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from examples.teacher import steps
from examples.teacher.imdb import reviews as imdb
from examples.teacher.imdb import spans
from examples.teacher.imdb.reviews import Floats, Reviews
from examples.teacher.imdb.views import View, judgement, load
from toolkit.errors import InputError
from toolkit.model.stars import sigmoid
from toolkit.training import fingerprint

WEIGHTS = {"document-vectors": 1.0, "minilm": 0.75, "bi-cnn": 0.4}
SHARPNESS = 5.6  # deviation of the logits of the targets
SPAN_SHARE = 0.6  # of the sharpness: about as sure as one view alone can be of a sentence
DOUBT = 0.02  # of a label, as in the training of the toolkit


def blend(views: Sequence[View], weights: Sequence[float]) -> View:
    """Add up views, so that the deviation on the unlabelled reviews is 1.

    A text that some views say nothing of has the sum of the others, over the deviation that this
    sum has on the unlabelled reviews.
    """

    def weighted(parts: Sequence[Floats]) -> Floats:
        each = zip(weights, views, parts, strict=True)
        return np.stack([weight / view.unlabelled.std() * part for weight, view, part in each])

    count = max(len(view.spans) for view in views)
    of_spans = [view.spans if len(view.spans) else np.full(count, np.nan) for view in views]
    unlabelled = weighted([view.unlabelled for view in views])
    return View(
        _sum(weighted([view.labelled for view in views]), unlabelled),
        _sum(unlabelled, unlabelled),
        _sum(weighted(of_spans), unlabelled),
    )


def rows_of_file(
    reviews: Reviews, texts_of_spans: Sequence[str], targets: View, labelled_share: float
) -> dict[str, float]:
    """The target of each text by its fingerprint, in the order of the fingerprints.

    A text that stands there several times has the mean; one that is labelled, too, is taken as
    labelled, and an unlabelled review goes before a span.
    """
    count = len(reviews.labels)
    texts = [fingerprint(text) for text in reviews.texts.to_pylist()]
    sure = DOUBT + (1 - 2 * DOUBT) * reviews.labels
    mixed = (1 - labelled_share) * sure + labelled_share * targets.labelled
    labelled = _means(texts[:count], np.where(np.isnan(targets.labelled), sure, mixed))
    others = {
        **_means([fingerprint(text) for text in texts_of_spans], targets.spans),
        **_means(texts[count:], targets.unlabelled),
    }
    found = {**others, **labelled}
    return {name: found[name] for name in sorted(found if labelled_share else others)}


def main() -> None:
    parser = steps.options(__doc__)
    shown = " ".join(f"{name}={weight}" for name, weight in WEIGHTS.items())
    parser.add_argument("--weights", nargs="+", type=_weight, metavar="VIEW=WEIGHT", help=shown)
    parser.add_argument("--sharpness", type=float, default=SHARPNESS)
    parser.add_argument("--labelled-share", type=_share, default=1.0, help="from 0 to 1")
    parser.add_argument("--output", type=Path, help="default: films.parquet in --work")
    chosen = parser.parse_args()
    weights = dict(chosen.weights or WEIGHTS.items())
    reviews, texts_of_spans = imdb.load(chosen.data), spans.load(chosen.work)

    views = {name: load(chosen.work, name) for name in weights}
    for name, view in views.items():
        _check(view, reviews, texts_of_spans, name)
        print(f"{name}: {judgement(view.labelled, reviews.labels)}")
    found = blend(list(views.values()), list(weights.values()))
    if len(found.spans) != len(texts_of_spans):
        raise InputError(
            f"{chosen.work / 'spans.parquet'}: no view has these texts. Run "
            "label_minilm.py again and give 'minilm' a weight, or remove the file."
        )
    print(f"blend: {judgement(found.labelled, reviews.labels)}; targets by {chosen.sharpness:g}")
    targets = View(
        sigmoid(chosen.sharpness * found.labelled),
        sigmoid(chosen.sharpness * found.unlabelled),
        sigmoid(SPAN_SHARE * chosen.sharpness * found.spans),
    )
    rows = rows_of_file(reviews, texts_of_spans, targets, chosen.labelled_share)
    path = chosen.output or chosen.work / "films.parquet"
    write(path, rows)
    print(f"{len(rows):,} texts, written to {path}")


def write(path: Path, rows: Mapping[str, float]) -> None:
    """Write a teacher file for `toolkit train --teacher`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        "text_sha256": pa.array(rows.keys(), pa.string()),
        "positive_probability": pa.array(rows.values(), pa.float32()),
    }
    pq.write_table(pa.table(columns), path, compression="zstd", use_dictionary=False)


def _sum(parts: Floats, unlabelled: Floats) -> Floats:
    """Of (views, texts) the sum of what is known for each text; NaN where nothing is."""
    is_known = ~np.isnan(parts)
    found = np.full(parts.shape[1], np.nan)
    for known in np.unique(is_known, axis=1).T:
        texts = (is_known == known[:, None]).all(axis=0)
        if known.any():
            found[texts] = parts[known][:, texts].sum(axis=0) / unlabelled[known].sum(axis=0).std()
    return found


def _weight(value: str) -> tuple[str, float]:
    name, _, weight = value.partition("=")
    try:
        return name, float(weight)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not like minilm=0.75") from None


def _share(value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{value!r} is not from 0 to 1")
    return share


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
    steps.run(main)
