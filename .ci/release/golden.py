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
# Graphs answer texts in other languages, too. The toolkit has no label where the model knows so few
# of their words that it sees the language, which differs by model.
OTHER_LANGUAGE = {
    "Ein gro\u00dfartiger Film, aber auf Deutsch.",
    "Un film magnifique, mais en fran\u00e7ais, o\u00f9 l'on pleure \u00e0 la fin.",
    "Una pel\u00edcula aburrida, \u00a1y encima largu\u00edsima!",
    "\u00c9lan \u00e9lan \u00c9lite \u00e9lite \u00c0 la carte",
}


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
    if sentiment is None and text in OTHER_LANGUAGE:
        return True
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
