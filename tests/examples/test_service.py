"""The web service of `examples/service`, started as its page says."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from tests.examples.golden import TOLERANCE, Answers, compare, golden_texts_of
from tests.examples.programs import ENVIRONMENT, EXAMPLES
from tests.models import CONV1D, FILM, MODEL, many_texts, shipped_scorer
from toolkit import Scorer

pytestmark = pytest.mark.tools

for package in ("starlette", "uvicorn"):
    pytest.importorskip(package, reason="needs the packages of examples/service")

FOLDER = EXAMPLES / "service"
PATIENCE = 120  # seconds that a busy machine may take
ENDED = (0, -signal.SIGTERM)  # of a service that was asked to stop
MOST_BYTES = 1 << 20


class Service:
    """A service in a process of its own."""

    def __init__(self, port: int, process: subprocess.Popen[str]) -> None:
        self.port, self.process = port, process

    def ask(
        self, body: bytes | None = None, path: str = "/score", method: str = "POST", **headers: str
    ) -> tuple[int, Any]:
        """Send a request on a connection of its own; give status and JSON."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            assert answer.headers["content-type"] == "application/json"
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def scores(self, texts: list[Any]) -> list[tuple[str | None, float | None]]:
        status, found = self.ask(json.dumps({"texts": texts}).encode())
        assert (status, [*found]) == (200, ["scores"])
        return [(each["sentiment"], each["probability"]) for each in found["scores"]]

    def stop(self) -> str:
        """Stop it as a process manager does; give what it wrote."""
        self.process.send_signal(signal.SIGTERM)
        _, written = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode in ENDED, written
        assert "Traceback" not in written
        return written


@contextmanager
def started(*options: str) -> Iterator[Service]:
    command = [sys.executable, "app.py", "--port", "0", *options]
    with subprocess.Popen(
        command, cwd=FOLDER, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                    break
            else:
                raise AssertionError("it did not start")
            yield Service(int(found[1]), process)
        finally:
            process.kill()


@pytest.fixture(scope="module", params=["16384", "0"], ids=["in the loop", "in threads"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with started("--in-loop", request.param) as service:
        yield service
        service.stop()


def in_json(answers: list[Any]) -> list[tuple[str | None, float | None]]:
    return [(answer.sentiment, answer.probability) for answer in answers]


def test_golden_texts(service: Service) -> None:
    texts = list(golden_texts_of().values())
    found = [
        score for start in range(0, len(texts), 50) for score in service.scores(texts[start:][:50])
    ]
    labels, probabilities = zip(*found, strict=True)
    answers = Answers([*labels], np.array(probabilities, float))
    compared = compare(MODEL, answers, None)
    assert (compared.texts, compared.flips) == (len(texts), 0)
    assert compared.largest_difference < TOLERANCE
    assert found == in_json(shipped_scorer().score(texts))


def test_another_model() -> None:
    with started("--model", "conv1d") as service:
        assert service.scores([FILM]) == in_json(Scorer(CONV1D).score([FILM]))
        service.stop()


def test_a_missing_model_is_told_of() -> None:
    command = [sys.executable, "app.py", "--model", "missing.onnx"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("app.py: missing.onnx: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_does_not_exist_is_refused(port: str) -> None:
    command = [sys.executable, "app.py", "--port", port]
    done = subprocess.run(
        command, cwd=FOLDER, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.endswith(f"error: --port {port}: expected 0 to 65535\n")


def test_texts_without_a_score(service: Service) -> None:
    film, *others = service.scores([FILM, None, "", " ", "!!!", "zzyzx", "\0 good"])
    assert film == in_json(shipped_scorer().score([FILM]))[0]
    assert others == [(None, None)] * 6
    assert service.scores([]) == []
    # Half a surrogate pair, which JSON can write.
    assert service.scores(["good \ud83d film"]) == service.scores(["good \ufffd film"])


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 400, "expected JSON: "),
        (b"A fine film.", 400, "expected JSON: "),
        (b'{"texts": ["a"]', 400, "expected JSON: "),
        (b'{"texts": ["bad\xff"]}', 400, "expected JSON: "),
        (b"[" * 100_000, 400, "expected JSON: "),
        (b"9" * 100_000, 400, "expected JSON: "),
        (b"null", 422, 'expected {"texts": ["...", "..."]}'),
        (b'["a"]', 422, 'expected {"texts": ["...", "..."]}'),
        (b'{"text": ["a"]}', 422, 'expected {"texts": ["...", "..."]}'),
        (b'{"texts": "a"}', 422, 'expected {"texts": ["...", "..."]}'),
        (b'{"texts": {"a": 1}}', 422, 'expected {"texts": ["...", "..."]}'),
        (b'{"texts": ["a", 5]}', 422, "texts[1]: expected a string or null: 5"),
        (b'{"texts": [NaN]}', 422, "texts[0]: expected a string or null: NaN"),
        (b'{"texts": [true]}', 422, "texts[0]: expected a string or null: true"),
        (b'{"texts": [["a"]]}', 422, 'texts[0]: expected a string or null: ["a"]'),
        (
            json.dumps({"texts": ["a"] * 1001}).encode(),
            413,
            "expected at most 1,000 texts, received 1,001",
        ),
    ],
)
def test_bad_requests(service: Service, body: bytes, status: int, error: str) -> None:
    found, answer = service.ask(body)
    assert found == status
    assert [*answer] == ["error"]
    assert answer["error"].startswith(error)
    assert len(answer["error"]) < 200


def test_limits(service: Service) -> None:
    texts = many_texts(1000)
    assert service.scores(texts) == in_json(shipped_scorer().score(texts))
    frame = len(json.dumps({"texts": [""]}))
    for size in (MOST_BYTES - frame, MOST_BYTES - frame + 1):
        status, answer = service.ask(json.dumps({"texts": ["x" * size]}).encode())
        assert status == (200 if size + frame <= MOST_BYTES else 413), answer
    assert answer == {"error": "expected at most 1,048,576 bytes"}


@pytest.mark.parametrize("length", ["Transfer-Encoding: chunked", f"Content-Length: {1 << 40}"])
def test_what_is_too_large_is_refused_before_it_ends(service: Service, length: str) -> None:
    """Also where a client does not say how much will come."""
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
        connection.sendall(f"POST /score HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n".encode())
        if "chunked" in length:
            chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
            connection.sendall(chunk * 17)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 413 ")


def test_other_paths_and_methods(service: Service) -> None:
    assert service.ask(path="/scores") == (404, {"error": "Not Found"})
    assert service.ask(method="GET") == (405, {"error": "Method Not Allowed"})
    assert service.ask(path="/health") == (405, {"error": "Method Not Allowed"})


def test_health(service: Service) -> None:
    status, found = service.ask(path="/health", method="GET")
    assert status == 200
    assert found == {"status": "ok", "name": "reviews", "sha256": shipped_scorer().sha256}


def test_clients_at_once(service: Service) -> None:
    """Each gets its own answers, many on one connection."""
    groups = [[many_texts(count, seed) for count in (1, 3, 40)] for seed in range(16)]
    together = Barrier(len(groups))

    def ask(texts_of: list[list[str]]) -> list[Any]:
        connection = HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
        together.wait(PATIENCE)
        found = []
        for texts in texts_of * 4:
            connection.request("POST", "/score", json.dumps({"texts": texts}))
            found.append(json.loads(connection.getresponse().read())["scores"])
        connection.close()
        return found

    with ThreadPoolExecutor(len(groups)) as pool:
        answers = list(pool.map(ask, groups))
    for found, texts_of in zip(answers, groups, strict=True):
        expected = [[s._asdict() for s in shipped_scorer().score(texts)] for texts in texts_of]
        assert found == expected * 4


def test_a_client_that_leaves_is_no_error() -> None:
    with started() as service:
        for body in (b"", b'{"texts": ["a'):
            with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
                head = b"POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n"
                connection.sendall(head + b"Expect: 100-continue\r\n\r\n")
                assert connection.recv(1 << 16).startswith(b"HTTP/1.1 100 ")
                connection.sendall(body)
        assert service.scores([FILM]) == in_json(shipped_scorer().score([FILM]))
        service.stop()


@pytest.mark.parametrize("in_loop", ["16384", "0"])
def test_a_request_that_has_begun_is_answered_after_sigterm(in_loop: str) -> None:
    body = json.dumps({"texts": [FILM]}).encode()
    head = f"POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
    with started("--in-loop", in_loop) as service:
        where = ("127.0.0.1", service.port)
        begun = [socket.create_connection(where, PATIENCE) for _ in range(16)]
        for connection in begun:
            connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 100 ")  # it is being read
        service.process.send_signal(signal.SIGTERM)
        assert service.process.stderr is not None
        for line in service.process.stderr:
            if "Waiting for connections to close" in line:
                break
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(where, PATIENCE)
        for connection in begun:
            connection.sendall(body)
        expected = [{"scores": [score._asdict() for score in shipped_scorer().score([FILM])]}]
        for connection in begun:
            with connection, connection.makefile("rb") as answer:
                found = answer.read()  # until it closes the connection
            assert found.startswith(b"HTTP/1.1 200 ")
            assert [json.loads(found.partition(b"\r\n\r\n")[2])] == expected
        _, written = service.process.communicate(timeout=PATIENCE)
        assert service.process.returncode in ENDED
        assert "Traceback" not in written


def test_half_of_a_request_holds_up_no_end() -> None:
    head = b"POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    with started() as service:
        where = ("127.0.0.1", service.port)
        begun = [socket.create_connection(where, PATIENCE) for _ in range(300)]
        for number, connection in enumerate(begun):
            connection.sendall(head if number % 3 else head[:40])
            if number % 3:
                assert connection.recv(1 << 16).startswith(b"HTTP/1.1 100 ")  # it is being read
                connection.sendall(b'{"texts": ["a')
        began = time.monotonic()
        service.stop()
        assert time.monotonic() - began < 15  # it was 20, and a traceback for each
        for number, connection in enumerate(begun):
            with connection:
                answer = connection.recv(1 << 16) if number % 3 else b"HTTP/1.1 503 "
                assert answer.startswith(b"HTTP/1.1 503 ")
