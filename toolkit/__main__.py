"""`python -m toolkit` is the command `toolkit`."""

from toolkit.cli.app import run

run()
