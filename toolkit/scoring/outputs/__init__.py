"""Where scored records go, and how files get their names when they are complete."""
