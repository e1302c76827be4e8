"""`python -m toolkit` is the command `toolkit`."""

from toolkit.commands.app import run

run()
