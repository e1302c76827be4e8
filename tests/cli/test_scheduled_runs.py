"""Runs that are started again and again, or several at once: nothing is lost, nothing is left."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.running import COMMAND, CSV, Command, files_in, in_its_own_process, write, write_long
from tests.models import shipped_scorer
from tests.shards.running import contents
from tests.waiting import PATIENCE, wait_until
from toolkit.progress import digest_of
from toolkit.scoring import score_file
from toolkit.scoring.identity import sum_of


def start(*arguments: str | Path, folder: Path | None = None) -> subprocess.Popen[str]:
    call = [*COMMAND, "score", *arguments, "--checkpoint-seconds", "0"]
    return subprocess.Popen(call, stderr=subprocess.PIPE, text=True, cwd=folder)


def size_of(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0  # it may just get its name


def wait_for_progress(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until a block is written in a folder or one in it, and noted."""

    def is_noted() -> bool:
        return any(
            size_of(file) > 1000 and size_of(file.with_name("journal"))
            for file in folder.glob("**/.*.unfinished/output")
        )

    wait_until(is_noted, process)


@pytest.fixture
def data(command: Command) -> Path:
    """A folder with two files."""
    (command.folder / "data").mkdir()
    write("data/a.csv")
    write("data/b.csv", CSV + "too,many,fields\n")
    return Path("data")


@pytest.mark.guards
@pytest.mark.slow
def test_processes_write_into_one_folder_at_once(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    parts = [tmp_path / f"part{part}" for part in range(4)]
    for part in parts:
        part.mkdir()
        for number in range(12):
            text = CSV + "4,dull\n" * number + ("1,2,3\n" if number % 3 == 0 else "")
            name = f"{part.name}_{number}.csv"
            write(str(part / name), text)
            score_file(shipped_scorer(), part / name, tmp_path / "whole" / name)
    # The folder itself is made by one of them.
    running = [start(part.name, "-o", "out", "-q", folder=tmp_path) for part in parts]
    for process in running:
        _, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, err) == (3, "")
    names = files_in(str(tmp_path / "whole"))
    assert files_in(str(tmp_path / "out")) == names
    for name in names:
        if not name.endswith(".rejected.jsonl"):  # which name their input in another way
            found, expected = (tmp_path / folder / name for folder in ("out", "whole"))
            assert found.read_bytes() == expected.read_bytes()
    assert {path.suffix for path in (tmp_path / "out").glob(".*")} == {".done"}


@pytest.mark.guards
@pytest.mark.slow
def test_the_second_of_two_runs_over_the_same_outputs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in "abc":
        write_long(tmp_path / "data" / f"{name}.csv", times=10)
    first = start("data", "-o", "out", "-q", "--workers", "1", folder=tmp_path)
    wait_for_progress(first, tmp_path)
    first.send_signal(signal.SIGSTOP)
    for options in ([], ["--force"], ["--resume"], ["--skip-existing"]):
        ran = in_its_own_process("score", "data", "-o", "out", *options, cwd=tmp_path)
        ran.failed_with(".csv: another process is writing this output at the moment. Wait for", 2)
        assert first.poll() is None
    first.send_signal(signal.SIGCONT)
    _, err = first.communicate(timeout=PATIENCE)
    assert (first.returncode, err) == (0, "")
    assert files_in(str(tmp_path / "out")) == ["a.csv", "b.csv", "c.csv"]


def summary_of(report: str) -> dict[str, object]:
    content = json.loads(Path(report).read_text(encoding="utf-8"))
    return {name: content[name] for name in ("records", "scored", "without_text", "rejected")}


def test_a_finished_run_replaces_nothing(command: Command, data: Path) -> None:
    assert command("score", data, "-o", "out").exit_code == 3
    before = {name: Path("out", name).read_bytes() for name in files_in("out")}
    for options in (["--resume"], ["--skip-existing"], ["--resume", "--skip-existing"]):
        ran = command("score", data, "-o", "out", *options)
        assert (ran.exit_code, "  skipped       2 with an output" in ran.err) == (3, True)
    assert {name: Path("out", name).read_bytes() for name in files_in("out")} == before
    assert command("score", data, "-o", "out", "--force").exit_code == 3


def test_only_what_is_new_is_scored(command: Command, data: Path) -> None:
    """As a daily run does it."""
    call: list[str | Path] = ["score", data, "-o", "out", "--skip-existing", "--report", "r.json"]
    assert command(*call).exit_code == 3
    write("data/c.csv")
    before = Path("out/a.csv").stat()
    for name in (data, "data/*.csv"):
        Path("out/c.csv").unlink(missing_ok=True)
        call[1] = name
        ran = command(*call)
        assert ran.exit_code == 3, ran.err
        assert "  files         3\n  skipped       2 with an output that exists\n" in ran.err, name
        assert "  records       10\n" in ran.err
    files = json.loads(Path("r.json").read_text(encoding="utf-8"))["files"]
    assert [file["status"] for file in files] == ["skipped", "skipped", "done"]
    assert [file["records"] for file in files] == [3, 4, 3]
    ran = command(*call)
    assert (ran.exit_code, "  skipped       3 with " in ran.err) == (3, True)
    assert Path("out/a.csv").stat() == before
    names = [name for name in files_in("out") if name[0] != "."]
    assert names == ["a.csv", "b.csv", "b.csv.rejected.jsonl", "c.csv"]


def test_an_output_that_is_not_up_to_date_is_not_skipped(command: Command, data: Path) -> None:
    """A changed input, also where its time is older; one that was empty; the model, an option."""
    write("data/empty.csv", "")
    call = ("score", data, "-o", "out", "--skip-existing")
    assert command(*call).exit_code == 3
    assert "  skipped       3 with an output that exists\n" in command(*call).err

    write("data/a.csv", CSV.replace("superb", "boring"))
    os.utime("data/a.csv", (0, 0))
    write("data/empty.csv")
    before = contents(Path("out"))
    refused = {
        "a.csv": "out/a.csv: is out of date. Since it was written from data/a.csv, this has "
        "changed: the input. Replace it with --skip-existing --force, or move it away.\n",
        "empty.csv": "out/empty.csv: is out of date. Since it was written from data/empty.csv, ",
    }
    for more in ([], ["--dry-run"], ["--resume"]):
        ran = command(*call, *more)
        assert ran.exit_code == 1
        assert all(f"error: {message}" in ran.err for message in refused.values())
        assert ran.err.count("error: ") == 2
        hint = "The other files are done. To score the failed files again, run the same"
        assert (hint in ran.err) == (more != ["--dry-run"])
        is_shown = "out/b.csv\n  skipped       the output is there, and up to date" in ran.out
        assert is_shown == (more == ["--dry-run"])
        assert contents(Path("out")) == before
    shown = command(*call, "--force", "--dry-run").out
    assert shown.count("skipped") == 1
    ran = command(*call, "--force")
    assert (ran.exit_code, "  skipped       1 with" in ran.err) == (3, True)
    assert b"boring" in Path("out/a.csv").read_bytes()
    assert Path("out/empty.csv").read_bytes() == Path("out/b.csv").read_bytes()
    assert "  skipped       3 with" in command(*call).err

    for options, what in {
        ("--model", "conv1d"): "the model, the name of the model. Replace",
        ("--threshold", "0.9"): "the threshold. Replace",
        ("--delimiter", ";"): "the option delimiter. Replace",
        ("--text-column", "other"): "the option text column. Replace",
        ("--limit", "1"): "the option subset. Replace",
        ("--stars",): "the option stars column, the option adds column. Replace",
    }.items():
        ran = command(*call, *options)
        assert ran.exit_code == 1
        assert ran.err.count(f"this has changed: {what}") == 3
        assert "The other files are done" not in ran.err


def test_an_output_is_up_to_date_in_another_folder(command: Command) -> None:
    """Such as after a move, or if the folder is mounted at another place."""
    Path("old").mkdir()
    write("old/a.csv")
    call = ("--skip-existing", "-o")
    assert command("score", "old/a.csv", *call, "old/out/").exit_code == 0
    Path("old").rename("new")
    assert (
        "  skipped       1 with an output that exists\n"
        in command("score", "new/a.csv", *call, "new/out/").err
    )


DEFAULTS = [
    ("--format", "csv"),
    ("--text-column", "text"),
    ("--quote", '"'),
    ("--label-column", "l"),
]


@pytest.mark.parametrize("options", DEFAULTS, ids=" ".join)
def test_an_option_with_its_default_changes_nothing(
    options: tuple[str, str], command: Command
) -> None:
    write("a.csv", "text,review,l\nsuperb,dull,1\n")
    for first, second in ((options, ()), ((), options)):
        for more in (first, second):
            ran = command("score", "a.csv", "-o", "out/", "--skip-existing", *more)
            assert ran.exit_code == 0, ran.err
        assert "  skipped       1 with an output that exists\n" in ran.err
        Path("out/a.csv").unlink()


def test_what_is_chosen_without_an_option_is_another_column(command: Command) -> None:
    write("a.csv", "text,review\nsuperb,dull\n")
    call = ("score", "a.csv", "-o", "out/", "--skip-existing")
    assert command(*call, "--text-column", "review").exit_code == 0
    command(*call).failed_with("this has changed: the option text column. Replace", 2)


def test_a_record_of_a_version_with_fewer_options_is_understood(command: Command) -> None:
    write("a.csv")
    call = ("score", "a.csv", "-o", "out/", "--skip-existing")
    assert command(*call).exit_code == 0
    record = record_of("out")
    line = json.loads(record.read_bytes())
    reading, *others = line["identity"]["the options"]
    del reading["null_words"], reading["columns"]["model"]
    line["identity"] |= {"the options": [reading, *others[:-1]], "toolkit": "1"}
    del line["checksum"]
    record.write_text(json.dumps({**line, "checksum": digest_of(line)}))
    assert "  skipped       1 with an output that exists\n" in command(*call).err
    command(*call, "--no-null").failed_with("this has changed: the option null words. Rep", 2)
    line["identity"]["the options"] = 5
    record.write_text(json.dumps({**line, "checksum": digest_of(line)}))
    assert "1 compared by file time only" in command(*call).err


def test_what_an_output_was_made_of_may_not_be_known(command: Command, data: Path) -> None:
    """As of a clean run without --skip-existing: a newer input is found, another model is not."""
    write("data/b.csv")
    assert command("score", data, "-o", "out").exit_code == 0
    call = ("score", data, "-o", "out", "--skip-existing")
    shown = (
        "2 with an output that exists (2 compared by file time only: no record of how they were "
        "made)\n"
    )
    assert shown in command(*call).err
    assert command(*call, "--dry-run").out.count("is there, and newer than the input") == 2
    later = time.time() + 60
    os.utime("data/a.csv", (later, later))
    ran = command(*call)
    assert (ran.exit_code, ran.err.count("error: ")) == (1, 1)
    assert "error: out/a.csv: is out of date. Since it was written from data/a.csv" in ran.err
    assert "error: The other" not in ran.err
    # What another run, or somebody else, has written since is not what is recorded.
    assert command(*call, "--force").exit_code == 0
    os.utime("data/a.csv", (0, 0))
    command("score", "data/a.csv", "-o", "out/a.csv", "--force", "--stars")
    assert shown in command(*call).err


ANSWER = ("status", "exit_code", "records", "scored", "rejected", "positive", "accuracy")
_OF_FILE = ("columns", "job_id", "warnings", "records", "rejected", "rejected_file")


@pytest.mark.parametrize("option", ["--skip-existing", "--resume"])
@pytest.mark.parametrize("ending", [".csv", ".parquet", ".arrow"])
def test_a_run_that_is_started_again_gives_the_same_answer(
    command: Command, option: str, ending: str
) -> None:
    """As a scheduler does that has not heard of the end of the first one."""
    write("a.csv", CSV + "too,many,fields\n")
    call = ("score", "a.csv", "-o", f"b{ending}", option, "--report", "r.json")
    answers = []
    for is_first in (True, False, False):
        ran = command(*call)
        assert ran.exit_code == 3, ran.err
        assert ("skipped" in ran.err) != is_first
        assert "  rejected      1 → b" in ran.err
        report = json.loads(Path("r.json").read_text(encoding="utf-8"))
        (file,) = report["files"]
        answers.append([report[key] for key in ANSWER] + [file[key] for key in _OF_FILE])
    assert answers[1:] == answers[:1] * 2
    command(*call, "--max-rejected", "0").failed_with("1 of the 4 records cannot be read, more", 1)
    assert command(*call, "--max-rejected", "1").exit_code == 0
    Path(f"b{ending}.rejected.jsonl").unlink()
    ran = command(*call)
    assert (ran.exit_code, "rejected.jsonl, is gone. To write it again" in ran.err) == (3, True)
    command(*call, "--threshold", "0.9").failed_with("this has changed: the threshold. Replace", 2)
    assert command(*call, "--force").exit_code == 3
    if option == "--resume":
        assert Path(f"b{ending}.rejected.jsonl").is_file()


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".arrow"])
def test_an_output_that_was_cut_is_not_skipped(command: Command, ending: str) -> None:
    write("a.csv")
    output = Path(f"b{ending}")
    call = ("score", "a.csv", "-o", output, "--skip-existing")
    assert command(*call).exit_code == 0
    whole = output.read_bytes()
    output.write_bytes(whole[: len(whole) // 2])
    command(*call).failed_with("this has changed: the output itself. Replace it with", 2)
    output.write_bytes(whole)  # copied back, with another time
    ran = command(*call)
    assert (ran.exit_code, "  skipped       1 with an output that exists" in ran.err) == (0, True)
    assert "compared by file time only" not in ran.err
    if ending == ".csv":
        output.write_bytes(whole.replace(b"positive", b"negative"))
        command(*call).failed_with("this has changed: the output itself. Replace it with", 2)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".arrow"])
@pytest.mark.parametrize("option", ["--skip-existing", "--resume"])
def test_an_output_that_was_rewritten_in_secret_is_found(
    command: Command, option: str, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same size, and its time restored; other rights alone are no change."""
    write("a.csv")
    output = Path(f"b{ending}")
    call = ("score", "a.csv", "-o", output, option)
    assert command(*call).exit_code == 0
    read: list[Path] = []

    def counting(path: Path) -> tuple[int, int]:
        read.append(path)
        return sum_of(path)

    monkeypatch.setattr("toolkit.scoring.journal.sum_of", counting)
    assert "  skipped       1 with an output that exists\n" in command(*call).err
    assert read == []
    output.chmod(0o600)
    assert "  skipped       1 with an output that exists\n" in command(*call).err
    assert read == [output]
    before = output.stat()
    content = output.read_bytes()
    output.write_bytes(content[:-1] + b"?")
    os.utime(output, ns=(before.st_atime_ns, before.st_mtime_ns))
    command(*call).failed_with("this has changed: the output itself. Replace it with", 2)
    assert command(*call, "--force").exit_code == 0
    assert output.read_bytes() == content


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_file_of_rejects_that_was_changed_is_reported(command: Command, ending: str) -> None:
    write("a.csv", CSV + "too,many,fields\n")
    call = ("score", "a.csv", "-o", f"b{ending}", "--skip-existing")
    assert command(*call).exit_code == 3
    assert "warning: " not in command(*call).err
    Path(f"b{ending}.rejected.jsonl").write_text("junk\n")
    ran = command(*call)
    assert ran.exit_code == 3
    assert f"b{ending}.rejected.jsonl, was changed since it was written. To write it" in ran.err


def test_an_input_that_was_rewritten_in_secret_is_found(command: Command) -> None:
    """With the same size, and its time restored."""
    write("a.csv")
    before = Path("a.csv").stat()
    call = ("score", "a.csv", "-o", "b.csv", "--skip-existing")
    assert command(*call).exit_code == 0
    write("a.csv", CSV.replace("superb", "boring"))
    os.utime("a.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    command(*call).failed_with("this has changed: the input. Replace it with", 2)
    write("a.csv")
    os.utime("a.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "  skipped       1 with an output that exists\n" in command(*call).err
    Path("a.csv").chmod(0o600)
    assert "  skipped       1 with an output that exists\n" in command(*call).err


def test_a_record_is_not_left_by_a_run_without_the_option(command: Command) -> None:
    """It would be of another output."""
    write("a.csv")
    assert command("score", "a.csv", "-o", "out/", "--resume").exit_code == 0
    assert record_of("out").is_file()
    assert command("score", "a.csv", "-o", "out/", "--force", "--stars").exit_code == 0
    assert list(Path("out").glob(".*")) == []


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_first_run_without_options_is_answered_again(
    command: Command, data: Path, is_gone: bool
) -> None:
    """A scheduler that adds --skip-existing to the retry alone, with rejects and without them."""
    first = command("score", data, "-o", "out", "--report", "1.json")
    assert (first.exit_code, "  records       7\n" in first.err) == (3, True)
    if is_gone:
        Path("out/b.csv.rejected.jsonl").unlink()
    call = ("score", data, "-o", "out", "--skip-existing")
    ran = command(*call, "--report", "2.json")
    assert (ran.exit_code, "compared by file time only" in ran.err) == (3, False)
    assert summary_of("1.json") == summary_of("2.json")
    assert ("is gone. To write it again, score with --force." in ran.err) == is_gone
    ran = command(*call, "--max-rejected", "0")
    assert (ran.exit_code, "more than --max-rejected 0 allows" in ran.err) == (1, True)


def test_what_is_no_file_at_the_output_is_not_skipped(command: Command) -> None:
    write("a.csv")
    os.mkfifo("pipe.csv")
    Path("out/a.csv").mkdir(parents=True)
    Path("link.csv").symlink_to("nowhere.csv")
    for name, why in {
        "pipe.csv": "is a device or a pipe, expected a file. Choose another with --output.",
        "out/a.csv": "is a folder, expected a file. Choose another with --output.",
        "link.csv": "is a link to a file that does not exist. Choose another with --output, or "
        "write that file with --force.",
    }.items():
        where = "out/" if name == "out/a.csv" else name
        ran = command("score", "a.csv", "-o", where, "--skip-existing")
        ran.failed_with(f"{name}: {why}", 2)
    assert command("score", "a.csv", "-o", "link.csv", "--force").exit_code == 0
    assert Path("nowhere.csv").is_file()


def test_a_warning_is_given_again_after_a_run_without_options(command: Command) -> None:
    text = "zuverlaessige Lieferung, jederzeit gerne wieder, herzlichen Glueckwunsch"
    write("a.csv", "id,text\n" + f'1,"{text}"\n' * 30 + "2,a superb film\n")
    first = command("score", "a.csv", "-o", "out/")
    assert (first.exit_code, first.err.count("warning: ")) == (0, 1)
    again = command("score", "a.csv", "-o", "out/", "--skip-existing")
    assert (again.exit_code, again.err.count("warning: ")) == (0, 1)


def test_a_clean_run_without_options_leaves_nothing_beside_its_output(command: Command) -> None:
    write("a.csv")
    assert command("score", "a.csv", "-o", "out/").exit_code == 0
    assert os.listdir("out") == ["a.csv"]


def test_one_file_may_exist(command: Command) -> None:
    write("a.csv")
    for _ in range(2):
        ran = command("score", "a.csv", "--skip-existing")
        assert ran.exit_code == 0
    assert "  skipped       1 with an output that exists\n" in ran.err
    ran = command("score", "a.csv", "--skip-existing", "--stars")
    ran.failed_with("a.scored.csv: is out of date. Since it was written from a.csv, this", 2)
    ran = command("score", "a.csv", "-o", "./a.csv", "--skip-existing")
    ran.failed_with("a.csv, as it is also an input. Choose another with --output", 2)
    ran = command("score", "-", "--format", "csv", "--skip-existing")
    ran.failed_with("--skip-existing does not work with standard output.", 2)
    assert command.files() == ["a.csv", "a.scored.csv"]
    assert record_of(".").name.startswith(".a.scored.csv.")


def record_of(folder: str) -> Path:
    (record,) = Path(folder).glob(".*.done")
    return record


def test_a_record_that_is_a_link_is_not_followed(command: Command) -> None:
    """Such as in a folder where others may write, who want another file to be written."""
    write("a.csv")
    call = ("score", "a.csv", "-o", "out/", "--skip-existing")
    assert command(*call).exit_code == 0
    record = record_of("out")
    record.rename("precious")
    before = Path("precious").read_bytes()
    record.symlink_to("../precious")
    ran = command(*call)
    assert (ran.exit_code, "1 compared by file time only" in ran.err) == (0, True)
    write("a.csv", CSV.replace("superb", "boring"))
    os.utime("a.csv", (later := time.time() + 60, later))
    assert command(*call, "--force").exit_code == 0
    assert Path("precious").read_bytes() == before
    assert not record.is_symlink()


@pytest.mark.parametrize("kind", ["pipe", "deep", "large"])
def test_a_record_that_no_run_has_written_is_ignored(command: Command, kind: str) -> None:
    write("a.csv")
    call = ("score", "a.csv", "-o", "out/", "--skip-existing")
    assert command(*call).exit_code == 0
    record = record_of("out")
    content = {"deep": b"[" * 200_000, "large": record.read_bytes() + b" " * (1 << 20)}
    record.unlink()
    if kind == "pipe":
        os.mkfifo(record)
        ran = in_its_own_process(*call)
    else:
        record.write_bytes(content[kind])
        ran = command(*call)
    assert (ran.exit_code, "1 compared by file time only" in ran.err) == (0, True), ran.err


def test_a_record_that_cannot_be_written_is_no_failure(command: Command) -> None:
    write("a.csv")
    call = ("score", "a.csv", "-o", "out/", "--skip-existing")
    assert command(*call).exit_code == 0
    record = record_of("out")
    record.unlink()
    record.mkdir()
    (record / "something").touch()
    assert command(*call, "--threshold", "0.9", "--force").exit_code == 0
    Path("out/a.csv").unlink()
    ran = command(*call)
    assert (ran.exit_code, ran.err.count("error: ")) == (0, 0)
    assert set(files_in("out")) == {"a.csv", f"{record.name}/something"}


@pytest.mark.guards
@pytest.mark.slow
def test_what_is_unfinished_is_not_skipped(command: Command, data: Path) -> None:
    (data / "b.csv").unlink()
    write_long(data / "b.csv", times=20)
    process = start(data, "-o", "out", "-q")
    wait_for_progress(process, Path("out"))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGTERM
    ran = command("score", data, "-o", "out", "--skip-existing")
    ran.failed_with("out/b.csv: an earlier run is unfinished. Continue it with --resume, or", 2)
    ran = command("score", data, "-o", "out", "--skip-existing", "--resume")
    assert ran.exit_code == 0
    assert "skipped       1 with" in ran.err
    assert [name for name in files_in("out") if name[0] != "."] == ["a.csv", "b.csv"]


@pytest.mark.parametrize("name", ["data", "data/*"])
def test_an_empty_file_is_no_failure(command: Command, data: Path, name: str) -> None:
    write("data/c.csv", "")
    write("data/d.jsonl", "")
    write("data/e.csv.gz", gzip.compress(b""))
    write("data/f.csv", "\n\n")
    ran = command("score", name, "-o", "out")
    assert ran.exit_code == 3
    for empty in ("c.csv", "d.jsonl", "e.csv.gz", "f.csv"):
        assert f"warning: data/{empty}: nothing is in this file, nor in its output." in ran.err
    names = ["a.csv", "b.csv", "b.csv.rejected.jsonl", "c.csv", "d.jsonl", "e.csv.gz", "f.csv"]
    assert files_in("out") == names
    assert Path("out/c.csv").read_bytes() == Path("out/d.jsonl").read_bytes() == b""
    ran = command("score", name, "-o", "out", "--skip-existing")
    assert (ran.exit_code, "skipped       6 with" in ran.err) == (3, True)
    ran = command("score", name, "-o", "tables", "--output-format", "parquet", "--stars")
    assert ran.exit_code == 3
    table = pq.read_table("tables/d.parquet")
    assert (len(table), table.column_names[0]) == (0, "predicted_sentiment")
    assert len(table.column_names) == 3
    command("score", "data/c.csv").failed_with("data/c.csv: the file is empty, expected reviews")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with little room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.guards
@pytest.mark.slow
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_full_disk_keeps_what_is_done(ending: str, small_disk: Path, tmp_path: Path) -> None:
    source, output = write_long(tmp_path / "a.csv", times=20), small_disk / f"b{ending}"
    room = small_disk / "other"
    with room.open("wb") as file:
        file.write(bytes(1 << 20 if ending == ".csv" else 5 << 20))
    ran = in_its_own_process(
        "score", source, "-o", output, "-q", "--workers", "1", "--checkpoint-seconds", "0"
    )
    ran.failed_with("cannot be written: No space left on device. Progress is saved. Run the same")
    (folder,) = small_disk.glob(".b.*")
    assert (folder / ("output" if ending == ".csv" else "scores")).stat().st_size > 1000
    room.unlink()
    subprocess.run(["mount", "-o", "remount,size=90m", small_disk], check=True)
    ran = in_its_own_process("score", source, "-o", output, "-q", "--resume")
    assert (ran.exit_code, ran.err) == (0, "")
    assert files_in(str(small_disk)) == [output.name]
    whole = tmp_path / f"whole{ending}"
    score_file(shipped_scorer(), source, whole)
    assert output.read_bytes() == whole.read_bytes()
