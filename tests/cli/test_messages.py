"""What commands write to standard error: as JSON, where it is full or closed, without memory."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pages.commands import REFERENCE
from tests.cli.running import COMMAND, Command, Ran, hurry, in_its_own_process, write, write_long

JSON = ("--log-format", "json")


def events(messages: str) -> list[dict[str, Any]]:
    """Read all messages; each line has to be one."""
    found = [json.loads(line) for line in messages.splitlines()]
    for event in found:
        assert datetime.fromisoformat(event["time"]).utcoffset() == timedelta(0)
        assert event["level"] in ("info", "warning", "error")
    return found


def test_all_messages_are_json(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    write("a.csv")
    write("b.csv", "text\n \n")
    write("c.csv", "")
    ran = command("score", "a.csv", "b.csv", "c.csv", "-o", "out", *JSON)
    found = events(ran.err)
    assert ran.exit_code == 1
    assert [(event["event"], event["level"]) for event in found] == [
        ("progress", "info"), ("progress", "info"), ("warning", "warning"), ("summary", "info"),
        ("error", "error"), ("hint", "info"),
    ]  # fmt: skip
    progress, _, warning, summary, error, _ = found
    assert (progress["file"], progress["records"]) == ("a.csv", 3)
    assert progress["bytes"] == progress["bytes_in_all"] == Path("a.csv").stat().st_size
    assert (warning["file"], warning["message"]) == (
        "b.csv",
        "b.csv: no record is scored: the only record is without text.",
    )
    assert (summary["records"], summary["files"], summary["failed"]) == (4, 3, 1)
    assert (error["message"], error["exit_code"]) == (
        "c.csv: the file is empty, expected reviews",
        1,
    )
    text = REFERENCE.read_text(encoding="utf-8")
    keys = {key for event in found for key in event} | {event["event"] for event in found}
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []


@pytest.mark.parametrize(
    "arguments",
    [["none.csv"], ["a.csv", "--bad"], [], ["a.csv", "--workers", "0"], ["a.csv", "--delimiter"]],
)
@pytest.mark.parametrize("form", [["--log-format", "json"], ["--log-format=json"]])
def test_wrong_calls_are_json_too(command: Command, arguments: list[str], form: list[str]) -> None:
    write("a.csv")
    text = command("score", *arguments)
    ran = command("score", *form, *arguments)
    (event,) = events(ran.err)
    assert (event["event"], event["exit_code"]) == ("error", ran.exit_code)
    assert ran.exit_code == text.exit_code != 0
    assert event["message"].split(".")[0].split("'")[0] in text.err
    assert ran.out == ""


def test_messages_are_text_again_in_the_next_call(command: Command) -> None:
    assert command("score", "none.csv", *JSON).err.startswith("{")
    command("score", "none.csv").failed_with("none.csv: no such file")


def test_python_warnings_are_json(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\na fine film\n", encoding="utf-8")
    # As a module that is imported late may do.
    (tmp_path / "onnxruntime.py").write_text(
        "import warnings\nwarnings.warn('old', FutureWarning, stacklevel=1)\nraise ImportError\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "toolkit", "score", "a.csv", *JSON]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    warning, error = events(ran.stderr)
    assert (warning["level"], warning["message"], warning["category"]) == (
        *("warning", "old", "FutureWarning"),
    )
    assert error["message"].startswith("unexpected ImportError")


def test_an_interruption_is_json(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\na fine film\n", encoding="utf-8")
    (tmp_path / "onnxruntime.py").write_text(
        f"import os\nos.kill(os.getpid(), {int(signal.SIGTERM)})\n", encoding="utf-8"
    )
    ran = in_its_own_process("score", "a.csv", *JSON, cwd=tmp_path)
    (event,) = events(ran.err)
    assert (ran.exit_code, event["exit_code"], event["message"]) == (143, 143, "interrupted")


def shell(script: str, folder: Path) -> Ran:
    """Run a script in which `toolkit` is this command."""
    toolkit = " ".join(COMMAND)
    ran = subprocess.run(
        ["bash", "-c", f"toolkit() {{ {toolkit} \"$@\"; }}\n{script}"],
        capture_output=True, text=True, cwd=folder, check=False,
    )  # fmt: skip
    return Ran(ran.returncode, ran.stdout, ran.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full", "2>&- >&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [("a.csv", 3), ("none.csv", 1), ("a.csv --bad", 2), ("a.csv --text-column no", 2)],
)
def test_standard_error_is_full_or_closed(
    tmp_path: Path, form: str, closed: str, arguments: str, code: int
) -> None:
    (tmp_path / "a.csv").write_text("text\na fine film\n1,2\n", encoding="utf-8")
    ran = shell(f"toolkit score {arguments} --log-format {form} {closed}", tmp_path)
    assert ran == Ran(code, "", "")
    assert (tmp_path / "a.scored.csv").exists() == (code == 3)


def test_the_reader_of_standard_error_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\na fine film\n1,2\n", encoding="utf-8")
    ran = shell("(sleep 0.1; toolkit score a.csv; echo $? >code) 2>&1 >/dev/null | true", tmp_path)
    assert ran.exit_code == 0
    assert (tmp_path / "code").read_text(encoding="utf-8") == "3\n"


@pytest.mark.parametrize(
    "command",
    ["score a.csv -o -", "score a.csv -o - --log-format json", "score a.csv --dry-run",
     "info --json", "explain 'a fine film' --json"],
)  # fmt: skip
def test_a_reader_that_has_seen_enough(tmp_path: Path, command: str) -> None:
    write_long(tmp_path / "a.csv", times=2)
    # The reader ends before the first byte comes.
    ran = shell(f"(sleep 0.1; toolkit {command}; echo $? >code) | true", tmp_path)
    assert ran.err == ""
    assert (tmp_path / "code").read_text(encoding="utf-8") == f"{128 + signal.SIGPIPE}\n"


def test_head(tmp_path: Path) -> None:
    write_long(tmp_path / "a.csv", times=2)
    ran = shell("toolkit score a.csv -o - | head -n 3", tmp_path)
    assert (ran.exit_code, ran.out.count("\n"), ran.err) == (0, 3, "")
    assert os.listdir(tmp_path) == ["a.csv"]


def test_rejects_whose_reader_has_seen_enough(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\na fine film\n1,2\n", encoding="utf-8")
    ran = shell("(sleep 0.1; toolkit score a.csv --rejected - -q; echo $? >code) | true", tmp_path)
    assert (ran.exit_code, ran.err) == (0, "")
    assert (tmp_path / "code").read_text(encoding="utf-8") == "3\n"
    assert (tmp_path / "a.scored.csv").exists()


def memory_limit(kilobytes: int) -> Callable[[], None]:
    limit = kilobytes << 10
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")
@pytest.mark.parametrize("kilobytes", [150_000, 200_000, 250_000, 300_000, 350_000, 400_000])
def test_too_little_memory(tmp_path: Path, kilobytes: int) -> None:
    (tmp_path / "a.csv").write_text("text\na fine film\n", encoding="utf-8")
    ran = in_its_own_process(
        "score", "a.csv", "--report", "r.json", cwd=tmp_path, preexec_fn=memory_limit(kilobytes)
    )
    ran.failed_with("error: out of memory. Free some, raise the limit (ulimit -v), or use fewer")
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (report["status"], report["error"]) == ("failed", ran.err[len("error: ") : -1])
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "r.json"]


@pytest.mark.parametrize(
    "raised",
    [
        "MemoryError()",
        "ImportError('/x/onnxruntime.so: failed to map segment from shared object')",
        "RuntimeError('std::bad_alloc')",
        'RuntimeError("can\'t start new thread")',
        "OSError(12, 'Cannot allocate memory')",
    ],
)
def test_how_libraries_say_that_memory_is_missing(tmp_path: Path, raised: str) -> None:
    (tmp_path / "a.csv").write_text("text\na fine film\n", encoding="utf-8")
    (tmp_path / "onnxruntime.py").write_text(f"raise {raised}\n", encoding="utf-8")
    ran = in_its_own_process("score", "a.csv", cwd=tmp_path)
    ran.failed_with("error: out of memory. ")


def test_a_file_that_speaks_of_memory(command: Command) -> None:
    write("bad_alloc.csv", "")
    command("score", "bad_alloc.csv").failed_with("bad_alloc.csv: the file is empty")
