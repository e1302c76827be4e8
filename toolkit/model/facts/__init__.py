"""What a model says of itself: its facts, how they are stored as JSON, and its stars."""
