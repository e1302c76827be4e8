"""Which requests are scored together, and where.

Short requests for labels, probabilities or stars are scored in the event loop. All that have come
since its last turn are one batch. Scoring one text takes less than 0.1 ms with the native core,
less than handing it to a thread and back.

Requests that are long, or that want sentences, take milliseconds and would delay all others. They
are scored in threads, where the core and ONNX Runtime release Python's lock. They wait while all
threads are busy, and requests with the same options are then scored as one batch: the fixed cost of
sentences is as high as the cost of thousands of words. Explanations cost a hundred times as much as
scores, reasons and aspects up to ten times as much. These have half as many threads of their own,
so that scores never wait for them.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np

from toolkit.errors import UsageError
from toolkit.model.labels import Range
from toolkit.model.predictor import array_of
from toolkit.model.scorer import Scorer
from toolkit.model.scorer_options import MOST_REASONS, ScorerOptions
from toolkit.service.rows import Row, Wanted, label_of, rows_of

# Sizes are in characters.
MOST_IN_LOOP = 1 << 14  # of a batch in the event loop: some 2 ms
MOST_IN_THREAD = 1 << 20  # of a batch in a thread: some 30 ms
_SIZE_OF_A_TEXT = 16  # added for each text, also for an empty one

# JSON has no NaN: a number that is not finite is an error.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Answer(NamedTuple):
    """The answer to a request, encoded by the thread that scores: long JSON takes milliseconds."""

    rows: str  # JSON: a list with an entry for each text
    labels: Counter[str | None]  # number of texts by label; None: without a score


class _Job(NamedTuple):
    """A request that waits for its answer."""

    wanted: Wanted
    texts: list[str | None]
    size: int  # in characters
    answer: asyncio.Future[Answer]


class _Lane:
    """Requests that wait for a thread, and the number of threads that are free for them."""

    def __init__(self, threads: int) -> None:
        self.jobs: deque[_Job] = deque()
        self.free_threads = threads


class Batches:
    """Score the texts of requests; one event loop uses it."""

    def __init__(
        self, scorer: Scorer, neutral: Range | None, threads: int, on_batch: Callable[[], None]
    ) -> None:
        self.waiting = 0  # requests that have no answer yet
        self.waiting_explanations = 0  # those of them that explain: `Wanted.explains`
        self._on_batch = on_batch
        self._scorer = scorer
        self._neutral = neutral
        self._scorers: dict[Wanted, Scorer] = {}  # by `Wanted.kind`
        self._soon: list[_Job] = []
        explaining = max(1, threads // 2)
        self._later = _Lane(threads)
        self._explained = _Lane(explaining)
        self._pool = ThreadPoolExecutor(threads + explaining)

    def check(self, wanted: Wanted) -> None:
        """Raise `UsageError` if the model or the service cannot answer what is wanted."""
        scorer = self._scorer
        if wanted.explain:
            scorer.check_words("explain")
            if wanted.explained and scorer.answers is not None:
                scorer.answers.class_of(wanted.explained, "class")
        if wanted.top > len(scorer.facts.labels):
            raise UsageError(
                f"top: expected 0 to {len(scorer.facts.labels)}, the number of classes, received "
                f"{wanted.top}"
            )
        if wanted.stars and not scorer.has_stars:
            raise UsageError("stars: the model of this service has no stars")
        if wanted.neutral and self._neutral is None:
            raise UsageError("neutral: the model of this service has no neutral range")
        if wanted.aspects and scorer.aspects is None:
            raise UsageError("aspects: start the service with --aspects and a list, such as hotels")
        if wanted.reasons > MOST_REASONS:
            raise UsageError(f"reasons: expected 0 to {MOST_REASONS}, received {wanted.reasons}")
        self._scorer_for(wanted)  # raises if a label of the model is itself called mixed

    def words_of(self, texts: list[str | None]) -> int:
        """Return the number of words that the model reads in the texts."""
        return int(np.count_nonzero(self._scorer.token_ids(array_of(texts))))

    def numbers_of(self, wanted: Wanted, texts: list[str | None]) -> int:
        """Return the number of probabilities of classes that are read for an answer."""
        return len(texts) * len(self._scorer.facts.labels) if wanted.by_class else 0

    async def answer(self, wanted: Wanted, texts: list[str | None]) -> Answer:
        """Score the texts of a request; a cancelled request that still waits is not scored."""
        loop = asyncio.get_running_loop()
        size = sum(len(text or "") + _SIZE_OF_A_TEXT for text in texts)
        size += self.numbers_of(wanted, texts)
        job = _Job(wanted=wanted, texts=texts, size=size, answer=loop.create_future())
        is_slow = wanted.by_sentence or wanted.explains or job.size > MOST_IN_LOOP
        is_slow |= not self._scorer.has_words  # a transformer takes milliseconds for a text
        if is_slow:
            lane = self._explained if wanted.explains else self._later
            lane.jobs.append(job)
            self._start_threads(lane)
        else:
            self._soon.append(job)
            if len(self._soon) == 1:
                loop.call_soon(self._score_soon)
        self.waiting += 1
        self.waiting_explanations += wanted.explains
        try:
            return await job.answer
        finally:
            self.waiting -= 1
            self.waiting_explanations -= wanted.explains

    def _score_soon(self) -> None:
        while jobs := self._next(self._soon, MOST_IN_LOOP):
            try:
                _settle(jobs, self._score(jobs))
            except Exception as error:  # noqa: BLE001 (each request answers it)
                _fail(jobs, error)

    def _start_threads(self, lane: _Lane) -> None:
        while lane.free_threads and (jobs := self._next(lane.jobs, MOST_IN_THREAD)):
            lane.free_threads -= 1
            loop = asyncio.get_running_loop()
            scored = loop.run_in_executor(self._pool, self._score, jobs)
            scored.add_done_callback(partial(self._end_thread, lane, jobs))

    def _end_thread(
        self, lane: _Lane, jobs: list[_Job], done: asyncio.Future[list[Answer]]
    ) -> None:
        lane.free_threads += 1
        error = done.exception()
        if error is None:
            _settle(jobs, done.result())
        else:
            _fail(jobs, error)
        self._start_threads(lane)

    def _next(self, queue: list[_Job] | deque[_Job], most: int) -> list[_Job]:
        """Take the first request, and others with the same options, up to `most` characters."""
        waiting = [job for job in queue if not job.answer.done()]
        taken: list[_Job] = []
        others: list[_Job] = []
        room = most
        for job in waiting:
            fits = not taken or (job.wanted == taken[0].wanted and job.size <= room)
            if fits and not (taken and job.wanted.explain):
                taken.append(job)
                room -= job.size
            else:
                others.append(job)
        queue.clear()
        queue.extend(others)
        return taken

    def _score(self, jobs: Sequence[_Job]) -> list[Answer]:
        self._on_batch()
        wanted = jobs[0].wanted
        texts = [text for job in jobs for text in job.texts]
        is_wanted = partial(_is_wanted, jobs)
        rows = iter(
            rows_of(
                scorer=self._scorer_for(wanted),
                texts=texts,
                wanted=wanted,
                is_wanted=is_wanted,
            )
        )
        return [_answer([*islice(rows, len(job.texts))]) for job in jobs]

    def _scorer_for(self, wanted: Wanted) -> Scorer:
        kind = wanted.kind
        if kind not in self._scorers:
            self._scorers[kind] = self._scorer.with_options(self._options_for(kind))
        return self._scorers[kind]

    def _options_for(self, wanted: Wanted) -> ScorerOptions:
        own = self._scorer.options
        if self._scorer.facts.has_classes:
            return replace(own, probabilities=wanted.by_class)
        return replace(
            own,
            neutral=self._neutral if wanted.neutral else None,
            by_sentence=wanted.by_sentence,
            aspects=own.aspects if wanted.aspects else None,
            reasons=wanted.reasons,
        )


def _answer(rows: list[Row]) -> Answer:
    return Answer(_encode(rows), Counter(map(label_of, rows)))


def _is_wanted(jobs: Sequence[_Job]) -> bool:
    return not all(job.answer.done() for job in jobs)


def _settle(jobs: Sequence[_Job], answers: Sequence[Answer]) -> None:
    """Answer each request, unless it was cancelled."""
    for job, answer in zip(jobs, answers, strict=True):
        if not job.answer.done():
            job.answer.set_result(answer)


def _fail(jobs: Sequence[_Job], error: BaseException) -> None:
    for job in jobs:
        if not job.answer.done():
            job.answer.set_exception(error)
