"""The options of all commands: how they are shown, completed, and refused if they are wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pages.commands import command_of
from tests.cli.running import Command, write
from toolkit.cli.commands import COMMANDS

# What a value may be any word of; other values have a form, or are one of a few.
FREE = {"NAME", "LABEL", "FILE", "PATH", "FOLDER", "MODEL", "V", "FILE|-|none"}
LATER = {"--optimize"}  # which is read when the run folder is found
START = "import sys; sys.argv[0] = 'toolkit'; from toolkit.__main__ import run; run()"
NO_VALUE = "no such value"
ARGUMENTS = {
    "score": ["a.csv"], "finish": ["out/"], "explain": ["--file", "a.csv"], "info": [],
    "evaluate": ["a.csv"], "diff": ["conv1d", "conv1d", "a.csv"], "train": ["a.csv"],
    "export": ["run"],
}  # fmt: skip
WITH_VALUES = [
    (name, max(option.opts, key=len))
    for name in COMMANDS
    for option in command_of(name).params
    if option.param_type_name == "option" and not option.is_flag
    if option.metavar not in FREE and not LATER & {*option.opts}
]


@pytest.mark.parametrize(("name", "option"), WITH_VALUES)
def test_a_wrong_value_is_refused(command: Command, name: str, option: str) -> None:
    """The message names the option, and nothing is written."""
    write("a.csv", "text,label\na,1\n")
    ran = command(name, *ARGUMENTS[name], option, NO_VALUE)
    assert (ran.exit_code, ran.out) == (2, "")
    assert option in ran.err
    assert [path.name for path in Path().iterdir()] == ["a.csv"]


@pytest.mark.parametrize("width", [80, 120])
def test_the_common_options_of_score_fit_on_one_screen(
    command: Command, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    screen = "\n".join(command("score", "--help").out.splitlines()[:24])
    for option in ("--output", "--model", "--text-column", "--stars", "--resume", "--dry-run"):
        assert option in screen
    assert all(len(line) <= width for line in screen.splitlines())


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("toolkit sc", ["score"]),
        ("toolkit score --nam", ["--names"]),
        ("toolkit score --format x", ["xlsx"]),
        ("toolkit score --output-format ", ["csv", "tsv", "jsonl", "json", "parquet"]),
        ("toolkit score --on-error s", ["stop"]),
        ("toolkit score -m reviews", ["reviews", "reviews-small"]),
        ("toolkit train --preset ngram-l", ["ngram-linear"]),
    ],
)
def test_shells_complete(command: Command, typed: str, expected: list[str]) -> None:
    del command  # which makes the folder
    asked = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            START,
        ],
        env={**os.environ, "_TOOLKIT_COMPLETE": "complete_bash", **asked},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == expected


def test_the_list_of_commands_has_their_first_lines() -> None:
    for name, (_, line) in COMMANDS.items():
        assert str(command_of(name).callback.__doc__).splitlines()[0] == line


def test_names_of_added_columns(command: Command) -> None:
    write("a.csv", "text\na superb film\n")
    names = ("--names", "sentiment=a,b,probability=p=1", "--names", "model=")
    assert command("score", "a.csv", *names).exit_code == 0
    header = Path("a.scored.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == 'text,"a,b",p=1,'


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("label=x", "--names: expected KEY=NAME, with sentiment, probability, stars,"),
        ("sentiment", "as keys, received 'sentiment'"),
        ("sentiment=s,probabilty=p", "as keys, received 'probabilty=p'"),
        ("sentiment=s,sentiment=t", "--names: the column of 'sentiment' is named twice"),
        ("sentiment=s,probability=s", "two of the added columns are called 's'"),
    ],
)
def test_wrong_names_of_added_columns(command: Command, names: str, message: str) -> None:
    write("a.csv", "text\na superb film\n")
    command("score", "a.csv", "--names", names).failed_with(message, exit_code=2)
