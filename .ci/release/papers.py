"""What goes with the packages: models, a bill of materials, checksums."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from release.packages import PROJECT, run
from toolkit.files import CHECKSUMS, sha256_of, write_checksums
from toolkit.model import SHIPPED

_OF_MODEL = ("{}.onnx", "{}.ids.onnx", "{}.vocabulary.txt", "{}.tokens.json")


def copy_models(folder: Path) -> None:
    """Copy the models with their parts, and the golden vectors; compare them with their sums."""
    exported = PROJECT / "exported"
    expected = read_sums(exported / CHECKSUMS)
    names = ["golden.jsonl", *(each.format(model) for model in SHIPPED for each in _OF_MODEL)]
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        copied = Path(shutil.copy(exported / name, folder))
        if sha256_of(copied) != expected.get(name):
            sys.exit(f"error: exported/{name} is not what exported/{CHECKSUMS} says")


def write_bill_of_materials(environment: Path, folder: Path, version: str) -> None:
    """Write what an environment has, in CycloneDX: the toolkit, and what it requires."""
    path = folder / "review-sentiment-toolkit.cdx.json"
    run(
        *(sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"),
        *("--pyproject", "pyproject.toml", "--output-file", path.resolve(), environment),
    )
    bill = json.loads(path.read_bytes())
    bill["metadata"]["component"]["version"] = version  # which pyproject.toml does not have
    path.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")


def write_sums(folder: Path, *files: Path) -> None:
    """Write the checksums of files, as ``sha256sum --check`` reads them."""
    names = [path.name for path in files]
    if len({*names}) != len(names):
        sys.exit(f"error: two files have one name: {sorted(names)}")
    write_checksums(folder, files)


def read_sums(path: Path) -> dict[str, str]:
    """Read checksums: by name of the file."""
    pairs = (line.split("  ", 1) for line in path.read_text("utf-8").splitlines())
    return {name: found for found, name in pairs}
