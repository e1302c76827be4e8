"""Values of the command line in which nothing can be wrong, which are made without pydantic.

For any value, also one that is not given, Typer imports pydantic and builds a validator: a quarter
of the time in which ten reviews are scored. So Typer gets only what may be wrong, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from typer.core import TyperCommand, TyperGroup

from toolkit.stores.store_path import path_of


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
