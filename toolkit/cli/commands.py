"""The commands, each of which is imported when it is called or listed.

Commands that take groups of options: a parameter whose type is a dataclass is its options.

Values of the command line in which nothing can be wrong, which are made without pydantic.

For any value, also one that is not given, Typer imports pydantic and builds a validator: a quarter
of the time in which ten reviews are scored. So Typer gets only what may be wrong, and says so.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from toolkit.stores.paths import path_of

Command = Callable[..., None]


def with_groups(command: Command) -> Command:
    """Give a command the fields of its groups as parameters, each at the place of its group."""
    groups: dict[str, tuple[type, list[str]]] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in _parameters(command):
        kind = parameter.annotation
        if not (isinstance(kind, type) and is_dataclass(kind)):
            parameters.append(parameter)
            continue
        fields = _parameters(kind)
        groups[parameter.name] = (kind, [field.name for field in fields])
        parameters += fields

    @wraps(command)
    def called(**values: Any) -> None:
        made = {
            name: kind(**{field: values.pop(field) for field in fields})
            for name, (kind, fields) in groups.items()
        }
        command(**values, **made)

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    return called


def _parameters(called: Callable[..., object]) -> list[inspect.Parameter]:
    """Give the parameters with their annotations, which are text in the source."""
    hints = get_type_hints(
        called.__init__ if inspect.isclass(called) else called, include_extras=True
    )
    parameters = inspect.signature(called).parameters
    return [
        each.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, each in parameters.items()
    ]


def _whole(given: str) -> int:
    """Make a number from 1, which no option refuses; `ValueError` for what Typer has to check."""
    if not re.fullmatch("[1-9][0-9]{0,8}", given):
        raise ValueError
    return int(given)


def _decimal(given: str) -> float:
    """Make a number from 0, which no option refuses; `ValueError` for what Typer has to check."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", given):
        raise ValueError
    return float(given)


# What makes a value of the string that is given; `list` takes strings.
_PLAIN: dict[Any, Callable[[Any], Any]] = {
    str: str,
    list[str]: list,
    Path: path_of,
    list[Path]: lambda given: [*map(path_of, given)],
    int: _whole,
    float: _decimal,
}


class PlainCommand(TyperCommand):
    """A command that asks Typer only for values that have to be checked."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Give the parameters, with those that Typer adds, such as ``--help``."""
        return _made_plain(super().get_params(ctx), self.callback)


class PlainGroup(TyperGroup):
    """A group that asks Typer only for values that have to be checked."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Give the parameters, with those that Typer adds, such as ``--help``."""
        return _made_plain(super().get_params(ctx), self.callback)


def _made_plain(parameters: list[Any], callback: Callable[..., Any] | None) -> list[Any]:
    changed = [each for each in parameters if "process_value" not in vars(each)]
    types = get_type_hints(callback) if changed and callback else {}
    for parameter in changed:
        make = _maker(types.get(parameter.name))
        parameter.process_value = partial(_value, parameter, make, parameter.process_value)
    return parameters


def _maker(kind: Any) -> Callable[[Any], Any] | None:
    """Find what makes values of a type or of ``type | None``."""
    if kind not in _PLAIN and type(None) in get_args(kind):
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal:
        return partial(_one_of, get_args(kind))
    return _PLAIN.get(kind)


def _one_of(choices: tuple[Any, ...], given: Any) -> Any:
    """Give a choice; `ValueError` for what Typer has to refuse."""
    return choices[choices.index(given)]


def _value(
    parameter: Any,
    make: Callable[[Any], Any] | None,
    checked: Callable[[Any, Any], Any],
    context: Any,
    given: Any,
) -> Any:
    """Give the value of a parameter, as Typer would."""
    if not parameter.required and (given is None or given is parameter.default):
        takes_many = parameter.nargs == -1 or getattr(parameter, "multiple", False)
        value = () if given is None and takes_many else given
    elif make is not None and given:
        try:
            value = make(given)
        except ValueError:
            return checked(context, given)
    else:
        return checked(context, given)
    return value if parameter.callback is None else parameter.callback(context, parameter, value)


MARKUP: Literal["markdown"] = "markdown"  # of the help texts


def _score() -> Callable[..., None]:
    from toolkit.cli.score import score

    return score


def _finish() -> Callable[..., None]:
    from toolkit.cli.finish import finish

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
