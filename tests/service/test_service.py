"""`toolkit serve`, started as a user starts it."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from email.message import Message
from http.client import HTTPConnection
from itertools import product
from threading import Barrier, Event
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.cli.running import COMMAND, Command
from tests.data import PROJECT
from tests.docs.markdown import blocks
from tests.examples.golden import TOLERANCE, Answers, compare, golden_texts_of
from tests.models import CONV1D, FILM, MODEL, many_texts, shipped_scorer
from tests.tools import need
from toolkit import Scorer

for package in ("httptools", "prometheus_client", "starlette", "uvicorn"):
    pytest.importorskip(package, reason="needs the extra serve")

PATIENCE = 120  # seconds that a busy machine may take
MOST_BYTES = 1 << 20
HEAD = b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
JSON = {"Content-Type": "application/json"}
MIXED = "The camera is excellent but the battery is terrible."


class Service:
    """A service in a process of its own."""

    def __init__(self, port: int, process: subprocess.Popen[str]) -> None:
        self.port, self.process = port, process

    def answer(
        self,
        body: bytes | None = None,
        path: str = "/score",
        method: str = "POST",
        headers: Mapping[str, str] = JSON,
    ) -> tuple[int, Message, bytes]:
        """Send a request on a connection of its own; give status, headers and content."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def ask(self, body: bytes | None = None, **asked: Any) -> tuple[int, Any]:
        """Send a request; give status and JSON."""
        status, headers, content = self.answer(body, **asked)
        assert headers["content-type"] == "application/json"
        return status, json.loads(content)

    def rows(self, texts: list[Any], path: str = "/score", **wanted: Any) -> list[Any]:
        status, found = self.ask(json.dumps({"texts": texts, **wanted}).encode(), path=path)
        assert (status, len(found)) == (200, 1), found
        (rows,) = found.values()
        assert isinstance(rows, list)
        return rows

    def scores(self, texts: list[Any]) -> list[tuple[str | None, float | None]]:
        return [(each["sentiment"], each["probability"]) for each in self.rows(texts)]

    def metric(self, line: str) -> float:
        """Give the value of a metric, 0 where it is missing."""
        _, headers, content = self.answer(path="/metrics", method="GET")
        assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        values = dict(each.rsplit(" ", 1) for each in content.decode().splitlines())
        return float(values.get(line, 0))

    def stop(self) -> None:
        """Stop it as a process manager does; it has written nothing but where it listens."""
        self.process.send_signal(signal.SIGTERM)
        _, written = self.process.communicate(timeout=PATIENCE)
        assert (self.process.returncode, written) == (0, "")


@contextmanager
def started(*options: str) -> Iterator[Service]:
    command = [*COMMAND, "serve", "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            found = re.match(r"listening on http://127\.0\.0\.1:(\d+); ", process.stderr.readline())
            assert found, process.stderr.read()
            yield Service(int(found[1]), process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with started() as service:
        yield service
        service.stop()


def in_json(answers: list[Any]) -> list[tuple[str | None, float | None]]:
    """Scores as JSON has them, with the shortest decimals that are the same float32."""
    return [
        (each.sentiment, each.probability and float(str(np.float32(each.probability))))
        for each in answers
    ]


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


def test_what_a_request_can_want(service: Service) -> None:
    """Each key is that of a column, and has the value that `toolkit score` writes."""
    texts = [*many_texts(50), FILM, MIXED, "", None, "It was fine, I suppose."]
    batch = pa.table({"text": pa.array(texts, pa.string())})
    for neutral, by_sentence in product((False, True), repeat=2):
        scorer = Scorer(neutral=neutral or None, by_sentence=by_sentence)
        names = {name: name for name in ("sentiment", "probability", "stars")}
        scored = scorer.score_batch(
            batch, **{f"{name}_column": name for name in names}
        ).drop_columns("text")
        expected = scored.to_pylist()
        for row in expected:
            row["stars"] = row["stars"] and round(row["stars"], 2)
            row["probability"] = row["probability"] and float(str(np.float32(row["probability"])))
        found = service.rows(texts, stars=True, neutral=neutral, by_sentence=by_sentence)
        assert found == expected
    assert {"mixed", "neutral", "positive", "negative", None} <= {e["sentiment"] for e in expected}


@pytest.mark.parametrize("by_sentence", [False, True])
def test_explanations_are_those_of_the_command(
    service: Service, command: Command, by_sentence: bool
) -> None:
    flags = ["--by-sentence"] if by_sentence else []
    expected = json.loads(command("explain", MIXED, "--json", *flags).out)
    del expected["model"], expected["toolkit_version"]
    found = service.rows([MIXED, "", "zzyzx", None], "/explain", by_sentence=by_sentence)
    assert found == [expected, None, None, None]


def test_options() -> None:
    with started("--model", "conv1d", "--threshold", "0.999", "--max-texts", "2") as service:
        assert service.scores([FILM]) == in_json(Scorer(CONV1D, 0.999).score([FILM]))
        for wanted, error in (
            ("stars", "stars: the model of this service has no stars"),
            ("neutral", "neutral: the model of this service has no neutral range"),
        ):
            body = json.dumps({"texts": [FILM], wanted: True}).encode()
            assert service.ask(body) == (422, {"error": error})
        assert service.ask(b'{"texts": [null, null, null]}')[0] == 413
        service.stop()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model", "missing.onnx"), "missing.onnx: "),
        (("--threshold", "2"), "--threshold: expected a probability from 0 to 1, received 2.0"),
        (("--neutral-range", "0.6:0.7"), "is not within 0.6 to 0.7"),
        (("--port", "65536"), "--port 65536: expected 0 to 65535"),
        (("--timeout", "0"), "--timeout 0: expected seconds, up to 86,400"),
        (("--timeout", "inf"), "--timeout inf: expected seconds, up to 86,400"),
        (("--host", "a.invalid"), "cannot listen at a.invalid, port 8000: "),
    ],
)
def test_what_cannot_start_says_why(
    command: Command, options: tuple[str, ...], message: str
) -> None:
    command("serve", *options).failed_with(message, 1 if "--model" in options else 2)


def test_a_port_that_is_taken(service: Service, command: Command) -> None:
    ran = command("serve", "--port", str(service.port))
    ran.failed_with(f"cannot listen at 127.0.0.1, port {service.port}: ", 2)
    assert "--port" in ran.err


def test_the_extra_is_missing(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.errors.find_spec", lambda _: None)
    command("serve").failed_with("pip install httptools prometheus-client starlette uvicorn uvloop")


def test_texts_without_a_score(service: Service) -> None:
    missing = ["NULL", " nan ", "N/A", "None", r"\N"]  # as on the command line
    film, *others = service.scores([FILM, None, "", " ", "!!!", "zzyzx", "\0 good", *missing])
    assert film == in_json(shipped_scorer().score([FILM]))[0]
    assert others == [(None, None)] * 11
    assert service.rows(["NULL", "nan"], "/explain") == [None, None]
    assert service.scores(["None of it is good."])[0][0] is not None
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
        (b"[" * 100_000, 400, "expected JSON: it is nested too deeply"),
        (b"9" * 100_000, 400, "expected JSON: a number has too many digits"),
        (b"null", 422, 'expected {"texts": ["...", "..."]}'),
        (b'["a"]', 422, 'expected {"texts": ["...", "..."]}'),
        (b'{"text": ["a"]}', 422, 'expected {"texts": ["...", "..."]}'),
        (b'{"texts": "a"}', 422, 'expected {"texts": ["...", "..."]}'),
        (b'{"texts": {"a": 1}}', 422, 'expected {"texts": ["...", "..."]}'),
        (b'{"texts": ["a", 5]}', 422, "texts[1]: expected a string or null: 5"),
        (b'{"texts": [NaN]}', 422, "texts[0]: expected a string or null: NaN"),
        (b'{"texts": [true]}', 422, "texts[0]: expected a string or null: true"),
        (b'{"texts": [["a"]]}', 422, 'texts[0]: expected a string or null: ["a"]'),
        (b'{"texts": ["a"], "texts": ["b"]}', 422, '"texts": the key is there twice'),
        (b'{"texts": [], "star": true}', 422, '"star": unknown key, expected texts, stars, '),
        (b'{"texts": [], "stars": 1}', 422, '"stars": expected true or false: 1'),
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
        connection.sendall(HEAD + f"{length}\r\n\r\n".encode())
        if "chunked" in length:
            chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
            connection.sendall(chunk * 17)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 413 ")


def test_what_is_too_large_can_be_sent_to_its_end(service: Service) -> None:
    """Most clients read the answer only then."""
    connection = HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    for body, expected in ((b"x" * (1 << 25), 413), (b'{"texts": []}', 200)):
        connection.request("POST", "/score", body, JSON)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == expected
    connection.close()


def test_numbers_have_as_many_decimals_as_a_column(service: Service) -> None:
    """None is the double that a float32 happens to be."""
    body = json.dumps({"texts": [FILM, MIXED], "by_sentence": True}).encode()
    for path in ("/score", "/explain"):
        _, _, content = service.answer(body, path)
        numbers = re.findall(rb":-?(\d+\.\d+(?:e-\d+)?)[,}]", content)
        assert numbers
        assert {
            len(number.partition(b"e")[0].replace(b".", b"").lstrip(b"0")) for number in numbers
        } <= {*range(10)}


def test_limits_of_explanations(service: Service) -> None:
    words = "a fine but dull film " * 150  # 512 of them are read
    for texts in (["a"] * 21, ["x" * 40_000] * 2, [words] * 4 + ["dull"]):
        assert service.ask(json.dumps({"texts": texts}).encode(), path="/explain")[0] == 413
    assert len(service.rows([words] * 4, "/explain")) == 4


def test_explanations_take_no_thread_of_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """While all that may be explained is held up, scores of threads and of the loop are given."""
    from toolkit.service import Limits, batches
    from toolkit.service.rows import Wanted, rows_of

    may_end = Event()

    def held(*, wanted: Wanted, **others: Any) -> Any:
        assert not wanted.explains or may_end.wait(PATIENCE)
        return rows_of(wanted=wanted, **others)

    monkeypatch.setattr(batches, "rows_of", held)

    async def ask() -> None:
        found = batches.Batches(shipped_scorer(), None, 1, lambda: None)
        costly = (Wanted(explain=True), Wanted(reasons=3), Wanted(aspects=True)) * 3
        asked = [asyncio.create_task(found.answer(wanted, [FILM])) for wanted in costly[:8]]
        await asyncio.sleep(0)
        assert found.waiting_explanations == 8
        for wanted in (Wanted(), Wanted(by_sentence=True)):
            assert "positive" in (await found.answer(wanted, [FILM])).rows
        assert not any(task.done() for task in asked)
        asked[1].cancel()
        may_end.set()
        await asyncio.gather(*asked, return_exceptions=True)
        assert found.waiting == found.waiting_explanations == 0

    asyncio.run(ask())
    assert Limits().most_waiting >= 8


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LocalHost.:9", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("reviews.example", 200),
        ("reviews.example:443", 200),
        ("evil.example", 421),
        ("evil.example:8000", 421),
        ("localhost.evil.example", 421),
        ("evil.example@localhost", 421),
        ("localhost, evil.example", 421),
        ("192.168.0.1", 421),
        ("", 421),
    ],
)
def test_only_known_names_of_the_host(named: Service, host: str, status: int) -> None:
    """A page of another site may let its name mean this address, but it cannot say so."""
    for path in ("/healthz", "/metrics", "/score"):
        method = "POST" if path == "/score" else "GET"
        body = b'{"texts": []}' if path == "/score" else None
        found, _, content = named.answer(body, path, method, JSON | {"Host": host})
        assert found == status
        assert status == 200 or b"Add it with --host-name" in content


@pytest.fixture(scope="module")
def named() -> Iterator[Service]:
    with started("--host-name", "Reviews.example", "--host-name", "b.example") as service:
        yield service
        service.stop()


def test_which_names_are_checked() -> None:
    from toolkit.service import HostNames

    assert HostNames("0.0.0.0").include("anything.example")
    of_others = HostNames("0.0.0.0", ["a.example", "[fe80::1]"])
    for host in ("a.example:1", "localhost", "10.1.2.3:80", "[fe80::1]", "[fe80::2]:8"):
        assert of_others.include(host)
    assert not of_others.include("b.example")
    assert HostNames("127.0.0.2").include("127.0.0.2:8000")


@pytest.mark.parametrize("name", ["https://a.example", "a.example:80", "a/b", "", "[::1]:8", "*"])
def test_what_is_no_name_of_a_host(name: str) -> None:
    from toolkit.errors import UsageError
    from toolkit.service import HostNames

    with pytest.raises(UsageError, match="expected a name alone"):
        HostNames("127.0.0.1", [name])


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_what_a_foreign_page_can_send_is_refused(service: Service, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    status, answer = service.ask(b'{"texts": []}', headers=headers)
    assert status == 415
    assert "expected Content-Type: application/json" in answer["error"]
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert service.ask(b'{"texts": []}', headers=headers) == (200, {"scores": []})


def test_other_paths_and_methods(service: Service) -> None:
    for path in ("/scores", "/score/", "/readyz/"):
        assert service.ask(path=path) == (404, {"error": "Not Found"})
    assert service.ask(method="GET") == (405, {"error": "Method Not Allowed"})
    assert service.ask(path="/healthz") == (405, {"error": "Method Not Allowed"})


def test_the_start_points_to_the_description(service: Service) -> None:
    """Which has every path, but itself and the start."""
    status, found = service.ask(path="/", method="GET")
    assert (status, found["description"]) == (200, "/openapi.json")
    _, described = service.ask(path=found["description"], method="GET")
    assert {*described["paths"]} == {"/score", "/explain", "/healthz", "/readyz", "/metrics"}


def test_ready_until_it_stops(service: Service) -> None:
    """Who has a connection is told that the service is stopping."""
    assert service.ask(path="/readyz", method="GET") == (200, {"status": "ready"})

    from toolkit.service import Limits
    from toolkit.service import Service as Application

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def ask() -> None:
        app = Application(shipped_scorer(), None, Limits(), 1, lambda _: None)
        app.stop()
        head = {"type": "http", "method": "GET", "path": "/readyz"}
        await app({**head, "headers": [(b"host", b"localhost")]}, receive, send)

    asyncio.run(ask())
    assert sent[0]["status"] == 503


def test_health_names_the_model(service: Service, command: Command) -> None:
    status, found = service.ask(path="/healthz", method="GET")
    scored = json.loads(command("explain", FILM, "--json").out)["model"]
    del scored["path"]
    assert (status, found["status"], found["model"]) == (200, "ok", scored)
    neutral = shipped_scorer().facts.neutral
    assert neutral is not None
    assert (found["has_stars"], found["neutral_range"]) == (True, [*neutral.ends])


def test_metrics_count(service: Service) -> None:
    lines = {
        'toolkit_texts_total{sentiment="positive"}': 1,
        'toolkit_texts_total{sentiment="none"}': 2,
        'toolkit_requests_total{path="/score",status="200"}': 1,
        'toolkit_requests_total{path="/score",status="422"}': 1,
        'toolkit_requests_total{path="other",status="404"}': 2,
        'toolkit_request_seconds_bucket{le="+Inf",path="/score"}': 2,
        'toolkit_request_seconds_count{path="/score"}': 2,
        "toolkit_waiting_requests": 0,
    }
    before = {line: service.metric(line) for line in lines}
    service.rows([FILM, None, "zzyzx"])
    service.ask(b'{"texts": 1}')
    for path in ("/a", "/b?c=d"):
        service.ask(path=path)
    assert {line: service.metric(line) - before[line] for line in lines} == lines
    assert service.metric('toolkit_request_seconds_sum{path="/score"}') > 0
    known = shipped_scorer().identity()
    labels = ",".join(f'{key}="{known[key]}"' for key in ("name", "sha256", "version"))
    assert service.metric(f"toolkit_model_info{{{labels}}}") == 1


def test_metrics_are_as_prometheus_reads_them(service: Service) -> None:
    from prometheus_client import parser

    service.rows([FILM])
    _, _, content = service.answer(path="/metrics", method="GET")
    found = {
        family.name: family for family in parser.text_string_to_metric_families(content.decode())
    }
    assert found["toolkit_request_seconds"].type == "histogram"
    assert found["toolkit_requests"].type == "counter"


def test_the_description_of_explanations(service: Service) -> None:
    """What is answered has the schemas that the description gives it; `test_kinds` has scores."""
    spec = pytest.importorskip("openapi_spec_validator", reason="needs the extra dev")
    schemas = pytest.importorskip("openapi_schema_validator", reason="needs the extra dev")
    status, described = service.ask(path="/openapi.json", method="GET")
    assert status == 200
    spec.validate(described, cls=spec.OpenAPIV30SpecValidator)
    names = described["components"]["schemas"]
    assert names["ScoreRequest"]["properties"]["texts"]["maxItems"] == 1000

    def check(content: Any, name: str, *, is_strict: bool = True) -> None:
        whole = {**described, "$ref": f"#/components/schemas/{name}"}
        schemas.OAS30Validator(whole).validate(content)
        # No key is missing from the description.
        assert not is_strict or content.keys() <= names[name]["properties"].keys()

    request = {"texts": [FILM, MIXED, None], "neutral": True, "by_sentence": True}
    check(request, "ExplainRequest")
    _, explained = service.ask(json.dumps(request).encode(), path="/explain")
    check(explained, "Explanations")
    for part, name in (("words", "Word"), ("sentences", "Sentence")):
        check(explained["explanations"][1], "Explanation")
        check(explained["explanations"][1][part][0], name)
    check(service.ask(b"")[1], "Error")


PAGE = PROJECT / "examples" / "service" / "README.md"


@pytest.mark.parametrize(
    ("program", "language"),
    [("sh", "sh"), ("python3", "python"), pytest.param("node", "js", marks=pytest.mark.tools)],
)
def test_the_clients_of_the_page(service: Service, program: str, language: str) -> None:
    """They get what the page shows."""
    need("curl" if program == "sh" else program)
    code = next(block for block in blocks(PAGE, language) if "localhost:8000/score" in block)
    code = code.replace("localhost:8000", f"127.0.0.1:{service.port}")
    command = [program, *(["--input-type=module"] if program == "node" else []), "-"]
    ran = subprocess.run(command, input=code, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    if program == "sh":
        found, shown = (json.loads(text)["scores"] for text in (ran.stdout, *blocks(PAGE, "json")))
        assert found == [pytest.approx(row, abs=1e-6) for row in shown]
    else:
        label, probability = ran.stdout.split()
        ((expected, score),) = in_json(shipped_scorer().score(["A fine film."]))
        assert (label, float(probability)) == (expected, score)


def test_the_load_of_the_page(service: Service) -> None:
    command = [sys.executable, str(PAGE.with_name("load.py")), f"127.0.0.1:{service.port}"]
    ran = subprocess.run(
        [*command, "--seconds", "0.2", "--clients", "2"], capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r" 2 clients: +\d+ requests/s, p50 .* ms, p99 .* ms\n", ran.stdout)


def test_clients_at_once(service: Service) -> None:
    """Each gets its own answers, whatever others want: many on one connection."""
    clients = [
        (wanted, [many_texts(count, seed) for count in (1, 3, 40)])
        for seed, wanted in enumerate(product((False, True), repeat=3))
    ] * 2
    scorers = {
        flags: Scorer(neutral=flags[0] or None, by_sentence=flags[1])
        for flags in product((False, True), repeat=2)
    }
    together = Barrier(len(clients))

    def ask(client: tuple[tuple[bool, ...], list[list[str]]]) -> list[Any]:
        (stars, neutral, by_sentence), texts_of = client
        wanted = {"stars": stars, "neutral": neutral, "by_sentence": by_sentence}
        connection = HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
        together.wait(PATIENCE)
        found = []
        for texts in texts_of * 4:
            connection.request("POST", "/score", json.dumps({"texts": texts, **wanted}), JSON)
            found.append(json.loads(connection.getresponse().read())["scores"])
        connection.close()
        return found

    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(ask, clients))
    for found, ((stars, *flags), texts_of) in zip(answers, clients, strict=True):
        scorer = scorers[tuple(flags)]
        expected = [in_json(scorer.score(texts)) for texts in texts_of * 4]
        assert [
            [(row["sentiment"], row["probability"]) for row in rows] for rows in found
        ] == expected
        assert all(("stars" in row) == stars for rows in found for row in rows)


def test_too_many_requests_are_told_to_come_later() -> None:
    """The one that waits is answered, and the other is refused before it is read."""
    long = json.dumps({"texts": ["a fine but dull film " * 150] * 4}).encode()
    with started("--max-waiting", "1") as service, ThreadPoolExecutor(1) as pool:
        first = pool.submit(service.ask, long, path="/explain")
        while not service.metric("toolkit_waiting_requests"):
            assert not first.done()
        status, headers, content = service.answer(b'{"texts": []}')
        assert (status, headers["retry-after"]) == (503, "1")
        assert json.loads(content)["error"].startswith("too many requests: ")
        assert service.ask(path="/healthz", method="GET")[0] == 200
        assert first.result(PATIENCE)[0] == 200
        assert service.ask(b'{"texts": []}') == (200, {"scores": []})
        service.stop()


def test_a_bug_is_answered_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing of it reaches the client, and the service goes on."""
    from toolkit.service import Limits, Service, batches

    told: list[Exception] = []
    app = Service(shipped_scorer(), None, Limits(), 1, told.append)
    bug = ValueError("a bug")
    sent: list[Any] = []

    def failing(**_: object) -> list[Any]:
        raise bug

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"texts": ["a"]}', "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask(path: bytes) -> tuple[int, Any]:
        scope = {
            "type": "http",
            "method": "POST",
            "path": path.decode(),
            "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        }
        sent.clear()
        await app(scope, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])

    with monkeypatch.context() as changed:
        changed.setattr(batches, "rows_of", failing)
        for path in (b"/score", b"/explain"):  # in the loop, and in a thread
            status, answer = asyncio.run(ask(path))
            assert (status, [*answer]) == (500, ["error"])
            assert "bug" not in answer["error"]
    assert told == [bug, bug]
    assert asyncio.run(ask(b"/score"))[0] == 200


def connected(service: Service) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), PATIENCE)


def test_slow_clients_are_given_up() -> None:
    """Those that send no head, half a head or half a request, and those that read no answer."""
    with started("--timeout", "0.5") as service:
        half = HEAD + b"Content-Length: 100\r\n\r\n"
        for sent, expected in ((b"", b""), (HEAD, b""), (half, b"HTTP/1.1 408 ")):
            with connected(service) as connection:
                connection.sendall(sent)
                assert connection.recv(1 << 16)[:13] == expected
        with connected(service) as connection:
            requests = 5000  # whose answers have some 30 MB
            connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * requests)
            with pytest.raises(ConnectionError):
                for _ in range(20 * PATIENCE):
                    connection.send(b"G")
                    time.sleep(0.05)
        assert service.scores([FILM]) == in_json(shipped_scorer().score([FILM]))
        service.stop()


def test_a_head_without_an_end_is_given_up(service: Service) -> None:
    with connected(service) as connection, pytest.raises(ConnectionError):
        connection.sendall(HEAD)
        while True:
            connection.sendall(b"a: " + b"b" * 1000 + b"\r\n")


@pytest.mark.parametrize("kind", ["x: 1\r\n", "x: ", "; x"])
def test_what_is_beside_a_body_is_limited(service: Service, kind: str) -> None:
    """Headers after a body, one without an end, and an extension of a part."""
    end = b"2\r\n{}\r\n2" if kind == "; x" else b"2\r\n{}\r\n0\r\n"
    with connected(service) as client:
        client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + end + kind.encode())
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                client.sendall((kind if "\r" in kind else "x").encode() * 10_000)
    assert service.rows(["A fine film."])


def test_a_body_in_parts_of_one_byte(service: Service) -> None:
    body = json.dumps({"texts": ["A fine film." * 4000]}).encode()
    parts = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    with connected(service) as client:
        head = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        client.sendall(head + parts + b"0\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize("ahead", [1, 3000])
def test_requests_that_are_sent_ahead(service: Service, ahead: int) -> None:
    """More of them than a head may have bytes: each is a request of its own."""
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = one.replace(b"Host", b"Connection: close\r\nHost")
    with connected(service) as client, ThreadPoolExecutor() as pool:
        sent = pool.submit(client.sendall, one * ahead + last)
        answer = b"".join(iter(lambda: client.recv(1 << 16), b""))
        sent.result()
    assert answer.count(b"HTTP/1.1 200") == ahead + 1


def test_a_client_that_would_rather_have_http_2(service: Service) -> None:
    """As that of Java and curl ask: the answer is one of HTTP/1.1."""
    asked = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAM"}
    status, found = service.ask(b'{"texts": ["A fine film."]}', headers=JSON | asked)
    assert (status, len(found["scores"])) == (200, 1)


def test_a_client_that_leaves_is_no_error() -> None:
    with started() as service:
        for body in (b"", b'{"texts": ["a'):
            with connected(service) as connection:
                connection.sendall(HEAD + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n")
                assert connection.recv(1 << 16).startswith(b"HTTP/1.1 100 ")
                connection.sendall(body)
        assert service.scores([FILM]) == in_json(shipped_scorer().score([FILM]))
        service.stop()


@pytest.mark.parametrize("by_sentence", [False, True], ids=["in the loop", "in threads"])
def test_a_request_that_has_begun_is_answered_after_sigterm(by_sentence: bool) -> None:
    body = json.dumps({"texts": [FILM], "by_sentence": by_sentence}).encode()
    length = f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode()
    with started() as service, ExitStack() as stack:
        begun = [stack.enter_context(connected(service)) for _ in range(16)]
        for connection in begun:
            connection.sendall(HEAD + length)
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 100 ")  # it is being read
        service.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionError):
            while True:
                connected(service).close()
        for connection in begun:
            connection.sendall(body)
        expected = in_json(shipped_scorer().score([FILM]))
        for connection in begun:
            with connection.makefile("rb") as answer:
                found = answer.read()  # until it closes the connection
            assert found.startswith(b"HTTP/1.1 200 ")
            (row,) = json.loads(found.partition(b"\r\n\r\n")[2])["scores"]
            assert [(row["sentiment"], row["probability"])] == expected
        _, written = service.process.communicate(timeout=PATIENCE)
        assert (service.process.returncode, written) == (0, "")


@pytest.mark.slow  # it waits for five seconds
def test_half_of_a_request_holds_up_no_end() -> None:
    with started("--timeout", "600") as service, ExitStack() as stack:
        begun = [stack.enter_context(connected(service)) for _ in range(300)]
        for number, connection in enumerate(begun):
            head = HEAD + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"
            connection.sendall(head if number % 3 else head[:40])
            if number % 3:
                assert connection.recv(1 << 16).startswith(b"HTTP/1.1 100 ")  # it is being read
                connection.sendall(b'{"texts": ["a')
        service.stop()
        for number, connection in enumerate(begun):
            if number % 3:
                assert connection.recv(1 << 16).startswith(b"HTTP/1.1 503 ")
