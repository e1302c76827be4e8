"""Values that the toolkit makes itself are those that Typer would make."""

from __future__ import annotations

from typing import Any

import pytest
import typer.main

from toolkit.cli.app import app
from toolkit.cli.commands import COMMANDS

TEXTS = ["a", "-", " a b ", "é", "\udcff", "none", "stop", "STOP", "json"]
NUMBERS = ["0", "1", "-1", "007", " 2", "2 ", "1_000", "٣", "123456789", "9" * 30, "1" * 5000]
DECIMALS = ["0.5", "0.50", ".5", "1.", "1e-3", "0.123456789", "0.1234567890123", "nan", "inf"]
SAMPLES = [*TEXTS, *NUMBERS, *DECIMALS]


def command_of(name: str) -> Any:
    group: Any = typer.main.get_command(app)
    return group.commands[name]


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
