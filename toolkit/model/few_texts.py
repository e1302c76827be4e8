"""Score a few texts in Python's memory, of which most time would go into calls of Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.model.facts import ModelFacts
from toolkit.model.labelling import Labelling
from toolkit.model.session import Network
from toolkit.text.token_ids import FIRST_WORD_ID, Ids
from toolkit.text.vocabulary import Vocabulary

MOST_TEXTS = 16
_MOST_CHARACTERS = 1 << 14


@dataclass(frozen=True)
class FewTexts:
    """Scores a few texts as `toolkit.model.numbers` does; safe to share between threads."""

    network: Network
    vocabulary: Vocabulary
    facts: ModelFacts
    labelling: Labelling

    def score(self, texts: Sequence[object]) -> list[tuple[str | None, float | None]] | None:
        """Give label and probability of each text; None if they are no few plain texts."""
        content = _encoded(texts)
        if content is None or self.labelling.by_sentence:
            return None
        most = self.facts.max_tokens
        ids = self.vocabulary.encode_few(content, most)
        found: list[tuple[str | None, float | None]] = []
        (probabilities, *_) = self.network.run_few(ids)
        for text, start, stop, probability in zip(
            texts, ids.starts.tolist(), ids.stops.tolist(), probabilities.tolist(), strict=True
        ):
            has_score = (
                isinstance(text, str)
                and not (text.isspace() or not text)
                and (not self.facts.counts_known_tokens or _has_word(ids.values[start:stop]))
            )
            label = self.labelling.of_one(probability) if has_score else None
            found.append((label, probability if has_score else None))
        return found


def _has_word(ids: Ids) -> bool:
    """Whether an id is that of a word; mostly, the last one is."""
    return len(ids) > 0 and bool(ids[-1] >= FIRST_WORD_ID or (ids >= FIRST_WORD_ID).any())


def _encoded(texts: Sequence[object]) -> list[bytes] | None:
    if len(texts) > MOST_TEXTS:
        return None
    content, size = [], 0
    for text in texts:
        if text is not None and type(text) is not str:
            return None  # NaN, which counts as None, or what is no text
        size += len(text or "")
        if size > _MOST_CHARACTERS:
            return None
        try:
            content.append((text or "").encode())
        except UnicodeEncodeError:  # half a surrogate pair
            return None
    return content
