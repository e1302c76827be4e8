"""What is said of the GPUs of a machine."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from toolkit import networks
from toolkit.networks import gpu_line


def tensorflow(devices: list[str], *, has_cuda: bool = True) -> SimpleNamespace:
    """A TensorFlow that sees some GPUs."""
    config = SimpleNamespace(
        list_physical_devices=lambda kind: devices if kind == "GPU" else ["CPU"],
        experimental=SimpleNamespace(get_device_details=lambda each: {"device_name": each}),
    )
    return SimpleNamespace(config=config, test=SimpleNamespace(is_built_with_cuda=lambda: has_cuda))


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(networks, "_DEVICES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("devices", "is_there", "has_cuda", "hidden", "line"),
    [
        ([], False, False, None, None),
        (["NVIDIA A", "NVIDIA B"], True, True, None, "GPU: NVIDIA A, NVIDIA B, used"),
        ([], True, False, None, "GPU: not used, as this TensorFlow is built without CUDA. Install"),
        ([], True, True, None, "GPU: not used, as TensorFlow finds no CUDA libraries that fit."),
        ([], True, True, "-1", "GPU: not used, as CUDA_VISIBLE_DEVICES hides it"),
    ],
)
def test_lines(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    devices: list[str],
    is_there: bool,
    has_cuda: bool,
    hidden: str | None,
    line: str | None,
) -> None:
    monkeypatch.setattr(
        networks, "import_tensorflow", lambda: tensorflow(devices, has_cuda=has_cuda)
    )
    if is_there:
        (folder / "nvidia0").touch()
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    found = gpu_line()
    assert (found or "").startswith(line or "")
    assert (found is None) == (line is None)


@pytest.mark.parametrize(("status", "is_there"), [(0, True), (9, False)])
def test_the_driver_may_know_a_gpu_without_a_device_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, status: int, is_there: bool
) -> None:
    monkeypatch.setattr(networks, "import_tensorflow", lambda: tensorflow([]))
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho GPU 0: NVIDIA A\nexit {status}\n")
    program.chmod(0o755)
    assert (gpu_line() is not None) == is_there
