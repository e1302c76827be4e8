"""Hypothesis strategies for texts of reviews."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.reference import SEPARATORS

# Known words, their neighbours in case and spelling, and other characters than ASCII.
PIECES = ["the", "The", "THE", "movie", "don't", "don\u2019t", "DON\u2019T", "'", "\u2019",
          "\u2019n'", "\u2018the\u2019", "été", "Été", "ÉTÉ", "İ", "ß", "\u00a0", "\u0085",
          "\u2028", "\x00", "\x1c", "\x7f", "😀",
          "👩\u200d👩\u200d👧", "e\u0301", "x" * 40]  # fmt: skip

# Separators often enough that pieces meet in every way; any other character now and then. Lone
# surrogates cannot be written in UTF-8.
review_texts = st.lists(
    st.one_of(
        st.sampled_from(PIECES),
        st.sampled_from(sorted(SEPARATORS)),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
).map("".join)
