"""The time within parts of one `toolkit score`, as JSON: ``stage_times SOURCE OUTPUT``.

Functions are wrapped from outside. What one calls is counted there and not in the caller, so that
the stages add up to the time of `score_files`; start and loading of the model are left out.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pkgutil import resolve_name
from typing import Any

from tests.benchmarks.sources import TIMED_MODEL
from toolkit.cli.app import app
from toolkit.cli.process import prepare_process

# Stage, what holds the function, and its name. The last one is the whole: the rest is its own.
STAGES = [
    ("read", "toolkit.records.text_files.byte_streams:ByteStream", "peek"),
    ("split", "toolkit.records.delimited.csv:DelimitedFile", "_split"),
    ("parse", "toolkit.records.delimited.csv:DelimitedFile", "parse"),
    ("tokens", "toolkit.text.vocabulary:Vocabulary", "encode"),
    ("tokens", "toolkit.text.token_ids:TokenIds", "padded"),
    ("network", "onnxruntime:InferenceSession", "run"),
    ("blanks", "toolkit.model.scorer:Scorer", "probabilities"),
    ("labels", "toolkit.model.scorer:Scorer", "sentiments"),
    ("render", "toolkit.records.delimited.csv:DelimitedFile", "render"),
    ("write", "toolkit.scoring.outputs.byte_file", "write_all"),
    ("rest", "toolkit.scoring.run", "score_files"),
]


class Stopwatch:
    """Time by stage, of functions that call one another in one thread."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = time.perf_counter()

    def wrap(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give a function that does the same and is timed."""

        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._switch()
            self._running.append(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self._switch()
                self._running.pop()

        return timed

    def _switch(self) -> None:
        """Book the time since the last switch on the innermost stage."""
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now


def main(source: str, output: str) -> None:
    """Score a file with one worker, and print the seconds of each stage."""
    prepare_process()
    stopwatch = Stopwatch()
    for stage, holder, name in STAGES:
        where = resolve_name(holder)
        setattr(where, name, stopwatch.wrap(stage, getattr(where, name)))
    options = ["--model", TIMED_MODEL, "-o", output, "--workers", "1", "--force", "--quiet"]
    app(["score", source, *options], standalone_mode=False)
    print(json.dumps({stage: stopwatch.seconds[stage] for stage, *_ in STAGES}))


if __name__ == "__main__":
    main(*sys.argv[1:])
