"""`toolkit score`, as its users see it."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.running import CSV, Command, write
from tests.models import MODEL, shipped_scorer
from toolkit.scoring.run import score_file


def test_scores_are_written_beside_the_input(command: Command) -> None:
    source = write("reviews.csv")
    ran = command("score", source)
    assert (ran.exit_code, ran.out) == (0, "")
    score_file(shipped_scorer(), source, Path("expected.csv"))
    assert Path("reviews.scored.csv").read_bytes() == Path("expected.csv").read_bytes()
    positive = Path("expected.csv").read_text(encoding="utf-8").count("positive,")
    assert ran.err.startswith("reviews.scored.csv\n")
    facts = dict(re.findall(r"^ +(records|scored|positive|without text) +([\d,]+)", ran.err, re.M))
    assert facts == {
        "records": "3", "scored": "2", "positive": str(positive), "without text": "1",
    }  # fmt: skip
    assert re.search(r"^  time +\d+\.\d\d s \([\d,]+ reviews/s\)$", ran.err, re.M)


def test_options_reach_the_scoring(command: Command) -> None:
    write("a.jsonl", '{"body": "a superb film"}\n')
    ran = command(
        "score", "a.jsonl", "-o", "b.jsonl", "--model", MODEL, "--text-column", "body",
        "--sentiment-column", "s", "--probability-column", "p", "--threshold", "0",
        "--workers", "2",
    )  # fmt: skip
    assert ran.exit_code == 0
    (score,) = shipped_scorer().score(["a superb film"])
    written = Path("b.jsonl").read_text(encoding="utf-8")
    assert re.fullmatch(r'\{"body": "a superb film", "s": "positive", "p": (0\.\d+)\}\n', written)
    assert score.probability == pytest.approx(float(written.split()[-1].rstrip("}")), abs=1e-7)
    assert command("score", "a.jsonl", "--text-column", "body", "--threshold", "1").exit_code == 0
    assert '"negative"' in Path("a.scored.jsonl").read_text(encoding="utf-8")


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ten seconds pass between two looks at the clock."""
    clock = count(step=10.0)
    monkeypatch.setattr("toolkit.cli.progress.time", SimpleNamespace(perf_counter=clock.__next__))


def test_quiet_says_nothing(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    ran = command("score", write("reviews.csv"), "--quiet")
    assert (ran.exit_code, ran.out, ran.err) == (0, "", "")
    assert command.files() == ["reviews.csv", "reviews.scored.csv"]
    loud = command("score", "reviews.csv", "--force")
    assert loud.err.startswith("reviews.csv: 100%, 3 reviews, ")


def test_a_header_alone_has_no_records(command: Command) -> None:
    ran = command("score", write("reviews.csv", "id,text\r\n"))
    assert ran.exit_code == 0
    assert re.search(r"records +0$", ran.err, re.M)
    assert re.search(r"positive +0 \(0\.0% of scored\)$", ran.err, re.M)
    assert Path("reviews.scored.csv").read_bytes() == (
        b"id,text,predicted_sentiment,positive_probability\r\n"
    )


@pytest.mark.parametrize(
    "name", ["[bold]a.csv", "a[/b].csv", ":smile:.csv", "é ü.csv", "a\\[b].csv"]
)
def test_file_names_are_shown_as_they_are(command: Command, name: str) -> None:
    Path(name).parent.mkdir(exist_ok=True)  # "[/b]" closes a style where it is taken for markup
    ran = command("score", write(name))
    assert ran.exit_code == 0
    assert ran.err.startswith(f"{name.removesuffix('.csv')}.scored.csv\n")


@pytest.mark.parametrize(
    ("name", "content", "message", "exit_code"),
    [
        ("a.csv", None, "a.csv: no such file", 1),
        ("a.csv", "", "a.csv: the file is empty", 1),
        ("a.jsonl", "", "a.jsonl: the file is empty", 1),
        ("a.txt", CSV, "a.txt: unknown ending '.txt'. Use .csv", 2),
        ("a", CSV, "a: unknown ending ''", 2),
        ("a.csv", "id,plot\n1,a\n", "no column 'text' or 'review' (found: id, plot). Choose", 2),
        ("a.csv", "text,predicted_sentiment\na,b\n",
         "has a column 'predicted_sentiment' already. Choose other names for the added columns "
         "with --sentiment-column and --probability-column.", 2),
        ("a.jsonl", '{"text": "a", "positive_probability": 1}\n',
         "has a column 'positive_probability' already", 2),
        ("a.csv", 'id,"text\n1,a\n', "a.csv: line 1: a quote that is opened here is never", 1),
    ],
)  # fmt: skip
def test_bad_inputs_are_refused(
    command: Command, name: str, content: str | bytes | None, message: str, exit_code: int
) -> None:
    if content is not None:
        write(name, content)
    command("score", name).failed_with(message, exit_code)
    assert command.files() == ([] if content is None else [name])


@pytest.mark.parametrize(
    ("name", "content", "message", "raw"),
    [
        ("a.csv", b"id,text\n1,a\n2,\xff\n3,c\n", "byte 0xff is no UTF-8", b"2,\xff"),
        ("a.csv", b"id,text\n1,a\n2\n3,c\n", "1 field, expected 2", b"2"),
        ("a.csv", b'id,text\n1,a\n2,"b\n3,c\n', "a quote that is opened here is never", b'2,"b'),
        ("a.jsonl", b'{"text": "a"}\n\n{"text": \n{"text": "c"}', "no JSON", b'{"text": '),
        ("a.ndjson", b'{"text": "a"}\n\n["text"]\n{}', "expected a JSON object", b'["text"]'),
    ],
)
def test_bad_records_are_rejected(
    command: Command, name: str, content: bytes, message: str, raw: bytes
) -> None:
    write(name, content)
    ran = command("score", name, "-o", f"b{name[1:]}")
    assert (ran.exit_code, ran.out) == (3, "")
    assert f"  rejected      1 → b{name[1:]}.rejected.jsonl\n" in ran.err
    reject = json.loads(Path(f"b{name[1:]}.rejected.jsonl").read_text(encoding="utf-8"))
    written = reject["raw"].encode() if "raw" in reject else b64decode(reject["raw_base64"])
    assert (reject["file"], reject["line"], written, reject["bytes"]) == (name, 3, raw, len(raw))
    assert reject["reason"].startswith(message)
    command("score", name, "--on-error", "stop").failed_with(f"{name}: line 3: {message}")
    assert command.files() == sorted([name, f"b{name[1:]}", f"b{name[1:]}.rejected.jsonl"])


@pytest.mark.parametrize("name", ["folder.csv", "."])
def test_a_folder_without_reviews(command: Command, name: str) -> None:
    Path("folder.csv").mkdir()
    command("score", name, "-o", "out").failed_with(": a folder without a file of reviews")
    assert command.files() == ["folder.csv"]


def test_an_empty_name_is_not_this_folder(command: Command) -> None:
    """Such as that of a variable of the shell that is not set."""
    write("a.csv")
    message = "an empty name, expected a file of reviews. Write . for this folder."
    command("score", "", "-o", "out").failed_with(message, 2)
    assert command.files() == ["a.csv"]


def test_a_name_may_be_too_long(command: Command) -> None:
    command("score", "a" * 300 + ".csv").failed_with("cannot be read: File name too long")
    write("a.csv")
    command("score", "a.csv", "-o", "a" * 300 + ".csv").failed_with(
        "cannot be written: File name too long"
    )
    command("score", "a.csv", "-m", "a" * 300).failed_with("cannot be read: File name too long")
    assert command.files() == ["a.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "a.csv"], "a.csv: is the input itself"),
        (["-o", "a.csv", "--force"], "a.csv: is the input itself"),
        (["-o", "b.csv"], "b.csv: exists already. Choose another with --output, or repl"),
        (["-o", "b.txt"], "unknown ending '.txt'. Use .csv, .tsv, .jsonl, .ndjson, "
         ".json, .parquet (and then .gz, .zst, .bz2, .xz), or name the format with --out"),
        (["-o", "missing/c.csv"], "missing/c.csv: the folder missing does not exist. Create it"),
        (["-o", "a.csv/c.csv"], "a.csv/c.csv: the folder a.csv is a file. Create it"),
        (["-o", "/dev/null", "--output-format", "csv", "--force"],
         "/dev/null: is a device or a pipe"),
        (["--threshold", "1.5"], "threshold: expected a probability from 0 to 1, received 1.5"),
        (["--threshold", "nan"], "threshold: expected a probability from 0 to 1, received nan"),
        (["--sentiment-column", "p", "--probability-column", "p"], "two of the added columns"),
        (["--text-column", "\udcff"], "is not valid UTF-8"),
        (["--text-column", "body"], "no column 'body' (found: id, text)"),
    ],
)  # fmt: skip
def test_wrong_calls_are_refused(command: Command, arguments: list[str], message: str) -> None:
    write("a.csv")
    write("b.csv", "precious")
    command("score", "a.csv", *arguments).failed_with(message, 2)
    assert command.files() == ["a.csv", "b.csv"]
    assert Path("b.csv").read_text(encoding="utf-8") == "precious"
    assert Path("a.csv").read_text(encoding="utf-8") == CSV


@pytest.mark.parametrize(
    "arguments",
    [[], ["a.csv", "--workers", "0"], ["a.csv", "--threshold", "x"], ["a.csv", "--no"]],
)
def test_a_usage_error_explains_the_usage(command: Command, arguments: list[str]) -> None:
    write("a.csv")
    ran = command("score", *arguments)
    assert (ran.exit_code, ran.out) == (2, "")
    assert re.search(r"Usage: .*toolkit score \[OPTIONS\]", ran.err)
    assert "Traceback" not in ran.err
    assert command.files() == ["a.csv"]


def test_force_replaces(command: Command) -> None:
    write("a.csv")
    write("b.csv", "old")
    assert command("score", "a.csv", "-o", "b.csv", "--force").exit_code == 0
    assert Path("b.csv").read_text(encoding="utf-8").startswith("id,text,predicted")
    assert command.files() == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    ("report", "what"),
    [
        ("a.csv", "the input"),
        ("b.csv", "the output"),
        ("b.csv.rejected.jsonl", "the file for rejects"),
    ],
)
def test_a_report_does_not_replace_reviews(command: Command, report: str, what: str) -> None:
    write("a.csv")
    ran = command("score", "a.csv", "-o", "b.csv", "--report", f"./{report}", "--force")
    ran.failed_with(f"--report {report}: is also {what}. Choose another file.", 2)
    assert Path("a.csv").read_text(encoding="utf-8") == CSV


def test_any_error_of_the_system_is_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied", "secret.csv")

    monkeypatch.setattr("toolkit.cli.app.app", refuse)
    command("train", "secret.csv").failed_with("secret.csv: Permission denied", 1)


LABELLED = "text,label\na superb film,1\nthe worst of all,1\ndull,x\n,0\n"


def test_the_accuracy_is_shown(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    write("a.csv", LABELLED)
    ran = command("score", "a.csv", "--label-column", "label", "--report", "r.json")
    assert ran.exit_code == 0
    assert re.search(r"^a\.csv: 100%, 4 reviews, [\d,]+/s, 50\.00% right", ran.err, re.M)
    line = "  accuracy      50.00% of 2 labelled records, 1 without a readable label\n"
    assert line in ran.err
    report = json.loads(Path("r.json").read_text(encoding="utf-8"))
    for facts in (report, report["files"][0]):
        assert (facts["accuracy"], facts["labelled"], facts["unreadable_labels"]) == (0.5, 2, 1)
    written = Path("a.scored.csv").read_bytes()
    plain = command("score", "a.csv", "--force")
    assert "accuracy" not in plain.err
    assert "right" not in plain.err
    assert Path("a.scored.csv").read_bytes() == written


def test_neutral_reviews_are_counted_and_are_not_mistakes(command: Command) -> None:
    write("a.csv", LABELLED)
    ran = command(
        "score", "a.csv", "--label-column", "label", "--neutral-range", "0:1", "--report", "r.json"
    )
    assert "  neutral       3 (100.0% of scored)\n" in ran.err
    assert "  accuracy      of 0 labelled records, 2 called neutral left out, 1 without" in ran.err
    report = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert (report["neutral"], report["neutral_range"]) == (3, [0.0, 1.0])
    assert report["accuracy"] is None
    assert Path("a.scored.csv").read_text(encoding="utf-8").count(",neutral,0.") == 3


def test_stars_and_the_models_own_neutral_range(command: Command) -> None:
    write("a.csv", "text\nPerfect! I love it\nIt is okay\nTerrible\n\n")
    ran = command("score", "a.csv", "--stars", "--neutral")
    header, best, middling, worst, *_ = Path("a.scored.csv").read_text(encoding="utf-8").split("\n")
    assert header == "text,predicted_sentiment,positive_probability,predicted_stars"
    assert [line.split(",")[1] for line in (best, middling, worst)] == [
        *("positive", "neutral", "negative")
    ]
    stars = [float(line.rpartition(",")[2]) for line in (best, middling, worst)]
    assert 1 <= stars[2] < 2 < stars[1] < 4 < stars[0] <= 5
    command("score", "a.csv", "--stars", "--stars-column", "told", "-o", "b.jsonl")
    assert '"told": 4.' in Path("b.jsonl").read_text(encoding="utf-8")
    assert "  neutral       1 (33.3% of scored)\n" in ran.err


def test_labels_that_are_stars_are_for_evaluate(command: Command) -> None:
    write("a.csv", "text,stars\nsuperb,5\nawful,1\nfine,4\n")
    ran = command("score", "a.csv", "--label-column", "stars")
    assert "2 without a readable label (for stars, three classes or names of" in ran.err


def test_one_accuracy_for_several_files(command: Command) -> None:
    write("a.csv", LABELLED)
    write("b.jsonl", '{"text": "superb", "label": 1}\n{"text": "awful", "label": 0}\n')
    ran = command("score", "a.csv", "b.jsonl", "-o", "out", "--label-column", "label")
    assert "  accuracy      75.00% of 4 labelled records, 1 without a readable label" in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--neutral-range", "0.4"],
            "--neutral-range: expected two probabilities such as 0.4:0.6, rec",
        ),
        (
            ["--neutral-range", "0.6:0.4"],
            "neutral range: expected 0 <= low < high <= 1, received 0.6",
        ),
        (["--neutral-range", "0.6:0.7"], "the threshold 0.5 is not within 0.6 to 0.7. Choose"),
        (["--neutral", "--neutral-range", "0.4:0.6"], "--neutral is the model's own range"),
        (["--neutral", "-m", "conv1d"], "the model conv1d has no neutral range of its own"),
        (["--stars", "-m", "conv1d"], "the model conv1d has no stars"),
        (["--stars-column", "s"], "names a column that --stars adds: give --stars, too"),
        (["--stars", "--stars-column", "label"], "has a column 'label' already"),
        (["--label-column", "body"], "no column 'body' (found: text, label). Choose one with --l"),
        (["--label-column", "text"], "the column 'text' has the texts, and cannot have the lab"),
        (["--label-column", "\udcff"], "is not valid UTF-8"),
    ],
)
def test_wrong_ranges_and_labels(command: Command, arguments: list[str], message: str) -> None:
    write("a.csv", LABELLED)
    command("score", "a.csv", *arguments).failed_with(message, 2)
    assert command.files() == ["a.csv"]
