"""Takes the place of the tools that make short texts, and makes none."""
