"""The model file, and what is done with it: read, checked, described, run, explained."""
