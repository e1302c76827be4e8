"""One network per file: as it is trained, as it is frozen (Keras layers), and as an ONNX graph.

Importing this package does not import Keras; importing a network of tables does. Only this module
imports TensorFlow and Keras: late, and without their messages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from toolkit.errors import MissingExtraError


def import_keras() -> Any:
    """Import Keras on TensorFlow; raise `MissingExtraError` without the extra `train`."""
    return _import("keras")


def import_tensorflow() -> Any:
    """Import TensorFlow, as `import_keras`."""
    return _import("tensorflow")


_DEVICES = Path("/dev")


def gpu_line() -> str | None:
    """Report whether the GPUs of this machine are used; None without a GPU."""
    tensorflow = import_tensorflow()
    if found := tensorflow.config.list_physical_devices("GPU"):
        details = map(tensorflow.config.experimental.get_device_details, found)
        return f"GPU: {', '.join(each.get('device_name', 'unknown') for each in details)}, used"
    if not any(_DEVICES.glob("nvidia[0-9]*")) and not _is_listed():
        return None
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return "GPU: not used, as CUDA_VISIBLE_DEVICES hides it"
    if tensorflow.test.is_built_with_cuda():
        why = "TensorFlow finds no CUDA libraries that fit. Install them"
    else:
        why = "this TensorFlow is built without CUDA. Install one with it"
    return f"GPU: not used, as {why}: pip install 'tensorflow[and-cuda]'"


def _is_listed() -> bool:
    """Check whether the driver lists a GPU; works on Windows, too."""
    if (program := shutil.which("nvidia-smi")) is None:
        return False
    with suppress(OSError, subprocess.SubprocessError):
        listed = subprocess.run(  # noqa: S603 (of the driver)
            [program, "-L"], capture_output=True, timeout=10, check=False
        )
        return listed.returncode == 0 and b"GPU" in listed.stdout
    return False


def _import(name: str) -> Any:
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the export goes through TensorFlow
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        if "tensorflow" not in sys.modules:
            with _without_native_messages():
                tensorflow = import_module("tensorflow")
            # TensorFlow would warn that each fit of a cross-validation traces its functions again.
            tensorflow.get_logger().setLevel("ERROR")
        return import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtraError("train", error.name or name) from None


@contextmanager
def _without_native_messages() -> Iterator[None]:
    """Drop what C++ code writes to standard error, unless the block fails.

    Nothing else works: TensorFlow 2.21 logs before its logger reads TF_CPP_MIN_LOG_LEVEL.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            messages.seek(0)
            sys.stderr.write(messages.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
