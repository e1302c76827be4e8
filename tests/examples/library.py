"""The C library of `examples/c`, called from Python."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.examples import programs
from tests.examples.building import MissingError


class _Result(ctypes.Structure):
    _fields_ = (
        ("probability", ctypes.c_float),
        ("stars", ctypes.c_float),
        ("known_tokens", ctypes.c_int32),
        ("label", ctypes.c_char * 64),
    )


@dataclass(frozen=True)
class Score:
    """One result."""

    label: str
    probability: float
    stars: float
    known_tokens: int


class LibraryError(Exception):
    """The text that the library gives."""


@dataclass(frozen=True)
class Opened:
    """A model that is open."""

    functions: Any
    model: int

    def score(self, texts: Sequence[str | bytes]) -> list[Score]:
        """Score texts; bytes are handed over as they are."""
        encoded = [text.encode() if isinstance(text, str) else text for text in texts]
        lengths = (ctypes.c_size_t * len(texts))(*map(len, encoded))
        results = (_Result * len(texts))()
        error = ctypes.create_string_buffer(256)
        joined = b"".join(encoded)
        if self.functions.sentiment_score(
            ctypes.c_void_p(self.model), joined, lengths, len(texts), results, error
        ):
            raise LibraryError(error.value.decode())
        return [
            Score(each.label.decode(), each.probability, each.stars, each.known_tokens)
            for each in results
        ]


@dataclass(frozen=True)
class Library:
    """The three functions."""

    functions: Any

    @contextmanager
    def open(self, model: Path | bytes) -> Iterator[Opened]:
        """Open a file, or the content of one; close it at the end."""
        path = str(model).encode() if isinstance(model, Path) else None
        content = b"" if isinstance(model, Path) else model
        error = ctypes.create_string_buffer(256)
        opened = self.functions.sentiment_open(path, content, len(content), error)
        if not opened:
            raise LibraryError(error.value.decode())
        try:
            yield Opened(self.functions, opened)
        finally:
            self.functions.sentiment_close(ctypes.c_void_p(opened))


@cache
def library() -> Library:
    """Build and load the library; skips where that is not possible."""
    try:
        folder = programs.c_library()
    except MissingError as error:
        pytest.skip(str(error))
    functions = ctypes.CDLL(str(folder / "libsentiment.so"))
    functions.sentiment_open.restype = ctypes.c_void_p
    functions.sentiment_open.argtypes = (
        *(ctypes.c_char_p, ctypes.c_char_p),
        *(ctypes.c_size_t, ctypes.c_char_p),
    )
    functions.sentiment_score.argtypes = (
        *(ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_size_t), ctypes.c_size_t),
        *(ctypes.POINTER(_Result), ctypes.c_char_p),
    )
    return Library(functions)
