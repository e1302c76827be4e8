"""Azure: what is tested with S3 in more depth, once with the emulator Azurite."""

from __future__ import annotations

import gzip
import itertools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.running import COMMAND, CSV, Command, write_long
from tests.stores.azure import KEY, Container, running_azurite
from tests.stores.proxy import Proxy
from tests.stores.server import free_port
from toolkit.errors import InputError, StoreError
from toolkit.files import place
from toolkit.stores.clients import Patience
from toolkit.stores.location import Location
from toolkit.stores.paths import path_of
from toolkit.stores.write import _wait_for_copy, upload

pytestmark = pytest.mark.tools

_BAD = CSV + "4,too,many,fields\n"
_QUICK = Patience(answer=1, retry=2)
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def azurite() -> Iterator[int]:
    """Run the emulator for all tests."""
    with running_azurite() as port:
        yield port


@pytest.fixture
def container(azurite: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Container:
    """Give an empty container that this process has the credentials for."""
    made = Container(azurite, f"container-{next(_NUMBERS)}").create()
    for name in [*os.environ]:
        if name.startswith("AZURE_"):
            monkeypatch.delenv(name)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TOOLKIT_WORK_FOLDER", str(tmp_path / "work"))
    return made


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
        }
        assert container.contents(f"{out}/") == expected
        assert b"done_with_rejects" in (container.get(f"report{number}.json") or b"")
    assert container.uploads() == []


@pytest.mark.parametrize("times", [1, 6])
def test_an_object_is_replaced_only_by_force(
    container: Container, command: Command, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """The outputs are below and above 8 MiB: created, and copied within the store."""
    container.put("a.csv", write_long(Path("a.csv"), times))
    assert command("score", "a.csv", "-o", "local.csv").exit_code == 0
    call = ["score", container.uri("a.csv"), "-o", container.uri("b.csv"), "-q"]

    def late(source: Path, *place: object, force: bool) -> None:
        container.put("b.csv", b"of somebody else")
        monkeypatch.setattr("toolkit.stores.write.check_absent", lambda _: None)
        upload(source, *place, force=force)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("toolkit.stores.write.upload", late)
        command(*call).failed_with("an object has appeared here during the run")
    assert container.get("b.csv") == b"of somebody else"
    assert command(*call, "--resume", "--force").exit_code == 0
    assert container.get("b.csv") == Path("local.csv").read_bytes()
    command(*call).failed_with("exists already", 2)
    container.delete("b.csv")
    assert command(*call).exit_code == 0
    assert container.get("b.csv") == Path("local.csv").read_bytes()
    assert (container.keys(), container.uploads()) == (["a.csv", "b.csv"], [])
    with pytest.raises(FileExistsError):
        place(b"other", path_of(container.uri("b.csv")))


def test_an_object_that_is_replaced_while_it_is_read_is_no_mixture(container: Container) -> None:
    container.put("a", b"1" * 9_000_000)
    with path_of(container.uri("a")).open("rb", 0) as file:
        assert file.read(10) == b"1" * 10
        container.put("a", b"2" * 9_000_000)
        with pytest.raises(InputError, match="another object has its name"):
            file.read()
    with path_of(container.uri("a")).open("rb", 0) as file:
        container.delete("a")
        with pytest.raises(InputError, match="it is gone"):
            file.read()


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
    with pytest.raises(StoreError, match="the store does not end its copy"):
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
        deadline = time.monotonic() + 60
        while not container.uploads():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert container.keys() == []
    assert command(*call, "--resume").exit_code == 0
    assert container.get("b.csv") == Path("local.csv").read_bytes()
    assert container.keys() == ["b.csv"]  # blocks of the killed process may arrive late


@pytest.mark.parametrize("kept", [[], ["--keep-parts"]])
def test_shards_are_joined(container: Container, command: Command, kept: list[str]) -> None:
    """One output is joined of parts, and one is a part that is copied within the store."""
    container.put("in/a.csv", write_long(Path("a.csv"), 2))
    container.put("in/b.csv", write_long(Path("b.csv"), 1))
    assert command("score", "a.csv", "b.csv", "-o", "here/", "-q").exit_code == 0
    call = ["score", container.uri("in/"), "-o", container.uri("out/"), "-q", *kept]
    for shard in range(3):
        assert command(*call, "--shard", f"{shard}/3").exit_code == 0
    assert command("finish", container.uri("out/"), "-q").exit_code == 0
    found = container.contents("out/")
    if kept:
        parts = [f"out/part-0000{number}.csv" for number in range(4)]  # two are of a.csv
        assert [*found] == ["out/_SUCCESS", *parts]
    else:
        assert found == {f"out/{each.name}": each.read_bytes() for each in Path("here").iterdir()}


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
