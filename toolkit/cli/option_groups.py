"""Options that belong together, as the fields of a dataclass, and how a command gets them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, get_type_hints

Command = Callable[..., None]


def with_options(name: str, group: type) -> Callable[[Command], Command]:
    """Make what gives a command the options of a group at the place of its parameter ``name``."""

    def decorate(command: Command) -> Command:
        own, others = _parameters(group), _parameters(command)
        at = [parameter.name for parameter in others].index(name)

        @wraps(command)
        def called(**values: Any) -> None:
            said = {parameter.name: values.pop(parameter.name) for parameter in own}
            command(**values, **{name: group(**said)})

        signature = inspect.Signature([*others[:at], *own, *others[at + 1 :]])
        called.__signature__ = signature  # type: ignore[attr-defined]  # which Typer reads
        called.__annotations__ = {each: p.annotation for each, p in signature.parameters.items()}
        return called

    return decorate


def _parameters(called: Callable[..., object]) -> list[inspect.Parameter]:
    """Give the parameters with their annotations, which are text in the source."""
    if not inspect.isclass(called) and hasattr(called, "__signature__"):  # of another group
        return [*inspect.signature(called).parameters.values()]
    hints = get_type_hints(
        called.__init__ if inspect.isclass(called) else called,
        include_extras=True,
    )
    parameters = inspect.signature(called).parameters
    return [each.replace(annotation=hints[name]) for name, each in parameters.items()]
