"""From review text to token ids."""
