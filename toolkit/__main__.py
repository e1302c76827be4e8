"""The entry point of the command line: `toolkit`, or ``python -m toolkit``."""

from __future__ import annotations

from typing import NoReturn

from toolkit.cli.process import prepare_process


def run() -> NoReturn:
    """Prepare this process before Typer is imported, and run the command line in it."""
    prepare_process()
    from toolkit.cli.app import run as run_prepared

    run_prepared()


if __name__ == "__main__":
    run()
