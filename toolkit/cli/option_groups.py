"""Commands that take groups of options: a parameter whose type is a dataclass is its options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import wraps
from typing import Any, get_type_hints

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
