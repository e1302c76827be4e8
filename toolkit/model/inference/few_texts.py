"""Score a few texts in Python's memory, of which most time would go into calls of Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.model.facts.model_facts import ModelFacts
from toolkit.model.inference.labelling import Labelling
from toolkit.model.inference.numbers import STAR_DECIMALS
from toolkit.model.inference.session import Network, Outputs
from toolkit.text.token_ids import FIRST_WORD_ID, Ids
from toolkit.text.vocabulary import Vocabulary

MOST_TEXTS = 16
MOST_CHARACTERS = 1 << 14


@dataclass(frozen=True)
class FewTexts:
    """Scores a few texts as `inference.numbers` does; safe to share between threads."""

    network: Network
    vocabulary: Vocabulary
    facts: ModelFacts
    labelling: Labelling

    def score(self, texts: Sequence[object]) -> list[tuple[str | None, float | None]] | None:
        """Give label and probability of each text; None if there are more, or others."""
        found = None if self.labelling.by_sentence else self._run(texts)
        if found is None:
            return None
        has_score, (probabilities, *_) = found
        return [
            (self.labelling.of_one(probability), probability) if has else (None, None)
            for has, probability in zip(has_score, probabilities.tolist(), strict=True)
        ]

    def stars(self, texts: Sequence[object]) -> list[float | None] | None:
        """Give the stars of each text, of a model that has them; None as `score`."""
        found = self._run(texts)
        if found is None:
            return None
        has_score, (_, stars) = found
        rounded = np.round(stars, STAR_DECIMALS).tolist()
        return [each if has else None for has, each in zip(has_score, rounded, strict=True)]

    def _run(self, texts: Sequence[object]) -> tuple[list[bool], Outputs] | None:
        """Say which texts have a score, and give the outputs of the network for all."""
        content = _encoded(texts)
        if content is None:
            return None
        ids = self.vocabulary.encode_few(content, self.facts.max_tokens)
        has_score = [
            isinstance(text, str)
            and not (text.isspace() or not text)
            and (not self.facts.counts_known_tokens or _has_word(ids.values[start:stop]))
            for text, start, stop in zip(
                texts, ids.starts.tolist(), ids.stops.tolist(), strict=True
            )
        ]
        return has_score, self.network.run_few(ids)


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
        if size > MOST_CHARACTERS:
            return None
        try:
            content.append((text or "").encode())
        except UnicodeEncodeError:  # half a surrogate pair
            return None
    return content
