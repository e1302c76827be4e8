"""The three functions of the C library, by ctypes, for a process that has loaded little else.

Debian's ONNX Runtime and that of pip do not go into one process, where TensorFlow is there, too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass


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


class Functions:
    """A library that is loaded; models are numbers."""

    def __init__(self, library: str) -> None:
        self._functions = functions = ctypes.CDLL(library)
        functions.sentiment_open.restype = ctypes.c_void_p
        functions.sentiment_open.argtypes = (
            *(ctypes.c_char_p, ctypes.c_char_p),
            *(ctypes.c_size_t, ctypes.c_char_p),
        )
        functions.sentiment_score.argtypes = (
            *(ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_size_t), ctypes.c_size_t),
            *(ctypes.POINTER(_Result), ctypes.c_char_p),
        )

    def open(self, path: str | None, content: bytes) -> int:
        """Open a file, or the content of one."""
        error = ctypes.create_string_buffer(256)
        name = None if path is None else path.encode()
        model: int | None = self._functions.sentiment_open(name, content, len(content), error)
        if model is None:
            raise LibraryError(error.value.decode())
        return model

    def score(self, model: int, texts: Sequence[bytes]) -> list[Score]:
        """Score texts, handed over as they are."""
        lengths = (ctypes.c_size_t * len(texts))(*map(len, texts))
        results = (_Result * len(texts))()
        error = ctypes.create_string_buffer(256)
        joined = b"".join(texts)
        if self._functions.sentiment_score(
            ctypes.c_void_p(model), joined, lengths, len(texts), results, error
        ):
            raise LibraryError(error.value.decode())
        return [
            Score(each.label.decode(), each.probability, each.stars, each.known_tokens)
            for each in results
        ]

    def close(self, model: int) -> None:
        """Close a model."""
        self._functions.sentiment_close(ctypes.c_void_p(model))
