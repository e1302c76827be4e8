"""Google: what is said before a request is sent. Its emulators have no requests that write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import Command
from tests.stores.server import free_port

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
