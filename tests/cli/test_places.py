"""What `toolkit score` may write, and what it must not replace."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import Command, write
from tests.models import MODEL


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
    ran.failed_with(f"{replaced}: is an input, which the ", 2)
    assert replaced.read_text(encoding="utf-8") == "text\nprecious\n"


def test_no_rejects_replace_an_output(command: Command) -> None:
    write("a.csv", "text\nx\n1,2\n")
    write("a.csv.rejected.jsonl", '{"text": "a"}\n')
    for names in (["a.csv", "a.csv.rejected.jsonl"], ["a.csv.rejected.jsonl", "a.csv"]):
        ran = command("score", *names, "-o", "out", "--force")
        ran.failed_with(" would both be written to out/a.csv.rejected.jsonl. Score", 2)
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
        ("hard.csv", "--report hard.csv: is also the input. Choose another file."),
        ("model.onnx", "--report model.onnx: is also the model. Choose another file."),
        ("hard.onnx", "--report hard.onnx: is also the model. Choose another file."),
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
    ran.failed_with("--rejected m.onnx: is also the model. Choose another file.", 2)
    ran = command(*call, "-o", "m.onnx", "--output-format", "csv")
    ran.failed_with("--output m.onnx: is also the model. Choose another file.", 2)
    assert Path("m.onnx").read_bytes() == Path(MODEL).read_bytes()


@pytest.mark.parametrize("report", ["out", "out/sub"])
def test_a_report_is_not_a_folder_of_the_output(command: Command, report: str) -> None:
    Path("d/sub").mkdir(parents=True)
    write("d/a.csv")
    write("d/sub/a.csv")
    message = f"--report {report}: is a folder of the output. Choose another file."
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


def test_a_slash_after_the_output_always_means_a_folder(command: Command) -> None:
    Path("data/sub").mkdir(parents=True)
    write("data/sub/x.csv")
    for options in ([], ["--force"]):
        ran = command("score", "data/*/x.csv", "-o", "out.d/", *options)
        assert ran.exit_code == 0, ran.err
        assert [str(path) for path in Path("out.d").rglob("*.csv")] == ["out.d/sub/x.csv"]
