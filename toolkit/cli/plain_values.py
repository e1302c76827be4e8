"""Values of the command line that need no check, which are made without pydantic.

For any value, also one that is not given, Typer imports pydantic and builds a validator: a quarter
of the time in which ten reviews are scored. So Typer gets only what can be wrong, such as numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

from typer.core import TyperCommand, TyperGroup

# What makes a value of the strings that are given.
_PLAIN: dict[Any, Callable[[Any], Any]] = {
    str: str,
    str | None: str,
    list[str]: list,
    list[str] | None: list,
    Path: Path,
    Path | None: Path,
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
        make = _PLAIN.get(types.get(parameter.name))
        parameter.process_value = partial(_value, parameter, make, parameter.process_value)
    return parameters


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
        value = make(given)
    else:
        return checked(context, given)
    return value if parameter.callback is None else parameter.callback(context, parameter, value)
