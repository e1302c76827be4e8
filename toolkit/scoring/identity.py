"""What the bytes of an output depend on."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any
from uuid import UUID, uuid5

import onnxruntime as ort

from toolkit import __version__
from toolkit.files import resolved
from toolkit.model.scorer import Scorer
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.resuming.watched_input import WatchedInput

_JOBS = UUID("5d1c4c52-7c0f-4f5e-9a43-7f6b0b0f3c11")  # the namespace of the ids of jobs

# Of the options of reading: with the column of labels, these change summaries, or the speed.
_NOT_IN_OUTPUTS = ("labels", "block_bytes")


def identity_of(settings: dict[str, Any], source: WatchedInput | None) -> dict[str, Any] | None:
    """Say what the bytes of an output depend on, for JSON; None for an input that is not a file."""
    if source is None:
        return None
    facts = [str(resolved(source.path)), source.facts.size, source.facts.mtime_ns]
    return {**settings, "the input": facts}


def job_id_of(settings: dict[str, Any], source: WatchedInput | None) -> str:
    """Give a UUID of the settings with the name and the size of the input, if it is a file.

    It is the same on another machine and in another run, as the output is that holds it.
    """
    facts = None if source is None else [source.path.name, source.facts.size]
    reading, *others = settings["the options"]
    reading = {name: value for name, value in reading.items() if name not in _NOT_IN_OUTPUTS}
    reading["columns"] = {**reading["columns"], "label": None}
    settings = {**settings, "the options": [reading, *others]}
    return str(uuid5(_JOBS, json.dumps([settings, facts], sort_keys=True)))


def settings_of(scorer: Scorer, options: ScoringOptions) -> dict[str, Any]:
    """Say what the bytes of all outputs of a run depend on, for JSON."""
    reading = options.reading
    # The same, whether they are named or not.
    columns = asdict(reading.columns) | {
        column.role: column.name for column in reading.columns.added
    }
    settings = {
        "toolkit": __version__,
        "ONNX Runtime": ort.__version__,
        "the model": scorer.sha256,
        "the name of the model": scorer.identity()["name"],
        "the threshold": float(scorer.threshold),
        "the neutral range": scorer.neutral,
        "the scoring by sentence": scorer.by_sentence,
        "the options": [
            {**asdict(reading), "columns": columns},
            options.output_format,
            options.stop_on_error,
            asdict(options.part),
        ],
    }
    return json.loads(json.dumps(settings))  # type: ignore[no-any-return]  # as it is read again
