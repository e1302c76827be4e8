"""The paths of the service: JSON in and out, limits, and metrics."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter as KeyCounts
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from toolkit import __version__
from toolkit.errors import UsageError
from toolkit.model.ranges import Range
from toolkit.model.scorer import Scorer
from toolkit.model.typed_json import why_not_json
from toolkit.records.options import NULL_WORDS
from toolkit.service.batches import Batches
from toolkit.service.description import describe
from toolkit.service.docs import docs_page
from toolkit.service.heads import HostNames, Tokens, check_head, check_token
from toolkit.service.rows import Wanted, explain_options, score_options

SECONDS_TO_ARRIVE = 5  # for the rest of a request, once the service is stopping
# The time of an explanation grows with the square of its words: 512 take 0.13 s. With these limits
# a request needs at most half a second, and its answer has some 240 kB.
MOST_EXPLAINED = 20  # texts of a request
MOST_CHARACTERS_EXPLAINED = 1 << 16  # of a request
MOST_WORDS_EXPLAINED = 2048  # of a request
MOST_WORDS_REASONED = 1 << 14  # of a request; without the native core, they take some seconds
MOST_PROBABILITIES = 1 << 16  # of a request that wants those of classes: an answer of some 3 MB
_SHARE_EXPLAINING = 8  # one waiting request in 8 may ask for explanations
_MOST_BYTES_HELD = 1 << 26  # of the bodies of all requests that are being answered
_OPEN_PATHS = ("/", "/docs", "/healthz", "/readyz", "/openapi.json")  # without a token: no texts
_TEXTS = "toolkit.texts"  # key of a scope: the number of texts of a request
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds


@dataclass(frozen=True)
class Limits:
    """Limits of requests; a request above one is answered with the status 413, 408 or 503."""

    most_bytes: int = 1 << 20  # of the body of a request
    most_texts: int = 1000  # of a request
    most_waiting: int = 512  # requests that have arrived and are not answered yet
    seconds: float = 15.0  # until a request has arrived, and again until it is scored


@dataclass(frozen=True)
class Answered:
    """A request that was answered, for an access log."""

    client: str  # its address: that of a proxy, if there is one
    method: str
    path: str  # as the client sent it, without the query
    status: int
    texts: int  # how many it had; 0 if it was refused before they were read
    seconds: float  # from the end of its head to the end of the answer


class Service:
    """The ASGI application; one event loop uses it."""

    def __init__(
        self,
        scorer: Scorer,
        neutral: Range | None,
        limits: Limits,
        threads: int,
        on_error: Callable[[Exception], None],
        tokens: Tokens | None = None,
    ) -> None:
        """Load what requests need; ``tokens`` is None where anybody may ask."""
        self._limits = limits
        self._on_error = on_error
        self.host_names: HostNames | None = None  # None: any name is accepted
        self._tokens = tokens
        self.on_answer: Callable[[Answered], None] = lambda _: None
        if neutral is None and scorer.facts.neutral is not None:
            neutral = scorer.facts.neutral.ends
        # Raises now, and not at a request.
        neutral_range = None if neutral is None else scorer.with_labels(neutral).neutral
        scorer.classify(["Whatever the first call creates is ready when requests come."])
        self._score_options = score_options(scorer)
        self._explain_options = explain_options(scorer)
        model = scorer.identity()
        self._metrics = _Metrics(model, has_classes=scorer.facts.has_classes)
        self._batches = Batches(
            scorer=scorer,
            neutral=neutral,
            threads=threads,
            on_batch=self._metrics.batches.inc,
        )
        self._reading: set[asyncio.Timeout] = set()
        self._last: float | None = None  # time of the loop when reading ends; None: not stopping
        self._bytes_held = 0
        self._health = {
            "status": "ok",
            "model": {key: value for key, value in model.items() if key != "path"},
            "has_stars": scorer.has_stars,
            "neutral_range": neutral_range and [round(end, 7) for end in neutral_range],
            "aspects": None if scorer.aspects is None else [*scorer.aspects.names],
            "toolkit_version": __version__,
        }
        self._description = describe(
            scorer,
            has_neutral=neutral is not None,
            most_texts=limits.most_texts,
            most_explained=MOST_EXPLAINED,
            wants_token=tokens is not None,
        )
        self._docs = docs_page()
        self._app = self._application()
        self._paths = {route.path for route in self._app.routes if isinstance(route, Route)}

    def _application(self) -> Starlette:
        application = Starlette(
            routes=[
                Route("/score", self._score, methods=["POST"]),
                Route("/explain", self._explain, methods=["POST"]),
                Route("/", self._start),
                Route("/docs", self._show_docs),
                Route("/healthz", self._healthz),
                Route("/readyz", self._readyz),
                Route("/metrics", self._show_metrics),
                Route("/openapi.json", self._openapi),
            ],
            exception_handlers={
                HTTPException: _refused,
                ClientDisconnect: _left,
                Exception: _failed,
            },
        )
        application.router.redirect_slashes = False
        return application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it."""
        began = time.perf_counter()
        status = 0

        async def send_and_note(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await (self._refusal_of(scope) or self._app)(scope, receive, send_and_note)
        except Exception as error:  # noqa: BLE001 (`_failed` has answered it)
            self._on_error(error)
        path = scope["path"] if scope["path"] in self._paths else "other"
        seconds = time.perf_counter() - began
        self._metrics.requests.labels(path, status).inc()
        self._metrics.seconds.labels(path).observe(seconds)
        client = scope.get("client")
        self.on_answer(
            Answered(
                client=client[0] if client else "",
                method=scope["method"],
                path=scope["path"],
                status=status,
                texts=scope.get(_TEXTS, 0),
                seconds=seconds,
            )
        )

    def _refusal_of(self, scope: Scope) -> Response | None:
        """Return the error response if the head of a request is wrong, or None."""
        try:
            check_head(scope, self.host_names)
            if self._tokens is not None and scope["path"] not in _OPEN_PATHS:
                check_token(scope, self._tokens)
        except HTTPException as error:
            return _refused(None, error)
        return None

    def stop(self) -> None:
        """Stop reading requests `SECONDS_TO_ARRIVE` seconds from now."""
        self._last = asyncio.get_running_loop().time() + SECONDS_TO_ARRIVE
        for limit in self._reading:
            limit.reschedule(self._last)

    async def _score(self, request: Request) -> Response:
        return await self._answer(request, "scores")

    async def _explain(self, request: Request) -> Response:
        return await self._answer(request, "explanations")

    async def _answer(self, request: Request, name: str) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        # A page of another site cannot send this type without asking the service first (CORS).
        if kind != "application/json":
            found = kind[:50] or "none"
            raise HTTPException(415, f"expected Content-Type: application/json, received {found}")
        explain = name == "explanations"
        self._check_room(explains=explain)
        async with self._body_of(request) as body:
            options = self._explain_options if explain else self._score_options
            wanted, texts = _parse(body, options, self._limits, explain=explain)
            request.scope[_TEXTS] = len(texts)
            self._check(wanted, texts)
            self._check_room(explains=wanted.explains)
            try:
                with self._metrics.waiting.track_inprogress():
                    async with asyncio.timeout(self._limits.seconds):
                        answer = await self._batches.answer(wanted, texts)
            except TimeoutError:
                raise _busy() from None
        for label, count in answer.labels.items():
            self._metrics.texts.labels(label or self._metrics.no_label).inc(count)
        return Response(f'{{"{name}":{answer.rows}}}', media_type="application/json")

    def _check(self, wanted: Wanted, texts: list[str | None]) -> None:
        """Raise `HTTPException` for what the model cannot answer, or not at once."""
        try:
            self._batches.check(wanted)
        except UsageError as error:
            raise HTTPException(422, str(error)) from None
        numbers = self._batches.numbers_of(wanted, texts)
        if numbers > MOST_PROBABILITIES:
            most_texts = MOST_PROBABILITIES * len(texts) // numbers
            raise HTTPException(
                413,
                f"expected at most {most_texts:,} texts with top or probabilities, received "
                f"{len(texts):,}",
            )
        if not (wanted.explain or wanted.reasons):
            return
        most = MOST_WORDS_EXPLAINED if wanted.explain else MOST_WORDS_REASONED
        if (words := self._batches.words_of(texts)) > most:
            what = f"at most {most:,} words that the model reads"
            raise HTTPException(413, f"expected {what}, received {words:,}")

    def _check_room(self, *, explains: bool) -> None:
        most = self._limits.most_waiting
        if self._batches.waiting >= most:
            raise _busy()
        if explains and self._batches.waiting_explanations >= max(1, most // _SHARE_EXPLAINING):
            raise _busy()

    @asynccontextmanager
    async def _body_of(self, request: Request) -> AsyncIterator[bytes]:
        """Read the body of a request; refuse it as soon as it is known to be too large."""
        most = self._limits.most_bytes
        held = 0
        too_large = HTTPException(413, f"expected at most {most:,} bytes")
        if int(request.headers.get("content-length", "0")) > most:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.seconds) as limit:
                if self._last is not None:
                    limit.reschedule(self._last)
                self._reading.add(limit)
                try:
                    async for part in request.stream():
                        body += part
                        held += len(part)
                        self._bytes_held += len(part)
                        if held > most:
                            raise too_large
                        if self._bytes_held > _MOST_BYTES_HELD:
                            raise _busy()
                finally:
                    self._reading.discard(limit)
            yield bytes(body)
        except TimeoutError:
            if self._last is not None:
                raise HTTPException(503, "the service is stopping") from None
            seconds = f"{self._limits.seconds:g}"
            raise HTTPException(408, f"the request did not arrive within {seconds} s") from None
        finally:
            self._bytes_held -= held

    async def _healthz(self, _request: Request) -> Response:
        return JSONResponse(self._health)

    async def _start(self, _request: Request) -> Response:
        return JSONResponse(
            {"service": "toolkit serve", "description": "/openapi.json", "docs": "/docs"}
        )

    async def _show_docs(self, _request: Request) -> Response:
        return self._docs

    async def _readyz(self, _request: Request) -> Response:
        """Answer whether to send further requests; the model is loaded before the first one."""
        if self._last is not None:
            raise HTTPException(503, "the service is stopping")
        return JSONResponse({"status": "ready"})

    async def _openapi(self, _request: Request) -> Response:
        return JSONResponse(self._description)

    async def _show_metrics(self, _request: Request) -> Response:
        shown = generate_latest(self._metrics.registry)
        return Response(shown, media_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Metrics:
    """What Prometheus reads at /metrics."""

    def __init__(self, model: Mapping[str, Any], *, has_classes: bool) -> None:
        label = "label" if has_classes else "sentiment"
        self.no_label = "" if has_classes else "none"  # a class may be called none
        self.registry = own = CollectorRegistry()  # of this service alone
        self.requests = Counter("toolkit_requests", "Answered", ("path", "status"), registry=own)
        self.seconds = Histogram(
            "toolkit_request_seconds",
            "Time until the answer",
            ("path",),
            registry=own,
            buckets=_BUCKETS,
        )
        self.texts = Counter(
            "toolkit_texts",
            "Scored texts by label; none or empty: without a label",
            (label,),
            registry=own,
        )
        self.batches = Counter("toolkit_batches", "Calls of the model", registry=own)
        self.waiting = Gauge(
            "toolkit_waiting_requests", "Requests that wait for an answer", registry=own
        )
        ProcessCollector(registry=own)
        disable_created_metrics()  # type: ignore[no-untyped-call]
        names = {key: model[key] for key in ("name", "version", "sha256")}
        Info("toolkit_model", "In use", registry=own).info(names)


_EXPECTED = {bool: "true or false", int: "a whole number from 0 on", str: "a string"}


def _parse(
    body: bytes, options: Mapping[str, type], limits: Limits, *, explain: bool
) -> tuple[Wanted, list[str | None]]:
    """Return the options and the texts of a request; raise `HTTPException` if it is not valid."""
    try:
        given = json.loads(body, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:  # also for invalid UTF-8 and deep nesting
        raise HTTPException(400, f"expected JSON: {why_not_json(error)}") from None
    texts = given.get("texts") if isinstance(given, Mapping) else None
    if not isinstance(texts, list):
        raise HTTPException(422, 'expected {"texts": ["...", "..."]}')
    for place, text in enumerate(texts):
        if text is not None and not isinstance(text, str):
            found = json.dumps(text)
            raise HTTPException(422, f"texts[{place}]: expected a string or null: {found:.50}")
    most = min(limits.most_texts, MOST_EXPLAINED) if explain else limits.most_texts
    if len(texts) > most:
        raise HTTPException(413, f"expected at most {most:,} texts, received {len(texts):,}")
    if explain and sum(len(text or "") for text in texts) > MOST_CHARACTERS_EXPLAINED:
        raise HTTPException(413, f"expected at most {MOST_CHARACTERS_EXPLAINED:,} characters")
    read = [None if text and text.strip() in NULL_WORDS else text for text in texts]
    chosen = _options_in(given, options)
    explained = chosen.pop("class", "")
    return Wanted(**chosen, explain=explain, explained=explained), read


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; raise `HTTPException` for a key that is there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        ((again, _),) = KeyCounts(key for key, _ in pairs).most_common(1)
        raise HTTPException(422, f"{json.dumps(again)[:50]}: the key is there twice")
    return found


def _options_in(given: Mapping[str, Any], options: Mapping[str, type]) -> dict[str, Any]:
    """Return the keys besides the texts; raise `HTTPException` for a wrong key or value."""
    found: dict[str, Any] = {key: value for key, value in given.items() if key != "texts"}
    for key, value in found.items():
        shown = json.dumps(key)[:50]
        if key not in options:
            known = ", ".join(("texts", *options))
            raise HTTPException(422, f"{shown}: unknown key, expected {known}")
        is_of_type = type(value) is options[key]  # True is no number
        if not is_of_type or (options[key] is int and value < 0):
            expected = _EXPECTED[options[key]]
            raise HTTPException(422, f"{shown}: expected {expected}: {json.dumps(value):.50}")
    return found


def _busy() -> HTTPException:
    return HTTPException(503, "too many requests: try again in a second", {"retry-after": "1"})


def _refused(_request: Request | None, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _failed(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"error": "the service failed; its log has the reason"}, 500)


def _left(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # nobody receives it: it is for the metrics, as in nginx
