"""Score reviews with a model file: texts, Arrow arrays and record batches.

Spark and Ray send a pickled scorer with each task, to processes that they reuse. A pickled scorer
is its options alone; each process keeps the scorers that it has opened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import pyarrow as pa

from toolkit.classes import Classification
from toolkit.errors import UsageError
from toolkit.model import DEFAULT_MODEL
from toolkit.model.added_values import Predicted
from toolkit.model.checked_files import is_known, remember
from toolkit.model.facts import ModelFacts
from toolkit.model.file import Model, ModelFile
from toolkit.model.labels import Labelling
from toolkit.model.network import Network, open_network
from toolkit.model.opened import files_of, open_model
from toolkit.model.predictor import (
    STAR_DECIMALS,
    Predictor,
    TextPredictor,
    array_of,
    list_of,
)
from toolkit.model.prior import base_of, shift_of
from toolkit.model.ranges import Range
from toolkit.model.scorer_options import (
    ScorerOptions,
    refuse_classes,
    what_it_tells,
    wrong_kind,
)
from toolkit.records.columns import (
    ADDITIONS,
    REASONS_JOINED_WITH,
    addition_of,
    aspect_role,
    is_of_classes,
)
from toolkit.text.token_ids import Ids, TokenIds
from toolkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from toolkit.model.aspects import AspectLists, Aspects
    from toolkit.model.class_answers import ClassAnswers
    from toolkit.model.explain import ClassExplanation, Explainer, Explanation
    from toolkit.model.folder import ClassifierFolder
    from toolkit.model.network import Probabilities
    from toolkit.model.reasons import Reasons
    from toolkit.model.second import SecondOpinion
    from toolkit.model.sentences import ScoredSentences


class Score(NamedTuple):
    """The sentiment of one review; both fields are None without a text or a known word."""

    sentiment: str | None
    probability: float | None  # of the positive class, 0 to 1


@dataclass(frozen=True)
class _Words:
    """The loaded parts of a model file, which knows words. A classifier folder has none of them."""

    file: ModelFile
    vocabulary: Vocabulary
    network: Network

    @classmethod
    def open(cls, file: ModelFile) -> Self:
        """Load a model file, and check that its graph gives the same answers as the toolkit."""
        words = cls(file, file.vocabulary, open_network(file))
        if not is_known(file.sha256):
            from toolkit.model.agreement import check_agreement  # late: shipped models are known

            check_agreement(file, words.network)
        return words


class Scorer:
    """A loaded model, ready to score; safe to share between threads.

    It computes in the calling thread, and starts no other threads. A pickled scorer has only its
    arguments: the machine that unpickles it needs the model file, and opens it once per process.

    Parameters
    ----------
    model : str | Path | None
        A text-in model file of `toolkit export`, the run folder that it was written into, the
        name of a shipped model: `reviews` (the default), `reviews-small`, `reviews-open` or
        `conv1d`; or a folder with a text classifier (`toolkit.model.folder`).
    threshold : float | None
        Reviews with at least this probability are positive, 0 to 1. Default: the model's own.
    neutral : Range | Literal[True] | None
        Range of probabilities, from the first number to below the second, with the label
        ``neutral``; the threshold must lie between them. True: the model's own range. Default:
        no neutral reviews.
    by_sentence : bool
        Whether to score each sentence, too (`toolkit.model.sentences`), and to give reviews whose
        sentences disagree the label ``mixed`` (`toolkit.model.labels`).
    aspects : AspectLists | None
        Aspects to find in reviews (`toolkit.model.aspects`): the name of a shipped list, such as
        hotels or general (all are in `toolkit.model.ASPECT_LISTS`), a TOML file, or words by
        aspect, such as ``{"staff": ["staff", "reception*"]}``.
    reasons : int
        Number of most influential words to return per review (`toolkit.model.reasons`).
    prior : float | None
        The share of positive reviews among those to score, from 0.000001 to 0.999999. Half of its
        log-odds is added to the logit of each review, also for stars (`toolkit.model.prior`).
        Default: nothing is added.
    min_probability : float | None
        For models of classes: least probability of a label, 0 to 1. Less likely labels are
        replaced by `other`.
    other : str | None
        For models of classes: the label of texts without a likely label. Default: no label.
    top : int
        For models of classes: number of most likely labels that `score_batch` lists.
    probabilities : bool
        For models of classes: whether `score_batch` adds the probability of each class.
    second : str | Path | None
        A second model, as for ``model``, that is asked where the first is unsure
        (`toolkit.model.second`).
    unsure : Range | None
        Range of probabilities of the first model, 0 to 1 and both ends included, in which the
        second is asked. Default: the range that `toolkit evaluate --write-range` has written
        beside the second model, for this first model and this threshold.
    second_mean : bool
        Whether the answer is the mean of both logits then, rather than that of the second.

    Raises
    ------
    ModelError
        If the file is missing, damaged, or not a model that the toolkit reads.
    MissingExtraError
        If a package is missing that a classifier folder needs.
    UsageError
        If the threshold is not within 0 to 1; if the neutral range does not include it; if the
        model has no neutral range of its own, or a label ``mixed``; if aspects or prior are
        invalid; if one of a second model and its range is missing, or the range is invalid; or if
        an argument is not for models of this kind.

    Examples
    --------
    >>> scorer = Scorer()
    >>> reviews = ["A fine film, superbly acted.", "Dull, and a waste of time.", ""]
    >>> [score.sentiment for score in scorer.score(reviews)]
    ['positive', 'negative', None]
    """

    def __init__(
        self,
        model: str | Path | None = None,
        threshold: float | None = None,
        neutral: Range | Literal[True] | None = None,
        *,
        by_sentence: bool = False,
        aspects: AspectLists | None = None,
        reasons: int = 0,
        prior: float | None = None,
        min_probability: float | None = None,
        other: str | None = None,
        top: int = 0,
        probabilities: bool = False,
        second: str | Path | None = None,
        unsure: Range | None = None,
        second_mean: bool = False,
    ) -> None:
        self._open(
            ScorerOptions(
                model=model,
                threshold=threshold,
                neutral=neutral,
                by_sentence=by_sentence,
                aspects=_aspects_of(aspects),
                reasons=reasons,
                prior=prior,
                min_probability=min_probability,
                other=other,
                top=top,
                probabilities=probabilities,
                second=second,
                unsure=unsure,
                second_mean=second_mean,
            )
        )

    @classmethod
    def of(cls, options: ScorerOptions) -> Self:
        """Load a model, as `Scorer` does.

        Parameters
        ----------
        options : ScorerOptions
            The arguments of `Scorer`.

        Returns
        -------
        Self
            The scorer.
        """
        scorer = object.__new__(cls)
        scorer._open(options)
        return scorer

    def _open(self, options: ScorerOptions) -> None:
        self._file: Model = open_model(options.model)
        self.facts: ModelFacts = self._file.facts
        options.check_kind(self.facts, self._file.name)
        options = self._with_range(options)
        self._words: _Words | None = None
        if isinstance(self._file, ModelFile):
            self._words = _Words.open(self._file)
        else:
            self._folder.check()
        self._explainers: list[Explainer] = []  # at most one; shared by the copies of this scorer
        self._second: Scorer | None = None
        self.second: SecondOpinion | None = self._open_second(options)
        self._set(options)

    def _with_range(self, options: ScorerOptions) -> ScorerOptions:
        """Return the options with the range that is written beside the second model, if needed."""
        if options.second is None or options.unsure is not None:
            return options
        from toolkit.model.stated_range import StatedRange  # late: few runs have a second model

        found = StatedRange.read(options.second, self._file, options.threshold)
        return replace(options, unsure=found.unsure, second_mean=found.mean or options.second_mean)

    def _open_second(self, options: ScorerOptions) -> SecondOpinion | None:
        """Load the second model; raise `UsageError` if it gives answers of another kind."""
        if options.second is None or options.unsure is None:
            return None
        from toolkit.model.second import SecondOpinion  # late: few runs have a second model

        second = Scorer(options.second)
        if second.answers is not None:
            raise UsageError(
                f"--second: the model {second._file.name} {what_it_tells(second.facts)}, and the "
                f"first model, {self._file.name}, tells negative from positive. Choose a second "
                "model that tells them, too."
            )
        self._second = second
        return SecondOpinion(
            second.identity(),
            has_words=second.has_words,
            has_stars=second.has_stars,
            unsure=options.unsure,
            takes_mean=options.second_mean,
            block_bytes=second.block_bytes,
        )

    def _set(self, options: ScorerOptions) -> None:
        """Apply options to the loaded model."""
        self._check_words_of(options)
        self.answers: ClassAnswers | None = None  # for a model of classes
        if self.facts.has_classes:
            from toolkit.model.class_answers import ClassAnswers  # late: few models have classes

            self.answers = ClassAnswers(
                self.facts,
                min_probability=options.min_probability,
                other=options.other,
                top=options.top,
                probabilities=options.probabilities,
                reasons=bool(options.reasons),
            )
        self._labelling = Labelling.of(
            self._file, options.threshold, options.neutral, by_sentence=options.by_sentence
        )
        if options.aspects is not None:
            options.aspects.check_labels(self.facts.labels)
        self.threshold = self._labelling.threshold
        self.neutral: Range | None = self._labelling.neutral
        # The checked range, in place of a list or other numbers.
        is_own = options.neutral is True
        self.options = replace(options, neutral=True if is_own else self.neutral)
        self._first = self._predictor_of(options, self.answers)
        self._predictor = self._with_second(options)
        self._class_predictor = self._predictor  # with the probabilities of all classes
        if self.answers is not None and not self.answers.probabilities:
            self._class_predictor = self._predictor_of(
                replace(options, reasons=0), replace(self.answers, probabilities=True)
            )

    def _predictor_of(self, options: ScorerOptions, answers: ClassAnswers | None) -> TextPredictor:
        """Return what predicts numbers for texts with these options."""
        shift = 0.0 if options.prior is None else shift_of(options.prior, self.base)
        if self._words is None:
            from toolkit.model.folder_predictor import FolderPredictor

            return FolderPredictor(self._folder, answers, shift)
        return Predictor(
            self._words.network,
            self._words.vocabulary,
            self._labelling,
            aspects=options.aspects,
            reasons=self._reasons if options.reasons else None,
            shift=shift,
            answers=answers,
        )

    def _with_second(self, options: ScorerOptions) -> TextPredictor:
        """Return what predicts with both models; with the first alone if there is no second."""
        if self.second is None or self._second is None:
            return self._first
        from toolkit.model.second import SecondPredictor

        self._second = self._second.with_prior(options.prior)
        return SecondPredictor(
            self._first,
            self._second._predictor,
            self.second,
            threshold=float(self.threshold),
            has_stars=self.has_stars,
        )

    @property
    def _folder(self) -> ClassifierFolder:
        from toolkit.model.folder import ClassifierFolder  # late: few models are folders

        assert isinstance(self._file, ClassifierFolder)
        return self._file

    @property
    def has_words(self) -> bool:
        """Whether the model knows words, as model files do.

        A classifier folder knows pieces of words. It has no explanations, sentences and aspects.
        """
        return self._words is not None

    @property
    def block_bytes(self) -> int | None:
        """Most bytes of a block of a file that suit the slower model; None: any."""
        second = None if self.second is None else self.second.block_bytes
        both = (self._file.block_bytes, second)
        return min((size for size in both if size is not None), default=None)

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that the model knows; raises `UsageError` for a classifier folder."""
        return self._words_for("vocabulary").vocabulary

    def check_words(self, name: str) -> None:
        """Raise `UsageError` for a classifier folder; ``name``: what needs words."""
        self._words_for(name)

    def _words_for(self, name: str) -> _Words:
        if self._words is None:
            raise UsageError(
                f"{name}: for models of this toolkit, which know words. {self._file.name} is a "
                f"folder with a tokenizer of its own. Name another model, such as {DEFAULT_MODEL}."
            )
        return self._words

    def _check_words_of(self, options: ScorerOptions) -> None:
        """Raise `UsageError` for options that a classifier folder has no use for."""
        needing = {
            "--by-sentence": options.by_sentence,
            "--aspects": options.aspects is not None,
            "--reasons": options.reasons,
        }
        if needed := [name for name, is_given in needing.items() if is_given]:
            self.check_words(", ".join(needed))
        if options.prior is not None and self._words is None and self.has_stars:
            raise UsageError(
                f"--prior: the labels of {self._file.name} are stars. Leave the prior out."
            )

    @property
    def in_use(self) -> ScorerOptions:
        """The options, with the model's threshold and neutral range in place of defaults."""
        threshold = None if self.facts.has_classes else float(self.threshold)
        return replace(self.options, threshold=threshold, neutral=self.neutral)

    @property
    def by_sentence(self) -> bool:
        """Whether each sentence is scored, too."""
        return self.options.by_sentence

    @property
    def aspects(self) -> Aspects | None:
        """The aspects to find in reviews."""
        return self.options.aspects

    @property
    def most_reasons(self) -> int:
        """The number of most influential words to return per review."""
        return self.options.reasons

    @property
    def prior(self) -> float | None:
        """The share of positive reviews that scores are adjusted to; None: no adjustment."""
        return self.options.prior

    def check_sentiment(self, name: str, instead: str) -> None:
        """Raise `UsageError` for a model of classes; ``instead``: what to do, for the message."""
        refuse_classes(name, self.facts, name=self._file.name, instead=instead)

    def check_options_of_sentiment(self, given: Mapping[str, bool]) -> None:
        """Raise `UsageError` if a model of classes has no use for options.

        Parameters
        ----------
        given : Mapping[str, bool]
            Options by name, and whether each is given.
        """
        useless = [option for option, is_given in given.items() if is_given]
        if self.answers is not None and useless:
            raise wrong_kind(useless, self.facts, self._file.name)

    def with_labels(
        self, neutral: Range | Literal[True] | None = None, *, by_sentence: bool = False
    ) -> Self:
        """Return a scorer with other labels, but the same threshold and the same loaded model.

        Parameters
        ----------
        neutral : Range | Literal[True] | None
            As for `Scorer`.
        by_sentence : bool
            As for `Scorer`.

        Returns
        -------
        Self
            The scorer; it takes no further memory.

        Raises
        ------
        UsageError
            As for `Scorer`.
        """
        if neutral is not None or by_sentence:
            self.check_sentiment("with_labels", "Use Scorer(min_probability=…, other=…).")
        return self.with_options(replace(self.options, neutral=neutral, by_sentence=by_sentence))

    def with_options(self, options: ScorerOptions) -> Self:
        """Return a scorer with other options and the same loaded model.

        Parameters
        ----------
        options : ScorerOptions
            The arguments of `Scorer`; both models and the range stay as they are.

        Returns
        -------
        Self
            The scorer; it takes no further memory.

        Raises
        ------
        UsageError
            As for `Scorer`.
        """
        options.check_kind(self.facts, self._file.name)
        other = self._copy()
        kept = self.options
        other._set(
            replace(
                options,
                model=kept.model,
                second=kept.second,
                unsure=kept.unsure,
                second_mean=kept.second_mean,
            )
        )
        return other

    def without_second(self) -> Self:
        """Return a scorer with the first model alone, and the same options otherwise."""
        if self.second is None:
            return self
        other = self._copy()
        other.second = None
        other._second = None
        other._set(replace(self.options, second=None, unsure=None, second_mean=False))
        return other

    def _copy(self) -> Self:
        """Return a scorer of the same loaded model; `copy.copy` would open the file again."""
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        return other

    @property
    def base(self) -> float:
        """The share of positive reviews that the model is calibrated for."""
        return base_of(self.facts)

    def with_prior(self, prior: float | None) -> Self:
        """Return a scorer with another prior, the same labels and the same loaded model.

        Parameters
        ----------
        prior : float | None
            As for `Scorer`.

        Returns
        -------
        Self
            The scorer; it takes no further memory.

        Raises
        ------
        UsageError
            As for `Scorer`.
        """
        self.check_sentiment("with_prior", "Leave the prior out.")
        return self.with_options(replace(self.options, prior=prior))

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker opens the model file again.
        second = () if self.second is None else (self.second.model["sha256"],)
        return _unpickle, (self.options, (self._file.sha256, *second))

    def identity(self) -> dict[str, Any]:
        """Return `ModelFile.identity` with the threshold in use, and the second model, if any."""
        threshold = None if self.facts.has_classes else round(float(self.threshold), 7)
        second = {} if self.second is None else {"second": self.second.identity()}
        return {**self._file.identity(), "threshold": threshold, **second}

    @property
    def model(self) -> str:
        """Name, version and hash of the model, as `ModelFile.in_one_value`."""
        return self._file.in_one_value

    def score_sentences(self, ids: TokenIds, probability: Probabilities) -> ScoredSentences:
        """Score the sentences of reviews by their ids, made ``with_cuts``, and probabilities."""
        return self._word_predictor.score_sentences(ids, probability)

    @property
    def _word_predictor(self) -> Predictor:
        self.check_words("sentences")
        assert isinstance(self._first, Predictor)
        return self._first

    @property
    def sha256(self) -> str:
        """The SHA-256 of the model file, in hexadecimal digits."""
        return self._file.sha256

    @property
    def max_tokens(self) -> int:
        """How many tokens the model reads: the last ones of each review, or `reads_start`."""
        return self.facts.max_tokens

    @property
    def reads_start(self) -> bool:
        """Whether the model reads the start of a long text, as most classifier folders do."""
        return self._words is None and not self._folder.reads_end

    @property
    def has_stars(self) -> bool:
        """Whether the model predicts stars; with a second model, whether these stay right."""
        if self.second is None or self._words is not None:
            return self._file.has_stars
        # The stars of a folder are its labels, and have no probability of their own.
        both = self._file.has_stars and self.second.has_stars
        return both and not self.second.takes_mean

    def score(self, texts: Iterable[str | None]) -> list[Score]:
        """Score some reviews.

        Parameters
        ----------
        texts : Iterable[str | None]
            Reviews. None, blank texts and texts without a known word have no score.

        Returns
        -------
        list[Score]
            One score per review, in order.

        Raises
        ------
        UsageError
            If this is a model of classes: see `classify`.
        """
        self.check_sentiment("score", "Use classify.")
        listed = list_of(texts)
        found: Iterable[Any] | None = self._predictor.score_few(listed)
        if found is None:
            columns = self.score_array(array_of(listed))
            found = zip(*(column.to_pylist() for column in columns), strict=True)
        return [Score(*each) for each in found]

    def classify(self, texts: Iterable[str | None]) -> list[Classification]:
        """Return the class of some texts.

        Parameters
        ----------
        texts : Iterable[str | None]
            Texts, as for `score`.

        Returns
        -------
        list[Classification]
            The label of each text, and the probability of that label, 0 to 1. The labels of a
            model of sentiment are negative and positive.
        """
        if self.answers is not None:
            return self.answers.of_rows(self.predict(array_of(texts)))
        labels = self.facts.labels
        return [
            Classification(found, share if found != labels[0] or share is None else 1 - share)
            for found, share in self.score(texts)
        ]

    def class_probabilities(self, texts: Iterable[str | None]) -> list[dict[str, float] | None]:
        """Return the probability of each class for some texts.

        Parameters
        ----------
        texts : Iterable[str | None]
            Texts, as for `score`.

        Returns
        -------
        list[dict[str, float] | None]
            Label → probability, 0 to 1, for each text, the most likely label first; None without
            a text or a known word.
        """
        if self.answers is not None:
            found = self._class_predictor.predict(array_of(texts), with_reading=False)
            return self.answers.by_class(found)
        negative, positive = self.facts.labels

        def by_label(share: float) -> dict[str, float]:
            pairs = ((positive, share), (negative, 1 - share))
            return dict(sorted(pairs, key=lambda pair: -pair[1]))

        return [None if share is None else by_label(share) for _, share in self.score(texts)]

    def stars(self, texts: Iterable[str | None]) -> list[float | None]:
        """Predict the stars of some reviews.

        Parameters
        ----------
        texts : Iterable[str | None]
            Reviews, as for `score`.

        Returns
        -------
        list[float | None]
            Stars of each review, 1.0 to 5.0, rounded to hundredths; None without a score.

        Raises
        ------
        UsageError
            If the model has no stars.
        """
        self.check_gives(["stars"])
        found = self.predict(array_of(texts))["stars"].to_pylist()
        return [None if stars is None else round(stars, STAR_DECIMALS) for stars in found]

    def aspects_of(self, texts: Iterable[str | None]) -> list[dict[str, str]]:
        """Return what some reviews say about each aspect.

        Parameters
        ----------
        texts : Iterable[str | None]
            Reviews, as for `score`.

        Returns
        -------
        list[dict[str, str]]
            For each review, the aspects that it mentions: name → ``positive``, ``negative``,
            ``mixed`` or ``neutral``.

        Raises
        ------
        UsageError
            If the scorer has no aspects.
        """
        if self.aspects is None:
            raise UsageError("aspects: name them, as in Scorer(aspects='hotels')")
        roles = [aspect_role(name) for name in self.aspects.names]
        columns = self.columns(self.predict(array_of(texts)), roles)
        found = zip(*(columns[role].to_pylist() for role in roles), strict=True)
        return [
            {name: label for name, label in zip(self.aspects.names, labels, strict=True) if label}
            for labels in found
        ]

    def _reasons(self) -> Reasons:
        from toolkit.model.reasons import Reasons  # late: few runs want them

        words = self._words_for("--reasons")
        return Reasons(
            words.file,
            words.vocabulary,
            most_words=self.most_reasons,
            explainer=lambda: self._explainer,
        )

    def reasons(self, texts: Iterable[str | None]) -> list[list[str]]:
        """Return the words of some reviews that contribute most to the label.

        Parameters
        ----------
        texts : Iterable[str | None]
            Reviews, as for `score`.

        Returns
        -------
        list[list[str]]
            Words of each review in lower case, the strongest first.

        Raises
        ------
        UsageError
            If the scorer was not asked for reasons.
        """
        self.check_gives(["reasons"])
        found = self.predict(array_of(texts))["reasons"].to_pylist()
        return [words.split(REASONS_JOINED_WITH) if words else [] for words in found]

    def explain(self, text: str) -> Explanation:
        """Return what each word of a review contributes to its score (`toolkit.model.explain`).

        Parameters
        ----------
        text : str
            A review.

        Returns
        -------
        Explanation
            The score, the words with their positions and contributions, and, if sentences are
            scored, the sentences.

        Raises
        ------
        UsageError
            If the review is not a text or has no score: it is blank, has no known word, only
            numbers and function words, or is probably not in English. If this is a model of
            classes: see `explain_class`.
        """
        self.check_sentiment("explain", "Use explain_class.")
        self.check_words("explain")
        if self.second is not None:
            raise UsageError(
                "explain: explains the answer of one model. Leave the second model out."
            )
        _check_text(text)
        ((sentiment, probability),) = self.score([text])
        if sentiment is None or probability is None:
            raise UsageError(f"explain: {self.why_unscored(text)}, so it has no score to explain")
        texts = array_of([text])
        text = texts[0].as_py()
        found = self._explainer.explain(
            text, row=self.token_ids(texts)[0], sentiment=sentiment, probability=probability
        )
        if not self.by_sentence and self.aspects is None:
            return found
        names = () if self.aspects is None else self.aspects.names
        negative, positive = self.facts.labels
        scored = self._word_predictor.sentences(texts)
        return found.with_sentences(scored, (negative, positive), names)

    def explain_class(self, text: str, label: str | None = None) -> ClassExplanation:
        """Return what each word of a text contributes to a class (`toolkit.model.explain`).

        Parameters
        ----------
        text : str
            A text.
        label : str | None
            The class to explain. Default: the most likely class.

        Returns
        -------
        ClassExplanation
            The label, and the words with their positions and contributions to the log-odds of
            the class against all other classes.

        Raises
        ------
        UsageError
            If this is a model of sentiment; if the model has no such class; or if the text is not
            a text, is blank or has no known word.
        """
        self._answers_for("explain_class")
        explained = None if label is None else self.check_class("explain_class", label)
        self.check_words("explain")
        _check_text(text)
        (found,) = self.class_probabilities([text])
        if found is None:
            raise UsageError(f"explain: {self.why_unscored(text)}, so it has no label to explain")
        texts = array_of([text])
        return self._explainer.explain_class(
            texts[0].as_py(),
            row=self.token_ids(texts)[0],
            probabilities=found,
            explained=explained or next(iter(found)),
        )

    def check_class(self, name: str, label: str) -> str:
        """Return the class that a user names, spelled as in the model.

        Parameters
        ----------
        name : str
            The argument or the option, for the message.
        label : str
            The label of the class, in any case.

        Returns
        -------
        str
            The class.

        Raises
        ------
        UsageError
            If the model has no such class, or is a model of sentiment.
        """
        return self._answers_for(name).class_of(label, name)

    def _answers_for(self, name: str) -> ClassAnswers:
        """Return the answers of a model of classes; `UsageError` for one of sentiment."""
        if self.answers is None:
            raise wrong_kind([name], self.facts, self._file.name)
        return self.answers

    def why_unscored(self, text: str) -> str:
        """Return the reason, for a message, why a text that is not blank has no score."""
        return self._word_predictor.why_unscored(array_of([text])[0].as_py())

    def score_array(self, texts: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, pa.FloatArray]:
        """Score an Arrow array of any string type.

        Parameters
        ----------
        texts : pa.Array | pa.ChunkedArray
            Reviews. Null and blank texts have no score. Nor have texts without a known word among
            the words that the model reads, texts of numbers or a few function words, and texts
            that are probably not in English (`toolkit.text.other_language`); models of format
            versions 1 and 2 score these.

        Returns
        -------
        tuple[pa.Array, pa.FloatArray]
            Sentiment (string) and probability (float32); null without a score.

        Raises
        ------
        UsageError
            If the array has another type.
        """
        self.check_sentiment("score_array", "Use score_batch or classify.")
        columns = self.columns(self.predict(texts), ["sentiment", "probability"])
        return columns["sentiment"], columns["probability"]

    def probabilities(self, texts: pa.Array | pa.ChunkedArray) -> pa.FloatArray:
        """Return the probabilities of the positive class, float32, as `score_array` does."""
        self.check_sentiment("probabilities", "Use class_probabilities.")
        return self.predict(texts)["probability"]

    def predict(
        self, texts: pa.Array | pa.ChunkedArray, *, with_reading: bool = False
    ) -> pa.RecordBatch:
        """Return all predictions for an Arrow array of any string type.

        Parameters
        ----------
        texts : pa.Array | pa.ChunkedArray
            Reviews.
        with_reading : bool
            Whether to add the columns `few_known_words`, `cut_to_length` and `other_language`.

        Returns
        -------
        pa.RecordBatch
            One row per review; all columns are null without a score:
            `probability` of the positive class, float32, 0 to 1;
            `stars`, float32, 1 to 5 in hundredths, if the model has them;
            `positive_sentences` and `negative_sentences`, int32, if sentences are scored;
            for each aspect, such as `aspect_room`, int8: 0 not mentioned, 1 neutral, 2 negative,
            3 positive, 4 mixed; and its probability, such as `positive_probability_room`, float32,
            null if not mentioned;
            `reasons`, string, joined by ``; ``, if asked for;
            `answered_by`, int8, with a second model: 0 the first, 1 the second, 2 both;
            `few_known_words`, bool (`toolkit.model.predictor.KnownWords`), and `cut_to_length`,
            bool: whether a text has more tokens than the model reads. `other_language`, bool, is
            never null: whether a text has no score because it is probably not in English.

        Raises
        ------
        UsageError
            If the array has another type.
        """
        return self._predictor.predict(texts, with_reading=with_reading)

    def sentiments(self, probability: pa.FloatArray) -> pa.StringArray:
        """Return the label of each probability (float32), without regard to sentences."""
        self.check_sentiment("sentiments", "Use classify.")
        return self._labelling.of_probability(probability)

    def score_batch(
        self,
        batch: pa.RecordBatch | pa.Table,
        text_column: str = "text",
        sentiment_column: str = "predicted_sentiment",
        probability_column: str = "positive_probability",
        stars_column: str | None = None,
        positive_sentences_column: str = "positive_sentences",
        negative_sentences_column: str = "negative_sentences",
        model_column: str | None = None,
        answered_by_column: str | None = None,
    ) -> pa.RecordBatch | pa.Table:
        """Score a record batch or a table: return it with two or more added columns.

        A scorer with aspects adds one column per aspect, such as ``aspect_room``; one with reasons
        adds ``reasons``.

        All engines call this function, so that results do not depend on where it runs.

        Parameters
        ----------
        batch : pa.RecordBatch | pa.Table
            Reviews with any further columns.
        text_column : str
            Column with the reviews, of any string type.
        sentiment_column : str
            Name of the added column with the label, string.
        probability_column : str
            Name of the added column with the probability of the positive class, float32.
        stars_column : str | None
            Name of the added column with the stars, float32, 1 to 5. Default: no such column.
        positive_sentences_column : str
            Name of the column with the number of clearly positive sentences, int32; it is added
            if sentences are scored.
        negative_sentences_column : str
            Name of the column with the number of clearly negative sentences, int32; it is added
            if sentences are scored.
        model_column : str | None
            Name of the added column with the model, string, such as
            ``reviews 2026.11 sha256-0123456789abcdef`` in each row. Default: no such column.
        answered_by_column : str | None
            Name of the added column with the model that has answered, string: ``first``,
            ``second`` or ``both``. Default: no such column.

        Returns
        -------
        pa.RecordBatch | pa.Table
            The same rows in the same order. Added fields, except the model, are null without a
            score.

        Raises
        ------
        UsageError
            If the text column is missing, an added name is taken, the model has no stars, or there
            is no second model that could have answered.
        """
        added = {"sentiment": sentiment_column, "probability": probability_column}
        if self.answers is not None:
            added = {role: role for role in self.answers.adds}
        if stars_column is not None:
            added["stars"] = stars_column
        named = {
            "positive_sentences": positive_sentences_column,
            "negative_sentences": negative_sentences_column,
        }
        added |= {role: named.get(role, role) for role in self._asked()}
        if model_column is not None:
            added["model"] = model_column
        if answered_by_column is not None:
            added["answered_by"] = answered_by_column
        self.check_gives(added)
        check_columns(batch.schema.names, text_column, added.values())
        predictions = self.predict(batch.column(text_column))
        for role, values in self.columns(predictions, [*added]).items():
            batch = batch.append_column(added[role], values)
        return batch

    def _asked(self) -> Iterator[str]:
        """Yield the roles of the columns that the options ask for; of aspects, not the numbers."""
        for key, addition in ADDITIONS.items():
            if not addition.needs or not getattr(self.options, addition.needs):
                continue
            if not addition.are_several:
                yield key
            elif key == "aspect" and self.aspects is not None:
                yield from map(aspect_role, self.aspects.names)

    def columns(self, predictions: pa.RecordBatch, wanted: Sequence[str]) -> dict[str, pa.Array]:
        """Return the added columns with some roles, (texts,) each, of what `predict` returned."""
        given = Predicted(
            rows=predictions, file=self._file, labelling=self._labelling, answers=self.answers
        )
        return {role: given.column(role) for role in wanted}

    def check_gives(self, wanted: Collection[str]) -> None:
        """Raise `UsageError` unless `columns` can return all wanted roles."""
        if self.answers is not None:
            if unknown := {*wanted} - {*self.answers.adds, "model"}:
                self.check_sentiment(f"the column {min(unknown)}", "Leave it out.")
            return
        if of_classes := [role for role in wanted if is_of_classes(role)]:
            options = [f"the column {of_classes[0]}"]
            raise wrong_kind(options, self.facts, self._file.name)
        if "answered_by" in wanted and self.second is None:
            raise UsageError(ADDITIONS["answered_by"].hint)
        if "stars" in wanted:
            self._check_stars()
        for addition in map(addition_of, wanted):
            if addition.needs and not getattr(self.options, addition.needs):
                raise UsageError(addition.hint)

    def _check_stars(self) -> None:
        """Raise `UsageError` unless `predict` returns stars."""
        if self.has_stars:
            return
        if self._file.has_stars:
            raise UsageError(
                f"--stars: the stars of {self._file.name} are its labels, so the second model has "
                "to give stars, too, without --second-mean. Choose another, or leave this out."
            )
        raise UsageError(
            f"--stars: the model {self._file.name} has no stars, as its training fitted none. "
            f"Choose another, such as {DEFAULT_MODEL}."
        )

    def token_ids(self, texts: pa.Array) -> Ids:
        """Return the network's input, (rows, tokens) int32, padded in front with 0."""
        return self._predictor.token_ids(texts)

    @property
    def _explainer(self) -> Explainer:
        if not self._explainers:
            from toolkit.model.explain import Explainer  # late: scoring does not need it

            self._explainers.append(Explainer(self._words_for("explain").file))
        return self._explainers[0]


def _aspects_of(given: AspectLists | None) -> Aspects | None:
    if given is None:
        return None
    from toolkit.model.aspects import Aspects  # late: few runs want them

    return Aspects.of(given)


def _check_text(text: object) -> None:
    """Raise `UsageError` unless this is a text that is not blank."""
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f"explain: expected a text that is not blank, received {text!r:.50}")


def check_columns(names: Sequence[str], text_column: str, added: Collection[str]) -> None:
    """Raise `UsageError` unless there is one text column, and each added name is free."""
    if len({*added}) < len(added):
        raise UsageError(f"the added columns need different names, not {[*added]}")
    if names.count(text_column) > 1:
        raise UsageError(f"{names.count(text_column)} columns are called {text_column!r}")
    if text_column not in names:
        raise UsageError(f"no column {text_column!r} (found: {', '.join(names)})")
    for name in added:
        if name in names:
            raise UsageError(f"the input has a column {name!r} already; choose another name")


# How many unpickled scorers a process keeps, the most recently used. One of `reviews` takes some
# 50 MiB.
MOST_SCORERS = 4


def _unpickle(options: ScorerOptions, checked: Sequence[str], *others: Any) -> Scorer:
    """Return a scorer with these options, opened once per process.

    ``checked``: the SHA-256 of each file that the sender has checked; it is not checked again.
    """
    if others or isinstance(checked, str) or not isinstance(options, ScorerOptions):
        raise UsageError(
            "this scorer was pickled by another version of the toolkit. Install the same version "
            "on all machines, and pickle it again."
        )
    for sha256 in checked:
        remember(sha256)
    models = (options.model,) if options.second is None else (options.model, options.second)
    try:
        # A replaced file must be opened again, so these facts are part of the key.
        files = tuple(_facts_of(path) for model in models for path in files_of(model))
    except OSError:  # opening the file reports what is wrong
        return Scorer.of(options)
    return _opened(options, files)


def _facts_of(path: Path) -> tuple[object, ...]:
    found = path.stat()
    return path.absolute(), found.st_mtime_ns, found.st_size, found.st_ino


@lru_cache(MOST_SCORERS)
def _opened(options: ScorerOptions, _files: tuple[object, ...]) -> Scorer:
    return Scorer.of(options)
