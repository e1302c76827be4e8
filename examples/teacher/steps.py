"""What all steps of making a teacher share: where the data and the results are, and errors."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from toolkit.errors import ToolkitError

PROJECT = Path(__file__).parents[2]


def options(description: str | None) -> argparse.ArgumentParser:
    """Options that every step has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = Path(os.environ.get("TOOLKIT_DATA", PROJECT.parent / "shared"))
    parser.add_argument("--data", type=Path, default=shared, help="the folder that holds imdb/")
    parser.add_argument("--work", type=Path, default=Path("build/teacher"), help="for the results")
    parser.add_argument(
        "--open", action="store_true", help="learn from the sources with an open licence alone"
    )
    return parser


def run(main: Callable[[], None]) -> None:
    """Run a step; an error that a user can fix is one line."""
    try:
        main()
    except ToolkitError as error:
        sys.exit(f"error: {error}")
