"""Batch scoring and export toolkit for review sentiment.

>>> from toolkit import Scorer
>>> Scorer().score(["A fine film, and superbly acted."])[0].sentiment
'positive'
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

# From 1.29 on, ONNX Runtime would tell its makers of every session, on Linux and macOS, too. It
# looks when it is imported. To let it, set the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
DISTRIBUTION = "review-sentiment-toolkit"  # `review_sentiment_toolkit.py` knows this package by it
__all__ = ["Scorer", "__version__"]

if TYPE_CHECKING:
    from toolkit.model.scorer import Scorer as Scorer


def late_names(package: str, modules: Mapping[str, tuple[str, ...]]) -> Callable[[str], object]:
    """Make the `__getattr__` of a package (PEP 562): names by the module that each is in.

    So a light name, such as that of the default model, can be imported without NumPy and Arrow.
    """
    homes = {name: module for module, names in modules.items() for name in names}

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find


# Late, so that `toolkit --help` starts without ONNX Runtime and Arrow.
__getattr__ = late_names(__name__, {"model": ("Scorer",)})
