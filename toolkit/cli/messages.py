"""The name of `one_line` in other modules, for now."""

from toolkit.cli.terminal import one_line

__all__ = ["one_line"]
