"""Turn review text into token ids: `vocabulary` applies the rule, `token_ids` has the ids."""

from __future__ import annotations

from toolkit.text.rule import NEWEST_RULE, RULES, TokenRule
from toolkit.text.strings import golden_texts
from toolkit.text.token_ids import FIRST_WORD_ID, PADDING_ID, UNKNOWN_ID, Ids, TokenIds
from toolkit.text.vocabulary import Spellings, Vocabulary, token_spans

__all__ = [
    "FIRST_WORD_ID",
    "NEWEST_RULE",
    "PADDING_ID",
    "RULES",
    "UNKNOWN_ID",
    "Ids",
    "Spellings",
    "TokenIds",
    "TokenRule",
    "Vocabulary",
    "golden_texts",
    "token_spans",
]
