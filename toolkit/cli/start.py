"""Where the command `toolkit` starts: its process is prepared before Typer is imported."""

from __future__ import annotations

from typing import NoReturn

from toolkit.cli.process import prepare_process


def run() -> NoReturn:
    """Prepare this process, and run the command line in it."""
    prepare_process()
    from toolkit.cli.app import run as run_prepared

    run_prepared()
