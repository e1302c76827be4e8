"""Everything that goes wrong on purpose, as one tree.

    ToolkitError                exit code 1
    ├── UsageError              exit code 2: the call itself is wrong
    ├── InputError              a file of reviews that cannot be used, with its place
    ├── OutputError             a file that cannot be written, such as on a full disk
    ├── ModelError              a file that is no model of this toolkit
    ├── TrainingError           data or settings that no model can be trained on
    ├── ParityError             Keras and ONNX disagree: nothing was exported
    ├── QuantizationError       fewer bits cost too much accuracy: nothing was exported
    └── MissingExtraError       an optional part of the package is not installed

Functions raise these; only `toolkit.cli` prints them and exits. A message says where,
what was found, and what to do about it, and stands on its own without a traceback.
"""

from __future__ import annotations


class ToolkitError(Exception):
    """The base of all errors that a user can cause or mend."""

    exit_code = 1


class UsageError(ToolkitError):
    """The command or the function was called with something that cannot work."""

    exit_code = 2


class InputError(ToolkitError):
    """A file of reviews that cannot be read as what it is said to be."""


class OutputError(ToolkitError):
    """A file that cannot be written, for a reason that may pass."""


class ModelError(ToolkitError):
    """A model file that is damaged, foreign, or of an unknown format version."""


class TrainingError(ToolkitError):
    """Data or settings from which no model can be trained."""


class ParityError(ToolkitError):
    """The exported graph does not give the numbers of the Keras model."""


class QuantizationError(ToolkitError):
    """A network whose labels suffer too much from weights of fewer bits."""


class MissingExtraError(ToolkitError):
    """An optional part of the package is needed and not installed."""

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(
            f"This needs the package '{module}', which is not installed. It comes with the extra "
            f"'{extra}': in the folder of the project, run pip install '.[{extra}]'"
        )
