"""A command to run."""

from tests.commands.conftest import command

__all__ = ["command"]
