"""Where a model file runs, and what the tests of this project have to do with it."""

from __future__ import annotations

from typing import NamedTuple

TESTED = "the tests of this project run the shipped models there"
_SAME_OPERATORS = "not tested; it has the operators"
_REPAIRS = "; strings need a repair on their way in, see examples"


class Place(NamedTuple):
    """A language or a runtime.

    Attributes
    ----------
    where : str
        Its name.
    runs : bool
        Whether a stock build of ONNX Runtime takes the file there.
    note : str
        How far that was tested, or what to take instead.
    """

    where: str
    runs: bool
    note: str


def places(*, takes_text: bool, twin: str) -> list[Place]:
    """Tell where a file runs.

    Parameters
    ----------
    takes_text : bool
        Whether it is the text-in file, or its twin that takes token ids.
    twin : str
        Name of the twin.

    Returns
    -------
    list[Place]
        The tested ones first.
    """
    if takes_text:
        return [
            *(Place(where, True, TESTED) for where in ("Python", "C")),
            Place("Node.js", True, f"{TESTED}{_REPAIRS}/node"),
            Place("web pages, WebAssembly", True, f"{TESTED}, in Chromium{_REPAIRS}/web"),
            *(Place(where, True, _SAME_OPERATORS) for where in ("C++", "C#", "Java")),
            Place("web pages, WebGPU", False, f"its build lacks LabelEncoder: take {twin}"),
        ]
    return [
        Place("Python", True, TESTED),
        *(
            Place(where, True, _SAME_OPERATORS)
            for where in ("Node.js", "C", "C++", "C#", "Java", "web pages, WebAssembly")
        ),
        Place("web pages, WebGPU", True, "not tested; it needs no strings"),
    ]
