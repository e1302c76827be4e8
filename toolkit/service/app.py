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
# The time of an explanation grows with the square of its words: 512 take 0.13 s. With these limits
# a request needs at most half a second, and its answer has some 240 kB.
MOST_EXPLAINED = 20  # texts of a request
MOST_CHARACTERS_EXPLAINED = 1 << 16  # of a request
MOST_WORDS_EXPLAINED = 2048  # of a request
_SHARE_EXPLAINING = 8  # one waiting request in 8 may ask for explanations
_MOST_BYTES_HELD = 1 << 26  # of the bodies of all requests that are being answered
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
_OPTIONS = {
    "scores": ("stars", "neutral", "by_sentence"),
    "explanations": ("neutral", "by_sentence"),
}


@dataclass(frozen=True)
class Limits:
    """Limits of requests; a request above one is answered with the status 413, 408 or 503."""

    most_bytes: int = 1 << 20  # of the body of a request
    most_texts: int = 1000  # of a request
    most_waiting: int = 512  # requests that have arrived and are not answered yet
    seconds: float = 15.0  # until a request has arrived, and again until it is scored


class Service:
    """The ASGI application; one event loop uses it."""

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
        self.host_names: HostNames | None = None  # None: any name is accepted
        if neutral is None and scorer.facts.neutral is not None:
            neutral = scorer.facts.neutral.ends
        neutral_range = scorer.with_labels(neutral).neutral  # raises now, and not at a request
        scorer.score(["Whatever the first call creates is ready when requests come."])
        model = scorer.identity()
        self._metrics = _Metrics(model)
        self._batches = Batches(
            scorer=scorer,
            neutral=neutral,
            threads=threads,
            on_batch=self._metrics.batches.inc,
        )
        self._metrics.waiting.set_function(lambda: self._batches.waiting)
        self._reading: set[asyncio.Timeout] = set()
        self._last: float | None = None  # time of the loop when reading ends; None: not stopping
        self._bytes_held = 0
        self._health = {
            "status": "ok",
            "model": {key: value for key, value in model.items() if key != "path"},
            "has_stars": scorer.has_stars,
            "neutral_range": neutral_range and [round(end, 7) for end in neutral_range],
            "toolkit_version": __version__,
        }
        self._description = _description(limits)
        self._app = self._application()
        self._paths = {route.path for route in self._app.routes if isinstance(route, Route)}

    def _application(self) -> Starlette:
        application = Starlette(
            routes=[
                Route("/score", self._score, methods=["POST"]),
                Route("/explain", self._explain, methods=["POST"]),
                Route("/", self._start),
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
        self._metrics.requests.labels(path, status).inc()
        self._metrics.seconds.labels(path).observe(time.perf_counter() - began)

    def _refusal_of(self, scope: Scope) -> Response | None:
        """Return the error response if the head of a request is wrong, or None."""
        try:
            check_head(scope, self.host_names)
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
        self._check_room(explain=explain)
        async with self._body_of(request) as body:
            wanted, texts = _parse(body, name, self._limits)
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
            self._metrics.texts.labels(label or "none").inc(count)
        return Response(f'{{"{name}":{answer.rows}}}', media_type="application/json")

    def _check_room(self, *, explain: bool) -> None:
        most = self._limits.most_waiting
        if self._batches.waiting >= most:
            raise _busy()
        if explain and self._batches.waiting_explanations >= max(1, most // _SHARE_EXPLAINING):
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
        return JSONResponse({"service": "toolkit serve", "description": "/openapi.json"})

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

    def __init__(self, model: Mapping[str, Any]) -> None:
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
            "Scored texts by label; none: without a score",
            ("sentiment",),
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


def _parse(body: bytes, name: str, limits: Limits) -> tuple[Wanted, list[str | None]]:
    """Return the options and the texts of a request; raise `HTTPException` if it is not valid."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:  # also for invalid UTF-8 and deep nesting
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
    """Return the keys besides the texts; raise `HTTPException` if one is unknown or not boolean."""
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
    """Return the OpenAPI description, with the version and the limits of this service."""
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
    return JSONResponse({"error": "the service failed; its log has the reason"}, 500)


def _left(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # nobody receives it: it is for the metrics, as in nginx
