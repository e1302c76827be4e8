"""A connection to a server that is slow, or is cut after some bytes."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

_PIECE = 1 << 14


@dataclass
class Proxy:
    """Passes bytes on between its own port and the one of a server."""

    server: int
    rate: float | None = None  # bytes per second, of each connection and direction
    # How many bytes a connection may pass up and down before it is reset; None: any number. It is
    # asked once for each connection.
    limits: Callable[[], tuple[int | None, int | None]] = lambda: (None, None)
    is_stalled: bool = False  # takes bytes, and passes nothing on
    cuts: int = 0  # connections that were reset
    port: int = 0
    _listening: socket.socket = field(default_factory=socket.socket)

    def __enter__(self) -> Self:
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(64)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self.server))
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near, far), daemon=True).start()

    def _serve(self, near: socket.socket, far: socket.socket) -> None:
        up, down = self.limits()
        is_cut = threading.Event()
        back = threading.Thread(target=self._pass, args=(far, near, down, is_cut), daemon=True)
        with near, far:
            back.start()
            self._pass(near, far, up, is_cut)
            back.join()
            if is_cut.is_set():  # closing them now resets them
                for each in (near, far):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _pass(
        self, start: socket.socket, end: socket.socket, limit: int | None, is_cut: threading.Event
    ) -> None:
        """Pass bytes on in one direction, up to a limit."""
        passed = 0
        try:
            while (data := start.recv(_PIECE)) and not is_cut.is_set():
                while self.is_stalled:
                    time.sleep(0.05)
                if limit is not None and passed + len(data) > limit:
                    self.cuts += 1
                    is_cut.set()
                    end.sendall(data[: limit - passed])
                    break
                passed += len(data)
                if self.rate is not None:
                    time.sleep(len(data) / self.rate)
                end.sendall(data)
            if not is_cut.is_set():
                end.shutdown(socket.SHUT_WR)
                return
        except OSError:
            is_cut.set()
        for each in (start, end):  # which wakes the other direction, and sends nothing
            with suppress(OSError):
                each.shutdown(socket.SHUT_RD)
