"""What goes with the packages: models, a bill of materials, checksums."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

from release.packages import PROJECT, run
from toolkit.files import CHECKSUMS, sha256_of, write_checksums
from toolkit.model import SHIPPED

LOCK = Path(__file__).with_name("container.txt")
_OF_MODEL = ("{}.onnx", "{}.ids.onnx", "{}.vocabulary.txt", "{}.tokens.json")

_VALIDATE = """
import json, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
bill = open(sys.argv[1], encoding="utf-8").read()
version = SchemaVersion.from_version(json.loads(bill)["specVersion"])
if error := JsonStrictValidator(version).validate_str(bill):
    sys.exit(f"{sys.argv[1]}: {error}")
"""


def copy_models(folder: Path) -> None:
    """Copy the models with their parts their terms, and the golden vectors; check the sums."""
    exported = PROJECT / "exported"
    expected = read_sums(exported / CHECKSUMS)
    names = ["golden.jsonl", *(each.format(model) for model in SHIPPED for each in _OF_MODEL)]
    folder.mkdir(parents=True, exist_ok=True)
    for path in (PROJECT / "LICENSE", exported / "SOURCES.md"):
        shutil.copy(path, folder)
    for name in names:
        copied = Path(shutil.copy(exported / name, folder))
        if sha256_of(copied) != expected.get(name):
            sys.exit(f"error: exported/{name} is not what exported/{CHECKSUMS} says")


def write_bill_of_materials(wheel: Path, environment: Path, folder: Path) -> None:
    """Write what the image of the Containerfile has, in CycloneDX.

    The models are those of the wheel. The packages have the versions and hashes of the image;
    their licences are what an environment with the wheel knows of them.
    """
    licences = {
        each["name"]: {"licenses": each["licenses"]}
        for each in _cyclonedx("environment", environment)["components"]
        if "licenses" in each
    }
    bill = _cyclonedx("requirements", LOCK)
    for each in bill["components"]:
        each.update({"bom-ref": each["purl"], **licences.get(each["name"], {})})
        del each["description"]  # the lines of the file
        for reference in each["externalReferences"]:  # hashes of all files of this version
            reference["url"] = each["purl"]
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".cdx.json"))
        inside = json.loads(archive.read(name))
    bill["components"] += [{"bom-ref": each["name"], **each} for each in inside["components"]]
    bill["metadata"]["component"] |= inside["metadata"]["component"] | {"bom-ref": "toolkit"}
    parts = [each["bom-ref"] for each in bill["components"]]
    bill["dependencies"] = [
        {"ref": "toolkit", "dependsOn": parts},
        *({"ref": each} for each in parts),
    ]
    path = folder / "review-sentiment-toolkit.cdx.json"
    path.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
    run(sys.executable, "-c", _VALIDATE, path.resolve())


def _cyclonedx(kind: str, source: Path) -> Any:
    with TemporaryDirectory() as folder:
        path = Path(folder, "bill.json")
        run(
            *(sys.executable, "-m", "cyclonedx_py", kind, "--output-reproducible"),
            *("--pyproject", "pyproject.toml", "--output-file", path, source),
        )
        return json.loads(path.read_bytes())


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
