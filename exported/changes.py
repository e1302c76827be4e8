"""Write CHANGES.md: how the answers of each shipped model differ from those of the one before it.

Run `python -m exported.changes`. It needs the reviews in the folder that TOOLKIT_DATA names, and takes about two minutes.
Everything is counted by the functions of `toolkit diff`. The models before are in `tests/frozen_files` or, where they
are large, in the history of this repository.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exported.data import FILMS, join
from exported.everyday import write_parts
from exported.make import data_folder, of_held_out
from exported.shipping import EXPORTED
from exported.unlabelled import PROJECT
from toolkit.evaluation import DiffOptions, diff
from toolkit.evaluation.diff_result import (
    ChangedRow,
    Changes,
    Counts,
    Difference,
    changed_labels,
    points,
    verdict,
    who_is_right,
)
from toolkit.evaluation.metrics import Proportion
from toolkit.records import Columns, ReadOptions

PAGE = EXPORTED / "CHANGES.md"
_FROZEN, _RELEASE = "tests/frozen_files/format_2", "c2487a06"
# By the name of the shipped model: the model that it replaced, as `git show` takes it, or its path.
BEFORE = {
    "reviews": f"{_RELEASE}:exported/reviews.onnx",
    "reviews-small": f"{_RELEASE}:exported/reviews-small.onnx",
    "conv1d": f"{_FROZEN}/conv1d.onnx",
}
_LONGEST = 100  # letters of a text that is shown

_HEAD = """\
# What changed in the answers of the shipped models

Written by `python -m exported.changes`; do not edit it here. It compares each shipped model with the one that it replaced,
by the functions of `toolkit diff`, which does the same for your own reviews:
[Upgrade a model without fear](../examples/compare.md#upgrade-a-model-without-fear). The model before `conv1d` is in
`tests/frozen_files/format_2`, the others are in the history: `git show c2487a06:exported/reviews.onnx > before.onnx`.

- **Accuracy** is the share of right labels among the rows that have a label and a score of both models. "Points" is the
  accuracy after minus that before, in points of 100, with the 95% interval of the difference on the same rows.
  Where the interval holds 0, the difference may be chance; of many rows of a table, up to one in twenty does not hold 0 by chance.
- **Held-out reviews** are those of `exported/data.py` that the general models were not fitted to. Their reviews of films
  are left out here, as the models before learned from them. The test reviews of IMDB, and the three files of other domains,
  were read by no training. The everyday reviews are those of `tests/everyday_reviews.jsonl`; their mixed and neutral ones
  have no label. The later ones of that file, with the part `order`, are never counted among them.
- **Fixed texts** are those of `golden.jsonl` (`toolkit/text/strings.py`): made for this project to be hard for
  tokenizers, so many of them are no reviews. The first 53 are; their changes are in a table, with the probability of
  positive. Texts of which a model knows no word have no label since version 3 of the format.
"""


@dataclass(frozen=True)
class Part:
    """Labelled reviews to compare models on."""

    title: str
    data: Path
    group: str | None = None  # the column of groups; files are groups without it


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        parts = [*_parts(data_folder(), Path(folder))]
        sections = [_section(name, find_before(name, Path(folder)), parts) for name in BEFORE]
    PAGE.write_text("\n".join([_HEAD, *sections]), encoding="utf-8")


def find_before(model: str, folder: Path) -> Path:
    """Give the file of the model before; one of the history is written into a folder.

    Raises `subprocess.CalledProcessError` if the history is not there.
    """
    place = BEFORE[model]
    if ":" not in place:
        return PROJECT / place
    path = folder / f"{model}-before.onnx"
    path.write_bytes(
        subprocess.run(
            [shutil.which("git") or "git", "show", place],
            check=True,
            capture_output=True,
            cwd=PROJECT,
        ).stdout
    )
    return path


def compare(model: str, before: Path, part: Part | None = None) -> Difference:
    """Compare a shipped model with the one before, on some reviews."""
    reading = ReadOptions(Columns(group=None if part is None else part.group))
    options = DiffOptions(reading, show=1_000)
    data = [] if part is None else [str(part.data)]
    return diff(before, EXPORTED / f"{model}.onnx", data, options)


def texts_section(found: Difference) -> str:
    """Say what changes on the fixed texts."""
    changes = found.texts
    rows = [row for row in changes.most_changed if row.old_sentiment != row.new_sentiment]
    lines = ["### Fixed texts\n", f"{changed_labels(changes.counts)} {_vectors(changes)}\n"]
    if reviews := [row for row in rows if row.file.startswith("review ")]:
        lines += ["| text | before | after |", "|---|---|---|"]
        lines += [f"| {_text(row)} | {_before(row)} | {_after(row)} |" for row in reviews]
        lines.append("")
    others: dict[str, list[str]] = {}
    for row in rows:
        if row not in reviews:
            others.setdefault(f"{_before(row)} → {_after(row)}", []).append(row.file)
    lines += [f"- {moved}: {', '.join(names)}" for moved, names in others.items()]
    return "\n".join([*lines, ""])


def _parts(data: Path, folder: Path) -> Iterator[Part]:
    """Give the reviews that are compared; those that are held out are written into a folder."""
    held_out = of_held_out(join(data))
    held_out = held_out.filter(pc.not_equal(held_out["domain"], FILMS))
    path = folder / "held-out.parquet"
    pq.write_table(pa.table({name: held_out[name] for name in ("text", "label", "domain")}), path)
    yield Part("IMDB test", data / "imdb" / "test.parquet")
    yield Part("Other domains", data / "domains")
    yield Part("Held-out reviews", path, "domain")
    everyday, order = write_parts(folder)
    yield Part("Everyday reviews", everyday, "kind")
    yield Part("Order of words", order, "kind")


def _section(model: str, before: Path, parts: Iterable[Part]) -> str:
    found = compare(model, before)
    lines = [f"## {model} {found.new['version']}, before: {_name(found)}\n", *_said(found)]
    lines += ["### Accuracy\n", "| | rows | changed | before | after | points |"]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    verdicts = []
    for part in parts:
        changes = compare(model, before, part).changes
        lines.append(_row(f"**{part.title}**", changes.counts))
        groups = sorted(changes.groups.items())
        lines += [_row(_plain(name), counts) for name, counts in groups if counts.labelled]
        told = str(verdict(changes.counts)).replace("NEW is", "the new model is")
        verdicts.append(f"- {part.title}: {told[0].lower()}{told[1:]} {_who(changes.counts)}")
    return "\n".join([*lines, "", *verdicts, "", texts_section(found)])


def _name(found: Difference) -> str:
    same = found.old["name"] == found.new["name"]
    kind = "the file" if same else found.old["name"]
    return f"{kind} of toolkit {found.old['toolkit_version']}"


def _said(found: Difference) -> Iterator[str]:
    """Say which files they are, and what differs most between them."""
    facts = found.facts
    yield "| | before | after |\n|---|---|---|"
    for title, key in (
        ("network", "preset"),
        ("token rule", "token_rule"),
        ("labelled training reviews", "trained_on"),
        ("tokens read", "max_tokens"),
    ):
        yield f"| {title} | {_shown(facts[key][0])} | {_shown(facts[key][1])} |"
    words = found.words
    yield f"| words known | {words.old:,} | {words.new:,}, {words.added:,} of them new |\n"


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _row(title: str, counts: Counts) -> str:
    found = counts.comparison
    share = counts.changed / counts.answered if counts.answered else 0.0
    both = [_percent(each) for each in (counts.old_accuracy, counts.new_accuracy)]
    low, high = ("–", "–") if found is None else map(points, found.interval)  # noqa: RUF001
    moved = "–" if found is None else f"{points(found.difference)} ({low} to {high})"  # noqa: RUF001
    return f"| {title} | {counts.labelled:,} | {share:.1%} | {' | '.join(both)} | {moved} |"


def _percent(found: Proportion | None) -> str:
    return "–" if found is None else f"{100 * found.value:.1f}"  # noqa: RUF001


def _who(counts: Counts) -> str:
    return str(who_is_right(counts)).replace("NEW is", "the new one is").replace("OLD", "the old")


def _vectors(changes: Changes) -> str:
    found = changes.probability
    assert found is not None
    return (
        f"Over the {found.rows} texts that both score, the probability differs by "
        f"{found.mean_distance:.3f} on average, by {found.largest:.3f} at most."
    )


def _plain(name: str) -> str:
    return name.removesuffix(".jsonl").replace("_", " ")


def _text(row: ChangedRow) -> str:
    short = row.text if len(row.text) <= _LONGEST else f"{row.text[:_LONGEST]}…"
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in short)
    escaped = "".join(f"\\{each}" if each in r"\|`*_<>[]#~&" else each for each in shown)
    return f"{row.file}: {' '.join(escaped.split())}"


def _before(row: ChangedRow) -> str:
    return _answer(row.old_sentiment, row.old_probability)


def _after(row: ChangedRow) -> str:
    return _answer(row.new_sentiment, row.new_probability)


def _answer(sentiment: str | None, probability: float | None) -> str:
    """Without the probability of what has no label: it would be that of no word."""
    return "no label" if probability is None else f"{sentiment} {probability:.2f}"


if __name__ == "__main__":
    main()
