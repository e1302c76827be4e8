"""The server of the service: connections, slow clients, and the end.

uvicorn limits the time of neither the head of a request nor the reading of an answer, nor the size
of a head. A proxy does, but not every service has one.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httptools
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from toolkit.errors import STOPPING, UsageError
from toolkit.service.app import Service

_SECONDS_TO_STOP = 20  # for the requests that run when the service is stopped
_SECONDS_IDLE = 60  # of a connection between two requests
_MOST_BYTES_BESIDES = 1 << 16  # of a head, and of what is between and after the parts of a body
_BESIDES_A_BYTE = 8  # of a body in parts of one byte each
_SECONDS_SILENT = 5  # of a client that has its last answer, and has not sent all of its request
_FRAMING = (b"content-length", b"transfer-encoding")  # what says where a body ends
_ERROR = b'{"error":"this is not a request of HTTP/1.1"}'
_NOT_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_ERROR), _ERROR)
)


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
    server.service = service
    server.on_start = on_start
    server.on_warning = on_warning
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
    """One connection: a request and its answer at a time, in order, with time limits.

    Whoever is in front of the service must never see it read a request's end elsewhere. So no
    received byte is changed; an answer that goes out before its request has been read, or after
    bytes that are not HTTP, is the last of its connection; and what comes later is not parsed.
    """

    seconds: float
    _timer: asyncio.TimerHandle | None = None
    _is_in_head = False
    _besides = 0  # bytes of a request that are not of its body
    _unanswered = 0  # requests with a complete head
    _is_broken = False  # what came is not HTTP: nothing is parsed after it
    _last_moment: float | None = None  # to read and drop bytes after the last answer

    def connection_made(self, transport: Any) -> None:
        ending: Any = _Transport(transport, self._end)
        super().connection_made(ending)
        self._expect()

    def connection_lost(self, error: Exception | None) -> None:
        self._forget()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if self._is_broken or self._last_moment is None:
            self._besides += len(data)
        if self._last_moment is not None:
            self._linger()
        elif not self._is_broken:
            self._unset_keepalive_if_required()
            self._parse(data)
        if self._besides > _MOST_BYTES_BESIDES:
            self.transport.abort()
        elif self._is_in_head or self.cycle is None or self.cycle.response_complete:
            self._expect()

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            (size,) = upgrade.args
            self._parse_body(data[size:])
        except httptools.HttpParserError:
            self._refuse()

    def _parse_body(self, data: bytes) -> None:
        """Read on after the head of a request for another protocol, such as HTTP/2.

        Clients of Java send such requests, which are answered in HTTP/1.1. The parser stops after
        the head, so another one reads the body. The connection ends with the answer.
        """
        self.parser = httptools.HttpRequestParser(_Body(self))
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # it is dropped
        try:
            self.parser.feed_data(_head_of_body(self.headers))
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_head:  # else it is after a body, and nobody reads it
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        answering = _Answering(self.config.loaded_app)
        self.app = answering
        super().on_headers_complete()
        answering.cycle = self.cycle
        self._unanswered += 1
        self._is_in_head = False
        self._forget()
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._besides = max(0, self._besides - _BESIDES_A_BYTE * len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():  # its body comes
            return
        super().on_message_complete()
        self._besides = 0

    def on_response_complete(self) -> None:
        self._unanswered -= 1
        super().on_response_complete()
        if self._is_broken and not self._unanswered:
            self._send_refusal()

    def _refuse(self) -> None:
        """Answer bytes that are not HTTP, after all requests that came before them."""
        self._is_broken = True
        is_body = self._unanswered and self.cycle.more_body
        if is_body and self.pipeline:  # of a request that waits for its turn
            self.pipeline.popleft()
            self._unanswered -= 1
        elif is_body and not self.cycle.response_started:
            self.cycle.disconnected = True  # it has no other answer
            self.cycle.message_event.set()
            self._unanswered -= 1
        if not self._unanswered:
            self._send_refusal()

    def _send_refusal(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_NOT_HTTP)
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._last_moment is None:
            self._forget()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():  # nobody reads the answer
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def _end(self) -> bool:
        """Return whether to close at once: else more comes, and the client is not yet reading."""
        has_unread = self._is_broken or (self.cycle is not None and self.cycle.more_body)
        if not has_unread or self._last_moment is not None:
            return True
        self.flow.resume_reading()
        self._last_moment = self.loop.time() + self.seconds
        self._linger()
        return False

    def _linger(self) -> None:
        """Drop what comes, until the client is silent for some seconds, or its time is over."""
        assert self._last_moment is not None
        self._forget()
        left = self._last_moment - self.loop.time()
        self._timer = self.loop.call_later(min(left, _SECONDS_SILENT), self.transport.abort)

    def _expect(self) -> None:
        """Give the client some seconds from now, if they do not run already."""
        if self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self.transport.abort)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Answering:
    """The application for one request: an answer before the request's end is the last one."""

    cycle: RequestResponseCycle

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_last(message: Message) -> None:
            if self.cycle.more_body:
                self.cycle.keep_alive = False
            await send(message)

        await self._app(scope, receive, send_last)


class _Transport:
    """A transport that is closed after what the client sends has been read, where it is unread.

    Closing a socket that has unread bytes resets the connection, and with it the answer is lost.
    """

    def __init__(self, transport: asyncio.Transport, may_close: Callable[[], bool]) -> None:
        self._transport = transport
        self._may_close = may_close
        self._is_ending = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._is_ending or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        if not self.is_closing():  # else the client has left, and uvloop would raise
            self._transport.write(data)

    def close(self) -> None:
        if self._transport.is_closing() or self._may_close():
            self._transport.close()
        elif not self._is_ending:
            self._is_ending = True
            self._transport.write_eof()


class _Body:
    """What of a parser's events belongs to a body."""

    def __init__(self, protocol: _Protocol) -> None:
        self.on_body = protocol.on_body
        self.on_message_complete = protocol.on_message_complete


def _head_of_body(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the head of a request whose body is as long as these headers say."""
    lengths = b"".join(b"%s: %s\r\n" % header for header in headers if header[0] in _FRAMING)
    return b"POST / HTTP/1.1\r\nConnection: close\r\n" + lengths + b"\r\n"
