"""Several files, folders and patterns, scored into a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import CSV, Command, files_in, journals, write
from tests.models import shipped_scorer
from tests.scoring.stopping import score_into, stop_at
from toolkit.scoring import ScoringOptions, score_file

JSON = '{"text": "a superb film"}\n{"text": 5}\n{}\n'


@pytest.fixture
def data(command: Command) -> Path:
    """A folder with files that can be scored, and others."""
    (command.folder / "data" / "inner").mkdir(parents=True)
    write("data/a.csv")
    write("data/inner/b.jsonl", JSON)
    write("data/inner/a.csv", CSV.replace("superb", "terrible"))
    write("data/notes.txt", "not a review")
    write("data/.hidden.csv", "not to be read")
    write("data/_SUCCESS", "")
    return Path("data")


SCORED = ["a.csv", "inner/a.csv", "inner/b.jsonl", "inner/b.jsonl.rejected.jsonl"]


def test_a_folder(command: Command, data: Path) -> None:
    ran = command("score", data, "-o", "out", "--report", "report.json")
    assert (ran.exit_code, ran.out) == (3, "")
    assert files_in("out") == SCORED
    assert ran.err.startswith("out\n  files         3\n  ignored       1 file of unknown format\n")
    assert "rejected      1 → out/inner/b.jsonl.rejected.jsonl\n" in ran.err
    for name in SCORED[:3]:
        score_file(shipped_scorer(), data / name, Path(f"alone{Path(name).suffix}"),
                   ScoringOptions(force=True))  # fmt: skip
        assert Path("out", name).read_bytes() == Path(f"alone{Path(name).suffix}").read_bytes()
    report = json.loads(Path("report.json").read_text(encoding="utf-8"))
    assert (report["records"], report["scored"], report["without_text"], report["rejected"]) == (
        9, 5, 3, 1,
    )  # fmt: skip
    assert report["model"] == shipped_scorer().identity()
    assert [Path(file["input"]).name for file in report["files"]] == ["a.csv", "a.csv", "b.jsonl"]
    last = report["files"][-1]
    assert last["output"] == "out/inner/b.jsonl"
    assert last["rejected_file"] == "out/inner/b.jsonl.rejected.jsonl"
    assert (last["records"], last["rejected"]) == (3, 1)
    assert report["files"][0]["rejected_file"] is None


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        (["data/a.csv", "data/inner/b.jsonl"], ["a.csv", "b.jsonl", "b.jsonl.rejected.jsonl"]),
        (["data/*.csv"], ["a.csv"]),
        (
            ["data/*.csv", "data/**/*.csv", "data/**/b*"],
            ["a.csv", "inner/a.csv", "inner/b.jsonl", "inner/b.jsonl.rejected.jsonl"],
        ),
    ],
)
def test_names_and_patterns(
    command: Command, data: Path, inputs: list[str], outputs: list[str]
) -> None:
    """Below a pattern, files keep their place in the input."""
    assert command("score", *inputs, "-o", "out").exit_code == (3 if len(outputs) > 1 else 0)
    assert files_in("out") == outputs
    assert data.exists()


def test_a_name_that_looks_like_a_pattern(command: Command) -> None:
    write("a[1].csv")
    assert command("score", "a[1].csv").exit_code == 0
    assert command.files() == ["a[1].csv", "a[1].scored.csv"]


def test_a_file_that_is_given_twice_is_scored_once(command: Command, data: Path) -> None:
    Path("out").mkdir()
    ran = command("score", "data/a.csv", "data/*.csv", "./data/a.csv", "-o", "out")
    assert (ran.exit_code, files_in("out")) == (0, ["a.csv"]), ran.err
    assert command("score", "data/a.csv", "data/a.csv", "-o", "b.csv").exit_code == 0
    assert data.exists()


def test_a_folder_within_the_input_is_not_read_again(command: Command, data: Path) -> None:
    assert command("score", data, "-o", "data/out").exit_code == 3
    before = files_in("data/out")
    assert before == SCORED
    ran = command("score", data, "-o", "data/out", "--force")
    assert ran.exit_code == 3, ran.err
    assert files_in("data/out") == before


def test_rejects_of_an_earlier_run_are_not_scored(command: Command, data: Path) -> None:
    assert command("score", "data/inner/b.jsonl").exit_code == 3
    Path("data/inner/b.scored.jsonl").unlink()
    assert files_in("data/inner") == ["a.csv", "b.jsonl", "b.scored.jsonl.rejected.jsonl"]
    assert command("score", data, "-o", "out").exit_code == 3
    assert files_in("out") == SCORED


@pytest.mark.parametrize(
    ("inputs", "options", "message", "exit_code"),
    [
        (["data/a.csv", "data/inner/a.csv"], ["-o", "out"],
         "data/a.csv and data/inner/a.csv would both be written to out/a.csv.", 2),
        (["data"], [], "3 files to score: choose a folder for the scored ones with --output", 2),
        (["data"], ["-o", "-"], "choose a folder for the scored ones with --output", 2),
        (["data"], ["-o", "file.csv"], "file.csv: is a file, expected a folder", 2),
        (["data"], ["-o", "out", "--rejected", "r.jsonl"], "--rejected: ", 2),
        (["data", "-"], ["-o", "out", "--format", "csv"], "standard input cannot be combined", 2),
        (["data/*.tsv"], ["-o", "out"], "data/*.tsv: no file matches this pattern", 1),
        (["empty"], ["-o", "out"], "empty: a folder without a file of reviews; they end in", 1),
    ],
)  # fmt: skip
def test_wrong_calls(
    command: Command,
    data: Path,
    inputs: list[str],
    options: list[str],
    message: str,
    exit_code: int,
) -> None:
    write("file.csv")
    Path("empty").mkdir()
    before = command.files()
    command("score", *inputs, *options).failed_with(message, exit_code)
    assert command.files() == before
    assert data.exists()


@pytest.mark.parametrize("bad", [b"", b"id,plot\n1,a\n", b'"text', None])
def test_a_bad_file_does_not_stop_the_others(
    command: Command, data: Path, bad: bytes | None
) -> None:
    inputs = ["data/a.csv", "data/bad.csv", "data/inner/b.jsonl"]
    if bad is not None:
        write("data/bad.csv", bad)
    ran = command("score", *inputs, "-o", "out", "--report", "r.json")
    assert (ran.exit_code, ran.out) == (1, "")
    assert "files         3, 1 failed\n" in ran.err
    (line,) = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: data/bad.csv: ")
    assert files_in("out") == [
        *journals("a.csv", "b.jsonl"), "a.csv", "b.jsonl", "b.jsonl.rejected.jsonl",
    ]  # fmt: skip
    files = json.loads(Path("r.json").read_text(encoding="utf-8"))["files"]
    assert f"error: {files[1]['error']}" == line
    assert data.exists()


def test_existing_outputs_are_kept(command: Command, data: Path) -> None:
    Path("out").mkdir()
    write("out/a.csv", "precious")
    ran = command("score", data, "-o", "out")
    ran.failed_with("out/a.csv: exists already. Choose another folder with --output, or replace", 2)
    assert files_in("out") == ["a.csv"]
    assert command("score", data, "-o", "out", "--force").exit_code == 3
    assert files_in("out") == SCORED


def test_a_finished_file_that_has_changed(command: Command, data: Path) -> None:
    with pytest.raises(RuntimeError, match="stopped"):
        score_into("out", [data], stop_at("out/inner/b.jsonl", RuntimeError("stopped")))
    write("data/a.csv", CSV + "4,another\n")
    ran = command("score", data, "-o", "out", "--resume")
    assert ran.exit_code == 1
    assert "out/a.csv: cannot be continued, because this has changed: the input." in ran.err
    assert command("score", data, "-o", "out", "--force").exit_code == 3
