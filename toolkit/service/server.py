"""The server of the service: connections, slow clients, and the end.

uvicorn limits the time of neither the head of a request nor the reading of an answer, nor the size
of a head. A proxy does, but not every service has one.
"""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from toolkit.errors import STOPPING, UsageError
from toolkit.service.app import Service

_SECONDS_TO_STOP = 20  # for the requests that run when the service is stopped
_SECONDS_IDLE = 60  # of a connection between two requests
_MOST_BYTES_BESIDES = 1 << 16  # of a head, and of what is between and after the parts of a body
_BESIDES_A_BYTE = 8  # of a body in parts of one byte each
_UPGRADE = re.compile(rb"(?i)(?<=\r\n)upgrade(?=:)")


def listen(host: str, port: int) -> socket.socket:
    """Open a port; raises `UsageError` if that cannot be done. 0 chooses a free port."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen at {host}, port {port}: {why}. Choose another with --host or --port."
        ) from None


def serve(
    service: Service,
    listening: socket.socket,
    seconds: float,
    on_start: Callable[[], None],
    on_warning: Callable[[str], None],
) -> None:
    """Answer requests until a signal asks to stop; a client has some seconds for each step."""
    config = uvicorn.Config(
        service,
        http=type("Protocol", (_Protocol,), {"seconds": seconds}),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",  # what is worth a message is told here
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_SECONDS_IDLE,
        timeout_graceful_shutdown=_SECONDS_TO_STOP,
    )
    server = _Server(config)
    server.service, server.on_start, server.on_warning = service, on_start, on_warning
    server.run([listening])


class _Server(uvicorn.Server):
    """On a signal, it takes no more connections, answers what it has begun to read, and ends."""

    service: Service
    on_start: Callable[[], None]
    on_warning: Callable[[str], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self._warn)
        await super().startup(sockets)
        self.on_start()

    def _warn(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Say what goes wrong outside of a request, such as that files run out."""
        self.on_warning(f"{context['message']}: {context.get('exception', '')}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.service.stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal; that of uvicorn would raise it again at the end, which is no error."""
        before = {number: signal.signal(number, self.handle_exit) for number in STOPPING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Protocol(HttpToolsProtocol):
    """Ends a connection whose client takes too long for the head of a request or for an answer."""

    seconds: float
    _timer: asyncio.TimerHandle | None = None
    _is_in_head = False
    _besides = 0  # bytes of a request that are not of its body

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, error: Exception | None) -> None:
        self._forget()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete:
            # Clients of Java ask for HTTP/2 so. The parser would leave out the body that follows.
            head, end, rest = data.partition(b"\r\n\r\n")
            data = _UPGRADE.sub(b"no-upgrade", head) + end + rest
        self._besides += len(data)
        super().data_received(data)
        if self._besides > _MOST_BYTES_BESIDES:
            self.transport.abort()
        if self._is_in_head or self.cycle is None or self.cycle.response_complete:
            self._expect()  # also the rest of a request that was refused

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_head:  # else it is after a body, and nobody reads it
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._is_in_head = False
        self._forget()

    def on_body(self, body: bytes) -> None:
        self._besides = max(0, self._besides - _BESIDES_A_BYTE * len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._besides = 0

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():  # nobody reads the answer
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def _expect(self) -> None:
        """Give the client some seconds from now, if they do not run already."""
        if self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self.transport.abort)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
