"""Third step: judge the models on what is held out, beside a model of the toolkit; find the scale.

python -m examples.teacher.mpnet.judge

The reviews are short ones of fold V, as many of each label and domain, and composed texts of frames
that no model has learned from, with short reviews of fold V in them.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from examples.teacher import steps
from examples.teacher.mpnet.models import Models, mean_logits
from examples.teacher.mpnet.texts import MOST_WORDS, folds_of
from examples.teacher.reviews.blend import scale_of
from examples.teacher.reviews.reviews import load
from exported.composed import SEED, Composer, clauses_of, written
from exported.data import HELD_OUT
from toolkit import Scorer
from toolkit.model.stars import logits_of

OF_DOMAIN = 30  # of each label
FEWEST_OF_LABEL = 5  # of a domain whose accuracy is told
COMPOSED, WRITTEN = 600, 300
JUDGED = "judged.json"

Values = npt.NDArray[np.float64]


class Judged(NamedTuple):
    """A text that is held out, its part, and its label."""

    text: str
    part: str
    label: float


def reviews_of(data: Path) -> tuple[list[Judged], list[Judged]]:
    """Draw short reviews, and composed and written texts; always the same."""
    reviews = load(data)
    texts, folds = reviews.texts.to_pylist(), folds_of(reviews)
    random = np.random.default_rng(SEED)
    is_own = np.array([folds[text] == HELD_OUT for text in texts])
    is_short = np.array([text.count(" ") < MOST_WORDS for text in texts])
    rows = random.permutation(np.flatnonzero(is_own & is_short & (reviews.labels >= 0)))
    drawn: list[Judged] = []
    for domain in np.unique(reviews.domains[rows]):
        for label in (0, 1):
            is_of = (reviews.domains[rows] == domain) & (reviews.labels[rows] == label)
            drawn += [Judged(texts[row], str(domain), label) for row in rows[is_of][:OF_DOMAIN]]
    clauses = clauses_of([texts[row] for row in rows], reviews.labels[rows].astype(int))
    made = Composer(clauses, SEED, part="dev").opinions(COMPOSED)
    composed = [Judged(one.text, f"composed: {one.phenomenon}", one.probability) for one in made]
    own = written(HELD_OUT)
    chosen = [own[at] for at in random.permutation(len(own))[:WRITTEN]]
    composed += [Judged(one.text, "written", one.probability) for one in chosen]
    return drawn, [one for one in composed if one.label != 0.5]


def balanced(logits: Values, labels: Values) -> float:
    """Return the mean of the accuracies of both labels."""
    right = (logits > 0) == (labels > 0.5)
    return float(np.mean([right[labels > 0.5].mean(), right[labels < 0.5].mean()]))


def accuracies(
    judged: list[Judged], answers: dict[str, Values], measure: Callable[[Values, Values], float]
) -> Iterator[tuple[str, int, list[float]]]:
    """Yield each part with both labels: its name, its texts, and a figure for each answer."""
    parts, labels = np.array([one.part for one in judged]), np.array([one.label for one in judged])
    for part in np.unique(parts):
        rows = np.flatnonzero(parts == part)
        positive = np.count_nonzero(labels[rows] > 0.5)
        if min(positive, len(rows) - positive) >= FEWEST_OF_LABEL:
            found = [measure(one[rows], labels[rows]) for one in answers.values()]
            yield str(part), len(rows), found


def table(judged: list[Judged], answers: dict[str, Values]) -> list[float]:
    """Print the balanced accuracy of each part in percent; return the means of the parts."""
    _print_row("part", "texts", answers)
    rows = [*accuracies(judged, answers, balanced)]
    means = np.mean([figures for *_, figures in rows], axis=0).tolist()
    for name, count, figures in (*rows, ("mean", len(judged), means)):
        _print_row(name, str(count), (f"{100 * one:.1f}" for one in figures))
    return [round(100 * one, 2) for one in means]


def _print_row(name: str, count: str, figures: Iterable[str]) -> None:
    cells = (f"{name:<32}", f"{count:>6}", *(f"{one:>7}" for one in figures))
    print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = steps.options(__doc__)
    parser.add_argument("--model", help="the model of the toolkit (default: reviews)")
    parser.add_argument("--exact", action="store_true", help="multiply in float32")
    chosen = parser.parse_args()
    drawn, composed = reviews_of(chosen.data)
    texts = [one.text for one in (*drawn, *composed)]
    models = Models(chosen.work, exact=chosen.exact)
    found = models.logits(texts, [models.folds] * len(texts))
    scored = Scorer(chosen.model).probabilities(pa.array(texts, pa.large_string()))
    student = np.nan_to_num(logits_of(scored.to_numpy(zero_copy_only=False)))
    teacher = mean_logits(found)
    labels = np.array([one.label for one in drawn])
    first = len(drawn)
    scale = scale_of(teacher[:first], labels, np.ones(first))
    answers = {
        "student": student,
        **{f"fold {fold}": logits.astype(np.float64) for fold, logits in found.items()},
        "mean": teacher,
        "both": scale * teacher + student,
    }
    means = {}
    for name, judged, rows in (
        ("reviews", drawn, slice(first)),
        ("composed", composed, slice(first, None)),
    ):
        own = {each: logits[rows] for each, logits in answers.items()}
        means[name] = dict(zip(own, table(judged, own), strict=True))
    signed = np.where(labels > 0.5, -teacher[:first], teacher[:first])
    loss = float(np.mean(np.logaddexp(0, scale * signed)))
    content = {"scale": round(scale, 3), "log_loss": round(loss, 4), "balanced": means}
    (chosen.work / JUDGED).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"scale {scale:.3f}, log loss {loss:.4f}")


if __name__ == "__main__":
    steps.run(main)
