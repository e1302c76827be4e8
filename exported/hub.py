"""Write a folder for the Hugging Face Hub for a shipped model: `python -m exported.hub MODEL FOLDER [--force]`.

It has the same files as that of `toolkit export RUN --hub FOLDER`, from the files in this folder. The packages `onnx` and
`huggingface_hub` are needed, TensorFlow is not.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from toolkit.errors import MissingExtraError, ToolkitError

if __name__ == "__main__":  # before the modules that import them
    try:
        MissingExtraError.check(None, "onnx", "huggingface_hub")
    except MissingExtraError as error:
        sys.exit(f"error: {error}")

from exported.figures import figures_by_group
from exported.shipping import EXPORTED, GOLDEN
from exported.sources import FILMS_ONLY
from toolkit.export import hub
from toolkit.export.hub import check_folder, filled_folder, write_around
from toolkit.model import SHIPPED

_OF_TERMS = {path.name: path for path in (EXPORTED.parent / "LICENSE", EXPORTED / "SOURCES.md")}
_TERMS = """
## Terms

[LICENSE](LICENSE) is of the weights. [SOURCES.md](SOURCES.md) lists the training reviews of all shipped models with their terms, and
says which model is for companies.
"""


def write_hub_folder(model: str, folder: Path, *, force: bool = False) -> None:
    """Write the folder of a shipped model by its name; raises as `toolkit.export.export_to_hub`."""
    check_folder(folder, force=force)
    figures = figures_by_group(model, trained_on=("films",) if model == FILMS_ONLY else ())
    more = f"{_TERMS}\n## Accuracy by kind of review\n{figures}" if figures else _TERMS
    with filled_folder(folder, (*hub.FILES, *_OF_TERMS), force=force) as made:
        for path in _OF_TERMS.values():
            shutil.copy(path, made)
        for name, ending in (
            (hub.MODEL, ".onnx"),
            (hub.TWIN, ".ids.onnx"),
            (hub.WORDS, ".vocabulary.txt"),
            (hub.TOKENS, ".tokens.json"),
        ):
            shutil.copyfile(EXPORTED / f"{model}{ending}", made / name)
        (made / hub.GOLDEN).write_text(golden_of(model), encoding="utf-8", newline="\n")
        write_around(made, more)


def golden_of(model: str) -> str:
    """Give the golden vectors of one model, which is called `model`, as its file is."""
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    own = Path(hub.MODEL).stem
    entries = [
        {**entry, "models": {own: entry["models"][model]}} for entry in map(json.loads, lines)
    ]
    return "".join(f"{json.dumps(entry, separators=(',', ':'))}\n" for entry in entries)


def main() -> None:
    """Write the folder that the command line names."""
    parser = argparse.ArgumentParser("python -m exported.hub", description=__doc__)
    parser.add_argument("model", choices=SHIPPED)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--force", action="store_true", help="replace existing files")
    chosen = parser.parse_args()
    try:
        write_hub_folder(chosen.model, chosen.folder, force=chosen.force)
    except ToolkitError as error:
        sys.exit(f"error: {error}")
    print(f"Upload it with: hf upload OWNER/NAME {chosen.folder}")


if __name__ == "__main__":
    main()
