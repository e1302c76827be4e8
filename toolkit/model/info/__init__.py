"""What `toolkit info` says of a model: its file, its facts in words, and where it runs."""
