"""JSON: objects on lines or in an array, and values as JSON."""
