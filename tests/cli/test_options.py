"""Options and their values, and the keys of JSON, are the same in all commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tests.cli.running import KEYS, Command, command_of, write
from tests.models import CONV1D
from toolkit import __version__
from toolkit.cli.app import app
from toolkit.cli.commands import COMMANDS

# What a value may be any word of; other values have a form, or are one of a few.
FREE = {
    *("NAME", "LABEL", "FILE", "PATH", "FOLDER", "MODEL", "V", "WORD", "WORDS"),
    *("FILE|-|none", "FILE|DATE"),
}
LATER = {"--optimize"}  # which is read when the run folder is found
START = "import sys; sys.argv[0] = 'toolkit'; from toolkit.__main__ import run; run()"
NO_VALUE = "no such value"
ARGUMENTS = {  # of commands that take other things than one file of reviews
    "finish": ["out/"], "explain": ["--file", "a.csv"], "info": [],
    "diff": ["conv1d", "conv1d", "a.csv"], "export": ["run"], "serve": [],
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
    ran = command(name, *ARGUMENTS.get(name, ["a.csv"]), option, NO_VALUE)
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
        ("toolkit score --output-format ", ["csv", "tsv", "jsonl", "json", "parquet", "arrow"]),
        ("toolkit score --on-error s", ["stop"]),
        ("toolkit score -m reviews", ["reviews", "reviews-small", "reviews-open"]),
        ("toolkit train --preset ngram-l", ["ngram-linear"]),
    ],
)
def test_shells_complete(command: Command, typed: str, expected: list[str]) -> None:
    del command  # which makes the folder
    asked = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    ran = subprocess.run(
        [sys.executable, "-c", START],
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
        ("label=x", "--names: expected KEY=NAME, where KEY is sentiment, probability, stars,"),
        ("sentiment", "or aspect_NAME, received 'sentiment'"),
        ("sentiment=s,probabilty=p", "or aspect_NAME, received 'probabilty=p'"),
        ("sentiment=s,sentiment=t", "--names: 'sentiment' is renamed twice"),
        ("sentiment=s,probability=s", "two of the added columns are called 's'"),
    ],
)
def test_wrong_names_of_added_columns(command: Command, names: str, message: str) -> None:
    write("a.csv", "text\na superb film\n")
    command("score", "a.csv", "--names", names).failed_with(message, exit_code=2)


TEXTS = ["a", "-", " a b ", "é", "\udcff", "none", "stop", "STOP", "json"]
NUMBERS = ["0", "1", "-1", "007", " 2", "2 ", "1_000", "٣", "123456789", "9" * 30, "1" * 5000]
DECIMALS = ["0.5", "0.50", ".5", "1.", "1e-3", "0.123456789", "0.1234567890123", "nan", "inf"]
SAMPLES = [*TEXTS, *NUMBERS, *DECIMALS]


@pytest.mark.parametrize("name", COMMANDS)
def test_values_are_those_of_typer(name: str) -> None:
    command = command_of(name)
    context = command.make_context(name, [], resilient_parsing=True)
    made_here = 0
    for parameter in command.get_params(context):
        takes_many = parameter.nargs == -1 or getattr(parameter, "multiple", False)
        is_flag = getattr(parameter, "is_flag", False)
        given = [] if is_flag else [(text, "b") if takes_many else text for text in SAMPLES]
        for value in [parameter.default, *given]:
            found, error = result(lambda v=value, p=parameter: p.process_value(context, v))
            own = type(parameter).process_value
            assert (found, error) == result(
                lambda v=value, p=parameter, own=own: own(p, context, v)
            ), (parameter.name, value)
            made_here += error is None
    assert made_here > len(SAMPLES)


def result(make: Any) -> tuple[Any, str | None]:
    """The value and its type, or what is wrong."""
    try:
        value = make()
    except Exception as error:  # noqa: BLE001
        return None, str(error)
    return (type(value), repr(value)), None


def test_commands_are_made_when_asked_for() -> None:
    group: Any = typer.main.get_command(app)
    assert [*group.commands] == [*COMMANDS]
    assert "scroe" not in group.commands
    assert group.commands.get("scroe") is None
    assert group.commands["score"] is group.commands["score"]
    assert group.commands["score"].name == "score"


MODEL_KEYS = [
    *("name", "version", "path", "preset", "sha256", "labels", "threshold"),
    "toolkit_version",
]
WORD_KEYS = ["text", "start", "end", "contribution", "state"]
Answers = dict[str, dict[str, Any]]


@pytest.fixture
def answers(command: Command) -> Answers:
    """What each command says in JSON, of the same model and the same review."""
    review = "Dull, and not at all superb."
    Path("r.csv").write_text(f'text,label\n"{review}",pos\nfine,pos\nbad,neg\n', encoding="utf-8")
    model = ("--model", CONV1D)
    outputs = {
        "info": command("info", *model, "--json").out,
        "explain": command("explain", review, *model, "--json").out,
        "evaluate": command("evaluate", "r.csv", *model, "--json").out,
    }
    measured = (*model, "--label-column", "label", "--report", "score.json")
    assert command("score", "r.csv", *measured).exit_code == 0
    outputs["score"] = Path("score.json").read_text(encoding="utf-8")
    return {name: json.loads(output) for name, output in outputs.items()}


def models(answers: Answers) -> list[dict[str, Any]]:
    """The model, as each command describes it."""
    (evaluated,) = answers["evaluate"]["models"]
    return [answers["info"], answers["explain"]["model"], answers["score"]["model"], evaluated]


def test_a_model_is_described_the_same_way(answers: Answers) -> None:
    first, *others = [{key: model[key] for key in MODEL_KEYS} for model in models(answers)]
    assert first["path"] == str(CONV1D)
    assert others == [first] * 3


def test_the_version_is_named_the_same_way(answers: Answers) -> None:
    for name in ("explain", "evaluate", "score"):
        assert answers[name]["toolkit_version"] == __version__


def test_words_are_described_the_same_way(answers: Answers) -> None:
    explained = answers["explain"]
    (mistake,) = answers["evaluate"]["models"][0]["mistakes"]
    assert mistake["text"] == explained["text"]
    assert mistake["probability"] == pytest.approx(explained["probability"])
    assert list(explained["words"][0]) == WORD_KEYS
    assert mistake["causes"]
    for word in mistake["causes"]:
        (same,) = [w for w in explained["words"] if w["start"] == word["start"]]
        assert word == pytest.approx(same) if isinstance(word, float) else word == same


def test_accuracies_agree(answers: Answers) -> None:
    (evaluated,) = answers["evaluate"]["models"]
    assert answers["score"]["accuracy"] == evaluated["metrics"]["accuracy"]


def test_the_reference_names_the_keys(answers: Answers) -> None:
    text = KEYS.read_text(encoding="utf-8")
    evaluation = answers["evaluate"]
    (model,) = evaluation["models"]
    assert isinstance(answers["info"]["core"], str)
    keys = [*MODEL_KEYS, *WORD_KEYS, "core", *evaluation, *evaluation["data"], *model]
    for part in ("thresholds", "reliability", "coverage_at_accuracy", "mistakes"):
        keys += model[part][0]
    keys += evaluation["breakdowns"]["length"][0]
    keys += ["few_known_words", "first_unread", "cut_to_length", "without_known_words", "warnings"]
    assert {*keys[-5:-1]} <= {*answers["score"]}
    assert {*keys[-5:]} <= {*answers["score"]["files"][0]}
    keys += answers["score"]
    keys += answers["score"]["files"][0]
    assert [key for key in keys if f"`{key}`" not in text] == []
