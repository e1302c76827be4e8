"""`toolkit explain`, as its users see it."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.cli.running import Command, in_its_own_process
from tests.models import CONV1D, OLD_MODELS, shipped_scorer
from toolkit import Scorer, __version__
from toolkit.errors import UsageError

TEXT = "A superb film, not a dull one, zzyzx."


def send(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))


def test_the_words_and_the_sum_are_shown(command: Command) -> None:
    ran = command("explain", TEXT, "-m", "conv1d")
    assert (ran.exit_code, ran.err) == (0, "")
    found = Scorer(CONV1D).explain(TEXT)
    lines = ran.out.splitlines()
    shown = f"{found.sentiment}, probability of positive {found.probability:.3f}"
    assert lines[0] == shown
    # Without colours, in signs: three for the strongest.
    assert re.search(r"\[\+{1,3}superb\] film, not a \[-{3}dull\] one, zzyzx\.$", lines[2])
    effects = {word.text: word.contribution for word in found.words}
    assert re.match(rf"dull +{effects['dull']:+.2f}  [█#]{{24}}$", lines[4])
    assert re.search(rf"^superb +\+{effects['superb']:.2f}  [█#]+ *$", ran.out, re.M)
    both = effects["A"] + effects["a"]
    assert re.search(rf"^a x2 +{re.escape(f'{both:+.2f}')}  ", ran.out, re.M)
    assert f"logit {found.logit:+.2f} = baseline {found.baseline:+.2f}, words " in ran.out
    assert ran.out.endswith("unknown to the model, no effect: zzyzx\n")
    assert command.files() == []


def test_colours_and_signs(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = command("explain", TEXT, "-m", "conv1d").out
    assert "\x1b[1;4;37;41mdull\x1b[0m" in coloured  # bold, underlined, white on red
    assert "[---dull]" not in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    plain = command("explain", TEXT, "-m", "conv1d").out
    assert "[---dull]" in plain
    assert not re.search("\x1b\\[[0-9;]*[34][0-9]m", plain)


def test_several_texts(command: Command) -> None:
    ran = command("explain", "-m", CONV1D, "Superb.", "Awful.")
    assert [line for line in ran.out.splitlines() if "probability" in line] == [
        f"{label}, probability of positive {probability:.3f}"
        for label, probability in Scorer(CONV1D).score(["Superb.", "Awful."])
    ]


def test_json_is_one_line_per_text(command: Command) -> None:
    texts = [TEXT, "été\nand\u2028 more"]
    ran = command("explain", "-m", CONV1D, *texts, "--json")
    assert (ran.exit_code, ran.err) == (0, "")
    scorer = Scorer(CONV1D)
    model = {"model": scorer.identity(), "toolkit_version": __version__}
    expected = [{**scorer.explain(text).as_dict(), **model} for text in texts]
    assert [json.loads(line) for line in ran.out.splitlines()] == expected


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_standard_input_is_one_text(
    command: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    send(monkeypatch, b"\xef\xbb\xbfSuperb,\r\nand not dull.\n")
    ran = command("explain", "-m", CONV1D, *arguments, "--json")
    text = "Superb,\r\nand not dull.\n"
    assert json.loads(ran.out).items() >= Scorer(CONV1D).explain(text).as_dict().items()


def test_standard_input_among_others(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    send(monkeypatch, b"Superb.")
    ran = command("explain", "-m", CONV1D, "Dull.", "-", "--json")
    assert [json.loads(line)["text"] for line in ran.out.splitlines()] == ["Dull.", "Superb."]


def test_a_long_review_is_shown_as_far_as_it_is_read(command: Command) -> None:
    ran = command("explain", "-m", CONV1D, "early " * 31 + "late " * 99 + "superb")
    joined = " ".join(ran.out.split())
    assert "[first 31 words not read: the model reads the last 100] late late" in joined
    assert "early" not in joined


def test_control_characters_do_not_reach_the_terminal(command: Command) -> None:
    ran = command(
        *("explain", "-m", CONV1D),
        "superb \x1b[31m film\x07,\nand\r\ta \x9b2J dull\u2028one\u0085\u2029\0 \x1b[2J",
    )
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", ran.out)
    assert r"\x1b" in ran.out
    assert "dull one" in re.sub(r"[\[\]+-]", "", ran.out)


def test_punctuation_only(command: Command) -> None:
    ran = command("explain", "-m", OLD_MODELS / "conv1d.onnx", "!!!")
    assert "\n!!!\n" in ran.out
    assert ran.out.endswith(", words +0.00, interactions +0.00\n")
    ran = command("explain", "-m", CONV1D, "!!!")
    assert (ran.exit_code, ran.out) == (2, "")
    assert "error: the model knows no word of '!!!': it has no score to explain" in ran.err


@pytest.mark.parametrize("text", ["It was what it was.", "2019", "A"])
def test_a_text_that_says_nothing(command: Command, text: str) -> None:
    why = f"the model knows only numbers and function words in {text!r}"
    command("explain", text).failed_with(f"{why}: it has no score to explain.", 2)
    with pytest.raises(UsageError, match=f"{why}, so it has no score to explain"):
        shipped_scorer().explain(text)


def test_a_text_without_a_known_word_is_named_before_any_is_shown(command: Command) -> None:
    ran = command("explain", "-m", CONV1D, "fine", "!!!")
    ran.failed_with("text 2: the model knows no word of '!!!': it has no score to explain", 2)
    assert ran.out == ""


def test_rows_without_a_known_word_are_passed_over_unless_they_are_named(command: Command) -> None:
    Path("a.csv").write_text("text\n\U0001f994\nfine\n!!!\n", encoding="utf-8")
    ran = command("explain", "-m", CONV1D, "--file", "a.csv")
    assert [line for line in ran.out.splitlines() if line.startswith("row ")] == [
        line for line in ran.out.splitlines() if line.startswith("row 2: ")
    ]
    assert ran.exit_code == 0
    ran = command("explain", "-m", CONV1D, "--file", "a.csv", "--row", "2", "--row", "3")
    ran.failed_with("a.csv: row 3: the model knows no word of '!!!': it has no score to explain")
    assert ran.out == ""
    Path("a.csv").write_text("text\n\U0001f44d\n!!!\n", encoding="utf-8")
    ran = command("explain", "-m", CONV1D, "--file", "a.csv")
    assert ran.exit_code == 1
    ran.failed_with("a.csv: nothing to explain: in the first 2 reviews with text, the model kn")


@pytest.mark.parametrize(
    ("arguments", "message", "exit_code"),
    [
        (["-m", "none.onnx", "a"], "none.onnx: no such model file", 1),
        (["-m", "none", "a"], "none: no such model file. Choose a model file, a run folder", 1),
        (["-m", CONV1D, " \n"], "the text is blank: it has no score to explain", 2),
        (["a", ""], "text 2 is blank: it has no score to explain", 2),
        (["-", "-"], "only one of the texts can be standard input", 2),
        (["conv1d", "a"], "conv1d: is a model, expected a text. Name the model with --model: ", 2),
        ([CONV1D, "a"], ".onnx: is a model, expected a text. Name the model with --model: ", 2),
        (["a", "--file", "r.csv"], "Give either texts or --file, not both", 2),
        (["a", "--row", "1"], "--row: needs a file. Name it with --file", 2),
        (["a", "--text-column", "b"], "Options for columns and reading need a file. Name it", 2),
    ],
)
def test_errors(
    command: Command, arguments: list[str | Path], message: str, exit_code: int
) -> None:
    command("explain", *arguments).failed_with(message, exit_code)


@pytest.fixture
def reviews(command: Command) -> list[str]:
    """Rows of files; the second has no text."""
    texts = [f"Superb, and {'very ' * n}fine." for n in range(30)]
    texts[1] = " "
    lines = ["id,body", *(f'{n},"{text}"' for n, text in enumerate(texts))]
    (command.folder / "r.csv").write_text("\n".join(lines), encoding="utf-16")
    (command.folder / "r.jsonl.gz").write_bytes(
        gzip.compress("\n".join(json.dumps({"a": {"text": text}}) for text in texts).encode())
    )
    return texts


CSV = ("--file", "r.csv", "--encoding", "utf-16", "--text-column", "body")
JSON_LINES = ("--file", "r.jsonl.gz", "--text-column", "a.text")


@pytest.mark.parametrize("source", [CSV, JSON_LINES])
def test_rows_of_a_file(command: Command, reviews: list[str], source: tuple[str, ...]) -> None:
    def explained(*arguments: str) -> dict[int, dict[str, object]]:
        ran = command("explain", *source, "--json", *arguments)
        assert (ran.exit_code, ran.err) == (0, "")
        return {found.pop("row"): found for found in map(json.loads, ran.out.splitlines())}

    assert [*explained()] == [1, *range(3, 11)]
    assert [*explained("--limit", "4")] == [1, 3, 4]
    found = explained("--row", "30", "--row", "7")
    assert [*found] == [7, 30]
    for row, explanation in found.items():
        assert explanation.items() >= Scorer().explain(reviews[row - 1]).as_dict().items()
    shown = command("explain", *source, "--row", "7").out
    assert shown.startswith("row 7: positive, probability of positive ")


def test_the_output_of_score_can_be_explained(command: Command) -> None:
    (command.folder / "a.csv").write_text('text\n"a ""fine"" film"\n', encoding="utf-8")
    assert command("score", "a.csv", "--quiet").exit_code == 0
    ran = command("explain", "--file", "a.scored.csv", "--json")
    assert json.loads(ran.out)["text"] == 'a "fine" film'


def test_errors_of_rows(command: Command, reviews: list[str]) -> None:
    command("explain", *CSV, "--row", "2").failed_with("r.csv: row 2 has no text to explain")
    command("explain", *CSV, "--row", "31").failed_with("--row 31: r.csv has only 30 rows", 2)
    (command.folder / "bad.csv").write_text("text\nfine\nfine,fine\n", encoding="utf-8")
    command("explain", "--file", "bad.csv").failed_with("bad.csv: line 3: ")


def test_errors_of_standard_input(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    send(monkeypatch, b"")
    command("explain", "-m", CONV1D).failed_with("no text given. Give one in quotes", 2)
    send(monkeypatch, b"caf\xe9")
    command("explain", "-m", CONV1D).failed_with("standard input: not UTF-8 at byte 3", 1)
    monkeypatch.setattr(sys, "stdin", None)
    command("explain", "-m", CONV1D).failed_with("no text given. Give one in quotes", 2)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_other_encodings_of_the_terminal(encoding: str) -> None:
    text = "Été: a superb 映画."
    environment = {"PYTHONIOENCODING": encoding, "COLUMNS": "80"}
    ran = in_its_own_process("explain", "-m", CONV1D, text, env={**os.environ, **environment})
    assert (ran.exit_code, ran.err) == (0, "")
    assert ("█" in ran.out) == (encoding == "utf-8")


def test_files_without_reviews(command: Command) -> None:
    Path("header.csv").write_text("text\n", encoding="utf-8")
    Path("blank.csv").write_text('text\n" "\n', encoding="utf-8")
    Path("folder").mkdir()
    for name in ("header.csv", "blank.csv"):
        ran = command("explain", "-f", name)
        ran.failed_with(f"{name}: no reviews with text in the first 10 rows.", 1)
    command("explain", "-f", "nix").failed_with("nix: no such file", 1)
    command("explain", "-f", "folder").failed_with(
        "folder: a folder, expected a file of reviews", 1
    )
