"""`toolkit explain`, as its users meet it."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.cli.running import Command, in_its_own_process
from tests.models import CONV1D
from toolkit import Scorer

TEXT = "A superb film, not a dull one, zzyzx."


def send(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))


def test_what_is_shown(command: Command) -> None:
    ran = command("explain", "conv1d", TEXT)
    assert (ran.exit_code, ran.err) == (0, "")
    found = Scorer(CONV1D).explain(TEXT)
    lines = ran.out.splitlines()
    shown = f"{found.sentiment}, with a probability of positive of {found.probability:.3f}"
    assert lines[0] == shown
    # Without colours, in signs: three for the strongest.
    assert re.search(r"\[\+{1,3}superb\] film, not a \[-{3}dull\] one, zzyzx\.$", lines[2])
    effects = {word.text: word.contribution for word in found.words}
    assert re.match(rf"dull +{effects['dull']:+.2f}  [█#]{{24}}$", lines[4])
    assert re.search(rf"^superb +\+{effects['superb']:.2f}  [█#]+ *$", ran.out, re.M)
    both = effects["A"] + effects["a"]
    assert re.search(rf"^a x2 +{re.escape(f'{both:+.2f}')}  ", ran.out, re.M)
    assert f"logit {found.logit:+.2f} = {found.baseline:+.2f} without the words" in ran.out
    assert ran.out.endswith("not known to the model, and without effect: zzyzx\n")
    assert command.files() == []


def test_colours_and_signs(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = command("explain", "conv1d", TEXT).out
    assert "\x1b[1;4;37;41mdull\x1b[0m" in coloured  # bold, underlined, white on red
    assert "[---dull]" not in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    plain = command("explain", "conv1d", TEXT).out
    assert "[---dull]" in plain
    assert not re.search("\x1b\\[[0-9;]*[34][0-9]m", plain)


def test_several_texts(command: Command) -> None:
    ran = command("explain", CONV1D, "Superb.", "Awful.")
    assert [line for line in ran.out.splitlines() if "probability" in line] == [
        f"{label}, with a probability of positive of {probability:.3f}"
        for label, probability in Scorer(CONV1D).score(["Superb.", "Awful."])
    ]


def test_json_is_a_line_for_each_text(command: Command) -> None:
    texts = [TEXT, "été\nand\u2028 more"]
    ran = command("explain", CONV1D, *texts, "--json")
    assert (ran.exit_code, ran.err) == (0, "")
    expected = [Scorer(CONV1D).explain(text).as_dict() for text in texts]
    assert [json.loads(line) for line in ran.out.splitlines()] == expected


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_standard_input_is_one_text(
    command: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    send(monkeypatch, b"\xef\xbb\xbfSuperb,\r\nand not dull.\n")
    ran = command("explain", CONV1D, *arguments, "--json")
    text = "Superb,\r\nand not dull.\n"
    assert json.loads(ran.out) == Scorer(CONV1D).explain(text).as_dict()


def test_standard_input_among_others(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    send(monkeypatch, b"Superb.")
    ran = command("explain", CONV1D, "Dull.", "-", "--json")
    assert [json.loads(line)["text"] for line in ran.out.splitlines()] == ["Dull.", "Superb."]


def test_a_long_review_is_shown_as_far_as_it_is_read(command: Command) -> None:
    ran = command("explain", CONV1D, "early " * 31 + "late " * 99 + "superb")
    joined = " ".join(ran.out.split())
    assert "[31 words before the last 100 not read] late late" in joined
    assert "early" not in joined


def test_control_characters_do_not_reach_the_terminal(command: Command) -> None:
    ran = command("explain", CONV1D, "superb \x1b[31m film\x07,\nand\r\ta \x9b2J dull\u2028one")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]", ran.out)
    assert r"\x1b" in ran.out


def test_marks_without_a_word(command: Command) -> None:
    ran = command("explain", CONV1D, "!!!")
    assert "\n!!!\n" in ran.out
    assert ran.out.endswith("+0.00 by the words +0.00 by words together\n")


@pytest.mark.parametrize(
    ("arguments", "message", "exit_code"),
    [
        (["none.onnx", "a"], "none.onnx: no such model file", 1),
        (["a fine film"], "a fine film: no such model file, and no shipped model of that name", 1),
        ([CONV1D, " \n"], "the text is blank, and has no score to explain", 2),
        ([CONV1D, "a", ""], "text 2 is blank, and has no score to explain", 2),
        ([CONV1D, "-", "-"], "standard input can be only one of the texts", 2),
    ],
)
def test_errors(
    command: Command, arguments: list[str | Path], message: str, exit_code: int
) -> None:
    command("explain", *arguments).failed_with(message, exit_code)


def test_errors_of_standard_input(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    send(monkeypatch, b"")
    command("explain", CONV1D).failed_with("the text is blank", 2)
    send(monkeypatch, b"caf\xe9")
    command("explain", CONV1D).failed_with("standard input: no UTF-8 text at byte 3", 1)
    monkeypatch.setattr(sys, "stdin", None)
    command("explain", CONV1D).failed_with("no text: give one behind the model", 2)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_other_encodings_of_the_terminal(encoding: str) -> None:
    text = "Été: a superb 映画."
    environment = {"PYTHONIOENCODING": encoding, "COLUMNS": "80"}
    ran = in_its_own_process("explain", CONV1D, text, env={**os.environ, **environment})
    assert (ran.exit_code, ran.err) == (0, "")
    assert ("█" in ran.out) == (encoding == "utf-8")
