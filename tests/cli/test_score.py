"""`toolkit score`, as its users see it."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from pathlib import Path

import pytest

from tests.cli.running import CSV, Command, hurry, write
from tests.models import MODEL, shipped_scorer
from toolkit.scoring import score_file


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
        "--names", "sentiment=s,probability=p", "--threshold", "0",
        "--workers", "2",
    )  # fmt: skip
    assert ran.exit_code == 0
    (score,) = shipped_scorer().score(["a superb film"])
    written = Path("b.jsonl").read_text(encoding="utf-8")
    assert re.fullmatch(r'\{"body": "a superb film", "s": "positive", "p": (0\.\d+)\}\n', written)
    assert score.probability == pytest.approx(float(written.split()[-1].rstrip("}")), abs=1e-7)
    assert command("score", "a.jsonl", "--text-column", "body", "--threshold", "1").exit_code == 0
    assert '"negative"' in Path("a.scored.jsonl").read_text(encoding="utf-8")


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
         "with --names sentiment=NAME,probability=NAME.", 2),
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
        (["-o", "b.csv"], "b.csv: exists already. Choose another with --output, repl"),
        (["-o", "b.txt"], "unknown ending '.txt'. Use .csv, .tsv, .jsonl, .ndjson, "
         ".json, .parquet (and then .gz, .zst, .bz2, .xz), or name the format with --out"),
        (["-o", "missing/c.csv"], "missing/c.csv: the folder missing does not exist. Create it"),
        (["-o", "a.csv/c.csv"], "a.csv/c.csv: the folder a.csv is a file. Create it"),
        (["-o", "/dev/null", "--output-format", "csv", "--force"],
         "/dev/null: is a device or a pipe"),
        (["--threshold", "1.5"], "threshold: expected a probability from 0 to 1, received 1.5"),
        (["--threshold", "nan"], "threshold: expected a probability from 0 to 1, received nan"),
        (["--names", "sentiment=p,probability=p"], "two of the added columns"),
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
