"""The model file, and what is done with it: read, checked, described, run, explained.

>>> from toolkit.model import load_model
>>> load_model("reviews-small").facts.labels
('negative', 'positive')
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.fronts import late_names

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

_MODULES = {
    "shipped": ("DEFAULT_MODEL", "SHIPPED", "find_model", "is_shipped"),
    "file": ("ModelFile", "load_model", "read_twin"),
    "facts": ("ModelFacts",),
    "release": ("Release",),
    "run_folder": ("RunConfig", "RunFolder"),
    "scorer": ("Score", "Scorer"),
}
__getattr__ = late_names(__name__, _MODULES)
