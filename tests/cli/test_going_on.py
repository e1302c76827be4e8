"""Going on with a run over several files: what is redone, and what is never replaced."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import Command
from tests.cli.test_score import CSV, write
from tests.cli.test_several_files import files_in
from toolkit.errors import OutputError
from toolkit.scoring import score_files as module
from toolkit.scoring.run_notes import NAME, RunNotes
from toolkit.scoring.score_file import score_file
from toolkit.scoring.summary import Summary

GO_ON = "go on with --resume"


@pytest.fixture
def data(command: Command) -> Path:
    """A folder with three files."""
    (command.folder / "data").mkdir()
    for name in "abc":
        write(f"data/{name}.csv")
    return Path("data")


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are scored."""
    names: list[str] = []

    def score(scorer: object, source: Path, *others: object) -> Summary:
        names.append(source.name)
        return score_file(scorer, source, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "score_file", score)
    return names


Stop = Callable[..., None]


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch, command: Command, data: Path) -> Stop:
    """Score the folder into `out` until a file, at which an error ends the run."""

    def run(name: str, error: BaseException, *options: str) -> None:
        def score(scorer: object, source: Path, *others: object) -> Summary:
            if source.name == name:
                raise error
            return score_file(scorer, source, *others)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(module, "score_file", score)
            ran = command("score", data, "-o", "out", *options)
        assert ran.exit_code == 1
        assert (GO_ON in ran.err) == (name != "a.csv"), ran.err

    return run


def test_only_files_that_failed_are_scored_again(
    command: Command, data: Path, scored: list[str]
) -> None:
    write("data/b.csv", "")
    arguments: list[str | Path] = ["score", data, "-o", "out", "--report", "r.json"]
    ran = command(*arguments)
    assert (ran.exit_code, scored) == (1, ["a.csv", "b.csv", "c.csv"])
    assert ran.err.endswith(
        "error: data/b.csv: the file is empty, expected reviews\n"
        "The other files are done: score those that failed again with --resume, or all with "
        "--force.\n"
    )
    assert files_in("out") == [NAME, "a.csv", "c.csv"]
    ran = command("score", data, "-o", "out")
    ran.failed_with("out: a run that was interrupted or had files that failed is still unfini", 2)
    write("data/b.csv")
    ran = command(*arguments, "--resume")
    assert (ran.exit_code, scored[3:]) == (0, ["b.csv"]), ran.err
    assert files_in("out") == ["a.csv", "b.csv", "c.csv"]
    assert json.loads(Path("r.json").read_text(encoding="utf-8"))["records"] == 9


def test_force_holds_for_files_that_were_not_begun(
    command: Command, stop: Stop, data: Path
) -> None:
    assert command("score", data, "-o", "out").exit_code == 0
    stop("b.csv", OutputError("full"), "--force")
    ran = command("score", data, "-o", "out", "--resume")
    assert ran.exit_code == 0, ran.err
    assert files_in("out") == ["a.csv", "b.csv", "c.csv"]


def test_rejects_of_others_are_never_replaced(command: Command, data: Path) -> None:
    rejected = Path("out/a.csv.rejected.jsonl")
    rejected.parent.mkdir()
    write(str(rejected), "precious")
    for more in ([], ["--resume"]):
        ran = command("score", data, "-o", "out", *more)
        assert ran.exit_code == 1
        assert "a.csv.rejected.jsonl: exists already" in ran.err
        assert rejected.read_text(encoding="utf-8") == "precious"


def test_a_file_that_failed_and_is_gone_keeps_nothing(command: Command, data: Path) -> None:
    (data / "b.csv").write_bytes(b"")
    assert command("score", data, "-o", "out").exit_code == 1
    (data / "b.csv").unlink()
    assert command("score", data, "-o", "out", "--resume").exit_code == 0
    assert files_in("out") == ["a.csv", "c.csv"]


def test_nothing_is_kept_where_all_failed(command: Command, data: Path) -> None:
    write("a.csv", "")
    write("b.csv", "")
    ran = command("score", "a.csv", "b.csv", "-o", "out")
    assert ran.exit_code == 1
    assert "--resume" not in ran.err
    assert files_in("out") == []


def test_going_on_is_said_where_something_is_done(command: Command, stop: Stop, data: Path) -> None:
    stop("a.csv", OutputError("full"))
    assert files_in("out") == []
    stop("b.csv", OutputError("full"))
    assert files_in("out") == [NAME, "a.csv"]


def test_another_call_replaces_nothing(
    command: Command, stop: Stop, data: Path, scored: list[str]
) -> None:
    """What stands in the folder of the outputs, and is none of the interrupted run."""
    stop("b.csv", RuntimeError("stopped"))
    write("d.csv")
    write("e.csv")
    precious = write("out/d.csv", "precious")
    ran = command("score", "d.csv", "e.csv", "-o", "out", "--resume")
    ran.failed_with("out/d.csv: exists already. Choose another folder with --output, or repl", 2)
    assert precious.read_text(encoding="utf-8") == "precious"
    precious.unlink()
    assert command("score", "d.csv", "e.csv", "-o", "out", "--resume").exit_code == 0
    del scored[:]
    ran = command("score", data, "-o", "out", "--resume")  # is not forgotten by the other call
    assert (ran.exit_code, scored) == (0, ["b.csv", "c.csv"]), ran.err
    assert files_in("out") == ["a.csv", "b.csv", "c.csv", "d.csv", "e.csv"]


def test_the_same_name_from_elsewhere_replaces_nothing(
    command: Command, stop: Stop, data: Path
) -> None:
    stop("b.csv", RuntimeError("stopped"))
    write("b.csv")
    write("c.csv")
    write("out/b.csv", "precious")
    ran = command("score", "b.csv", "c.csv", "-o", "out", "--resume")
    ran.failed_with("out/b.csv: exists already. ", 2)


@pytest.mark.parametrize("folder", ["out", "../out"])
def test_killed_between_the_move_of_an_output_and_its_note(
    command: Command,
    data: Path,
    scored: list[str],
    monkeypatch: pytest.MonkeyPatch,
    folder: str,
) -> None:
    def killed(self: RunNotes, *others: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(RunNotes, "done", killed)
        assert command("score", data, "-o", "out").exit_code == 1
    assert files_in("out") == [NAME, "a.csv"]
    with Path("out", NAME).open("a", encoding="utf-8") as file:
        file.write('{"output": "a.c')  # cut off
    del scored[:]
    if folder != "out":
        monkeypatch.chdir(data)
        data = Path()
    ran = command("score", "a.csv" if folder != "out" else "data/a.csv", "-o", folder, "--resume")
    ran.failed_with("a.csv: exists already", 2)  # one file into a folder is no run over several
    ran = command("score", data, "-o", folder, "--resume")
    assert (ran.exit_code, scored) == (0, ["a.csv", "b.csv", "c.csv"]), ran.err
    assert files_in(folder) == ["a.csv", "b.csv", "c.csv"]


def test_what_appears_meanwhile_is_kept(
    command: Command, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def score(scorer: object, source: Path, *others: object) -> Summary:
        write("out/b.csv", "precious")
        return score_file(scorer, source, *others)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(module, "score_file", score)
        assert command("score", data, "-o", "out").exit_code == 1
    ran = command("score", data, "-o", "out", "--resume")
    assert ran.exit_code == 2
    assert "out/b.csv: exists already" in ran.err
    assert Path("out/b.csv").read_text(encoding="utf-8") == "precious"


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
        assert len(files_in(output)) == 4
        ran = command("score", data, "-o", output, *options, "--resume")
        assert "files         5, 2 failed\n" in ran.err


def test_messages_on_files_have_one_line(command: Command, data: Path) -> None:
    write("data/new\nline.csv", "")
    ran = command("score", data, "-o", "out")
    assert "error: data/new\\nline.csv: the file is empty, " in ran.err


def test_a_forced_run_that_failed_can_be_gone_on_with(command: Command, data: Path) -> None:
    assert command("score", data, "-o", "out").exit_code == 0
    write("data/b.csv", "")
    assert command("score", data, "-o", "out", "--force").exit_code == 1
    write("data/b.csv", CSV + "4,more\n")
    assert command("score", data, "-o", "out", "--resume").exit_code == 0
    assert Path("out/b.csv").read_text(encoding="utf-8").count("\n") == 5
