"""Where a model file runs, and how far the tests of this project cover it."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.model.info.traps import traps_of

_TESTED = "tested"
_IN_C = "tested, by examples/c"
_SAME_OPERATORS = "not tested; it has the operators"
_LANGUAGES = {
    **dict.fromkeys(("Python", "Node.js", "Bun", "Deno", "C"), _TESTED),
    **dict.fromkeys(("C++", "Go", "Rust", "Java", "C#"), _IN_C),
}
_WASM, _WEBGPU = "web pages, WebAssembly", "web pages, WebGPU"


@dataclass(frozen=True)
class Runtime:
    """A language or platform: whether a stock build of ONNX Runtime runs the file there."""

    where: str
    runs: bool
    note: str  # how far that was tested, or what to take instead
    traps: tuple[str, ...] = ()  # names; those everywhere are not repeated


def runtimes(*, takes_text: bool, twin: str) -> tuple[Runtime, ...]:
    """List where a text-in file, or the twin that takes token ids, runs; tested ones first."""
    if takes_text:
        tested = {**_LANGUAGES, _WASM: f"{_TESTED} in Chromium"}
        return (
            *(Runtime(where, True, how, traps_of(where)) for where, how in tested.items()),
            Runtime(_WEBGPU, False, f"its build lacks LabelEncoder: take {twin}"),
        )
    others = [where for where in (*_LANGUAGES, _WASM) if where != "Python"]
    return (
        Runtime("Python", True, _TESTED),
        *(Runtime(where, True, _SAME_OPERATORS) for where in others),
        Runtime(_WEBGPU, True, "not tested; it needs no strings"),
    )
