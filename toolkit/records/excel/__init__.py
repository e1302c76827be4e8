"""Excel workbooks, which are only read."""
