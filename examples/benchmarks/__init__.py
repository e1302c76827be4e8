"""Benchmarks of `toolkit score` against other ways to do its job; see ``__main__``."""
