"""Outputs: what may be written and replaced, rejects, and several files in a folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import (
    COMMAND,
    CSV,
    Command,
    files_in,
    journals,
    rows,
    score_into,
    stop_at,
    write,
)
from tests.models import MODEL, shipped_scorer
from toolkit.scoring import ScoringOptions, score_file


def test_links_to_themselves(command: Command) -> None:
    Path("loop.csv").symlink_to("loop.csv")
    command("score", "loop.csv").failed_with("loop.csv: cannot be read: Too many levels of symb")
    write("a.csv")
    circle = "loop.csv: is a link that leads to itself. Choose another with --"
    for options in ([], ["--force"], ["--resume"]):
        command("score", "a.csv", "-o", "loop.csv", *options).failed_with(circle + "output.", 2)
    ran = command("score", "a.csv", "--rejected", "loop.csv", "--force")
    ran.failed_with(circle + "rejected.", 2)
    assert command.files() == ["a.csv", "loop.csv"]


def test_rejects_and_scores_do_not_both_go_to_standard_output(command: Command) -> None:
    write("a.csv")
    write("-", "precious")
    ran = command("score", "a.csv", "-o", "-", "--rejected", "-")
    ran.failed_with("--rejected -: the scored records go to standard output. Name a file for", 2)
    assert Path("-").read_text(encoding="utf-8") == "precious"
    assert command.files() == ["-", "a.csv"]


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
@pytest.mark.parametrize("name", ["b.csv", "b.csv.rejected.jsonl"])
def test_no_output_replaces_an_input(
    command: Command, name: str, link: Callable[[Path, Path], None] | None
) -> None:
    """That of another file: `s/sub/b.csv` would become the input `d/sub/b.csv`."""
    Path("s/sub").mkdir(parents=True)
    Path("d/sub").mkdir(parents=True)
    write("s/sub/b.csv")
    given = replaced = write(f"d/sub/{name}", "text\nprecious\n")
    if link is not None:
        given = Path(f"linked{replaced.suffix}")
        link(replaced.absolute(), given)
    ran = command("score", "s", given, "-o", "d", "--force")
    ran.failed_with("as it is also an input. Choose another with --", 2)
    assert replaced.read_text(encoding="utf-8") == "text\nprecious\n"


def test_no_rejects_replace_an_output(command: Command) -> None:
    write("a.csv", "text\nx\n1,2\n")
    write("a.csv.rejected.jsonl", '{"text": "a"}\n')
    for names in (["a.csv", "a.csv.rejected.jsonl"], ["a.csv.rejected.jsonl", "a.csv"]):
        ran = command("score", *names, "-o", "out", "--force")
        ran.failed_with("out/a.csv.rejected.jsonl: cannot be the ", 2)
        assert "the rejects of a.csv" in ran.err
    assert command.files() == ["a.csv", "a.csv.rejected.jsonl"]


def test_where_a_report_may_be_written(command: Command) -> None:
    write("a.csv")
    Path("folder").mkdir()
    shutil.copy(MODEL, "model.onnx")
    os.link("a.csv", "hard.csv")
    os.link("model.onnx", "hard.onnx")
    before = command.files()
    for report, message in (
        ("-", "--report: cannot go to standard output; name a file."),
        ("folder", "folder: is a folder, expected a file. Choose another with --r"),
        (
            "hard.csv",
            "hard.csv: cannot be the report, as it is also an input. Choose another with --report",
        ),
        ("model.onnx", "model.onnx: cannot be the report, as it is also the model."),
        ("hard.onnx", "hard.onnx: cannot be the report, as it is also the model."),
    ):
        ran = command("score", "a.csv", "-m", "model.onnx", "--report", report, "--force")
        ran.failed_with(message, 2)
    assert command.files() == before


@pytest.mark.parametrize("output", ["b.csv", "new/"])
def test_a_report_is_kept_if_nothing_is_unfinished(command: Command, output: str) -> None:
    write("a.csv")
    write("r.json", "precious")
    ran = command("score", "a.csv", "-o", output, "--report", "r.json", "--resume")
    ran.failed_with("r.json: exists already. Choose another with --report", 2)
    assert command.files() == ["a.csv", "r.json"]


def test_nothing_replaces_the_model(command: Command) -> None:
    write("a.csv")
    shutil.copy(MODEL, "m.onnx")
    call = ("score", "a.csv", "-m", "m.onnx", "--force")
    ran = command(*call, "--rejected", "m.onnx")
    ran.failed_with("m.onnx: cannot be the rejects of a.csv, as it is also the model. Choose", 2)
    ran = command(*call, "-o", "m.onnx", "--output-format", "csv")
    ran.failed_with("m.onnx: cannot be the output of a.csv, as it is also the model. Choose", 2)
    assert Path("m.onnx").read_bytes() == Path(MODEL).read_bytes()


@pytest.mark.parametrize("report", ["out", "out/sub"])
def test_a_report_is_not_a_folder_of_the_output(command: Command, report: str) -> None:
    Path("d/sub").mkdir(parents=True)
    write("d/a.csv")
    write("d/sub/a.csv")
    message = f"{report}: cannot be the report, as it is also a folder of the output."
    command("score", "d", "-o", "out", "--report", report).failed_with(message, 2)
    command("score", "d/a.csv", "-o", f"{report}/", "--report", report).failed_with(message, 2)
    assert command.files() == ["d"]


def test_a_link_into_a_missing_folder_names_that_folder(command: Command) -> None:
    write("a.csv")
    Path("b.csv").symlink_to("none/b.csv")
    ran = command("score", "a.csv", "-o", "b.csv", "--force")
    ran.failed_with(f"b.csv: the folder {Path('none').resolve()} does not exist. Create it", 2)


def test_a_new_folder_is_only_made_for_a_good_file(command: Command) -> None:
    write("a.csv")
    ran = command("score", "a.csv", "-o", "new/", "--text-column", "nope")
    ran.failed_with("no column 'nope'", 2)
    assert command.files() == ["a.csv"]


def test_an_output_that_is_no_file_name(command: Command) -> None:
    write("a.csv")
    ran = command("score", "a.csv", "-o", "new.d")
    ran.failed_with("or name the format with --output-format. For a folder, end it with /.", 2)
    Path("e").mkdir()
    ran = command("score", "-", "-o", "e", "--format", "csv")
    ran.failed_with("e: is a folder. Name a file for standard input with --output.", 2)


NO_RECORD_SCORED = "a.csv: no record is scored: all 2 records are "


@pytest.mark.parametrize(
    ("maximum", "is_good"),
    [("0", False), ("1", False), ("2", True), ("10%", False), ("20%", True), ("100%", True)],
)
def test_more_rejects_than_allowed(command: Command, maximum: str, is_good: bool) -> None:
    write("a.csv", rows(10, bad=(3, 7)))
    ran = command("score", "a.csv", "--max-rejected", maximum)
    if is_good:
        assert ran.exit_code == 0
        assert "rejected      2 → " in ran.err
        return
    so_far = "" if "%" in maximum else "first "
    ran.failed_with(
        f"a.csv: 2 of the {so_far}10 records cannot be read, more than --max-rejected {maximum} "
        "allows; the first: line 5: 3 fields, expected 2. No file is written."
    )
    assert command.files() == ["a.csv"]


def test_a_limit_of_rejects_is_for_each_file(command: Command) -> None:
    write("a.csv", rows(10, bad=(3,)))
    write("b.csv", rows(10, bad=(3, 7)))
    ran = command("score", "a.csv", "b.csv", "-o", "out", "--max-rejected", "1")
    assert ran.exit_code == 1
    assert "error: b.csv: 2 of the first 10 records cannot be read" in ran.err
    names = {path.name for path in Path("out").iterdir()}
    assert {"a.csv", "a.csv.rejected.jsonl"} <= names
    assert not {"b.csv", "b.csv.rejected.jsonl"} & names


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("text,id\n,1\n ,2\n", "without text. The texts are from the column 'text'."),
        ("text,id\n中文,1\nどう,2\n", "without a word that the model knows. The texts are from"),
        ("text,id\n1\n2\n", "rejected. The texts are from the column 'text'. The rejects are in "
                            "a.scored.csv.rejected.jsonl. Choose the column with --text-column, "
                            "or set"),
    ],
)  # fmt: skip
def test_a_run_that_scores_nothing_fails(command: Command, content: str, why: str) -> None:
    write("a.csv", content)
    ran = command("score", "a.csv", "--report", "r.json")
    assert ran.exit_code == 1
    message = ran.err.partition("error: ")[2]
    assert message.startswith(NO_RECORD_SCORED + why)
    assert Path("a.scored.csv").exists()
    found = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert (found["status"], found["error"]) == ("failed", message.rstrip("\n"))


def test_a_file_without_scores_among_others_is_a_warning(command: Command) -> None:
    write("a.csv", "text\n \n,\n")
    write("b.csv", rows(2))
    ran = command("score", "a.csv", "b.csv", "-o", "out", "--report", "r.json")
    assert ran.exit_code == 3
    warning = "no record is scored: of 2 records, 1 without text, 1 rejected."
    assert ran.err.startswith(f"warning: a.csv: {warning}\n")
    files = json.loads(Path("r.json").read_text(encoding="utf-8"))["files"]
    assert [file["warnings"] for file in files] == [[warning], []]


def test_rejects_on_standard_output_or_nowhere(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(rows(5, bad=(1,)), encoding="utf-8")
    for files, output in ((["a.csv"], "c.csv"), (["a.csv", "b.csv"], "out")):
        for rejected, shown in (("-", "standard output"), ("none", ", not kept")):
            ran = subprocess.run(
                [*COMMAND, "score", *files, "-o", output, "--rejected", rejected, "--force"],
                capture_output=True, text=True, cwd=tmp_path, check=False,
            )  # fmt: skip
            assert ran.returncode == 3, ran.stderr
            lines = [json.loads(line)["file"] for line in ran.stdout.splitlines()]
            assert lines == (files if rejected == "-" else [])
            assert shown in ran.stderr
    assert sorted(path.name for path in tmp_path.rglob("[!.]*") if path.is_file()) == [
        *("a.csv", "a.csv", "b.csv", "b.csv", "c.csv")
    ]


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


@pytest.mark.parametrize(
    ("inputs", "options", "message", "exit_code"),
    [
        (["data/a.csv", "data/inner/a.csv"], ["-o", "out"],
         "the output of data/inner/a.csv, as it is also the output of data/a.csv", 2),
        (["data"], [], "3 files to score: choose a folder for the scored ones with --output", 2),
        (["data"], ["-o", "-"], "choose a folder for the scored ones with --output", 2),
        (["data"], ["-o", "file.csv"], "file.csv: is a file, expected a folder", 2),
        (["data"], ["-o", "out", "--rejected", "r.jsonl"], "--rejected: ", 2),
        (["data", "-"], ["-o", "out", "--format", "csv"], "standard input cannot be combined", 2),
        (["data/*.tsv"], ["-o", "out"], "data/*.tsv: no file matches this pattern", 1),
        (["data/**/in*/**"], ["-o", "out"], "data/**/in*/**: a pattern has ** once.", 2),
        (["empty"], ["-o", "out"], "empty: the folder has no file of reviews, whose names", 1),
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


def test_an_output_of_an_unknown_ending_has_that_of_the_format(command: Command) -> None:
    write("export.txt")
    for more in ([], ["-o", "out/"]):
        assert command("score", "export.txt", "--format", "csv", *more).exit_code == 0
    assert files_in(".") == ["export.scored.csv", "export.txt", "out/export.csv"]
