"""`python -m toolkit` is the command `toolkit`."""

from toolkit.cli.start import run

run()
