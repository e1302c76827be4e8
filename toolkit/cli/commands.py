"""The commands, each of which is imported when it is called or listed."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import typer
from typer.main import get_command

from toolkit.cli.option_groups import with_groups
from toolkit.cli.plain_values import PlainCommand, PlainGroup

MARKUP: Literal["markdown"] = "markdown"  # of the help texts


def _score() -> Callable[..., None]:
    from toolkit.cli.score.score import score

    return score


def _finish() -> Callable[..., None]:
    from toolkit.cli.score.finish import finish

    return finish


def _explain() -> Callable[..., None]:
    from toolkit.cli.explain import explain

    return explain


def _info() -> Callable[..., None]:
    from toolkit.cli.info import info

    return info


def _evaluate() -> Callable[..., None]:
    from toolkit.cli.evaluate import evaluate

    return evaluate


def _diff() -> Callable[..., None]:
    from toolkit.cli.diff import diff

    return diff


def _train() -> Callable[..., None]:
    from toolkit.cli.train import train

    return train


def _export() -> Callable[..., None]:
    from toolkit.cli.export import export

    return export


# In the order of the help. To add a command, add a function that imports it, and an entry.
COMMANDS: dict[str, Callable[[], Callable[..., None]]] = {
    "score": _score,
    "finish": _finish,
    "explain": _explain,
    "info": _info,
    "evaluate": _evaluate,
    "diff": _diff,
    "train": _train,
    "export": _export,
}


class CommandGroup(PlainGroup):
    """The commands of `COMMANDS`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": _WhenAsked()})


class _WhenAsked(Mapping[str, Any]):
    """Commands by their names, made when they are asked for: that of one takes 10 to 40 ms."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _command(COMMANDS[name]())
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _command(function: Callable[..., None]) -> Any:
    app = typer.Typer(add_completion=False, rich_markup_mode=MARKUP, pretty_exceptions_enable=False)
    what, examples = help_of(function)
    app.command(cls=PlainCommand, help=what, epilog=examples)(with_groups(function))
    command: Any = get_command(app)
    for parameter in command.params:  # else Typer shows a default on a line of its own
        if parameter.show_default is True and parameter.default is not None:
            parameter.help, parameter.show_default = _with_default(parameter), False
    return command


def _with_default(parameter: Any) -> str:
    default = getattr(parameter.default, "value", parameter.default)
    is_flag = isinstance(default, bool)
    return parameter.help if is_flag else f"{parameter.help} Default: {default}."


def help_of(function: Callable[..., None]) -> tuple[str, str]:
    """Give what the help says first and last; what comes after the examples is for the reference.

    The examples are the paragraphs from the one that begins with this word to the end of a list.
    """
    what, word, rest = inspect.cleandoc(function.__doc__ or "").partition("Examples: ")
    end = re.search(r"\n\n(?!- )", rest)
    return what, word + rest[: end.start() if end else None]
