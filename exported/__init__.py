"""The shipped models, and the recipe that makes them."""
