"""Compare what the installed toolkit gives with golden vectors: ``golden.py FILE [MODEL …]``.

It needs nothing but the toolkit, so it also runs in a container (`Containerfile`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from toolkit import Scorer

TOLERANCE = 1e-5
# The models know a function word alone of these texts: graphs answer, the toolkit has no label.
SAYS_NOTHING = {"\u00c5ge and \u00e5ge"}


def differences(golden: Path, model: str) -> list[str]:
    """Name the texts whose label or probability is another one, or that have none."""
    lines = [json.loads(line) for line in golden.read_text("utf-8").splitlines()]
    expected = [line["models"][model] for line in lines]
    found = Scorer(model).score([line["text"] for line in lines])
    return [
        line["name"]
        for line, wanted, score in zip(lines, expected, found, strict=True)
        if not _agree(line["text"], wanted, score.sentiment, score.probability)
    ]


def _agree(
    text: str, wanted: dict[str, object], sentiment: str | None, probability: float | None
) -> bool:
    if wanted["known_tokens"] == 0 or text in SAYS_NOTHING:
        return sentiment is None
    if probability is None or sentiment != wanted["label"]:
        return False
    return abs(probability - float(str(wanted["probability"]))) <= TOLERANCE


def main(golden: str, *models: str) -> None:
    """Compare the models, and end with an error if one differs."""
    for model in models or ("reviews",):
        if wrong := differences(Path(golden), model):
            few = ", ".join(wrong[:5])
            sys.exit(f"error: the model {model} gives other results for {len(wrong)} texts: {few}")


if __name__ == "__main__":
    main(*sys.argv[1:])
