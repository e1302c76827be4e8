"""The results: kept as JSON, printed as Markdown."""

from __future__ import annotations

import datetime as dt
import json
import platform
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from examples.benchmarks.measure import CORES
from toolkit.native import core_name

RESULTS = Path(__file__).with_name("results.json")
PACKAGES = ["pyarrow", "onnxruntime", "numpy", "scikit-learn", "tensorflow", "keras"]

Rows = list[dict[str, Any]]


def load(path: Path = RESULTS) -> dict[str, Any]:
    """Read what was measured so far, by part."""
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def save(part: str, rows: Rows, path: Path = RESULTS) -> None:
    """Replace the results of a part, with the machine and the date."""
    results = load(path) | {part: {"machine": machine(), "rows": rows}}
    path.write_text(_written(results))


def _written(results: dict[str, Any]) -> str:
    """Write JSON with a row on each line."""
    parts = []
    for name, part in results.items():
        rows = ",\n".join(f"   {json.dumps(row)}" for row in part["rows"])
        machine_of_part = json.dumps(part["machine"])
        parts.append(
            f' {json.dumps(name)}: {{"machine": {machine_of_part}, "rows": [\n{rows}\n ]}}'
        )
    return "{\n" + ",\n".join(parts) + "\n}\n"


def machine() -> dict[str, Any]:
    """Describe what the figures depend on."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "processor": _processor(),
        "cores": CORES,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "core": core_name(),
        **{name: _version(name) for name in PACKAGES},
    }


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a Markdown table; all columns but the first are aligned to the right."""
    print(f"\n**{title}**\n")
    print("| " + " | ".join(header) + " |")
    print("|---|" + "---:|" * (len(header) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    sys.stdout.flush()


def seconds(row: dict[str, Any]) -> str:
    """Write a median with its spread."""
    return f"{row['seconds']:.2f} ({min(row['runs']):.2f} to {max(row['runs']):.2f})"


def _version(name: str) -> str:
    """Find the version of a package; tensorflow may be there as tensorflow-cpu."""
    try:
        return version(name)
    except PackageNotFoundError:
        return version(f"{name}-cpu")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
