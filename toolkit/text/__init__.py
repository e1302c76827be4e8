"""From review text to token ids."""

from toolkit.text.token_ids import (
    FIRST_WORD_ID,
    PADDING_ID,
    START_ID,
    UNKNOWN_ID,
    Ids,
    TokenIds,
)
from toolkit.text.vocabulary import Vocabulary, token_spans

__all__ = [
    "FIRST_WORD_ID",
    "PADDING_ID",
    "START_ID",
    "UNKNOWN_ID",
    "Ids",
    "TokenIds",
    "Vocabulary",
    "token_spans",
]
