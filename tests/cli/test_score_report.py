"""The report of a run, however it ends; messages as text and as JSON."""

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
from uuid import UUID

import pytest

from tests.cli.running import (
    COMMAND,
    KEYS,
    Command,
    Ran,
    hurry,
    in_its_own_process,
    write,
    write_long,
)
from tests.waiting import wait_until
from toolkit import __version__
from toolkit.cli.process import Interrupted
from toolkit.scoring.file_output import FileOutput

REJECTED = "text,id\na superb film,1\nbad\nawful,3\n"


def report(path: str = "r.json") -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return content


def test_what_a_report_says_of_a_run(command: Command) -> None:
    source = write("a.csv", REJECTED)
    ran = command(
        "score", "a.csv", "--report", "r.json", "--format", "csv", "--workers", "2",
        "--label-column", "id",
    )  # fmt: skip
    found = report()
    assert ran.exit_code == found["exit_code"] == 3
    assert (found["status"], found["error"]) == ("done_with_rejects", None)
    assert found["toolkit_version"] == __version__
    assert UUID(found["run_id"]).version == 4
    started, ended = (datetime.fromisoformat(found[key]) for key in ("started", "ended"))
    assert started.utcoffset() == ended.utcoffset() is not None
    assert 0 < found["seconds"] == pytest.approx((ended - started).total_seconds(), abs=0.1)
    options = {name: value for name, value in found["options"].items() if value}
    assert options == {
        "files": ["a.csv"], "report": "r.json", "format": "csv", "workers": 2,
        "label_column": "id", "on_error": "reject", "log_format": "text", "checkpoint_seconds": 5.0,
        "engine": "local",
    }  # fmt: skip
    assert len(found["model"]["sha256"]) == 64
    (file,) = found["files"]
    assert file["columns"] == {"text": "text", "label": "id"}
    assert (file["format"], file["compression"]) == ("csv", None)
    assert file["size"] == source.stat().st_size
    assert datetime.fromisoformat(file["modified"]).timestamp() == pytest.approx(
        source.stat().st_mtime, abs=1e-3
    )
    assert (file["status"], file["rejected_file"]) == (
        "done_with_rejects",
        "a.scored.csv.rejected.jsonl",
    )
    assert (file["records"], file["scored"], file["rejected"]) == (3, 2, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["a.csv", "--max-rejected", "0"], 1, "more than --max-rejected 0 allows"),
        (["a.csv", "--text-column", "body"], 2, "no column 'body'"),
        (["none.csv"], 1, "none.csv: no such file"),
        (["*.tsv"], 1, "no file matches"),
        (["a.csv", "-m", "none.onnx"], 1, "none.onnx"),
        (["a.csv", "--delimiter", "ab"], 2, "--delimiter: expected one"),
        (
            ["c.csv", "--max-unread", "10%"],
            1,
            "3 of the 3 texts, more than --max-unread 10%",
        ),
        (["c.csv", "--max-unread", "0"], 1, "first 3 texts, more than --max-unread 0 allows"),
        (["a.csv", "--max-rejected", "x"], 2, "--max-rejected: expected a number"),
        (["a.csv", "--on-error", "stop"], 1, "a.csv: line 3: 1 field, expected 2"),
    ],
)
@pytest.mark.parametrize("is_old", [False, True])
def test_a_failure_is_reported(
    command: Command, arguments: list[str], code: int, message: str, is_old: bool
) -> None:
    write("a.csv", REJECTED)
    write("c.csv", "text\nEl hotel estaba muy limpio\n2024-01-01\n!!!\n")
    more = []
    if is_old:
        assert command("score", "a.csv", "--report", "r.json", "-q").exit_code == 3
        more = ["--force"]
    ran = command("score", *arguments, "--report", "r.json", *more)
    found = report()
    assert (ran.exit_code, found["exit_code"], found["status"]) == (code, code, "failed")
    assert message in found["error"]
    assert f"error: {found['error']}\n" == ran.err
    assert not any(name.endswith(".partial") for name in command.files())


def test_rejects_within_a_limit_are_a_success(command: Command) -> None:
    write("a.csv", REJECTED)
    call = ("score", "a.csv", "--report", "r.json", "--max-rejected", "50%", "-q")
    assert command(*call).exit_code == 0
    assert (report()["exit_code"], report()["status"]) == (0, "done_with_rejects")


def test_the_report_of_a_quiet_run_has_its_warnings(command: Command) -> None:
    write("a.csv", "text,x\n" + "anna@example.com,1\n" * 20)
    write("b.csv", "text,x\n" + '"love, it\nbut",1\n' * 2 + "El hotel estaba muy limpio,1\n" * 5)
    ran = command("score", "a.csv", "b.csv", "-o", "out", "--report", "r.json", "-q")
    assert (ran.exit_code, ran.err) == (0, "")
    first, second = (file["warnings"] for file in report()["files"])
    assert [warning[:32] for warning in first] == ["most of the texts of column 'tex"]
    assert [warning[:32] for warning in second] == [
        "records that span several lines,",
        "the model knows none or few of t",
    ]


def test_a_report_cannot_go_to_a_pipe(command: Command) -> None:
    write("a.csv", REJECTED)
    os.mkfifo("pipe")
    for path in ("pipe", "/dev/full"):
        command("score", "a.csv", "--report", path).failed_with(
            f"{path}: is a device or a pipe, expected a file.", 2
        )


@pytest.mark.parametrize("precious", ["a.csv", "notes.json", "list.json"])
def test_a_failing_run_writes_its_report_over_nothing_else(command: Command, precious: str) -> None:
    write("a.csv", REJECTED)
    write("notes.json", '{"mine": 1}')
    write("list.json", "[1]")
    before = Path(precious).read_bytes()
    for arguments in (["none/*.csv"], ["a.csv", "--delimiter", "ab"], ["a.csv", "--bad"]):
        for more in ([], ["--force"]):
            ran = command("score", *arguments, "--report", precious, *more)
            assert ran.exit_code in (1, 2)
            assert Path(precious).read_bytes() == before
    assert command.files() == ["a.csv", "list.json", "notes.json"]


@pytest.mark.parametrize("option", ["-o", "--rejected"])
def test_a_report_never_takes_the_place_of_an_output(command: Command, option: str) -> None:
    write("a.csv", REJECTED)
    for more in ([], ["--delimiter", "ab"], ["--bad"]):
        ran = command("score", "a.csv", option, "b.jsonl", "--report", "b.jsonl", *more)
        assert ran.exit_code == 2
    assert command.files() == ["a.csv"]


def test_files_that_fail_are_in_the_report(command: Command) -> None:
    write("a.csv", REJECTED)
    write("b.csv", "")
    write("c.csv")
    ran = command("score", "a.csv", "b.csv", "c.csv", "-o", "out", "--report", "r.json")
    found = report()
    assert (ran.exit_code, found["status"]) == (1, "failed")
    assert found["error"] == "b.csv: the file is empty, expected reviews"
    assert [file["status"] for file in found["files"]] == ["done_with_rejects", "failed", "done"]
    assert [file["error"] for file in found["files"]] == [None, found["error"], None]
    assert found["records"] == 6


@pytest.mark.slow
@pytest.mark.parametrize("is_resumed", [False, True])
def test_an_interrupted_run_leaves_no_old_success(tmp_path: Path, is_resumed: bool) -> None:
    write_long(tmp_path / "a.csv", times=30)
    call = ["score", "a.csv", "-o", "b.csv", "--report", "r.json"]
    path = tmp_path / "r.json"
    path.write_text('{"status": "done", "run_id": "old", "files": []}', encoding="utf-8")
    process = subprocess.Popen(
        [*COMMAND, *call, "--force", "--checkpoint-seconds", "0"],
        stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    wait_until(
        lambda: any(file.stat().st_size for file in tmp_path.glob(".b.csv.*/output")), process
    )
    assert not path.exists()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    found = json.loads(path.read_text(encoding="utf-8"))
    assert (process.returncode, found["exit_code"], found["status"]) == (143, 143, "interrupted")
    assert found["error"].startswith("interrupted")
    assert found["error"] in err
    (file,) = found["files"]
    assert (file["input"], file["status"], file["error"]) == ("a.csv", "interrupted", None)
    if is_resumed:
        assert in_its_own_process(*call, "--resume", "-q", cwd=tmp_path).exit_code == 0
        assert json.loads(path.read_text(encoding="utf-8"))["status"] == "done"


def test_a_signal_during_an_import_is_reported(tmp_path: Path) -> None:
    # ONNX Runtime is imported after the report is known.
    (tmp_path / "a.csv").write_text(REJECTED, encoding="utf-8")
    (tmp_path / "onnxruntime.py").write_text(
        f"import os\nos.kill(os.getpid(), {int(signal.SIGTERM)})\n", encoding="utf-8"
    )
    ran = in_its_own_process("score", "a.csv", "--report", "r.json", *JSON, cwd=tmp_path)
    (event,) = events(ran.err)
    assert (ran.exit_code, event["exit_code"], event["message"]) == (143, 143, "interrupted")
    found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (found["status"], found["exit_code"], found["files"]) == ("interrupted", 143, [])


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
    text = KEYS.read_text(encoding="utf-8")
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


SCORED = "text,predicted_sentiment,positive_probability\ndull,negative,0.1\n"


@pytest.mark.parametrize(
    "command",
    ["score a.csv -o -", "score a.csv -o - --log-format json", "score a.csv --dry-run",
     "info --json", "explain 'a fine film' --json", "info", "explain 'a fine film'", "--help",
     "score --help", "--version", "summarize b.csv", "summarize b.csv --json",
     "evaluate c.csv"],
)  # fmt: skip
def test_a_reader_that_has_seen_enough(tmp_path: Path, command: str) -> None:
    write_long(tmp_path / "a.csv", times=2)
    (tmp_path / "b.csv").write_text(SCORED, encoding="utf-8")
    (tmp_path / "c.csv").write_text("text,label\na fine film,1\ndull,0\n", encoding="utf-8")
    # The reader ends before the first byte comes.
    ran = shell(f"(sleep 0.1; toolkit {command}; echo $? >code) | true", tmp_path)
    assert ran.err == ""
    assert (tmp_path / "code").read_text(encoding="utf-8") == f"{128 + signal.SIGPIPE}\n"


@pytest.mark.parametrize(
    ("target", "why"),
    [(">&-", "standard output: is closed. Send it to a file, as in > out.txt"),
     ("> /dev/full", "No space left on device")],
)  # fmt: skip
@pytest.mark.parametrize(
    "command",
    ["info", "info --json", "--help", "--version", "explain dull", "summarize b.csv"],
)
def test_standard_output_is_full_or_closed(
    tmp_path: Path, command: str, target: str, why: str
) -> None:
    (tmp_path / "b.csv").write_text(SCORED, encoding="utf-8")
    shell(f"toolkit {command} {target}", tmp_path).failed_with(why)


def memory_limit(kilobytes: int) -> Callable[[], None]:
    limit = kilobytes << 10
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")
@pytest.mark.parametrize(
    "kilobytes",
    [200_000, 350_000]
    + [pytest.param(n, marks=pytest.mark.slow) for n in (150_000, 250_000, 300_000, 400_000)],
)
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


@pytest.mark.parametrize(
    "name",
    [
        "s3://KEY:a/SECRET@bucket/x.csv",
        "s3://bucket/x.csv?X-Amz-Signature=SECRET",
        "az://container/x.csv?sv=2024&sig=SECRET",
        "https://user:SECRET@host.example/x.csv",
        "https://user:SECRET@host.example/*.csv",
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_what_gives_access_is_not_written(command: Command, name: str, form: str) -> None:
    ran = command("score", name, "--report", "r.json", "--log-format", form)
    assert (ran.exit_code, report()["exit_code"]) == (2, 2)
    assert "SECRET" not in ran.err + Path("r.json").read_text(encoding="utf-8")
    assert "***" in report()["options"]["files"][0]
    assert "SECRET" not in command("finish", "out", name).err  # a message of Typer


def test_a_file_that_keeps_a_signature_in_its_name_is_scored(command: Command) -> None:
    """As wget leaves it. A later run continues it, though no file of the first one has the name."""
    write_long(Path("x.csv?token=SECRET"), times=4)
    call = ["score", "x.csv?token=SECRET", "-o", "o.csv", "--format", "csv", "--report", "r.json"]
    command.monkeypatch.setattr(FileOutput, "finish", _stopped)
    assert command(*call, "--checkpoint-seconds", "0").exit_code == 130
    (journal,) = command.folder.glob(".*/journal")
    assert "checkpoint" in journal.read_text()
    assert "SECRET" not in journal.read_text()
    command.monkeypatch.undo()
    command.monkeypatch.chdir(command.folder)
    Path("x.csv?token=SECRET").rename("x.csv?token=OTHER")
    other = [each.replace("SECRET", "OTHER") for each in call]
    command(*other, "--resume").failed_with("this has changed: the input", 2)
    Path("x.csv?token=OTHER").rename("x.csv?token=SECRET")
    assert command(*call, "--resume").exit_code == 0
    assert report()["files"][0]["input"] == "x.csv?token=***"
    ran = command("score", "x.csv?token=SECRET", "--format", "csv", "-o", "s/", "--shard", "0/2")
    ran.failed_with("x.csv?token=***: has a password, a signature or a token in its name", 2)


def _stopped(*_: object) -> None:
    raise Interrupted(signal.SIGINT)


def test_a_name_that_is_not_utf_8_is_written_as_text(command: Command) -> None:
    name = os.fsdecode(b"n\xff.csv")
    write(name)
    assert command("score", name, "--report", "r.json", "-q").exit_code == 0
    assert report()["files"][0]["input"] == report()["options"]["files"][0] == r"n\udcff.csv"
    Path(name).unlink()
    ran = command("score", name, "--log-format", "json")
    assert json.loads(ran.err)["message"] == r"n\udcff.csv: no such file"
