"""The C library of `examples/c`, called from Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import Any

from tests.examples import programs
from tests.examples.c_functions import Functions, Score


class _Process(BaseManager):
    """A process of its own; each thread that calls it has a thread there."""


_Process.register("Functions", Functions)


@dataclass(frozen=True)
class Opened:
    """A model that is open."""

    functions: Any
    model: int

    def score(self, texts: Sequence[str | bytes]) -> list[Score]:
        """Score texts; bytes are handed over as they are."""
        encoded = [text.encode() if isinstance(text, str) else text for text in texts]
        found: list[Score] = self.functions.score(self.model, encoded)
        return found


@dataclass(frozen=True)
class Library:
    """The three functions."""

    functions: Any
    process: _Process  # ends with the last reference

    @contextmanager
    def open(self, model: Path | bytes) -> Iterator[Opened]:
        """Open a file, or the content of one; close it at the end."""
        path = str(model) if isinstance(model, Path) else None
        opened = self.functions.open(path, b"" if isinstance(model, Path) else model)
        try:
            yield Opened(self.functions, opened)
        finally:
            self.functions.close(opened)


@cache
def library() -> Library:
    """Build and load the library; skips where that is not possible."""
    folder = programs.c_library()
    process = _Process(ctx=get_context("spawn"))
    process.start()
    return Library(process.Functions(str(folder / "libsentiment.so")), process)  # type: ignore[attr-defined]
