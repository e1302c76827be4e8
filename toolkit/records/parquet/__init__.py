"""Parquet: row groups of typed columns."""
