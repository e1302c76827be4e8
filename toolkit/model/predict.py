"""From texts to predictions: numbers, of which labels are made without the texts.

`Predictor` takes Arrow arrays of any length. A few strings go through the native core alone, as
most of their time would go into calls of Arrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError
from toolkit.model.classes import is_positive
from toolkit.model.file import PROBABILITIES, PROBABILITY, STARS
from toolkit.model.labels import Labelling, ToneLimits, count_sentences, tone_of_aspects
from toolkit.model.network import Network, Outputs
from toolkit.model.stars import logits_of, rescaled
from toolkit.native.networks import count_flagged
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
    """Give texts as a list, whatever they are; raises `UsageError` for one string."""
    if isinstance(texts, str | bytes):
        raise UsageError("score: expected several texts, received one string; put it in a list")
    return list(texts)


def array_of(texts: Iterable[str | None]) -> pa.StringArray:
    """Make an array of Python strings; raises `UsageError` for anything else.

    None and NaN, which pandas uses for a missing text, become null. Half a surrogate pair, which
    Python's JSON reader accepts and UTF-8 cannot store, becomes U+FFFD.
    """
    values = list_of(texts)
    try:
        return pa.array(values, pa.string(), from_pandas=True)
    except UnicodeEncodeError:
        return array_of([without_half_pairs(t) if isinstance(t, str) else t for t in values])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise UsageError(f"score: expected strings or None: {error}") from None


def as_strings(texts: Texts) -> Texts:
    """Give texts of any string type as strings or large strings; `UsageError` for other types."""
    kind = texts.type.value_type if pa.types.is_dictionary(texts.type) else texts.type
    if kind not in (pa.string(), pa.large_string(), pa.string_view(), pa.null()):
        raise UsageError(f"expected an array of strings to score, received {texts.type}")
    plain = texts.type in (pa.string(), pa.large_string())
    if kind == pa.string_view() and kind != texts.type:
        # Arrow decodes no dictionary of views (pyarrow 26).
        texts = texts.cast(pa.dictionary(texts.type.index_type, pa.string()))
    return texts if plain else texts.cast(pa.string())


_Values: TypeAlias = "npt.NDArray[np.generic] | pa.Array"  # (texts,)

# Token ids are made for this many reviews at once, so that millions of short ones stay small.
_ROWS_AT_ONCE = 4096
STAR_DECIMALS = 2
# Columns that say how texts were read.
FEW_KNOWN_WORDS, CUT_TO_LENGTH = "few_known_words", "cut_to_length"


class Predictor:
    """Tokenizes texts and runs a network; safe to share between threads."""

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        labelling: Labelling,
        aspects: Aspects | None = None,
        reasons: Callable[[], Reasons] | None = None,
        shift: float = 0.0,
        answers: ClassAnswers | None = None,  # of a model of classes
    ) -> None:
        self._shift = shift  # of the logits of reviews, for a prior; 0 changes nothing
        self._answers = answers
        self._aspects, self._make_reasons = aspects, reasons
        self._network, self._vocabulary, self._labelling = network, vocabulary, labelling
        self._facts = labelling.facts
        self._scores_sentences = labelling.by_sentence or aspects is not None
        self._needs_cuts = self._scores_sentences or reasons is not None

    def predict(self, texts: Texts, *, with_reading: bool) -> pa.RecordBatch:
        """Give what `Scorer.predict` gives."""
        texts = as_strings(texts)
        starts = range(0, max(1, len(texts)), _ROWS_AT_ONCE)
        blocks = [self._block(texts.slice(i, _ROWS_AT_ONCE), with_reading) for i in starts]
        columns = {name: _together([block[name] for block in blocks]) for name in blocks[0]}
        has_score = pc.and_not(columns.pop("is_known"), is_blank(texts))
        if has_score.true_count < len(has_score):
            columns = {
                name: pc.if_else(has_score, values, pa.scalar(None, values.type))
                for name, values in columns.items()
            }
        return pa.RecordBatch.from_pydict(columns)

    def score_few(self, texts: Sequence[object]) -> list[tuple[str | None, float | None]] | None:
        """Give label and probability of each text; None if there are more or others, or no core."""
        is_plain = self._answers is None and not self._labelling.by_sentence
        content = _encoded(texts) if is_plain else None
        most = self._facts.max_tokens
        ids = None if content is None else self._vocabulary.encode_few(content, most)
        if ids is None:
            return None
        needs_no_word = not self._facts.counts_known_tokens
        is_known = self._silent.has_speaking_word(ids).tolist()
        probabilities = self._moved(self._network.run_all(ids)[PROBABILITY]).tolist()
        return [
            (self._labelling.of_one(probability), probability)
            if isinstance(text, str) and text and not text.isspace() and (known or needs_no_word)
            else (None, None)
            for text, known, probability in zip(texts, is_known, probabilities, strict=True)
        ]

    def token_ids(self, texts: pa.Array) -> Ids:
        """Give what `Scorer.token_ids` gives."""
        return self._network.rows(self._vocabulary.encode(texts, self._facts.max_tokens))

    def sentences(self, texts: pa.Array) -> ScoredSentences:
        """Score the sentences of texts, which start and stop among all their tokens."""
        ids = self._vocabulary.encode(texts, with_cuts=True)
        return self._sentences.score(ids, self._network.run_all(ids)[PROBABILITY])

    def score_sentences(self, ids: TokenIds, probability: Probabilities) -> ScoredSentences:
        """Score the sentences of reviews whose ids, made ``with_cuts``, and scores are known."""
        return self._sentences.score(ids, probability)

    @cached_property
    def _sentences(self) -> SentenceScorer:
        from toolkit.model.aspects import AspectFinder
        from toolkit.model.sentences import SentenceRule, SentenceScorer

        rule, most = SentenceRule(self._vocabulary), self._facts.max_tokens
        limits, aspects = ToneLimits.of(self._facts), self._aspects
        finder = None if aspects is None else AspectFinder(aspects, self._vocabulary)
        of_all = self._labelling.by_sentence
        return SentenceScorer(self._network, rule, most, limits, finder, of_all)

    @cached_property
    def _silent(self) -> SilentWords:
        return SilentWords(self._vocabulary, self._facts.max_tokens)

    @cached_property
    def _known(self) -> KnownWords:
        return KnownWords(self._vocabulary, self._facts.max_tokens)

    @cached_property
    def _reasons(self) -> Reasons | None:
        return None if self._make_reasons is None else self._make_reasons()

    def _moved(self, probability: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the probabilities with the prior, (texts,); as they are without one."""
        if not self._shift:
            return probability
        return rescaled(probability, 1.0, self._shift).astype(np.float32)

    def _moved_stars(
        self, probability: npt.NDArray[np.float32], ids: TokenIds
    ) -> npt.NDArray[np.float32]:
        """Return the stars of the logits with the prior, (texts,)."""
        assert self._facts.stars is not None
        logits = logits_of(probability) + self._shift
        known = ids.known_tokens(self._facts.max_tokens)
        return self._facts.stars.stars(logits, known).astype(np.float32)

    def _block(self, texts: Texts, with_reading: bool) -> dict[str, _Values]:
        """Give the numbers by name, (texts,) each, and `is_known`: whether a word is known."""
        # One more than the model reads, to see whether there is more.
        most = self._facts.max_tokens + 1
        ids = self._vocabulary.encode(texts, most, with_cuts=self._needs_cuts)
        outputs = self._network.run_all(ids)
        found = (
            self._of_sentiment(ids, outputs)
            if self._answers is None
            else self._answers.numbers(outputs[PROBABILITIES])
        )
        if with_reading:
            found[FEW_KNOWN_WORDS] = self._known.are_few(ids)
            found[CUT_TO_LENGTH] = ids.lengths > self._facts.max_tokens
        found["is_known"] = self._have_known_words(ids)
        return found

    def _have_known_words(self, ids: TokenIds) -> npt.NDArray[np.bool_]:
        """Return whether the model knows something of each text, (texts,)."""
        if not self._facts.counts_known_tokens:
            return np.ones(len(ids), np.bool_)
        if self._answers is not None:  # a number may well name a class
            return ids.has_known_token(self._facts.max_tokens)
        return self._silent.has_speaking_word(ids)

    def _of_sentiment(self, ids: TokenIds, outputs: Outputs) -> dict[str, _Values]:
        """Return the numbers of a model of sentiment."""
        probability = outputs[PROBABILITY]
        moved = self._moved(probability)
        found: dict[str, _Values] = {"probability": moved}
        if STARS in outputs:
            told = outputs[STARS] if not self._shift else self._moved_stars(probability, ids)
            found["stars"] = np.round(told, STAR_DECIMALS)
        if self._scores_sentences:
            scored = self._sentences.score(ids, probability)
            if self._labelling.by_sentence:
                found |= count_sentences(scored.tones, scored.reviews, len(ids))
            if self._aspects is not None:
                from toolkit.model.aspects import tones_of

                assert scored.aspects is not None
                of_reviews = probability[scored.reviews]
                tones = tone_of_aspects(scored.probability, of_reviews, ToneLimits.of(self._facts))
                of_sentences = scored.aspects, tones, scored.probability, scored.reviews
                found |= tones_of(self._aspects, *of_sentences, len(ids))
        if self._reasons is not None:
            found["reasons"] = self._reasons.of(
                ids, is_positive(moved, float(self._labelling.threshold))
            )
        return found


def _together(parts: Sequence[_Values]) -> pa.Array:
    if isinstance(parts[0], pa.Array):
        return pa.concat_arrays(parts)
    return arrow_of(np.concatenate(parts))


# A review has few known words if less than these shares of its tokens are known words, and are
# among the commonest. Measured with the default model on English reviews of 75 sources: 0.1% are
# so, of a source 2.7% at most; with a vocabulary of 10,000 words from films alone 1% and 6.7%.
# Of short reviews in Spanish, German, French, Italian, Portuguese and Dutch, 85 to 100% are so,
# and all in other letters.
FEW_KNOWN, FEW_COMMON = 0.7, 0.3
COMMONEST = 1000

_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class KnownWords:
    """Tells which reviews a model can hardly read, such as those in other languages.

    A share of known words alone does not tell: half of the words of a Spanish review are in a
    vocabulary of 30,000, as films and products are called so. But few of them are among the
    commonest ones, which are two of three words in reviews of the model's own language.
    """

    vocabulary: Vocabulary
    most_tokens: int  # that the model reads, the last ones of each review

    def are_few(self, ids: TokenIds) -> _Flags:
        """Whether a review has few known words, (reviews,); those without a token have not."""
        starts = np.maximum(ids.starts, ids.stops - self.most_tokens)
        read = TokenIds(ids.values, starts, ids.stops)
        few = _count(read, self._is_word) < FEW_KNOWN * read.lengths
        unsure = np.flatnonzero(few)
        read = read.take(unsure)
        few[unsure] = _count(read, self._is_common) < FEW_COMMON * read.lengths
        return few

    @cached_property
    def _is_word(self) -> npt.NDArray[np.uint8]:
        """A 1 for each id of a word, (vocabulary,): no digit or second apostrophe begins it."""
        bounds = bounds_of(self.vocabulary.words)
        content = np.frombuffer(self.vocabulary.words.buffers()[2] or b"", np.uint8)
        content = np.append(content, np.zeros(2, np.uint8))
        first, second = content[bounds[:-1]], content[bounds[:-1] + 1]
        has_second = (first == ord("'")) & (np.diff(bounds) > 1)
        flags = np.zeros(self.vocabulary.size, np.uint8)
        flags[FIRST_WORD_ID:] = np.where(has_second, second, first) >= ord("a")
        return flags

    @cached_property
    def _is_common(self) -> npt.NDArray[np.uint8]:
        flags = self._is_word.copy()
        flags[FIRST_WORD_ID + COMMONEST :] = 0
        return flags


def _count(ids: TokenIds, flags: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Count the flagged ids of each row, (rows,)."""
    counted = count_flagged(ids.values, ids.starts, ids.stops, flags)
    if counted is not None:
        return counted
    before = np.zeros(len(ids.values) + 1, np.int32)
    np.cumsum(flags.take(ids.values), out=before[1:])
    found: npt.NDArray[np.int32] = before[ids.stops] - before[ids.starts]
    return found


MOST_TEXTS = 16
MOST_CHARACTERS = 1 << 14


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
