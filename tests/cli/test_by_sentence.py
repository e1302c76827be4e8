"""`--by-sentence` of `toolkit score` and `toolkit explain`, as users see it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pyarrow.csv as pv
import pyarrow.parquet as pq
import pytest

from tests.cli.running import Command, in_its_own_process
from tests.data import PROJECT
from tests.models import MODEL, shipped_scorer
from toolkit import Scorer
from toolkit.model import labels as mixed

TEXTS = [
    "The camera is excellent but the battery is terrible.",
    "A superb film, the best of the year.",
    "Dull. Awful! A waste of time.",
    "",
    "zzyzx zzyzx",
]
NAMES = ["predicted_sentiment", "positive_probability", "positive_sentences", "negative_sentences"]
COUNTS = [(1, 1), (1, 0), (0, 3), (None, None), (None, None)]
LABELS = ["mixed", "positive", "negative", None, None]


@pytest.fixture
def source(command: Command) -> Path:
    path = command.folder / "a.jsonl"
    rows = [{"text": text, "label": number % 2} for number, text in enumerate(TEXTS)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("ending", ["jsonl", "csv.gz", "parquet"])
def test_every_format_has_the_columns(command: Command, source: Path, ending: str) -> None:
    ran = command("score", source, "-o", f"b.{ending}", "--by-sentence")
    assert ran.exit_code == 0
    again = command("score", f"b.{ending}", "-o", "c.jsonl", "--by-sentence", *renamed("again"))
    assert again.exit_code == 0, again.err
    rows = [json.loads(line) for line in Path("c.jsonl").read_text(encoding="utf-8").splitlines()]
    assert list(rows[0]) == ["text", "label", *NAMES, *(f"again{n}" for n in range(4))]
    for row, label, counts in zip(rows, LABELS, COUNTS, strict=True):
        assert (row["again0"], row["again2"], row["again3"]) == (label, *counts)
        # Delimited files have no numbers, and no difference between null and empty.
        written = [str(row[name] or 0) for name in NAMES[2:]]
        assert written == [str(count or 0) for count in counts]
        assert (row[NAMES[0]] or None) == label
    if ending == "parquet":
        table = pq.read_table("b.parquet")
        assert [str(table.schema.field(name).type) for name in NAMES[2:]] == ["int32", "int32"]
        plain = shipped_scorer().probabilities(table["text"])
        assert table[NAMES[1]].to_pylist() == plain.to_pylist()


def renamed(name: str) -> list[str]:
    roles = ("sentiment", "probability", "positive_sentences", "negative_sentences")
    return ["--names", ",".join(f"{role}={name}{n}" for n, role in enumerate(roles))]


def test_from_standard_input_to_standard_output() -> None:
    lines = "".join(f'"{text}"\n' for text in ["text", *TEXTS])
    arguments = ("score", "-", "--format", "csv", "--by-sentence", "--quiet")
    ran = in_its_own_process(*arguments, input=lines)
    table = pv.read_csv(io.BytesIO(ran.out.encode()))
    assert table.column_names == ["text", *NAMES]
    assert table[NAMES[2]].to_pylist() == [positive for positive, _ in COUNTS]


def test_mixed_is_counted_and_is_no_mistake(command: Command, source: Path) -> None:
    arguments = ("--by-sentence", "--label-column", "label", "--report", "r.json")
    ran = command("score", source, *arguments)
    assert "  positive      1 (33.3% of scored)\n  mixed         1 (33.3% of scored)\n" in ran.err
    line = "  accuracy      100.00% of 2 labelled records, 1 scored as mixed left out\n"
    assert line in ran.err
    report = json.loads(Path("r.json").read_text(encoding="utf-8"))
    found = [report[key] for key in ("by_sentence", "mixed", "labelled", "labelled_mixed", "right")]
    assert found == [True, 1, 3, 1, 2]
    assert report["accuracy"] == 1.0


def test_mixed_comes_before_neutral(command: Command, source: Path) -> None:
    ran = command("score", source, "--by-sentence", "--neutral-range", "0:1", "-o", "b.jsonl")
    assert "  neutral       2 (66.7% of scored)\n  mixed         1 (33.3% of scored)\n" in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--names", "positive_sentences=p"],
         "--names: the column positive_sentences needs --by-sentence. Add it"),
        (["--names", "negative_sentences=p"],
         "--names: the column negative_sentences needs --by-sentence. Add it"),
        (["--by-sentence", "--names", "positive_sentences=label"],
         "already has a column 'label', which is also the name of an added column. Rename the "
         "added column with --names "
         "sentiment=NAME,probability=NAME,positive_sentences=NAME,negative_sentences=NAME."),
        (["--by-sentence", "--names", "positive_sentences=negative_sentences"],
         "two of the added columns are called 'negative_sentences'. Name them with"),
    ],
)  # fmt: skip
def test_names_of_columns(
    command: Command, source: Path, arguments: list[str], message: str
) -> None:
    command("score", source, *arguments).failed_with(message, 2)


def test_the_guide_has_the_rule() -> None:
    guide = PROJECT / "examples" / "answers.md"
    shown = " ".join(guide.read_text(encoding="utf-8").split())
    assert f"clearly positive (probability {mixed.CLEAR:g} or more)" in shown
    assert f"clearly negative ({1 - mixed.CLEAR:g} or less)" in shown
    assert f"own probability is from {1 - mixed.SURE:g} to {mixed.SURE:g}." in shown


def test_explain_shows_the_sentences(command: Command) -> None:
    ran = command("explain", "-m", MODEL, "--by-sentence", f"{TEXTS[0]}\nIt is\ta phone.")
    explained = Scorer(MODEL, by_sentence=True).explain(f"{TEXTS[0]}\nIt is\ta phone.")
    assert explained.sentences is not None
    values = [sentence.probability for sentence in explained.sentences]
    lines = [line.rstrip() for line in ran.out.splitlines()]
    assert lines[0].startswith(f"{explained.sentiment}, probability of positive ")
    at = lines.index(f"{values[0]:.3f}  positive  The camera is excellent")
    assert lines[at + 1] == f"{values[1]:.3f}  negative  the battery is terrible."
    assert re.fullmatch(rf"{values[2]:.3f} +(positive|negative)? +It is a phone\.", lines[at + 2])
    assert lines[at - 1] == lines[at + 3] == ""


def test_explain_in_json(command: Command) -> None:
    ran = command("explain", "-m", MODEL, "--by-sentence", "--json", TEXTS[0])
    found = json.loads(ran.out)
    assert found["sentiment"] == "mixed"
    assert found.items() >= Scorer(MODEL, by_sentence=True).explain(TEXTS[0]).as_dict().items()
    assert [set(sentence) for sentence in found["sentences"]] == [
        {"text", "start", "end", "sentiment", "probability"}
    ] * 2
    assert "sentences" not in json.loads(command("explain", "-m", MODEL, "--json", TEXTS[0]).out)
