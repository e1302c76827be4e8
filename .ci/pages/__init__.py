"""Programs that write pages and pictures from the code: ``python -m pages`` is `make reference`."""
