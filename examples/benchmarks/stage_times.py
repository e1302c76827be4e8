"""The time within parts of one `toolkit score`, as JSON: ``stage_times SOURCE OUTPUT [MODEL]``.

Functions are wrapped from outside. What one calls is counted there and not in the caller, so that
the stages add up to the time of `score_files`; start and loading of the model are left out. It is
the time of the processor, so that other programs do not count.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import isgeneratorfunction
from pkgutil import resolve_name
from typing import Any

from examples.benchmarks.sources import TIMED_MODEL
from toolkit.cli.app import app
from toolkit.cli.process import prepare_process

# Stage, what holds the function, and its name. The last one is the whole: the rest is its own.
STAGES = [
    ("read", "toolkit.records.streams:ByteStream", "peek"),
    ("split", "toolkit.records.lines:RecordFile", "blocks"),
    ("split", "toolkit.records.parquet:ParquetFile", "blocks"),
    ("parse", "toolkit.records.csv:DelimitedFile", "parse"),
    ("parse", "toolkit.records.json_lines:JsonLinesFile", "parse"),
    ("parse", "toolkit.records.parquet:ParquetFile", "parse"),
    ("tokens", "toolkit.text.vocabulary:Vocabulary", "encode"),
    ("batches", "toolkit.text.token_ids:TokenIds", "batches"),
    ("batches", "toolkit.text.token_ids:TokenIds", "padded"),
    ("network", "toolkit.model.network:Network", "run"),
    ("reading", "toolkit.model.predictor:KnownWords", "are_few"),
    ("reading", "toolkit.text.token_ids:TokenIds", "has_known_token"),
    ("numbers", "toolkit.model.predictor:Predictor", "predict"),
    ("labels", "toolkit.model.scorer:Scorer", "columns"),
    ("counts", "toolkit.scoring.block_scorer:TextCounts", "of"),
    ("counts", "toolkit.scoring.block_scorer", "count"),
    ("render", "toolkit.records.csv:DelimitedFile", "render"),
    ("render", "toolkit.records.json_lines:JsonLinesFile", "render"),
    ("write", "toolkit.scoring.file_output:FileOutput", "append"),
    ("end", "toolkit.scoring.file_output:FileOutput", "finish"),
    ("rest", "toolkit.scoring.run", "score_files"),
]


class Stopwatch:
    """Time by stage, of functions that call one another in one thread."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = time.thread_time()

    def wrap(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give a function that does the same and is timed; of a generator, each step."""

        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            return self._run(stage, lambda: function(*args, **kwargs))

        @wraps(function)
        def timed_steps(*args: Any, **kwargs: Any) -> Iterator[Any]:
            steps = iter(function(*args, **kwargs))
            nothing = object()
            while (step := self._run(stage, lambda: next(steps, nothing))) is not nothing:
                yield step

        return timed_steps if isgeneratorfunction(function) else timed

    def _run(self, stage: str, call: Callable[[], Any]) -> Any:
        self._switch()
        self._running.append(stage)
        try:
            return call()
        finally:
            self._switch()
            self._running.pop()

    def _switch(self) -> None:
        """Book the time since the last switch on the innermost stage."""
        now = time.thread_time()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now


def main(source: str, output: str, model: str = TIMED_MODEL) -> None:
    """Score a file with one worker, and print the seconds of each stage."""
    prepare_process()
    stopwatch = Stopwatch()
    for stage, holder, name in STAGES:
        where = resolve_name(holder)
        setattr(where, name, stopwatch.wrap(stage, getattr(where, name)))
    options = ["--model", model, "-o", output, "--workers", "1", "--force", "--quiet"]
    app(["score", source, *options], standalone_mode=False)
    stages = dict.fromkeys(stage for stage, *_ in STAGES)
    print(json.dumps({stage: round(stopwatch.seconds[stage], 5) for stage in stages}))


if __name__ == "__main__":
    main(*sys.argv[1:])
