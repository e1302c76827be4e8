"""Predict numbers for texts: tokenize, run the network, count sentences. Labels are made later.

`Predictor` takes Arrow arrays of any length. A few strings take a shorter way, through the native
core alone: for them, most of the time would go into calls of Arrow.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.classes import is_positive
from toolkit.errors import UsageError
from toolkit.model.file import PROBABILITIES, PROBABILITY, STARS
from toolkit.model.labels import Labelling, ToneLimits, count_sentences, tone_of_aspects
from toolkit.model.network import Network, Outputs
from toolkit.model.stars import logits_of, rescaled
from toolkit.text.other_language import OtherLanguage
from toolkit.text.silent_words import SilentWords
from toolkit.text.strings import Texts, arrow_of, bounds_of, is_blank, without_half_pairs
from toolkit.text.token_ids import FIRST_WORD_ID, Ids, TokenIds
from toolkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from toolkit.model.aspects import Aspects
    from toolkit.model.class_answers import ClassAnswers
    from toolkit.model.network import Probabilities
    from toolkit.model.reasons import Reasons
    from toolkit.model.sentences import ScoredSentences, SentenceScorer


def list_of(texts: Iterable[str | None]) -> list[str | None]:
    """Return texts as a list; raise `UsageError` for a single string."""
    if isinstance(texts, str | bytes):
        raise UsageError("score: expected several texts, received one string; put it in a list")
    return list(texts)


def array_of(texts: Iterable[str | None]) -> pa.StringArray:
    """Convert Python strings to an array; raise `UsageError` for other values.

    None and NaN, which pandas uses for a missing text, become null. Half a surrogate pair becomes
    U+FFFD: Python's JSON reader accepts it, but UTF-8 cannot store it.
    """
    values = list_of(texts)
    try:
        return pa.array(values, pa.string(), from_pandas=True)
    except UnicodeEncodeError:
        return array_of(
            [without_half_pairs(text) if isinstance(text, str) else text for text in values]
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise UsageError(f"score: expected strings or None: {error}") from None


def as_strings(texts: Texts) -> Texts:
    """Convert texts of any string type to string or large_string; `UsageError` for other types."""
    kind = texts.type.value_type if pa.types.is_dictionary(texts.type) else texts.type
    if kind not in (pa.string(), pa.large_string(), pa.string_view(), pa.null()):
        raise UsageError(f"expected an array of strings to score, received {texts.type}")
    plain = texts.type in (pa.string(), pa.large_string())
    if kind == pa.string_view() and kind != texts.type:
        # Arrow decodes no dictionary of views (pyarrow 26).
        texts = texts.cast(pa.dictionary(texts.type.index_type, pa.string()))
    return texts if plain else texts.cast(pa.string())


Values: TypeAlias = "npt.NDArray[np.generic] | pa.Array"  # (texts,)

# Reviews per step, to bound the memory for token ids.
_ROWS_AT_ONCE = 4096
STAR_DECIMALS = 2
# Columns that describe how texts were read.
FEW_KNOWN_WORDS = "few_known_words"
CUT_TO_LENGTH = "cut_to_length"
OTHER_LANGUAGE = "other_language"


class TextPredictor(ABC):
    """Predicts numbers for texts."""

    @abstractmethod
    def predict(self, texts: Texts, *, with_reading: bool) -> pa.RecordBatch:
        """Return the record batch of `Scorer.predict`."""

    @abstractmethod
    def score_few(self, texts: Sequence[object]) -> list[tuple[str | None, float | None]] | None:
        """Return label and probability of each of a few texts; None if `predict` has to be used."""

    @abstractmethod
    def token_ids(self, texts: pa.Array) -> Ids:
        """Return the ids of `Scorer.token_ids`."""


class BlockPredictor(TextPredictor):
    """Predicts numbers for texts, block by block."""

    def predict(self, texts: Texts, *, with_reading: bool) -> pa.RecordBatch:
        """Return the record batch of `Scorer.predict`."""
        texts = as_strings(texts)
        starts = range(0, max(1, len(texts)), _ROWS_AT_ONCE)
        blocks = [
            self.block(texts.slice(start, _ROWS_AT_ONCE), with_reading=with_reading)
            for start in starts
        ]
        columns = {name: _together([block[name] for block in blocks]) for name in blocks[0]}
        has_score = pc.and_not(columns.pop("is_known"), is_blank(texts))
        is_other = columns.pop(OTHER_LANGUAGE)
        if has_score.true_count < len(has_score):
            columns = {
                name: pc.if_else(has_score, values, pa.scalar(None, values.type))
                for name, values in columns.items()
            }
        if with_reading:
            columns[OTHER_LANGUAGE] = is_other  # not null: these texts have no score
        return pa.RecordBatch.from_pydict(columns)

    @abstractmethod
    def block(self, texts: Texts, *, with_reading: bool) -> dict[str, Values]:
        """Return the columns of `Scorer.predict` for a block of texts by name, (texts,) each.

        With `other_language`: whether a text is left without an answer because of its language; and
        `is_known`: whether a text that is not blank has an answer.
        """


class Predictor(BlockPredictor):
    """Tokenizes texts and runs a network; safe to share between threads."""

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        labelling: Labelling,
        aspects: Aspects | None = None,
        reasons: Callable[[], Reasons] | None = None,
        shift: float = 0.0,
        answers: ClassAnswers | None = None,  # for a model of classes
    ) -> None:
        self._shift = shift  # added to the logits of reviews, for a prior
        self._answers = answers
        self._aspects = aspects
        self._make_reasons = reasons
        self._network = network
        self._vocabulary = vocabulary
        self._labelling = labelling
        self._facts = labelling.facts
        self._scores_sentences = labelling.by_sentence or aspects is not None
        self._needs_cuts = self._scores_sentences or reasons is not None

    def score_few(self, texts: Sequence[object]) -> list[tuple[str | None, float | None]] | None:
        """Return label and probability of each of a few texts.

        None if the native core is missing, or if there are too many texts or other values.
        """
        is_plain = self._answers is None and not self._labelling.by_sentence
        content = _encoded(texts) if is_plain else None
        most = self._facts.max_tokens
        ids = None if content is None else self._vocabulary.encode_few(content, most)
        if ids is None:
            return None
        is_known = (self._have_known_words(ids) & ~self._are_in_other_language(ids)).tolist()
        probabilities = self._moved(self._network.run_all(ids)[PROBABILITY]).tolist()
        return [
            (self._labelling.of_one(probability), probability)
            if isinstance(text, str) and text and not text.isspace() and known
            else (None, None)
            for text, known, probability in zip(texts, is_known, probabilities, strict=True)
        ]

    def token_ids(self, texts: pa.Array) -> Ids:
        """Return the ids of `Scorer.token_ids`."""
        return self._network.rows(self._vocabulary.encode(texts, self._facts.max_tokens))

    def why_unscored(self, text: str) -> str:
        """Return the reason, for a message, why a text has no score."""
        ids = self._vocabulary.encode(pa.array([text]), self._facts.max_tokens)
        if self._are_in_other_language(ids)[0]:
            return f"the text is probably not in English: {text!r:.50}"
        is_silent = ids.has_known_token(self._facts.max_tokens)[0]
        known = "only numbers and function words in" if is_silent else "no word of"
        return f"the model knows {known} {text!r:.50}"

    def sentences(self, texts: pa.Array) -> ScoredSentences:
        """Score the sentences of texts; their positions count all tokens, read or not."""
        ids = self._vocabulary.encode(texts, with_cuts=True)
        return self._sentences.score(ids, self._network.run_all(ids)[PROBABILITY])

    def score_sentences(self, ids: TokenIds, probability: Probabilities) -> ScoredSentences:
        """Score the sentences of reviews, given their ids, made ``with_cuts``, and scores."""
        return self._sentences.score(ids, probability)

    @cached_property
    def _sentences(self) -> SentenceScorer:
        from toolkit.model.aspects import AspectFinder
        from toolkit.model.sentences import SentenceRule, SentenceScorer

        aspects = self._aspects
        return SentenceScorer(
            network=self._network,
            rule=SentenceRule(self._vocabulary),
            most_tokens=self._facts.max_tokens,
            limits=ToneLimits.of(self._facts),
            finder=None if aspects is None else AspectFinder(aspects, self._vocabulary),
            scores_all=self._labelling.by_sentence,
        )

    @cached_property
    def _silent(self) -> SilentWords:
        return SilentWords(self._vocabulary, self._facts.max_tokens)

    @cached_property
    def _other(self) -> OtherLanguage:
        return OtherLanguage(self._vocabulary, self._facts.max_tokens)

    @cached_property
    def _known(self) -> KnownWords:
        return KnownWords(self._vocabulary, self._facts.max_tokens)

    @cached_property
    def _reasons(self) -> Reasons | None:
        return None if self._make_reasons is None else self._make_reasons()

    def _moved(self, probability: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the probabilities adjusted by the prior, (texts,); unchanged without a prior."""
        if not self._shift:
            return probability
        return rescaled(probability, 1.0, self._shift).astype(np.float32)

    def _moved_stars(
        self, probability: npt.NDArray[np.float32], ids: TokenIds
    ) -> npt.NDArray[np.float32]:
        """Return the stars for the logits adjusted by the prior, (texts,)."""
        return self._stars_of_logits(logits_of(probability) + self._shift, ids)

    def _stars_of_logits(
        self, logits: npt.NDArray[np.float64], ids: TokenIds
    ) -> npt.NDArray[np.float32]:
        assert self._facts.stars is not None
        known = ids.known_tokens(self._facts.max_tokens)
        return self._facts.stars.stars(logits, known).astype(np.float32)

    def stars_of(
        self, texts: Texts, probability: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Return the stars of texts with the probabilities of another model, (texts,)."""
        ids = self._vocabulary.encode(texts, self._facts.max_tokens)
        return np.round(self._stars_of_logits(logits_of(probability), ids), STAR_DECIMALS)

    def reasons_of(self, texts: Texts, positive: npt.NDArray[np.bool_]) -> pa.StringArray:
        """Return the reasons of texts for the labels of another model, (texts,)."""
        assert self._reasons is not None
        most = self._facts.max_tokens + 1  # as in `block`
        return self._reasons.of(self._vocabulary.encode(texts, most, with_cuts=True), positive)

    def block(self, texts: Texts, *, with_reading: bool) -> dict[str, Values]:
        """Return the columns of some texts by name, and `other_language` and `is_known`."""
        # One token more than the model reads, to see whether a text is cut.
        most = self._facts.max_tokens + 1
        ids = self._vocabulary.encode(texts, most, with_cuts=self._needs_cuts)
        outputs = self._network.run_all(ids)
        found = (
            self._of_sentiment(ids, outputs)
            if self._answers is None
            else self._of_classes(self._answers, ids, outputs[PROBABILITIES])
        )
        if with_reading:
            found[FEW_KNOWN_WORDS] = self._known.are_few(ids)
            found[CUT_TO_LENGTH] = ids.lengths > self._facts.max_tokens
        is_other = self._are_in_other_language(ids)
        found[OTHER_LANGUAGE] = is_other
        found["is_known"] = self._have_known_words(ids) & ~is_other
        return found

    def _have_known_words(self, ids: TokenIds) -> npt.NDArray[np.bool_]:
        """Return whether the model knows something of each text, (texts,)."""
        if not self._facts.counts_known_tokens:
            return np.ones(len(ids), np.bool_)
        if self._answers is not None:  # any known token counts: a number can point to a class
            return ids.has_known_token(self._facts.max_tokens)
        return self._silent.has_speaking_word(ids)

    def _are_in_other_language(self, ids: TokenIds) -> npt.NDArray[np.bool_]:
        """Return whether each text is likely to be in another language, (texts,)."""
        if self._answers is not None or not self._facts.counts_known_tokens:
            return np.zeros(len(ids), np.bool_)
        return self._other.is_likely(ids)

    def _of_classes(
        self, answers: ClassAnswers, ids: TokenIds, probabilities: npt.NDArray[np.float32]
    ) -> dict[str, Values]:
        """Return the columns of a model of classes, by name; probabilities: (texts, classes)."""
        from toolkit.model.class_answers import CLASS  # late: few models have classes

        found = answers.numbers(probabilities)
        if self._reasons is not None:
            classes = found[CLASS].astype(np.int64)
            found["reasons"] = self._reasons.of_classes(ids, classes)
        return found

    def _of_sentiment(self, ids: TokenIds, outputs: Outputs) -> dict[str, Values]:
        """Return the columns of a model of sentiment, by name."""
        probability = outputs[PROBABILITY]
        moved = self._moved(probability)
        found: dict[str, Values] = {"probability": moved}
        if STARS in outputs:
            stars = outputs[STARS] if not self._shift else self._moved_stars(probability, ids)
            found["stars"] = np.round(stars, STAR_DECIMALS)
        if self._scores_sentences:
            scored = self._sentences.score(ids, probability)
            if self._labelling.by_sentence:
                found |= count_sentences(scored.tones, scored.reviews, len(ids))
            if self._aspects is not None:
                from toolkit.model.aspects import tones_of

                assert scored.aspects is not None
                assert scored.doubts is not None
                tones = tone_of_aspects(
                    scored.probability,
                    of_reviews=probability[scored.reviews],
                    doubts=scored.doubts,
                    limits=ToneLimits.of(self._facts),
                )
                found |= tones_of(
                    self._aspects,
                    bits=scored.aspects,
                    tones=tones,
                    probability=scored.probability,
                    reviews=scored.reviews,
                    total=len(ids),
                )
        if self._reasons is not None:
            found["reasons"] = self._reasons.of(
                ids, is_positive(moved, float(self._labelling.threshold))
            )
        return found


def _together(parts: Sequence[Values]) -> pa.Array:
    if isinstance(parts[0], pa.Array):
        return pa.concat_arrays(parts)
    return arrow_of(np.concatenate(parts))


# A review has few known words if a smaller share of its tokens than `FEW_KNOWN` are known words,
# and a smaller share than `FEW_COMMON` are among the most frequent ones. With the default model,
# 0.1% of the English reviews of 75 sources have few known words, at most 2.7% of any source; with a
# vocabulary of 10,000 words from films, 1% and 6.7%. Of short reviews in Spanish, German, French,
# Italian, Portuguese and Dutch, 85 to 100% have, and all reviews in other scripts.
FEW_KNOWN = 0.7
FEW_COMMON = 0.3
COMMONEST = 1000

_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class KnownWords:
    """Finds reviews that a model can hardly read, such as reviews in other languages.

    The share of known words is not enough: half of the words of a Spanish review are in a
    vocabulary of 30,000, because names of films and products are. But few of them are among the
    most frequent words, which make up two thirds of a review in the model's language.
    """

    vocabulary: Vocabulary
    most_tokens: int  # how many the model reads: the last ones of each review

    def are_few(self, ids: TokenIds) -> _Flags:
        """Return which reviews have few known words, (reviews,); not those without a token."""
        read = ids.last(self.most_tokens)
        few = read.count(self._is_word) < FEW_KNOWN * read.lengths
        unsure = np.flatnonzero(few)
        read = read.take(unsure)
        few[unsure] = read.count(self._is_common) < FEW_COMMON * read.lengths
        return few

    @cached_property
    def _is_word(self) -> npt.NDArray[np.uint8]:
        """1 for each id of a word, (vocabulary,); 0 for tokens such as numbers."""
        bounds = bounds_of(self.vocabulary.words)
        content = np.frombuffer(self.vocabulary.words.buffers()[2] or b"", np.uint8)
        content = np.append(content, np.zeros(2, np.uint8))
        first = content[bounds[:-1]]
        second = content[bounds[:-1] + 1]
        has_second = (first == ord("'")) & (np.diff(bounds) > 1)
        flags = np.zeros(self.vocabulary.size, np.uint8)
        flags[FIRST_WORD_ID:] = np.where(has_second, second, first) >= ord("a")
        return flags

    @cached_property
    def _is_common(self) -> npt.NDArray[np.uint8]:
        flags = self._is_word.copy()
        flags[FIRST_WORD_ID + COMMONEST :] = 0
        return flags


MOST_TEXTS = 16
MOST_CHARACTERS = 1 << 14


def _encoded(texts: Sequence[object]) -> list[bytes] | None:
    """Return a few short texts as UTF-8; None for more, and for values that are not texts."""
    if len(texts) > MOST_TEXTS:
        return None
    content = []
    size = 0
    for text in texts:
        if text is not None and type(text) is not str:
            return None  # NaN counts as None, but only elsewhere
        size += len(text or "")
        if size > MOST_CHARACTERS:
            return None
        try:
            content.append((text or "").encode())
        except UnicodeEncodeError:  # half a surrogate pair
            return None
    return content
