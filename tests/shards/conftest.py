"""The fixture that runs the command."""

from tests.cli.conftest import command

__all__ = ["command"]
