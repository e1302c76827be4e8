"""An Azure on this machine: the emulator Azurite, which npm installs, and what is in it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import formatdate
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.stores.server import Bucket, free_port
from tests.tools import need
from tests.waiting import wait_until

ACCOUNT = "devstoreaccount1"
# The public key of this account, which all emulators have.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_AZURITE = "azurite@3.35.0"
_MAIN = Path("node_modules/azurite/dist/src/blob/main.js")
_NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")


def _program() -> Path:
    """Give the program of Azurite: that of ``AZURITE_FOLDER``, or one that npm installs once."""
    named = os.environ.get("AZURITE_FOLDER")
    if named:
        assert (Path(named) / _MAIN).is_file(), f"AZURITE_FOLDER: no {_MAIN} in it"
        return Path(named) / _MAIN
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "review-sentiment-toolkit" / _AZURITE.replace("@", "-")
    if (folder / _MAIN).is_file():
        return folder / _MAIN
    need("npm")  # or Azurite in AZURITE_FOLDER
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
        made = Path(fresh, "made")
        done = subprocess.run(
            ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1",
             "--prefix", made, _AZURITE],
            capture_output=True, text=True, timeout=540, check=False,
        )  # fmt: skip
        if any(word in done.stderr for word in _NO_NETWORK):
            pytest.skip(f"npm cannot install Azurite: {done.stderr.splitlines()[0]}")
        assert done.returncode == 0, done.stderr
        with suppress(OSError):  # another process was first
            made.rename(folder)
    return folder / _MAIN


@contextmanager
def running_azurite() -> Iterator[int]:
    """Run the emulator, all in memory, and give its port."""
    need("node")
    program, port = _program(), free_port()
    flags = ["--inMemoryPersistence", "--disableTelemetry", "--silent", "--blobPort", str(port)]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            ["node", str(program), *flags],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_until(lambda: _listens(port), server)
            yield port
        finally:
            server.kill()
            server.wait()


def _listens(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/{ACCOUNT}").close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Container:
    """A container of the emulator, used through its own requests."""

    port: int
    name: str

    @property
    def environment(self) -> dict[str, str]:
        """What tells the toolkit where the store is."""
        return self.environment_at(self.port)

    def environment_at(self, port: int) -> dict[str, str]:
        """Give the same for a proxy."""
        return {
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{ACCOUNT}",
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        }

    def uri(self, key: str = "") -> str:
        return f"az://{self.name}/{key}"

    def create(self) -> Container:
        self._request("PUT", {"restype": "container"})
        return self

    @cached_property
    def _store(self) -> Any:
        from obstore.store import AzureStore

        return AzureStore(
            self.name,
            account_name=ACCOUNT,
            account_key=KEY,
            endpoint=self.environment["AZURE_STORAGE_ENDPOINT"],
            client_options={"allow_http": True},
        )

    def put(self, key: str, content: bytes | Path) -> None:
        import obstore

        obstore.put(self._store, key, content)

    def get(self, key: str) -> bytes | None:
        import obstore

        try:
            return bytes(obstore.get(self._store, key).bytes())
        except FileNotFoundError:
            return None

    def contents(self, prefix: str) -> dict[str, bytes | None]:
        """Give what is below a prefix."""
        return {key: self.get(key) for key in self.keys(prefix)}

    def delete(self, key: str) -> None:
        import obstore

        obstore.delete(self._store, key)

    def keys(self, prefix: str = "", *, uncommitted: bool = False) -> list[str]:
        """Name the keys; with ``uncommitted`` also those of uploads that are not complete."""
        query = {"comp": "list", "restype": "container"}
        if uncommitted:
            query["include"] = "uncommittedblobs"
        found = ET.fromstring(self._request("GET", query))
        names = [each.text or "" for each in found.iterfind("Blobs/Blob/Name")]
        return [name for name in names if name.startswith(prefix)]

    def uploads(self) -> list[str]:
        """Name the keys of uploads in parts that are not complete."""
        return sorted({*self.keys(uncommitted=True)} - {*self.keys()})

    def _request(self, method: str, query: dict[str, str]) -> bytes:
        """Send a request of the container, signed with the key of the account."""
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2023-11-03"}
        signed = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        asked = "".join(f"\n{name}:{query[name]}" for name in sorted(query))
        text = method + "\n" * 12 + f"{signed}/{ACCOUNT}/{ACCOUNT}/{self.name}{asked}"
        digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
        address = f"{self.environment['AZURE_STORAGE_ENDPOINT']}/{self.name}?"
        address += "&".join(f"{name}={value}" for name, value in query.items())
        request = urllib.request.Request(address, method=method, headers=headers)
        request.add_header("Content-Length", "0")
        with urllib.request.urlopen(request) as answer:
            return bytes(answer.read())


Store = Bucket | Container
