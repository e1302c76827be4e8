"""What a call of `toolkit score` may write, and what it must not replace."""

from __future__ import annotations

from pathlib import Path

from tests.commands.running import Command
from tests.commands.test_score import write


def test_links_in_a_circle(command: Command) -> None:
    Path("loop.csv").symlink_to("loop.csv")
    command("score", "loop.csv").failed_with("loop.csv: cannot be read: Too many levels of symb")
    write("a.csv")
    circle = "loop.csv: a link that leads in a circle. Choose another with --"
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
