"""Hypothesis strategies for texts of reviews."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.reference import SEPARATORS

# Known words, their neighbours in case and spelling, and other characters than ASCII.
PIECES = ["the", "The", "THE", "movie", "don't", "don\u2019t", "DON\u2019T", "'", "\u2019",
          "\u2019n'", "\u2018the\u2019", "été", "Été", "ÉTÉ", "İ", "ß", "\u00a0", "\u0085",
          "\u2028", "\x00", "\x1c", "\x7f", "😀",
          "👩\u200d👩\u200d👧", "e\u0301", "x" * 40]  # fmt: skip

# What rule 3 looks at: tags, entities, apostrophes at the ends of words, emoji that touch words.
MARKED = ["<br />", "<BR>", "<br/>", "</p>", "<a href='x'>", '<p title="it\'s !.">',
          "<!-- a -->", "<b", "<",
          "<3", "< b >", "</>", "<i>", ">", "</", "<bé>", "<b \u2019>", "<" + "q" * 17 + ">",
          "<q " + "x" * 199 + ">", "<q " + "x" * 200 + ">", "<q " + "x" * 201 + ">",
          "&quot;", "&QUOT;", "&amp;", "&#34;", "&#x22;", "&nbsp;", "&hellip;", "&#46;", "&#33;",
          "&", "#39;",
          "&#039;", "&#39;", "&#x27;", "&apos;", "&rsquo;", "&#180;", "&lt;", "&#59;",
          "amp;", "&#0;", "&zzz;",
          "don&#39;t", "don&RSQUO;t", "don\u00b4t", "dont", "DONT", "im", "\u00b4", "''", "'the'",
          "😀", "👍🏽", "☀\ufe0f", "⭐", "🇩🇪", "e\u0301te\u0301", "E\u0301", "\u2018the\u2019",
          "\u0301", "\ufe0f", "\u200d", "\U0001f3fb", "\U0001f2ff", "\U0001fb00",
          "\U00020000"]  # fmt: skip

# Separators often enough that pieces meet in every way; any other character now and then. Lone
# surrogates cannot be written in UTF-8.
review_texts = st.lists(
    st.one_of(
        st.sampled_from(PIECES),
        st.sampled_from(MARKED),
        st.sampled_from(sorted(SEPARATORS)),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
).map("".join)
