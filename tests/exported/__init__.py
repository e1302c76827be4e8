"""Tests of the recipe for the shipped files."""
