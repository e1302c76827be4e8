"""Azure: what differs from S3, or is tested with that in more depth, with the emulator Azurite."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.running import COMMAND, CSV, Command, write_long
from tests.stores.azure import KEY, Container
from tests.stores.proxy import Proxy
from tests.stores.server import free_port
from tests.waiting import wait_until
from toolkit.errors import StoreError
from toolkit.stores.clients import Patience
from toolkit.stores.location import Location
from toolkit.stores.write import _wait_for_copy

pytestmark = pytest.mark.tools

_BAD = CSV + "4,too,many,fields\n"
_QUICK = Patience(answer=1, retry=2)


def test_the_bytes_are_those_of_a_local_run(container: Container, command: Command) -> None:
    Path("a.csv").write_text(_BAD, encoding="utf-8")
    Path("b.jsonl").write_text('{"text": "a superb film"}\n{"no": 1}\n', encoding="utf-8")
    pq.write_table(pa.table({"text": ["a superb film", None, "a bore"] * 99}), "c.parquet")
    Path("d.csv.gz").write_bytes(gzip.compress(_BAD.encode()))
    names = ["a.csv", "b.jsonl", "c.parquet", "d.csv.gz"]
    for name in names:
        container.put(f"in/x ü%20/{name}", Path(name))
    assert command("score", *names, "-o", "here/").exit_code == 3
    for number, named in enumerate(("in", "in/x ü%20/[abcd].*")):
        out = f"out{number}"
        report = container.uri(f"report{number}.json")
        ran = command("score", container.uri(named), "-o", container.uri(f"{out}/"),
                      "--report", report)  # fmt: skip
        assert ran.exit_code == 3
        deep = f"{out}/" if number else f"{out}/x ü%20/"
        source = container.uri("in/x ü%20/").encode()
        expected = {
            f"{deep}{path.name}": path.read_bytes().replace(b'{"file": "', b'{"file": "' + source)
            for path in Path("here").iterdir()
            if path.suffix != ".done"  # for the next run here; a store has none without its option
        }
        assert container.contents(f"{out}/") == expected
        assert b"done_with_rejects" in (container.get(f"report{number}.json") or b"")
    assert container.uploads() == []


def test_a_copy_that_the_store_ends_later_is_waited_for(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then Azure shows an empty object; the emulator copies at once."""
    container.put("a", b"")
    later = threading.Timer(0.5, lambda: container.put("a", b"copied"))
    later.start()
    place = Location(f"az://{container.name}", "a")
    _wait_for_copy(place)
    assert container.get("a") == b"copied"
    container.put("a", b"")
    monkeypatch.setattr("toolkit.stores.write.COPYING", Patience(answer=0, retry=0))
    with pytest.raises(StoreError, match="the store does not finish copying"):
        _wait_for_copy(place)


def test_a_run_that_is_killed_during_the_upload_is_resumed(
    container: Container, command: Command
) -> None:
    write_long(Path("a.csv"), 6)
    assert command("score", "a.csv", "-o", "local.csv").exit_code == 0
    call = ["score", "a.csv", "-o", container.uri("b.csv"), "-q"]
    with Proxy(container.port, rate=6e6) as proxy:
        slow = {**os.environ, **container.environment_at(proxy.port)}
        process = subprocess.Popen([*COMMAND, *call], stderr=subprocess.DEVNULL, env=slow)
        wait_until(container.uploads, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert container.keys() == []
    assert command(*call, "--resume").exit_code == 0
    assert container.get("b.csv") == Path("local.csv").read_bytes()
    assert container.keys() == ["b.csv"]  # blocks of the killed process may arrive late


def test_each_failure_says_what_to_do(
    container: Container, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.csv").write_text(CSV, encoding="utf-8")
    uri = container.uri("a.csv")
    container.put("a.csv", CSV.encode())
    bucket = "no such bucket (ContainerNotFound: The specified container does not exist.). Check"
    command("score", "az://nothing/a.csv").failed_with(bucket)
    command("score", "az://nothing/*.csv", "-o", "x/").failed_with(bucket)
    wrong = "c2VjcmV0LXRoYXQtbm9ib2R5LW1heS1zZWU="
    for name, value, where, words in (
        ("ACCOUNT_KEY", wrong, uri, "the store denies access (403 Forbidden)"),
        ("ACCOUNT_KEY", wrong, container.uri("*.csv"), "Server failed to authenticate"),
        ("ACCOUNT_KEY", "no-key-at-all!", uri, "the credentials cannot be read. Set AZURE_"),
        ("ACCOUNT_NAME", "", uri, "Set AZURE_STORAGE_ACCOUNT_NAME"),
        ("ENDPOINT", f"http://127.0.0.1:{free_port()}/x", uri, "Check the address (AZURE_"),
    ):
        with monkeypatch.context() as patch:
            if value:
                patch.setenv(f"AZURE_STORAGE_{name}", value)
            else:
                patch.delenv(f"AZURE_STORAGE_{name}")
            if name == "ENDPOINT":  # and for less than the usual minute
                patch.setattr("toolkit.stores.clients.client.__defaults__", (_QUICK,))
                patch.setattr("toolkit.stores.read.READING", _QUICK)
            ran = command("score", where, "-o", "x.csv")
        ran.failed_with(words)
        assert not any(secret in ran.err for secret in (KEY, wrong, "no-key-at-all", "RequestId"))
