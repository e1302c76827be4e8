"""Texts that would take much memory in a batch."""

# A megabyte each, or a little less.
MEGABYTES = {
    "spaces": "a " * 524_288,
    "commas": "a," * 524_288,
    "addresses": "https://example.com/a-b?c=d&e=f" * 34_000,
    "typographic": "a\u2014" * 262_144,
    "apostrophes": "'" * 1_048_576,
    "a word": "x" * 1_048_576,
    "after NUL": "\0" + "a," * 524_288,
}
