"""The start of the commands `toolkit` and `review-sentiment-toolkit`: it finds the right package.

The package is imported as `toolkit`, a name that a module of the working folder or another
distribution may have, too. Then other code would run, or none. This module has a name that nobody
else has, and says what is wrong; ``python -m review_sentiment_toolkit`` is the same command.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

_NAME = "review-sentiment-toolkit"


def wrong_package() -> str | None:
    """Say what `import toolkit` gives instead of this package; None if it gives this package."""
    own = Path(__file__).with_name("toolkit")
    try:
        found = import_module("toolkit")
    except (Exception, SystemExit) as error:  # noqa: BLE001 (whatever is run by that name)
        spec = find_spec("toolkit")
        if spec and spec.origin and Path(spec.origin) != own / "__init__.py":
            return _found_before(Path(spec.origin))
        return (
            f"`import toolkit` fails: {type(error).__name__}: {error}. Install this package again "
            "from its wheel or folder: pip install --force-reinstall --no-deps WHEEL"
        )
    if getattr(found, "DISTRIBUTION", None) == _NAME:
        return None
    folders = getattr(found, "__path__", ())  # of a package without a file `__init__.py`
    place = Path(found.__file__ or next(iter(folders), "?"))
    if place in (own, own / "__init__.py"):
        return (
            f"{place}: another distribution has replaced files of {_NAME}, as both have a package "
            "`toolkit`. Give each an environment of its own, such as with pipx or uvx"
        )
    return _found_before(place)


def _found_before(place: Path) -> str:
    return (
        f"{place}: this `toolkit` is found before that of {_NAME}. Rename it, or start Python with "
        f"-P or in another folder, without PYTHONPATH"
    )


def run() -> NoReturn:
    """Run the command line, or say why it cannot be found."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the command line can say it
    if (wrong := wrong_package()) is not None:
        sys.exit(f"error: {wrong}")
    from toolkit.__main__ import run as run_command  # noqa: PLC0415 (only if it is the right one)

    run_command()


if __name__ == "__main__":
    run()
