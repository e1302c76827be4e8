"""As many answers as requests, each its own: alone, and after nginx and HAProxy."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.service.smuggling import CHUNKED, EMPTY, FAMILIES, head, sized
from tests.service.test_service import PATIENCE, Service, started

VICTIMS = 3  # one after the other, each on a connection of its own
_ANSWER = re.compile(rb"HTTP/1\.[01] [2-5]\d\d ")
_SECONDS_SILENT, _SECONDS_LATE = 0.05, 20
_SECONDS = 0.5  # that a proxy waits for the rest of a request

# nginx with the body before the request, and as it comes; upstream connections are kept.
_NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off; client_max_body_size 64m;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    client_header_timeout {ms}ms; client_body_timeout {ms}ms; keepalive_timeout {ms}ms;
    underscores_in_headers on; ignore_invalid_headers off;
    upstream service {{ server 127.0.0.1:{port}; keepalive 4; }}
    server {{
        listen unix:{folder}/nginx;
        location / {{
            proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host localhost;
        }}
    }}
    server {{
        listen unix:{folder}/nginx-streaming;
        location / {{
            proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host localhost; proxy_request_buffering off; proxy_buffering off;
        }}
    }}
}}
"""
# HAProxy as it is, and one that forwards what it would refuse.
_HAPROXY = """
global
    nbthread 1
defaults
    mode http
    timeout client {ms}ms
    timeout http-request {ms}ms
    timeout http-keep-alive {ms}ms
    timeout connect 60s
    timeout server 60s
frontend strict
    bind unix@{folder}/haproxy
    default_backend service
frontend lenient
    bind unix@{folder}/haproxy-lenient
    option accept-invalid-http-request
    default_backend service
backend service
    http-reuse always
    option http-no-delay
    server one 127.0.0.1:{port} pool-max-conn 4
"""
PROXIES = ("nginx", "nginx-streaming", "haproxy", "haproxy-lenient")


def program(name: str) -> str:
    """The path of a program, which Debian has where only root looks."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with started("--timeout", "2") as service:
        yield service
        service.stop()


@contextmanager
def proxy(name: str, service: Service, folder: Path) -> Iterator[None]:
    """A proxy in front of the service, at sockets in a folder."""
    config = folder / f"{name}.conf"
    template = _NGINX if name == "nginx" else _HAPROXY
    config.write_text(
        template.format(folder=folder, port=service.port, ms=int(_SECONDS * 1000)), "ascii"
    )
    logs = folder / f"{name}.log"
    options = ["-e", str(logs), "-p", str(folder), "-c"] if name == "nginx" else ["-f"]
    with logs.open("wb") as log:
        command = [program(name), *options, str(config)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        while not (folder / name).exists():
            assert process.poll() is None, logs.read_text()
            time.sleep(0.01)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture(scope="module")
def sockets(service: Service) -> Iterator[Path]:
    """A folder with the socket of each proxy, whose paths may not be long."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name, ExitStack() as stack:
        for each in ("nginx", "haproxy"):
            stack.enter_context(proxy(each, service, Path(name)))
        yield Path(name)


def connected(place: Path | int) -> socket.socket:
    """A connection to a socket of a proxy, or to a port."""
    if isinstance(place, int):
        return socket.create_connection(("127.0.0.1", place), PATIENCE)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(str(place))
    return connection


class Attacker:
    """A client that sends bytes, and counts the answers."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._received, self._is_open = connection, b"", True

    def send(self, part: bytes) -> None:
        """Send what the other side takes, and wait a moment for answers."""
        with suppress(ConnectionError):
            self._connection.settimeout(PATIENCE)
            self._connection.sendall(part)
        self._connection.settimeout(_SECONDS_SILENT)
        if len(part) > 1:
            self.answers()

    def answers(self) -> int:
        """How many have come, after a moment in which no more did."""
        with suppress(TimeoutError):
            while self._is_open:
                part = self._part()
                self._received += part
                self._is_open = bool(part)
        return len(_ANSWER.findall(self._received))

    def _part(self) -> bytes:
        with suppress(ConnectionError):
            return self._connection.recv(1 << 16)
        return b""


class Victim(HTTPConnection):
    """A client that has nothing to do with it, at a socket."""

    def __init__(self, place: Path | int) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._place = place

    def connect(self) -> None:
        self.sock = connected(self._place)

    def text_of_its_answer(self, text: str) -> str:
        """Ask for an explanation, which has the text that it explains."""
        kind = {"Content-Type": "application/json"}
        self.request("POST", "/explain", json.dumps({"texts": [text]}), kind)
        answer = self.getresponse()
        content = json.loads(answer.read())
        assert answer.status == 200, content
        found = content["explanations"][0]["text"]
        assert isinstance(found, str)
        self.close()
        return found


def counted(service: Service) -> float:
    """How many requests the service has answered, but those for this."""
    _, _, content = service.answer(path="/metrics", method="GET")
    lines = [line.rsplit(" ", 1) for line in content.decode().splitlines()]
    return sum(
        float(count)
        for name, count in lines
        if name.startswith("toolkit_requests_total{")
        and "/metrics" not in name
        and 'status="499"' not in name  # whose client has left
    )


def check(service: Service, place: Path | int, case: str, parts: list[bytes]) -> None:
    """Check that the service answers no request that its client has not sent."""
    before = counted(service)
    with connected(place) as connection:
        attacker = Attacker(connection)
        for part in parts:
            attacker.send(part)
        for number in range(VICTIMS):
            text = f"A fine film, said victim {number}."
            assert Victim(place).text_of_its_answer(text) == text, case
        answered = counted(service) - before - VICTIMS
        until = time.monotonic() + _SECONDS_LATE
        while attacker.answers() < answered and time.monotonic() < until:
            time.sleep(_SECONDS_SILENT)
        assert attacker.answers() >= answered, case


@pytest.mark.parametrize("family", FAMILIES)
def test_alone(service: Service, family: str) -> None:
    for case, parts in FAMILIES[family].items():
        check(service, service.port, case, parts)


@pytest.mark.guards
@pytest.mark.tools
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", PROXIES)
def test_after_a_proxy(service: Service, sockets: Path, name: str, family: str) -> None:
    for case, parts in FAMILIES[family].items():
        check(service, sockets / name, case, parts)


@pytest.mark.parametrize(
    ("family", "case", "status"),
    [
        ("lengths", "CL.TE", 400),
        ("lengths", "coding gzip, chunked", 501),
        ("lengths", "coding gzip and chunked", 501),
        ("heads", "two hosts", 400),
        ("heads", "no host", 400),
        ("heads", "HTTP/1.0 in chunks", 400),
        ("heads", "HTTP/2.0", 505),
        ("heads", "upgrade", 200),
        ("early answers", "half of a body that is a request", 404),
        ("parts", "the same, in a long one", 404),
        ("parts", "upgrade in two parts", 400),
    ],
)
def test_the_last_answer_of_a_connection(
    service: Service, family: str, case: str, status: int
) -> None:
    """Whatever comes after it is not read as a request."""
    with connected(service.port) as connection:
        for part in FAMILIES[family][case]:
            connection.sendall(part)
        with connection.makefile("rb") as answer:
            received = answer.read()
    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert len(_ANSWER.findall(received)) == received.count(b"\r\nconnection: close\r\n") == 1


def test_right_requests_before_a_wrong_one_are_answered_first(service: Service) -> None:
    """The slow one, the fast one, and then that what follows is not HTTP."""
    slow = sized(json.dumps({"texts": ["A fine film."] * 20}).encode(), path=b"/explain")
    for wrong, last in ((b"GET\0", b"400"), (head(CHUNKED) + b"zz\r\n", b"400")):
        with connected(service.port) as connection:
            connection.sendall(slow + sized(EMPTY) + wrong)
            with connection.makefile("rb") as answer:
                received = answer.read()
        assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"200", last]
        assert received.index(b"explanations") < received.index(b'{"scores":[]}')
