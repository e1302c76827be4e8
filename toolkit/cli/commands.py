"""The commands, each of which is imported when it is called.

If the type of a command's parameter is a dataclass, the fields of the dataclass become options.

Typer imports pydantic to convert values, even for options that are not given. That would take a
quarter of the time in which ten reviews are scored. So values that are certainly valid are
converted here, and only the others are passed to Typer, which reports what is wrong with them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import is_dataclass
from functools import partial, wraps
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from toolkit.stores.paths import path_of

Command = Callable[..., None]
MARKUP: Literal["markdown"] = "markdown"  # of the help texts

# By name, in the order of the help: the module, which has a function of that name, and the first
# line of the function's docstring, so that `toolkit --help` imports no command. To add a command,
# add an entry.
COMMANDS = {
    "score": ("toolkit.cli.score", "Add sentiment and probability to the reviews of files."),
    "finish": ("toolkit.cli.shards", "Join the shards of a job into one output."),
    "summarize": (
        "toolkit.cli.summarize",
        "Report what customers praise and complain about, from scored files.",
    ),
    "explain": ("toolkit.cli.explain", "Show what each word of a review adds to its score."),
    "serve": ("toolkit.cli.serve", "Score texts over HTTP."),
    "info": ("toolkit.cli.info", "Print the metadata of a model."),
    "evaluate": ("toolkit.cli.evaluate", "Measure models on labelled reviews, and compare them."),
    "diff": (
        "toolkit.cli.diff",
        "Show what would change with another model, before you upgrade.",
    ),
    "train": ("toolkit.cli.train", "Train a network on labelled reviews."),
    "export": ("toolkit.cli.export", "Export a trained model to one file that takes raw text."),
}


class CommandGroup(TyperGroup):
    """The commands of `COMMANDS`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**(settings | {"commands": _Commands()}))

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, including those that Typer adds, such as ``--help``."""
        return _made_plain(super().get_params(ctx), self.callback)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, without importing the commands for their options."""
        self.commands = {
            name: TyperCommand(name, help=what, rich_markup_mode=MARKUP)
            for name, (_, what) in COMMANDS.items()
        }
        super().format_help(ctx, formatter)


class _Commands(Mapping[str, Any]):
    """Commands by their names; each is made at its first use, which takes 10 to 40 ms."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _command(getattr(import_module(COMMANDS[name][0]), name))
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _command(function: Command) -> Any:
    app = typer.Typer(add_completion=False, rich_markup_mode=MARKUP, pretty_exceptions_enable=False)
    # The examples come last in the help.
    what, word, examples = inspect.cleandoc(function.__doc__ or "").partition("Examples: ")
    app.command(cls=PlainCommand, help=what, epilog=word + examples)(with_groups(function))
    command: Any = get_command(app)
    for parameter in command.params:  # otherwise Typer prints defaults on separate lines
        default = getattr(parameter.default, "value", parameter.default)
        if parameter.show_default is True and default is not None and not parameter.is_flag:
            parameter.help = f"{parameter.help} Default: {default}."
        parameter.show_default = False
    return command


def with_groups(command: Command) -> Command:
    """Return a command with the fields of its dataclasses as parameters, in their places."""
    groups: dict[str, tuple[type, list[str]]] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in _parameters(command):
        kind = parameter.annotation
        if not (isinstance(kind, type) and is_dataclass(kind)):
            parameters.append(parameter)
            continue
        fields = _parameters(kind)
        if hasattr(kind, "panel"):
            fields = [_with_panel(field, kind.panel) for field in fields]
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


def _with_panel(field: inspect.Parameter, panel: str | None) -> inspect.Parameter:
    """Put an option under a heading of the help."""
    kind, option, *others = get_args(field.annotation)
    option = copy(option)
    option.rich_help_panel = panel
    return field.replace(annotation=Annotated[kind, option, *others])


def _parameters(called: Callable[..., object]) -> list[inspect.Parameter]:
    """Return the parameters of a callable, with their annotations resolved."""
    hints = get_type_hints(
        called.__init__ if inspect.isclass(called) else called, include_extras=True
    )
    parameters = inspect.signature(called).parameters
    return [
        each.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, each in parameters.items()
    ]


def _number(kind: Callable[[str], float], form: str, given: str) -> float:
    """Convert a number that is certainly valid; raise `ValueError` if Typer has to check it."""
    if not re.fullmatch(form, given):
        raise ValueError
    return kind(given)


# How to convert a given string to a value of a type; `list` gets several strings.
_PLAIN: dict[Any, Callable[[Any], Any]] = {
    str: str,
    list[str]: list,
    Path: path_of,
    list[Path]: lambda given: [*map(path_of, given)],
    int: partial(_number, int, "[1-9][0-9]{0,8}"),
    float: partial(_number, float, r"[0-9]{1,9}(\.[0-9]{1,9})?"),
}


class PlainCommand(TyperCommand):
    """A command that uses Typer's conversion only for values that have to be checked."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, including those that Typer adds, such as ``--help``."""
        return _made_plain(super().get_params(ctx), self.callback)


def _made_plain(parameters: list[Any], callback: Callable[..., Any] | None) -> list[Any]:
    """Replace two methods of parameters, for which Typer 0.29 has no setting.

    - `process_value`: Typer coerces every value through pydantic, also a default, and one with a
      `parser` or a `click_type`. That loads 88 modules and takes 50 ms of processor time.
    - `display_type_rich`: it shows a Python type beside the `metavar`, and cannot be switched off.

    Typer makes parameters itself, so that they cannot be of a class of ours.
    """
    changed = [each for each in parameters if "process_value" not in vars(each)]
    types = get_type_hints(callback) if changed and callback else {}
    for parameter in changed:
        make = _maker(types.get(parameter.name))
        parameter.process_value = partial(_value, parameter, make, parameter.process_value)
        parameter.display_type_rich = partial(_shown_value, parameter)
    return parameters


def _shown_value(parameter: Any, **_: Any) -> str:
    """Return what the help shows for a value: the metavar, and no types of Python."""
    is_option = parameter.param_type_name == "option" and not parameter.is_flag
    return parameter.metavar or "" if is_option else ""


def _maker(kind: Any) -> Callable[[Any], Any] | None:
    """Return the function that converts values of a type or of ``type | None``."""
    if kind not in _PLAIN and type(None) in get_args(kind):
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal:
        return partial(_one_of, get_args(kind))
    return _PLAIN.get(kind)


def _is_in_range(parameter: Any, value: Any) -> bool:
    """Check whether a number is in the range of its option, if the option has a range."""
    least = getattr(parameter, "min", None)
    most = getattr(parameter, "max", None)
    return (least is None or value >= least) and (most is None or value <= most)


def _one_of(choices: tuple[Any, ...], given: Any) -> Any:
    """Return a choice; raise `ValueError` if Typer has to refuse it."""
    return choices[choices.index(given)]


def _value(
    parameter: Any,
    make: Callable[[Any], Any] | None,
    checked: Callable[[Any, Any], Any],
    context: Any,
    given: Any,
) -> Any:
    """Return the value of a parameter, as Typer would."""
    if not parameter.required and (given is None or given is parameter.default):
        takes_many = parameter.nargs == -1 or getattr(parameter, "multiple", False)
        value = () if given is None and takes_many else given
    elif make is not None and given:
        try:
            value = make(given)
        except ValueError:
            return checked(context, given)
        if not _is_in_range(parameter, value):
            return checked(context, given)
    else:
        return checked(context, given)
    return value if parameter.callback is None else parameter.callback(context, parameter, value)
