"""Resuming a run over several files: what is scored again, and what is never replaced."""

from __future__ import annotations

import json
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.cli.running import CSV, Command, files_in, journals, score_into, stop_at, write
from toolkit.errors import OutputError
from toolkit.scoring import Job
from toolkit.scoring.journal import Journal

BAD = '"text'  # a header that does not end
FOREIGN = "error: {}: exists already. Choose another with --output, replace it with --force, or "
GO_ON = "Run the same command with --resume"


@pytest.fixture
def data(command: Command) -> Path:
    """A folder with three files."""
    (command.folder / "data").mkdir()
    for name in "abc":
        write(f"data/{name}.csv")
    return Path("data")


STOPPED = RuntimeError("stopped")


def stop(output: str, error: Exception = STOPPED, *, force: bool = False) -> None:
    """Score the folder into `out` until a file, at which an error ends the run."""
    with pytest.raises(type(error)) as caught:
        score_into("out", ["data"], stop_at(output, error), force=force)
    notes = "".join(getattr(caught.value, "__notes__", []))
    assert (GO_ON in notes) == (output != "out/a.csv")


def test_only_files_that_failed_are_scored_again(command: Command, data: Path) -> None:
    write("data/b.csv", BAD)
    arguments: list[str | Path] = ["score", data, "-o", "out", "--report", "r.json"]
    ran = command(*arguments)
    assert ran.exit_code == 1
    assert ran.err.endswith(
        "as in RFC 4180: quote such fields, and end lines with LF.\nThe other files are done. "
        "Score the failed files again with --resume, or all files with --force.\n"
    )
    assert files_in("out") == [*journals("a.csv", "c.csv"), "a.csv", "c.csv"]
    ran = command("score", data, "-o", "out")
    ran.failed_with("out/a.csv: an earlier run is unfinished. Continue it with --resume, or", 2)
    write("data/b.csv")
    before = [Path("out", name).stat() for name in ("a.csv", "c.csv")]
    ran = command(*arguments, "--resume")
    assert ran.exit_code == 0, ran.err
    assert [Path("out", name).stat() for name in ("a.csv", "c.csv")] == before
    assert files_in("out") == ["a.csv", "b.csv", "c.csv"]
    assert json.loads(Path("r.json").read_text(encoding="utf-8"))["records"] == 9


def test_force_applies_to_files_that_were_not_started(command: Command, data: Path) -> None:
    assert command("score", data, "-o", "out").exit_code == 0
    stop("out/b.csv", OutputError("full"), force=True)
    ran = command("score", data, "-o", "out", "--resume")
    assert ran.exit_code == 1
    assert [name in ran.err for name in ("out/a.csv: ex", "out/b.csv: ex", "out/c.csv: ex")] == [
        False, True, True,
    ]  # fmt: skip
    ran = command("score", data, "-o", "out", "--resume", "--force")
    assert ran.exit_code == 0, ran.err
    assert files_in("out") == ["a.csv", "b.csv", "c.csv"]


def test_rejects_of_other_runs_are_never_replaced(command: Command, data: Path) -> None:
    rejected = Path("out/a.csv.rejected.jsonl")
    rejected.parent.mkdir()
    write(str(rejected), "precious")
    for more in ([], ["--resume"]):
        ran = command("score", data, "-o", "out", *more)
        assert ran.exit_code == 1
        assert "a.csv.rejected.jsonl: exists already" in ran.err
        assert rejected.read_text(encoding="utf-8") == "precious"


def test_a_failed_file_that_is_gone_keeps_nothing(command: Command, data: Path) -> None:
    write("data/b.csv", BAD)
    assert command("score", data, "-o", "out").exit_code == 1
    (data / "b.csv").unlink()
    assert command("score", data, "-o", "out", "--resume").exit_code == 0
    assert files_in("out") == ["a.csv", "c.csv"]


def test_resume_is_suggested_if_something_is_done(command: Command, data: Path) -> None:
    stop("out/a.csv", OutputError("full"))
    assert files_in("out") == []
    stop("out/b.csv", OutputError("full"))
    assert files_in("out") == [*journals("a.csv"), "a.csv"]
    assert command("score", data, "-o", "out", "--resume").exit_code == 0


@pytest.mark.parametrize("folder", ["out", "../out"])
def test_killed_after_an_output_was_renamed(
    command: Command, data: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    stop("out/b.csv")
    with Path("out", *journals("a.csv")).open("a", encoding="utf-8") as file:
        file.write('{"version": 4, "ident')  # cut off
    if folder != "out":
        monkeypatch.chdir(data)
        data = Path()
    assert score_into(folder, [data], resume=True) == ["b.csv", "c.csv"]
    assert files_in(folder) == ["a.csv", "b.csv", "c.csv"]


def test_killed_before_an_output_was_renamed(command: Command, data: Path) -> None:
    """It is complete, and only has to be moved."""

    def block(output: Path) -> None:
        if output.name == "b.csv":
            output.mkdir()

    score_into("out", [data], after_block=block)
    ran = command("score", data, "-o", "out", "--resume")
    assert ran.exit_code == 1
    assert "out/b.csv: a folder has appeared here during the run, and is not replaced." in ran.err
    Path("out/b.csv").rmdir()
    assert score_into("out", [data], resume=True) == []
    assert files_in("out") == ["a.csv", "b.csv", "c.csv"]
    assert command("score", data, "-o", "whole").exit_code == 0
    for name in files_in("out"):
        assert Path("out", name).read_bytes() == Path("whole", name).read_bytes()


@pytest.mark.parametrize("removed", range(4))
def test_killed_while_the_journals_were_removed(
    command: Command, data: Path, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    call = ["score", "data", "-o", "out"]
    remove, names = Journal.remove, ["a.csv", "b.csv", "c.csv"]

    def stops(journal: Journal) -> None:
        if len(files_in("out")) == 6 - removed:
            raise STOPPED
        remove(journal)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "remove", stops)
        with suppress(RuntimeError):
            score_into("out", ["data"])
    assert files_in("out") == [*journals(*names[removed:]), *names]
    before = [Path("out", name).stat() for name in names]
    if removed < 3:
        command(*call).failed_with("an earlier run is unfinished", 2)
        write("out/d.csv", "mine")
        write("d.csv")
        ran = command("score", "data", "d.csv", "-o", "out", "--resume")
        assert FOREIGN.format("out/d.csv") in ran.err  # by a call of other files
        Path("out/d.csv").unlink()
        ran = command(*call, "--resume")
        assert ran.exit_code == 0, ran.err
    assert [Path("out", name).stat() for name in names] == before
    assert files_in("out") == names
    assert command(*call, "--force").exit_code == 0
    assert files_in("out") == names


def test_a_run_that_starts_over_forgets_that_another_one_was_done(
    command: Command, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(journal: Journal) -> None:
        if journal.job.output.name == "c.csv":
            raise STOPPED
        remove(journal)

    remove = Journal.remove
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "remove", stops)
        with pytest.raises(RuntimeError, match="stopped"):
            score_into("out", ["data"])
    stop("out/b.csv", OutputError("full"), force=True)
    ran = command("score", "data", "-o", "out", "--resume")
    assert "out/b.csv: exists already" in ran.err
    assert ran.exit_code == 1


def test_a_finished_output_that_is_gone_is_scored_again(command: Command, data: Path) -> None:
    stop("out/c.csv")
    Path("out/a.csv").unlink()
    assert score_into("out", [data], resume=True) == ["a.csv", "c.csv"]
    assert files_in("out") == ["a.csv", "b.csv", "c.csv"]


def write_mine(_: Path) -> None:
    write("out/b.csv", "mine")


@pytest.mark.parametrize("how", ["another call", "another folder", "meanwhile", "after a failure"])
def test_what_is_not_of_the_run_is_never_replaced(command: Command, data: Path, how: str) -> None:
    """Whoever has written it; and nothing of the run is forgotten by another call."""
    inputs: list[str | Path] = [data]
    if how == "meanwhile":
        score_into("out", [data], write_mine)
    elif how == "after a failure":
        write("data/b.csv", BAD)
        assert command("score", data, "-o", "out").exit_code == 1
        write("data/b.csv")
    else:
        stop("out/b.csv")
        inputs = [write("b.csv"), *([write("d.csv")] if how == "another call" else [])]
    write("out/b.csv", "mine")
    ran = command("score", *inputs, "-o", "out/", "--resume")
    assert ran.exit_code in (1, 2)
    assert FOREIGN.format("out/b.csv") in ran.err
    assert Path("out/b.csv").read_text(encoding="utf-8") == "mine"
    Path("out/b.csv").unlink()
    assert score_into("out", [data], resume=True)[:1] == ["b.csv"]
    assert {"a.csv", "b.csv", "c.csv"} <= {*files_in("out")}


def test_a_file_into_a_new_folder_leaves_nothing_else(command: Command, data: Path) -> None:
    def fail(_: Path) -> None:
        raise STOPPED

    with pytest.raises(RuntimeError, match="stopped") as caught:
        score_into("new/", ["data/a.csv"], after_block=fail)
    assert GO_ON in caught.value.__notes__[0]
    command("score", "data/a.csv", "-o", "new/").failed_with("an earlier run is unfinished", 2)
    assert command("score", "data/a.csv", "-o", "new/", "--resume").exit_code == 0
    assert files_in("new") == ["a.csv"]
    assert command("score", "data/b.csv", "data/c.csv", "-o", "new/").exit_code == 0


def test_a_name_that_is_too_long_fails_alone(command: Command, data: Path) -> None:
    long = "x" * 245 + ".csv"  # not for its rejects
    longest = "y" * 251 + ".csv"  # not for a Parquet file, either
    write(f"data/{long}")
    write(f"data/{longest}")
    for options, output in (([], "out"), (["--output-format", "parquet"], "parquet")):
        ran = command("score", data, "-o", output, *options)
        assert ran.exit_code == 1
        assert "files         5, 2 failed\n" in ran.err
        assert ran.err.count("cannot be written: File name too long\n") == 2
        assert len(files_in(output)) == 2 * 3  # with what says that they are of this run
        ran = command("score", data, "-o", output, *options, "--resume")
        assert "files         5, 2 failed\n" in ran.err


def test_a_forced_run_that_failed_can_be_resumed(command: Command, data: Path) -> None:
    assert command("score", data, "-o", "out").exit_code == 0
    write("data/b.csv", BAD)
    ran = command("score", data, "-o", "out", "--force")
    assert ran.exit_code == 1
    assert "Score the failed files again with --resume --force, or all files with" in ran.err
    write("data/b.csv", CSV + "4,more\n")
    before = Path("out/a.csv").stat()
    assert command("score", data, "-o", "out", "--resume", "--force").exit_code == 0
    assert Path("out/a.csv").stat() == before
    assert Path("out/b.csv").read_text(encoding="utf-8").count("\n") == 5


def test_a_wrong_call_keeps_the_progress(command: Command, data: Path) -> None:
    def late(output: Path) -> None:
        if output.name == "c.csv":
            raise STOPPED

    with pytest.raises(RuntimeError, match="stopped"):
        score_into("out", ["data"], after_block=late)
    before = {path: path.stat() for path in Path("out").rglob("*") if path.is_file()}
    ran = command("score", "data", "-o", "out", "--resume", "--threshold", "0.7", "-q")
    assert "this has changed: the threshold. Undo that, or start over" in ran.err
    for wrong in (["--text-column", "nope"], ["--names", "sentiment=text"]):
        assert command("score", "data", "-o", "out", "--force", *wrong).exit_code == 1
    for path, facts in before.items():
        if path.name != "journal":
            assert path.stat() == facts
    assert score_into("out", ["data"], resume=True) == ["c.csv"]
    assert files_in("out") == ["a.csv", "b.csv", "c.csv"]


def test_a_lock_is_seen_before_anything_is_scored(command: Command, data: Path) -> None:
    Path("out").mkdir()
    with closing(Journal(Job.of(Path("data/c.csv"), Path("out/c.csv")))) as other:
        other.open()
        command("score", data, "-o", "out").failed_with("out/c.csv: another process is writing", 2)
    assert files_in("out") == journals("c.csv")
    assert command("score", data, "-o", "out").exit_code == 0
    assert files_in("out") == ["a.csv", "b.csv", "c.csv"]


def test_a_forced_run_with_other_options_can_be_resumed(command: Command, data: Path) -> None:
    """What it starts over is not mixed with what it writes."""
    stop("out/c.csv")
    with pytest.raises(RuntimeError, match="stopped"):
        stop_at_b = stop_at("out/b.csv", STOPPED)
        score_into("out", ["data"], stop_at_b, force=True, stop_on_error=True)
    resumed = score_into("out", ["data"], resume=True, force=True, stop_on_error=True)
    assert resumed == ["b.csv", "c.csv"]
    assert files_in("out") == ["a.csv", "b.csv", "c.csv"]
