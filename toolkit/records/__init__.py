"""Files of reviews, read and written record by record.

>>> from pathlib import Path
>>> from toolkit.records import Columns, ReadOptions, open_reviews
>>> options = ReadOptions(Columns("text"))
>>> with open_reviews(Path("reviews.csv"), options) as reviews:  # doctest: +SKIP
...     texts = [reviews.parse(block).texts for block in reviews.blocks()]

`formats.py` is the registry of formats; `review_file.py` is the base class of all formats.
"""

from __future__ import annotations

from toolkit.records.columns import Columns
from toolkit.records.formats import FORMATS, format_of, open_reviews, output_of
from toolkit.records.inputs import Input
from toolkit.records.options import STDIN, LabelNames, ReadOptions

__all__ = [
    "FORMATS",
    "STDIN",
    "Columns",
    "Input",
    "LabelNames",
    "ReadOptions",
    "format_of",
    "open_reviews",
    "output_of",
]
