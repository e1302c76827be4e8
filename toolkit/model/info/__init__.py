"""What `toolkit info` says of a model: its file, and its facts in words."""
