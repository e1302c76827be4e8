"""What is said when a store fails: short, in time, and without credentials."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.cli.running import CSV, Command, Ran, write_long
from tests.stores.proxy import Proxy
from tests.stores.server import KEY, SECRET, TOKEN, Bucket, free_port
from toolkit.scoring.journal import folder_beside
from toolkit.stores import clients as connections
from toolkit.stores.clients import Patience, hidden


def _said(ran: Ran, *words: str) -> None:
    """Check a message: one line, with the path, with some words, and without any secret."""
    assert ran.exit_code in (1, 2)
    assert ran.err.count("\n") == 1
    assert len(ran.err) < 500
    for word in words:
        assert word in ran.err
    for word in (KEY, SECRET, TOKEN, "Traceback", "Debug", "RetryError", "retries"):
        assert word not in ran.err


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a store for less than usual, which is about a minute."""
    assert connections.READING.answer + connections.READING.retry <= 60
    quick = Patience(answer=1, retry=2)
    monkeypatch.setattr("toolkit.stores.clients.READING", quick)
    monkeypatch.setattr("toolkit.stores.read.READING", quick)
    monkeypatch.setattr(connections.client, "__defaults__", (quick,))


@pytest.mark.slow
def test_each_failure_says_what_to_do(
    bucket: Bucket, command: Command, monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    bucket.put("a.csv", CSV.encode())
    uri = bucket.uri("a.csv")
    _said(
        command("score", "s3://no-such-bucket/a.csv"),
        "s3://no-such-bucket/a.csv: ",
        "no such bucket",
    )
    ran = command("score", uri, "-o", "s3://no-such-bucket/b.csv")
    _said(ran, "s3://no-such-bucket/b.csv: ", "no such bucket")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        _said(command("score", uri), f"{uri}: cannot be read: the connection is refused", "Check")
        patch.setenv("AWS_ENDPOINT_URL", "http://no-such-host.invalid")
        _said(command("score", uri), uri, "the host is not found")
    with monkeypatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        patch.delenv("AWS_SESSION_TOKEN")
        # Where the machine would be asked for credentials.
        patch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{free_port()}")
        _said(command("score", uri), uri)
    _said(
        command("score", "az://container/a.csv"), "az://container/a.csv: ", "AZURE_STORAGE_ACCOUNT"
    )


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "AccessDenied", "the store denies access (AccessDenied: what it says)"),
        (
            403,
            "InvalidAccessKeyId",
            "the credentials are refused (InvalidAccessKeyId: what it says)",
        ),
        (403, "SignatureDoesNotMatch", "the credentials are refused"),
        (400, "ExpiredToken", "the credentials have expired"),
        (301, "PermanentRedirect", "the bucket is in another region"),
        (400, "AuthorizationHeaderMalformed", "Set AWS_REGION"),
        (418, "Teapot", "Teapot: what it says"),
    ],
)
def test_what_a_store_answers_is_explained(
    bucket: Bucket,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    words: str,
) -> None:
    """A store that repeats the credentials in its answer, as S3 does in some."""
    body = (
        f"<Error><Code>{code}</Code><Message>what\n it says</Message><AWSAccessKeyId>{KEY}"
        f"</AWSAccessKeyId><StringToSign>{SECRET} {TOKEN}</StringToSign></Error>"
    )
    with _answering(status, body) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        Path("a.csv").write_text(CSV, encoding="utf-8")
        ran = command("score", "a.csv", "-o", bucket.uri("b.csv"))
        _said(ran, bucket.uri("b.csv"), words)
        ran = command("score", bucket.uri("prefix/*.csv"), "-o", "out/")
        _said(ran, words)


class _answering:  # noqa: N801 (used like a function)
    """Answers each request in the same way."""

    def __init__(self, status: int, body: str) -> None:
        import http.server
        import threading

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                is_head = self.command == "HEAD" and status != 403
                self.send_response(404 if is_head else status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body.encode())

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self) -> int:
        return int(self.server.server_address[1])

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_a_store_that_does_not_answer_is_given_up(
    bucket: Bucket, command: Command, monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    with Proxy(bucket.port, is_stalled=True) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        _said(command("score", bucket.uri("a.csv")), bucket.uri("a.csv"), "does not answer in time")


@pytest.mark.slow
def test_progress_is_kept_when_the_input_cannot_be_read_any_more(
    bucket: Bucket, command: Command, monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    bucket.put("a.csv", write_long(Path("a.csv"), times=6))
    assert command("score", "a.csv", "-o", "local.csv", "-q").exit_code == 0
    journal, broken = folder_beside(Path("b.csv")) / "journal", threading.Event()

    def watch() -> None:
        while not (journal.exists() and b"checkpoint" in journal.read_bytes()):
            time.sleep(0.01)
        broken.set()

    def limits() -> tuple[int | None, int | None]:
        return (0, 0) if broken.is_set() else (None, None)

    with Proxy(bucket.port, rate=4e6, limits=limits) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        call = ["score", bucket.uri("a.csv"), "-o", "b.csv", "-q", "--checkpoint-seconds", "0"]
        threading.Thread(target=watch, daemon=True).start()
        ran = command(*call)
        assert (ran.exit_code, broken.is_set()) == (1, True)
        assert f"{bucket.uri('a.csv')}: cannot be read: the connection is cut" in ran.err
        assert "Progress is saved" in ran.err
        assert not Path("b.csv").exists()
        broken.clear()
        assert command(*call, "--resume").exit_code == 0
    assert Path("b.csv").read_bytes() == Path("local.csv").read_bytes()


def test_secrets_of_the_environment_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "sig=abcdefgh")
    text = "error at https://me:pass@host.example/x?sig=abcdefgh&y=1 for sig=abcdefgh"
    assert hidden(text) == "error at https://host.example for ***"


def test_profiles_of_aws(
    bucket: Bucket, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("a.csv", CSV.encode())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    credentials = tmp_path / "credentials"
    credentials.write_text(
        f"[mine]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n", encoding="utf-8"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert command("score", bucket.uri("a.csv")).exit_code == 0
    monkeypatch.setenv("AWS_PROFILE", "other")
    _said(command("score", bucket.uri("a.csv"), "--force"), bucket.uri("a.csv"), "other")


@pytest.mark.parametrize(
    "arguments",
    [("s3://bucket/a.csv", "-o", "b.csv"), ("a.csv", "-o", "s3://bucket/b.csv"),
     ("a.csv", "-m", "gs://bucket/model.onnx"), ("a.csv", "-o", "az://box/out/", "--shard", "0/2")],
)  # fmt: skip
def test_the_extra_is_not_installed(
    arguments: tuple[str, ...], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.csv").write_text(CSV, encoding="utf-8")
    monkeypatch.setitem(sys.modules, "obstore", None)
    message = "This needs the package 'obstore', which is not installed. Install it with: pip"
    command("score", *arguments).failed_with(message)


_SECRET = "secret-that-nobody-may-see"
_ACCOUNT = {"type": "service_account", "client_email": "a@b.example", "private_key_id": "1"}


@pytest.mark.parametrize("content", [None, "no JSON", {**_ACCOUNT, "private_key": _SECRET}])
def test_credentials_that_cannot_be_read(
    command: Command, monkeypatch: pytest.MonkeyPatch, content: object
) -> None:
    if content is not None:
        text = content if isinstance(content, str) else json.dumps(content)
        Path("key.json").write_text(text, encoding="utf-8")
    for name in ("GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(Path("key.json").absolute()))
    ran = command("score", "gs://bucket/a.csv")
    ran.failed_with(
        "gs://bucket/a.csv: cannot be opened: the credentials cannot be read. Set GOOGLE"
    )
    assert _SECRET not in ran.err


def test_an_address_that_cannot_be_used(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    account = {"gcs_base_url": f"http://127.0.0.1:{free_port()}", "disable_oauth": True}
    account |= {"client_email": "", "private_key": "", "private_key_id": ""}
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(account))
    ran = command("score", "gs://bucket/a.csv")
    ran.failed_with("the address cannot be used. Check it (GOOGLE_BASE_URL)")
