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


def test_rejects_need_a_file(command: Command) -> None:
    write("a.csv")
    write("-", "precious")
    for options in (["-o", "b.csv"], ["-o", "-"], []):
        ran = command("score", "a.csv", *options, "--rejected", "-")
        ran.failed_with("--rejected: these records cannot go to standard output; name a file.", 2)
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
        ran.failed_with("out/a.csv.rejected.jsonl: would be the ", 2)
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
        ("hard.csv", "hard.csv: is a.csv, too. Choose another with --report."),
        ("model.onnx", "model.onnx: is model.onnx, too. Choose another with --report."),
        ("hard.onnx", "hard.onnx: is model.onnx, too. Choose another with --report."),
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
