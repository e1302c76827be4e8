"""Who may use `toolkit serve`, and its log of requests."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import COMMAND, Command
from tests.models import FILM
from tests.service.test_service import JSON, Service, started
from toolkit.errors import UsageError
from toolkit.service import Tokens

FIRST, SECOND = "first-token-0123456789", "c2Vjb25kLXRva2Vu+/=="


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"{FIRST}\n\n  {SECOND}\r\n", encoding="ascii")
    return path


@pytest.mark.parametrize(
    ("header", "is_right"),
    [
        (f"Bearer {FIRST}", True),
        (f"bearer  {SECOND} ", True),
        (FIRST, False),
        (f"Basic {FIRST}", False),
        (f"Bearer {FIRST}x", False),
        (f"Bearer {FIRST[:-1]}", False),
        (f"Bearer {FIRST} {SECOND}", False),
        ("Bearer", False),
        ("", False),
    ],
)
def test_which_headers_have_a_token(tokens: Path, header: str, is_right: bool) -> None:
    assert Tokens(tokens).include(header.encode()) == is_right


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no token"),
        (" \n", "has no token"),
        ("short-secret\n", "expected tokens of 16 characters"),
        (f"{FIRST}\ntwo words and a secret\n", "expected tokens of 16 characters"),
        ("secret-with-ü-in-it\n", "cannot be read: it is not plain ASCII"),
    ],
)
def test_what_is_no_file_of_tokens(tmp_path: Path, content: str, message: str) -> None:
    """The message shows nothing of a token."""
    path = tmp_path / "tokens"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=message) as error:
        Tokens(path)
    assert "secret" not in str(error.value)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_a_file_of_tokens_without_an_end() -> None:
    """A device is read to a limit: the whole of it would take all memory."""
    with pytest.raises(UsageError, match="--token-file /dev/zero: is larger than 64 KiB"):
        Tokens(Path("/dev/zero"))


def test_a_large_file_of_tokens(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"{FIRST}\n" * 3000, encoding="ascii")
    with pytest.raises(UsageError, match="is larger than 64 KiB, expected a file of tokens"):
        Tokens(path)


def test_a_missing_file_of_tokens(command: Command) -> None:
    command("serve", "--token-file", "none").failed_with("--token-file none: cannot be read: ", 2)


def test_a_service_that_asks_for_a_token(tokens: Path) -> None:
    """What has no text and no answer is open, so that probes and pages work."""
    body = json.dumps({"texts": [FILM]}).encode()
    with started("--token-file", str(tokens)) as service:
        for path in ("/score", "/explain"):
            status, headers, content = service.answer(body, path)
            assert (status, headers["www-authenticate"]) == (401, "Bearer")
            assert b"Authorization: Bearer TOKEN" in content
            for token in (FIRST, SECOND):
                right = JSON | {"Authorization": f"Bearer {token}"}
                assert service.answer(body, path, headers=right)[0] == 200
        for path in ("/metrics", "/score/", "/unknown"):
            assert service.answer(path=path, method="GET")[0] == 401
        for path in ("/", "/docs", "/healthz", "/readyz", "/openapi.json"):
            assert service.answer(path=path, method="GET")[0] == 200
        service.stop()


def test_the_access_log_is_json_with_the_messages(tokens: Path) -> None:
    """Each request has a line: also one that is refused; none has a text or a token."""
    options = ("--port", "0", "--access-log", "--log-format", "json", "--token-file", str(tokens))
    command = [*COMMAND, "serve", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            start = json.loads(process.stderr.readline())
            service = Service(int(start["address"].rpartition(":")[2]), process)
            found = []
            for token in ("wrong", FIRST):
                given = JSON | {"Authorization": f"Bearer {token}"}
                service.answer(b'{"texts": ["a", "b"]}', "/score?secret=1", headers=given)
                found.append(json.loads(process.stderr.readline()))
        finally:
            process.kill()
    assert [(each["status"], each["texts"]) for each in found] == [(401, 0), (200, 2)]
    for each in found:
        assert (each["event"], each["client"], each["method"]) == ("request", "127.0.0.1", "POST")
        assert each["path"] == "/score"
        assert each["milliseconds"] >= 0
        assert FIRST not in json.dumps(each)


def test_a_line_of_the_access_log_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a client puts into a path."""
    from toolkit.cli.serve import _log
    from toolkit.service import Answered

    path = "/a\nerror: forged\x1b[2J" + "x" * 1000
    _log(Answered(client="::1", method="GET", path=path, status=404, texts=0, seconds=0.0012))
    written = capsys.readouterr().err
    assert written.startswith("::1 GET /a\\nerror: forged\\x1b[2Jxxx")
    assert written.endswith("x 404 0 texts 1.2 ms\n")
    assert (written.count("\n"), len(written) < 300) == (1, True)
