"""The model file, and what is done with it: read, checked, described, run, explained.

>>> from toolkit.model import load_model
>>> load_model("reviews-small").facts.labels
('negative', 'positive')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.model.facts import ModelFacts
    from toolkit.model.file import ModelFile, load_model, read_twin
    from toolkit.model.release import Release
    from toolkit.model.run_folder import RunConfig, RunFolder
    from toolkit.model.scorer import Score, Scorer
    from toolkit.model.shipped import DEFAULT_MODEL, SHIPPED, find_model, is_shipped

__all__ = [
    "DEFAULT_MODEL",
    "SHIPPED",
    "ModelFacts",
    "ModelFile",
    "Release",
    "RunConfig",
    "RunFolder",
    "Score",
    "Scorer",
    "find_model",
    "is_shipped",
    "load_model",
    "read_twin",
]

# Imported when a name is asked for, since the command line needs no more than the first.
_MODULES = ("shipped", "file", "facts", "release", "run_folder", "scorer")


def __getattr__(name: str) -> object:
    for module in _MODULES if name in __all__ else ():
        found = vars(import_module(f"{__name__}.{module}"))
        if name in found:
            return found[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
