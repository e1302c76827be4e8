"""Where a model file runs, and how far the tests of this project cover it."""

from __future__ import annotations

from dataclasses import dataclass

_TESTED = "the tests of this project run the shipped models there"
_SAME_OPERATORS = "not tested; it has the operators"
_REPAIRS = "; strings need a repair on their way in, see examples"


@dataclass(frozen=True)
class Runtime:
    """A language or platform: whether a stock build of ONNX Runtime runs the file there."""

    where: str
    runs: bool
    note: str  # how far that was tested, or what to take instead


def runtimes(*, takes_text: bool, twin: str) -> tuple[Runtime, ...]:
    """List where a text-in file, or the twin that takes token ids, runs; tested ones first."""
    if takes_text:
        return (
            *(Runtime(where, True, _TESTED) for where in ("Python", "C")),
            Runtime("Node.js", True, f"{_TESTED}{_REPAIRS}/node"),
            Runtime("web pages, WebAssembly", True, f"{_TESTED}, in Chromium{_REPAIRS}/web"),
            *(Runtime(where, True, _SAME_OPERATORS) for where in ("C++", "C#", "Java")),
            Runtime("web pages, WebGPU", False, f"its build lacks LabelEncoder: take {twin}"),
        )
    others = ("Node.js", "C", "C++", "C#", "Java", "web pages, WebAssembly")
    return (
        Runtime("Python", True, _TESTED),
        *(Runtime(where, True, _SAME_OPERATORS) for where in others),
        Runtime("web pages, WebGPU", True, "not tested; it needs no strings"),
    )
