"""`toolkit score`, as its users see it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import COMMAND, CSV, Command, hurry, write
from tests.models import EXPORTED, MODEL, shipped_scorer
from tests.scoring.foreign import lines_of
from toolkit.model import DEFAULT_MODEL, SHIPPED
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
        ("a.zip", None, "a.zip: no such file", 1),
        ("a", None, "a: no such file", 1),
        ("a.csv", "", "a.csv: the file is empty", 1),
        ("a.jsonl", "", "a.jsonl: the file is empty", 1),
        ("a.txt", CSV, "a.txt: unknown ending '.txt'. Use .csv", 2),
        ("a", CSV, "a: unknown ending ''", 2),
        ("a.csv", "id,plot\n1,a\n", "no column 'text' or 'review' (found: id, plot). Choose", 2),
        ("a.csv", "text,predicted_sentiment\na,b\n",
         "already has a column 'predicted_sentiment', which is also the name of an added column. "
         "Rename the added column with --names sentiment=NAME,probability=NAME.", 2),
        ("a.jsonl", '{"text": "a", "positive_probability": 1}\n',
         "already has a column 'positive_probability'", 2),
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
        ("a.csv", b"id,text\n1,a\n2,\xff\n3,c\n", "byte 0xff is not valid UTF-8", b"2,\xff"),
        ("a.csv", b"id,text\n1,a\n2\n3,c\n", "1 field, expected 2", b"2"),
        ("a.csv", b'id,text\n1,a\n2,"b\n3,c\n', "a quote that is opened here is never", b'2,"b'),
        ("a.jsonl", b'{"text": "a"}\n\n{"text": \n{"text": "c"}', "invalid JSON", b'{"text": '),
        ("a.ndjson", b'{"text": "fine"}\n\n["text"]\n{}', "expected a JSON object", b'["text"]'),
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


def test_an_empty_name_is_not_this_folder(command: Command) -> None:
    """Such as that of a variable of the shell that is not set."""
    write("a.csv")
    message = "an empty name, expected a file of reviews. Write . for this folder."
    command("score", "", "-o", "out").failed_with(message, 2)
    assert command.files() == ["a.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "a.csv"], "a.csv: cannot be the output of a.csv, as it is also an input"),
        (["-o", "a.csv", "--force"], "a.csv: cannot be the output of a.csv, as it is also"),
        (["-o", "b.csv"], "b.csv: exists already. Choose another with --output, repl"),
        (["-o", "b.txt"], "unknown ending '.txt'. Use .csv, .tsv, .jsonl, .ndjson, "
         ".json, .parquet, .arrow, .feather (and then .gz, .zst, .bz2, .xz), or name the format "
         "with --out"),
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
    "arguments", [[], ["a.csv", "--workers", "0"], ["a.csv", "--threshold", "x"], ["a.csv", "--no"]]
)
def test_a_usage_error_explains_the_usage(command: Command, arguments: list[str]) -> None:
    write("a.csv")
    ran = command("score", *arguments)
    assert (ran.exit_code, ran.out) == (2, "")
    assert re.search(r"Usage: .*toolkit score \[OPTIONS\]", ran.err)
    assert "Traceback" not in ran.err
    assert command.files() == ["a.csv"]


def test_any_error_of_the_system_is_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied", "secret.csv")

    monkeypatch.setattr("toolkit.cli.app.app", refuse)
    command("train", "secret.csv").failed_with("secret.csv: Permission denied", 1)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_is_found_by_its_name(command: Command, name: str) -> None:
    write("a.csv")
    options = ["-q", "--force", "--report", "r.json"]
    assert command("score", "a.csv", "--model", name, *options).exit_code == 0
    by_name = Path("a.scored.csv").read_bytes()
    assert json.loads(Path("r.json").read_text())["model"]["name"] == name
    command("score", "a.csv", "--model", EXPORTED / f"{name}.onnx", *options)
    assert Path("a.scored.csv").read_bytes() == by_name
    command("score", "a.csv", *options)
    assert (Path("a.scored.csv").read_bytes() == by_name) == (name == DEFAULT_MODEL)


def test_a_missing_model_and_a_folder(command: Command) -> None:
    write("a.csv")
    Path("run").mkdir()
    command("score", "a.csv", "-m", "m.onnx").failed_with("m.onnx: no such model file")
    command("score", "a.csv", "-m", "conv2d").failed_with(
        "conv2d: no such model file. Choose a model file, a run"
    )
    command("score", "a.csv", "-m", "run").failed_with("run: a folder, expected a model file")


def test_a_run_folder_stands_for_its_export(command: Command) -> None:
    write("a.csv")
    Path("mine").mkdir()
    config = {"preset": "conv1d", "vocabulary_size": 10_000, "max_tokens": 100, "data": {}}
    Path("mine/config.json").write_text(json.dumps(config | {"config_version": 1}))
    message = "mine: a run folder without conv1d.onnx. Export it first: toolkit export mine"
    command("score", "a.csv", "-m", "mine").failed_with(message)
    Path("mine/conv1d.onnx").write_bytes((EXPORTED / "conv1d.onnx").read_bytes())
    for options in (("score", "a.csv", "-m", "mine"), ("evaluate", "mine", "a.csv")):
        ran = command(*options, "--report", "mine/conv1d.onnx", "--force")
        assert ran.exit_code == 2, ran.err
    command("score", "a.csv", "-m", "mine", "-o", "run.csv")
    command("score", "a.csv", "-m", "conv1d", "-o", "shipped.csv")
    assert Path("run.csv").read_bytes() == Path("shipped.csv").read_bytes()


SPANISH = "".join(f'"{text}"\n' for text in lines_of("Spanish"))
HEBREW = "".join(f'"{text}"\n' for text in lines_of("Hebrew"))


def test_another_language_is_said(command: Command) -> None:
    write("r.csv", f"Reseña\n{SPANISH}{HEBREW}")
    ran = command("score", "r.csv", "--text-column", "reseña", "--report", "report.json")
    assert ran.exit_code == 0
    warning, *rows = ran.err.splitlines()
    names = ("  no known", "  not English", "  few known")
    assert [row for row in rows if row.startswith(names)] == [
        "  no known word 4",
        "  not English   16 (probably: no label)",
        "  few known     2 (the model knows few of their words)",
    ]
    assert warning == (
        "warning: r.csv: the model knows none or few of the words in 96% of the texts of column "
        "'Reseña', first in row 1. Is this the right column (--text-column), and are the reviews "
        "in the language of the model, which is English for the shipped ones?"
    )
    (file,) = json.loads(Path("report.json").read_text("utf-8"))["files"]
    assert [f"warning: r.csv: {each}" for each in file["warnings"]] == [warning]
    assert (file["few_known_words"], file["without_known_words"]) == (2, 4)
    assert file["other_language"] == 16
    assert file["columns"] == {"text": "Reseña"}


def test_a_warning_is_of_a_file(command: Command) -> None:
    write("a.csv", f"text\n{SPANISH}")
    write("b.csv", CSV)
    ran = command("score", "a.csv", "b.csv", "-o", "out/", "--report", "report.json")
    assert ran.exit_code == 0
    assert ran.err.splitlines()[0].startswith("warning: a.csv: the model knows none or few")
    assert ran.err.count("warning") == 1
    files = json.loads(Path("report.json").read_text("utf-8"))["files"]
    assert [len(file["warnings"]) for file in files] == [1, 0]
    assert command("score", "a.csv", "-o", "again.csv", "--quiet").err == ""


def test_long_texts_are_counted(command: Command) -> None:
    write("r.csv", f"text\n{'fine ' * 512}\n{'fine ' * 513}\n")
    ran = command("score", "r.csv")
    assert "  cut to length 1 (the model reads the last 512 tokens)\n" in ran.err
    assert "warning" not in ran.err
    assert "known" not in ran.err


MIB = 1 << 20
# A process starts with the peak memory of the one that starts it; this one is small.
LAUNCHER = """
import os, sys
pid = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def measured(folder: Path, *arguments: str) -> tuple[int, int, str]:
    """Run the command; give its exit code, its largest memory in bytes and its messages."""
    arguments_of_launcher = [sys.executable, "-c", LAUNCHER, *COMMAND, "score", *arguments]
    ran = subprocess.run(
        arguments_of_launcher, cwd=folder, capture_output=True, text=True, check=True
    )
    code, memory = ran.stdout.split()
    return int(code), int(memory) * 1024, ran.stderr


def report_of(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    return report


def rejects_of(folder: Path) -> list[dict[str, Any]]:
    with (folder / "b.csv.rejected.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def score(folder: Path, name: str, parts: Iterable[str]) -> tuple[int, int]:
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        file.writelines(parts)
    output = "b" + name[1:]
    # The limits are for what records take, beside the 135 MiB of a process with this network.
    options = ["-o", output, "--report", "r.json", "--model", "conv1d"]
    code, memory, messages = measured(folder, name, *options)
    assert code in (0, 3), messages
    return code, memory


@pytest.mark.parametrize(
    ("is_quoted", "rows"), [pytest.param(False, 1_000_000, marks=pytest.mark.slow), (True, 200_000)]
)
def test_a_quote_that_is_never_closed(is_quoted: bool, rows: int, tmp_path: Path) -> None:
    row = (
        '"a film, the worst of all, %d","%d"\n' if is_quoted else "a film the worst of all %d,%d\n"
    )
    parts = (row % (n, n * 7919) for n in range(rows))
    bad = '"a film,3\n'
    code, memory = score(tmp_path, "a.csv", ["text,id\n", next(parts), next(parts), bad, *parts])
    assert code == 3
    assert memory < 500 * MIB
    report = report_of(tmp_path)
    assert (report["records"], report["scored"], report["rejected"]) == (rows + 1, rows, 1)
    (reject,) = rejects_of(tmp_path)
    assert (reject["line"], reject["raw"]) == (4, bad[:-1])


@pytest.mark.parametrize("name", ["a.csv", pytest.param("a.jsonl", marks=pytest.mark.slow)])
def test_a_review_of_50_mb(name: str, tmp_path: Path) -> None:
    text = "a superb film " * (50_000_000 // 14)
    lines = (
        ["id,text\n", "1,fine\n", f'2,"{text}"\n', "3,b\n"]
        if name == "a.csv"
        else [json.dumps({"text": each}) + "\n" for each in ("fine", text, "b")]
    )
    code, memory = score(tmp_path, name, lines)
    assert code == 0
    assert memory < 1000 * MIB
    assert report_of(tmp_path)["scored"] == 3
    size = (tmp_path / f"b{name[1:]}").stat().st_size
    assert size > len(text)


def test_lines_above_the_limit(tmp_path: Path) -> None:
    long = "x" * (70 * MIB)
    code, memory = score(
        tmp_path, "a.csv", ["text\n", "fine\n", long, "\n", "b\n", '"', long, '"\n', "c\n"]
    )
    assert code == 3
    assert memory < 500 * MIB
    report = report_of(tmp_path)
    assert (report["scored"], report["rejected"]) == (3, 2)
    facts = [(r["line"], r["bytes"], "raw" in r or "raw_base64" in r) for r in rejects_of(tmp_path)]
    assert facts == [(3, len(long), False), (5, len(long) + 2, False)]
