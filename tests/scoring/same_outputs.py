"""Run `toolkit score` as a user does, and record what each call writes.

The record is `tests/frozen_files/outputs.json`, made by `python -m tests.scoring.same_outputs`.
`test_same_outputs` makes each call again and compares. To see what has changed where a hash
differs, run

    python -m tests.scoring.same_outputs --keep FOLDER csv_quoted

at both commits. It records nothing, and leaves the files of the named cases (of all cases where
none is named) in the folder. Where a change is meant, look at the files and record the cases again.

This module runs the command and imports nothing of `toolkit`, so it does not care where its code
stands. It keeps of each call: the exit code, the names of the files that are new, changed or gone,
and of what they hold

- a hash of the bytes, unpacked where the name ends in .gz or .zst;
- of a Parquet file a hash of its columns, values, row groups, packing and metadata, since its bytes
  depend on the version of pyarrow; without what the metadata say of the model and the version;
- of a report (report.json) all but times, version, options, messages and what the model is.

Messages are left out. What goes to standard output counts as a file that is called "-".

Another processor may compute the last bit of a probability otherwise, and another Python says
otherwise what is wrong with bad JSON. So there is a second hash, without numbers and without these
reasons, which is all that is compared on such a machine.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pyarrow.parquet as pq

from tests.data import PROJECT
from tests.scoring.same_outputs_files import Call, Case, File, Files, Link

RECORD = PROJECT / "tests" / "frozen_files" / "outputs.json"
OLD_MODEL = PROJECT / "tests" / "frozen_files" / "version_1.onnx"
# The models that were shipped at that commit. Calls that name no model used the first.
SHIPPED_THEN = {
    name: PROJECT / "tests" / "frozen_files" / "format_2" / f"{name}.onnx"
    for name in ("ngram-cnn", "ngram-linear", "conv1d")
}
MODELS = {**SHIPPED_THEN, "version_1": OLD_MODEL}

_NUMBER = re.compile(rb"\d\.\d+(?:e-?\d+)?|\de-\d+")
_WHY_NO_JSON = re.compile(rb'"reason": "invalid JSON: (?:[^"\\]|\\.)*"')
_PROBED = [
    "A superb film, warm and funny from its first scene to its last.",
    "Dull, slow and badly acted: the worst two hours of the year.",
    "Some good songs, but the plot is thin.",
    "not bad " * 150,
    "été 映画 🎬",
]


def run(case: Case, folder: Path) -> list[dict[str, Any]]:
    """Make the calls of a case in an empty folder; give what each of them did."""
    _write(folder, case.files())
    results = []
    for call in case.calls:
        _write(folder, call.before)
        before = _snapshot(folder)
        ran = subprocess.run(
            [sys.executable, "-m", "toolkit", "score", *_arguments(call)],
            input=call.stdin,
            capture_output=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            preexec_fn=None if call.most_bytes is None else partial(_limit_files, call.most_bytes),
            timeout=300,
            check=False,
        )
        for sign in (b"Traceback", b"error: unexpected "):
            assert sign not in ran.stderr, ran.stderr.decode()
        after = _snapshot(folder)
        files: dict[str, Any] = {
            name: _form(name, content)
            for name, content in after.items()
            if before.get(name) != content
        }
        files |= {name: "gone" for name in before if name not in after}
        if ran.stdout:
            files["-"] = _hashes(ran.stdout)
        results.append(
            {
                "call": call.arguments,
                "exit_code": ran.returncode,
                "files": dict(sorted(files.items())),
            }
        )
    return results


def _arguments(call: Call) -> list[str]:
    """Split the arguments, with the models of that time in the place of their names."""
    arguments = shlex.split(call.arguments)
    for option in {"-m", "--model"}.intersection(arguments):
        place = arguments.index(option) + 1
        arguments[place] = str(SHIPPED_THEN.get(arguments[place], arguments[place]))
        return arguments
    return [*arguments, "--model", str(SHIPPED_THEN["ngram-cnn"])]


def probe() -> dict[str, list[str]]:
    """Give the probabilities of some texts, bit for bit, by ONNX Runtime alone."""
    found = {}
    for name, path in MODELS.items():
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        (probability,) = session.run(["probability"], {"text": np.array(_PROBED, object)})
        found[name] = [float(value).hex() for value in probability]
    return found


def python_version() -> str:
    """Give the version of Python without its last number."""
    return ".".join(map(str, sys.version_info[:2]))


def is_same_machine(record: Mapping[str, Any]) -> bool:
    """Whether probabilities have the same bits here as where the record was made."""
    return bool(probe() == record["probabilities"] and python_version() == record["python"])


def inexact(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the hashes that another machine need not get."""
    return [{**result, "files": _without_sha256(result["files"])} for result in results]


def _without_sha256(content: Any) -> Any:
    if not isinstance(content, dict):
        return content
    return {
        name: _without_sha256(value)
        for name, value in content.items()
        if name not in ("sha256", "bytes")
    }


def _write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        path = folder / name
        (path if content is None else path.parent).mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content.target)
        elif content is not None:
            path.write_bytes(content)


def _snapshot(folder: Path) -> dict[str, File | str]:
    """Give all but the records for later runs; of an unfinished run only that it is there."""
    found: dict[str, File | str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        unfinished = re.match(r"(.*/)?\.[^/]+\.unfinished(?=/|$)", name)
        if unfinished:
            found[unfinished[0]] = "unfinished"
        elif path.suffix == ".done":
            continue
        elif path.is_symlink():
            found[name] = Link(str(path.readlink()))
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


def _form(name: str, content: File | str) -> Any:
    """Give what is recorded of a file."""
    if isinstance(content, Link):
        return f"link to {content.target}"
    if not isinstance(content, bytes):
        return content or "folder"
    if name.endswith("report.json"):
        return _report(json.loads(content))
    return _hashes(_READERS.get(Path(name).suffix, bytes)(content))


def _hashes(content: bytes) -> dict[str, Any]:
    masked = _WHY_NO_JSON.sub(b"no JSON", _NUMBER.sub(b"#", content))
    return {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "without_numbers": hashlib.sha256(masked).hexdigest(),
    }


_LEFT_OUT = (
    *("run_id", "job_id", "shard", "started", "ended", "seconds", "modified"),
    *("toolkit_version", "options", "error", "warnings", "model"),
)


def _report(content: dict[str, Any]) -> dict[str, Any]:
    """Leave out what differs each time, with each release or on each machine."""
    kept = {name: value for name, value in content.items() if name not in _LEFT_OUT}
    if "files" in kept:
        kept["files"] = [_report(file) for file in kept["files"]]
    return kept


def _parquet(content: bytes) -> bytes:
    if not content.startswith(b"PAR1"):  # a name that lies
        return content
    file = pq.ParquetFile(pa.BufferReader(content))
    groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
    table = file.read()
    metadata = table.schema.metadata or {}
    facts = [
        [(each.name, str(each.type), each.nullable) for each in table.schema],
        sorted(pair for pair in metadata.items() if not pair[0].startswith(b"toolkit.")),
        [(group.num_rows, group.column(0).compression) for group in groups],
        [_values(column) for column in table.columns],
    ]
    return repr(facts).encode("utf-8", "surrogatepass")


def _values(column: pa.ChunkedArray) -> list[Any]:
    is_time = pa.types.is_temporal(column.type)  # Python has no nanoseconds
    values: list[Any] = (column.cast(pa.string()) if is_time else column).to_pylist()
    return values


def _unpacked(content: bytes) -> bytes:
    data: bytes = pa.CompressedInputStream(pa.BufferReader(content), "zstd").read()
    return data


# By the ending of a name; other files are taken as they are.
_READERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".zst": _unpacked,
    ".parquet": _parquet,
}


def _limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _recorded(case: Case) -> tuple[str, list[dict[str, Any]]]:
    with tempfile.TemporaryDirectory() as folder:
        results = run(case, Path(folder))
    print(case.name, [result["exit_code"] for result in results], flush=True)
    return case.name, results


def main() -> None:
    """Record the outputs of the cases, or keep their files."""
    from tests.scoring.same_outputs_cases import CASES

    parser = argparse.ArgumentParser(description="Record what `toolkit score` writes.")
    parser.add_argument("names", nargs="*", help="cases, of which alone the record changes")
    parser.add_argument("--keep", type=Path, help="record nothing, and leave the files here")
    options = parser.parse_args()
    chosen = [case for case in CASES if not options.names or case.name in options.names]
    if options.keep is not None:
        for case in chosen:
            (options.keep / case.name).mkdir(parents=True)
            run(case, options.keep / case.name)
        return
    with ThreadPoolExecutor(2) as pool:
        cases = dict(pool.map(_recorded, chosen))
    if options.names:
        before = json.loads(RECORD.read_text(encoding="utf-8"))
        assert is_same_machine(before), "some cases can be recorded only where all others were"
        cases = before["cases"] | cases
    cases = {case.name: cases[case.name] for case in CASES}
    content = {"python": python_version(), "probabilities": probe(), "cases": cases}
    RECORD.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
