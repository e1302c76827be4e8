"""The paths of the service: JSON in and out, limits, and metrics."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
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
from toolkit.model.labels import Range
from toolkit.model.scorer import Scorer
from toolkit.records.options import NULL_WORDS
from toolkit.service.batches import Batches, Wanted
from toolkit.service.heads import HostNames, check_head

SECONDS_TO_ARRIVE = 5  # for the rest of a request, once the service is stopping
# The time of an explanation grows by the square of its words: 0.13 s for 512. So one request has no
# more than half a second of work, and its answer has some 240 kB.
MOST_EXPLAINED = 20
MOST_CHARACTERS_EXPLAINED = 1 << 16
MOST_WORDS_EXPLAINED = 2048
_SHARE_EXPLAINING = 8  # of the requests that may wait, one in so many may want explanations
_MOST_BYTES_HELD = 1 << 26  # of all requests together
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
_OPTIONS = {
    "scores": ("stars", "neutral", "by_sentence"),
    "explanations": ("neutral", "by_sentence"),
}


@dataclass(frozen=True)
class Limits:
    """What is refused, with the status 413, 408 or 503."""

    most_bytes: int = 1 << 20  # of a request
    most_texts: int = 1000  # of a request
    most_waiting: int = 512  # requests that have arrived and have no answer
    seconds: float = 15.0  # for a request to arrive, and again for its scores


class Service:
    """The application, as ASGI says; one event loop uses it."""

    def __init__(
        self,
        scorer: Scorer,
        neutral: Range | None,
        limits: Limits,
        threads: int,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._limits = limits
        self._on_error = on_error
        self.host_names: HostNames | None = None  # None: any
        if neutral is None and scorer.facts.neutral is not None:
            neutral = scorer.facts.neutral.ends
        shown = scorer.with_labels(neutral).neutral  # raises now, and not at a request
        scorer.score(["What the first call makes is ready when requests come."])
        self._registry = own = CollectorRegistry()  # of this service alone
        self._requests = Counter("toolkit_requests", "Answered", ("path", "status"), registry=own)
        self._seconds = Histogram(
            "toolkit_request_seconds", "Until the answer", ("path",), registry=own, buckets=_BUCKETS
        )
        self._texts = Counter(
            "toolkit_texts", "Scored; none: without a score", ("sentiment",), registry=own
        )
        batches = Counter("toolkit_batches", "Calls of the model", registry=own)
        self._batches = Batches(
            scorer=scorer,
            neutral=neutral,
            threads=threads,
            on_batch=batches.inc,
        )
        waiting = Gauge("toolkit_waiting_requests", "Without an answer", registry=own)
        waiting.set_function(lambda: self._batches.waiting)
        ProcessCollector(registry=own)
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._reading: set[asyncio.Timeout] = set()
        self._last: float | None = None  # moment to read requests; None: not stopping
        self._bytes_held = 0
        model = scorer.identity()
        self._health = {
            "status": "ok",
            "model": {key: value for key, value in model.items() if key != "path"},
            "has_stars": scorer.has_stars,
            "neutral_range": shown and [round(end, 7) for end in shown],
            "toolkit_version": __version__,
        }
        names = {key: model[key] for key in ("name", "version", "sha256")}
        Info("toolkit_model", "In use", registry=own).info(names)
        self._description = _description(limits)
        self._app = Starlette(
            routes=[
                Route("/score", self._score, methods=["POST"]),
                Route("/explain", self._explain, methods=["POST"]),
                Route("/", self._start),
                Route("/healthz", self._healthz),
                Route("/readyz", self._readyz),
                Route("/metrics", self._metrics),
                Route("/openapi.json", self._openapi),
            ],
            exception_handlers={
                HTTPException: _refused,
                ClientDisconnect: _left,
                Exception: _failed,
            },
        )
        self._app.router.redirect_slashes = False
        self._paths = {route.path for route in self._app.routes if isinstance(route, Route)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it."""
        began = time.perf_counter()
        status = 0

        async def send_noted(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await (self._refusal_of(scope) or self._app)(scope, receive, send_noted)
        except Exception as error:  # noqa: BLE001 (`_failed` has answered it)
            self._on_error(error)
        path = scope["path"] if scope["path"] in self._paths else "other"
        self._requests.labels(path, status).inc()
        self._seconds.labels(path).observe(time.perf_counter() - began)

    def _refusal_of(self, scope: Scope) -> Response | None:
        """Return the answer to a request whose head is wrong, whatever its path is."""
        try:
            check_head(scope, self.host_names)
        except HTTPException as error:
            return _refused(None, error)
        return None

    def stop(self) -> None:
        """Wait no longer than some seconds for the rest of each request."""
        self._last = asyncio.get_running_loop().time() + SECONDS_TO_ARRIVE
        for limit in self._reading:
            limit.reschedule(self._last)

    async def _score(self, request: Request) -> Response:
        return await self._answer(request, "scores")

    async def _explain(self, request: Request) -> Response:
        return await self._answer(request, "explanations")

    async def _answer(self, request: Request, name: str) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":  # what a page of another site cannot send without asking
            found = kind[:50] or "none"
            raise HTTPException(415, f"expected Content-Type: application/json, received {found}")
        explain = name == "explanations"
        self._check_room(explain=explain)
        async with self._body_of(request) as body:
            wanted, texts = _parsed(body, name, self._limits)
            try:
                self._batches.check(wanted)
            except UsageError as error:
                raise HTTPException(422, str(error)) from None
            if explain and (words := self._batches.words_of(texts)) > MOST_WORDS_EXPLAINED:
                most = f"at most {MOST_WORDS_EXPLAINED:,} words that the model reads"
                raise HTTPException(413, f"expected {most}, received {words:,}")
            self._check_room(explain=explain)
            try:
                async with asyncio.timeout(self._limits.seconds):
                    answer = await self._batches.answer(wanted, texts)
            except TimeoutError:
                raise _busy() from None
        for label, count in answer.labels.items():
            self._texts.labels(label or "none").inc(count)
        return Response(f'{{"{name}":{answer.rows}}}', media_type="application/json")

    def _check_room(self, *, explain: bool) -> None:
        most = self._limits.most_waiting
        if self._batches.waiting >= most:
            raise _busy()
        if explain and self._batches.waiting_explanations >= max(1, most // _SHARE_EXPLAINING):
            raise _busy()

    @asynccontextmanager
    async def _body_of(self, request: Request) -> AsyncIterator[bytes]:
        """Read a request; one that is too large is refused before it is read to its end."""
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
            raise HTTPException(408, f"the request has not arrived in {seconds} s") from None
        finally:
            self._bytes_held -= held

    async def _healthz(self, _request: Request) -> Response:
        return JSONResponse(self._health)

    async def _start(self, _request: Request) -> Response:
        return JSONResponse({"service": "toolkit serve", "description": "/openapi.json"})

    async def _readyz(self, _request: Request) -> Response:
        """Answer whether further requests may come; the model is loaded before any request is."""
        if self._last is not None:
            raise HTTPException(503, "the service is stopping")
        return JSONResponse({"status": "ready"})

    async def _openapi(self, _request: Request) -> Response:
        return JSONResponse(self._description)

    async def _metrics(self, _request: Request) -> Response:
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _parsed(body: bytes, name: str, limits: Limits) -> tuple[Wanted, list[str | None]]:
    """Read what is asked for; an `HTTPException` says what is wrong with it."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:  # also no UTF-8, or nested too deep
        raise HTTPException(400, f"expected JSON: {error}") from None
    texts = given.get("texts") if isinstance(given, Mapping) else None
    if not isinstance(texts, list):
        raise HTTPException(422, 'expected {"texts": ["...", "..."]}')
    for place, text in enumerate(texts):
        if text is not None and not isinstance(text, str):
            found = json.dumps(text)
            raise HTTPException(422, f"texts[{place}]: expected a string or null: {found:.50}")
    explain = name == "explanations"
    most = min(limits.most_texts, MOST_EXPLAINED) if explain else limits.most_texts
    if len(texts) > most:
        raise HTTPException(413, f"expected at most {most:,} texts, received {len(texts):,}")
    if explain and sum(len(text or "") for text in texts) > MOST_CHARACTERS_EXPLAINED:
        raise HTTPException(413, f"expected at most {MOST_CHARACTERS_EXPLAINED:,} characters")
    read = [None if text and text.strip() in NULL_WORDS else text for text in texts]
    return Wanted(**_options(given, name), explain=explain), read


def _options(given: Mapping[str, Any], name: str) -> dict[str, bool]:
    """Give what is asked for besides the texts."""
    options = {key: value for key, value in given.items() if key != "texts"}
    for key, value in options.items():
        shown = json.dumps(key)[:50]
        if key not in _OPTIONS[name]:
            known = ", ".join(("texts", *_OPTIONS[name]))
            raise HTTPException(422, f"{shown}: unknown key, expected {known}")
        if not isinstance(value, bool):
            raise HTTPException(422, f"{shown}: expected true or false: {json.dumps(value):.50}")
    return options


def _description(limits: Limits) -> dict[str, Any]:
    """Give the description of all paths, with the version and the limits of this service."""
    found = json.loads(files("toolkit.service").joinpath("openapi.json").read_text("utf-8"))
    found["info"]["version"] = __version__
    for schema, most in (("ScoreRequest", limits.most_texts), ("ExplainRequest", MOST_EXPLAINED)):
        texts = found["components"]["schemas"][schema]["properties"]["texts"]
        texts["maxItems"] = min(most, limits.most_texts)
    description: dict[str, Any] = found
    return description


def _busy() -> HTTPException:
    return HTTPException(503, "too many requests: try again in a second", {"retry-after": "1"})


def _refused(_request: Request | None, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _failed(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"error": "the service has failed: it has written why"}, 500)


def _left(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # to nobody: metrics count it, as those of nginx do
