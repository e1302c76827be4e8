"""Sentiment as a small web service: one scorer, shared by all requests.

python app.py [--host HOST] [--port PORT] [--model MODEL] [--in-loop CHARACTERS]

POST /score takes {"texts": ["A fine film.", null]} and answers {"scores": [{"sentiment":
"positive", "probability": 0.96}, {"sentiment": null, "probability": null}]}: one for each text, in
order, null where there is no score. GET /health names the model. Errors are {"error": "..."}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from socket import socket
from typing import Any

import uvicorn
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from toolkit import Scorer
from toolkit.errors import ToolkitError

MOST_BYTES = 1 << 20  # of a request
MOST_TEXTS = 1000
SECONDS_TO_STOP = 20  # for the requests that run when the service is stopped
SECONDS_TO_ARRIVE = 5  # of these, for the rest of a request

# A request of up to this many characters is scored in the event loop: it takes less time than to
# hand it to a thread and back. Longer ones would hold up all others.
CHARACTERS_IN_LOOP = 1 << 14


class Service:
    """Answers requests; `app` is the application for any ASGI server."""

    def __init__(self, scorer: Scorer, in_loop: int = CHARACTERS_IN_LOOP) -> None:
        self._scorer, self._in_loop = scorer, in_loop
        self._threads = CapacityLimiter(os.cpu_count() or 1)
        self._reading: set[asyncio.Timeout] = set()
        self._last: float | None = None  # moment to read requests; None: not stopping
        known = scorer.identity()
        self._health = {"status": "ok"} | {name: known[name] for name in ("name", "sha256")}
        scorer.score(["What the first call makes is ready when requests come."])
        self.app = Starlette(
            routes=[
                Route("/score", self.score, methods=["POST"]),
                Route("/health", self.health),
            ],
            exception_handlers={
                HTTPException: _refused,
                ToolkitError: _failed,
                ClientDisconnect: _left,
            },
        )

    async def score(self, request: Request) -> Response:
        texts = _texts_of(await self._body_of(request))
        if sum(len(text or "") for text in texts) <= self._in_loop:
            scores = self._scorer.score(texts)
        else:
            scores = await to_thread.run_sync(self._scorer.score, texts, limiter=self._threads)
        return JSONResponse({"scores": [score._asdict() for score in scores]})

    async def _body_of(self, request: Request) -> bytes:
        """Read a request, which has to arrive in some seconds once the service is stopping."""
        try:
            async with asyncio.timeout_at(self._last) as limit:
                self._reading.add(limit)
                try:
                    return await _body_of(request)
                finally:
                    self._reading.discard(limit)
        except TimeoutError:
            raise HTTPException(503, "the service is stopping") from None

    def stop(self) -> None:
        """Wait no longer than some seconds for the rest of each request."""
        self._last = asyncio.get_running_loop().time() + SECONDS_TO_ARRIVE
        for limit in self._reading:
            limit.reschedule(self._last)

    async def health(self, _request: Request) -> Response:
        return JSONResponse(self._health)


async def _body_of(request: Request) -> bytes:
    """Read a request; one that is too large is refused before it is read to its end."""
    declared = request.headers.get("content-length", "0")
    size, parts = 0, []
    if int(declared) <= MOST_BYTES:
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                break
        else:
            return b"".join(parts)
    raise HTTPException(413, f"expected at most {MOST_BYTES:,} bytes")


def _texts_of(body: bytes) -> list[str | None]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:  # also no UTF-8, or nested too deep
        raise HTTPException(400, f"expected JSON: {error}") from None
    texts = given.get("texts") if isinstance(given, Mapping) else None
    if not isinstance(texts, list):
        raise HTTPException(422, 'expected {"texts": ["...", "..."]}')
    if len(texts) > MOST_TEXTS:
        raise HTTPException(413, f"expected at most {MOST_TEXTS:,} texts, received {len(texts):,}")
    for place, text in enumerate(texts):
        if text is not None and not isinstance(text, str):
            found = json.dumps(text)
            raise HTTPException(422, f"texts[{place}]: expected a string or null: {found:.50}")
    return texts


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _failed(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 500)


def _left(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # to nobody


class Server(uvicorn.Server):
    """On SIGTERM, it takes no more connections, answers what it has begun to read, and ends."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._service.stop()
        await super().shutdown(sockets)


def main() -> None:
    parser = argparse.ArgumentParser(description="Score texts over HTTP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default=8000, type=int, help="0 chooses a free one")
    parser.add_argument("--model", help="a model file, or the name of a shipped one")
    parser.add_argument("--in-loop", default=CHARACTERS_IN_LOOP, type=int, metavar="CHARACTERS")
    given: Any = parser.parse_args()
    if not 0 <= given.port < 65_536:  # uvloop would take the rest of a division
        parser.error(f"--port {given.port}: expected 0 to 65535")
    try:
        service = Service(Scorer(given.model), given.in_loop)
    except ToolkitError as error:
        parser.exit(1, f"app.py: {error}\n")
    config = uvicorn.Config(
        service.app,
        host=given.host,
        port=given.port,
        access_log=False,
        timeout_graceful_shutdown=SECONDS_TO_STOP,
    )
    server = Server(config, service)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        parser.exit(3)


if __name__ == "__main__":
    main()
