"""The server of the service: connections, slow clients, and shutdown.

uvicorn limits neither the time to send the head of a request, nor the time to read an answer, nor
the size of a head. A proxy limits all three, but not every service is behind a proxy.
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

_SECONDS_TO_STOP = 20  # for requests that are running when the service is stopped
_SECONDS_IDLE = 60  # of a connection between two requests
_MOST_BYTES_BESIDES = 1 << 16  # outside of the body: the head, and the framing of chunks
_BESIDES_A_BYTE = 8  # bytes of framing that are allowed for each byte of a body
# A client that has its last answer before it has sent its whole request may be silent this long.
_SECONDS_SILENT = 5
_FRAMING = (b"content-length", b"transfer-encoding")  # these headers define where a body ends
_ERROR = b'{"error":"this is not a request of HTTP/1.1"}'
_NOT_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_ERROR), _ERROR)
)


def listen(host: str, port: int) -> socket.socket:
    """Open a port, or a free one for 0; raise `UsageError` if it cannot be opened."""
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
    """Answer requests until a signal asks to stop.

    `seconds` limits how long a client may take to send a head, to send a body, and to read an
    answer. `on_start` is called when the port is ready, `on_warning` with one line for each failure
    outside of a request.
    """
    config = uvicorn.Config(
        service,
        http=type("Protocol", (_Protocol,), {"seconds": seconds}),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",  # `on_warning` gets what is worth a message
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
    """A server that, on a signal, refuses new connections, answers open requests, and ends."""

    service: Service
    on_start: Callable[[], None]
    on_warning: Callable[[str], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self._warn)
        await super().startup(sockets)
        self.on_start()

    def _warn(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Report a failure outside of a request, such as too many open files."""
        self.on_warning(f"{context['message']}: {context.get('exception', '')}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.service.stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal. uvicorn would raise it again at the end, as if it had failed."""
        before = {number: signal.signal(number, self.handle_exit) for number in STOPPING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Protocol(HttpToolsProtocol):
    """One connection: one request and its answer at a time, in order, with time limits.

    The service must find the end of each request where a proxy in front of it finds it (otherwise
    requests can be smuggled). So no received byte is changed. An answer is the last of its
    connection if it is sent before its request has been read, or after bytes that are not HTTP;
    later bytes are not parsed.
    """

    seconds: float
    _timer: asyncio.TimerHandle | None = None
    _is_in_head = False
    _besides = 0  # bytes of a request outside of its body
    _unanswered = 0  # requests whose head is complete and whose answer is not
    _is_broken = False  # the client sent bytes that are not HTTP: nothing after them is parsed
    # Until this time of the loop, bytes after the last answer are read and dropped.
    _last_moment: float | None = None

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
        """Parse the body of a request that asks to upgrade to another protocol, such as HTTP/2.

        Java's HTTP client sends such requests; they get HTTP/1.1 answers. The parser stops after
        the head, so a second parser reads the body. The connection ends with the answer.
        """
        self.parser = httptools.HttpRequestParser(_Body(self))
        # Bytes after the body are dropped, and are not an error.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        try:
            self.parser.feed_data(_head_of_body(self.headers))
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_head:  # else it is a trailer, which nobody reads
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
        if self.parser.should_upgrade():  # `_parse_body` reads its body
            return
        super().on_message_complete()
        self._besides = 0

    def on_response_complete(self) -> None:
        self._unanswered -= 1
        super().on_response_complete()
        if self._is_broken and not self._unanswered:
            self._send_refusal()

    def _refuse(self) -> None:
        """Refuse bytes that are not HTTP, after all requests before them are answered."""
        self._is_broken = True
        is_body = self._unanswered and self.cycle.more_body
        if is_body and self.pipeline:  # the broken request waits for its turn: drop it
            self.pipeline.popleft()
            self._unanswered -= 1
        elif is_body and not self.cycle.response_started:
            self.cycle.disconnected = True  # the refusal is its only answer
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
        """Return whether to close at once; otherwise start dropping what the client still sends."""
        has_unread = self._is_broken or (self.cycle is not None and self.cycle.more_body)
        if not has_unread or self._last_moment is not None:
            return True
        self.flow.resume_reading()
        self._last_moment = self.loop.time() + self.seconds
        self._linger()
        return False

    def _linger(self) -> None:
        """Drop what comes until the client is silent for `_SECONDS_SILENT`, or its time is over."""
        assert self._last_moment is not None
        self._forget()
        left = self._last_moment - self.loop.time()
        self._timer = self.loop.call_later(min(left, _SECONDS_SILENT), self.transport.abort)

    def _expect(self) -> None:
        """Start the client's time limit, unless it is running."""
        if self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self.transport.abort)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Answering:
    """The application for one request; an answer before the request's end closes the connection."""

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
    """A transport that closes only after what the client sends has been read.

    Closing a socket with unread bytes resets the connection, and the client loses the answer.
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
        if not self.is_closing():  # the client may have left: then uvloop would raise
            self._transport.write(data)

    def close(self) -> None:
        if self._transport.is_closing() or self._may_close():
            self._transport.close()
        elif not self._is_ending:
            self._is_ending = True
            self._transport.write_eof()


class _Body:
    """The events of a parser that belong to a body."""

    def __init__(self, protocol: _Protocol) -> None:
        self.on_body = protocol.on_body
        self.on_message_complete = protocol.on_message_complete


def _head_of_body(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the head of a request with the length of the body from these headers."""
    lengths = b"".join(b"%s: %s\r\n" % header for header in headers if header[0] in _FRAMING)
    return b"POST / HTTP/1.1\r\nConnection: close\r\n" + lengths + b"\r\n"
