"""What the bytes of an output depend on."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import onnxruntime as ort

from toolkit import __version__
from toolkit.files import resolved
from toolkit.model.scorer import Scorer
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.resuming.watched_input import WatchedInput


def identity_of(
    scorer: Scorer, source: WatchedInput | None, options: ScoringOptions
) -> dict[str, Any] | None:
    """Say what the bytes of an output depend on, for JSON; None for an input that is not a file."""
    if source is None:
        return None
    reading = options.reading
    # The same, whether they are named or not.
    columns = asdict(reading.columns) | {
        column.role: column.name for column in reading.columns.added
    }
    identity = {
        "toolkit": __version__,
        "ONNX Runtime": ort.__version__,
        "the model": scorer.sha256,
        "the threshold": float(scorer.threshold),
        "the neutral range": scorer.neutral,
        "the scoring by sentence": scorer.by_sentence,
        "the input": [str(resolved(source.path)), source.facts.size, source.facts.mtime_ns],
        "the options": [
            {**asdict(reading), "columns": columns},
            options.output_format,
            options.stop_on_error,
            asdict(options.part),
        ],
    }
    return json.loads(json.dumps(identity))  # type: ignore[no-any-return]  # as it is read again
