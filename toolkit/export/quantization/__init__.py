"""Networks of fewer bits, and what they lose."""
