"""Delimited files: CSV and TSV, with quotes, escapes and preambles."""
