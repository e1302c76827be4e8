"""Measure the service: requests a second, and how long an answer takes, at 1 and at 16 clients.

python load.py [ADDRESS] [--texts N] [--words N] [--seconds N] [--clients N ...]

Each client sends its next request when it has the answer to the last one. Answers are not parsed,
so that one core can keep another one busy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

SENTENCE = "A fine film, superbly acted, though it is a bit long and the plot is dull. "


class Client(asyncio.Protocol):
    """One connection that sends the same request again and again, until a time is over."""

    def __init__(self, request: bytes, end: float, done: asyncio.Future[list[float]]) -> None:
        self._request, self._end, self._done = request, end, done
        self._times: list[float] = []
        self._left, self._head = 0, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._left:
            self._head += data
            head, gap, body = self._head.partition(b"\r\n\r\n")
            if not gap:
                return
            if not head.startswith(b"HTTP/1.1 200 "):
                self._stop(ValueError(self._head.decode()))
                return
            size = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._left, self._head = int(size) - len(body), b""
        else:
            self._left -= len(data)
        if not self._left:
            self._times.append(time.perf_counter() - self._began)
            if time.perf_counter() < self._end:
                self._send()
            else:
                self._stop(None)

    def _stop(self, error: Exception | None) -> None:
        self._transport.close()
        if not self._done.done():
            if error is None:
                self._done.set_result(self._times)
            else:
                self._done.set_exception(error)

    def connection_lost(self, error: Exception | None) -> None:
        self._stop(error or ConnectionError("the service has closed the connection"))


async def load(host: str, port: int, request: bytes, clients: int, seconds: float) -> list[float]:
    """Send requests for some seconds; give how long each answer took, in seconds, ascending."""
    loop, end = asyncio.get_running_loop(), time.perf_counter() + seconds
    waiting = [loop.create_future() for _ in range(clients)]
    for done in waiting:
        await loop.create_connection(lambda done=done: Client(request, end, done), host, port)  # type: ignore[misc]
    return sorted(took for times in await asyncio.gather(*waiting) for took in times)


def request_of(host: str, texts: list[str]) -> bytes:
    """Make a request to score texts."""
    body = json.dumps({"texts": texts}).encode()
    lines = (
        "POST /score HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the service.")
    parser.add_argument("address", nargs="?", default="127.0.0.1:8000")
    parser.add_argument("--texts", default=1, type=int, help="of a request")
    parser.add_argument("--words", default=16, type=int, help="of a text")
    parser.add_argument("--seconds", default=5.0, type=float)
    parser.add_argument("--clients", default=[1, 16], type=int, nargs="+")
    given: Any = parser.parse_args()
    host, _, port = given.address.rpartition(":")
    text = " ".join((SENTENCE * (given.words // 16 + 1)).split()[: given.words])
    request = request_of(given.address, [text] * given.texts)
    asyncio.run(load(host, int(port), request, max(given.clients), 0.5))  # to warm up
    for clients in given.clients:
        times = asyncio.run(load(host, int(port), request, clients, given.seconds))
        p50, p99 = (times[int(len(times) * share)] * 1e3 for share in (0.5, 0.99))
        rate = len(times) / given.seconds
        print(f"{clients:2} clients: {rate:7.0f} requests/s, p50 {p50:.2f} ms, p99 {p99:.2f} ms")


if __name__ == "__main__":
    main()
