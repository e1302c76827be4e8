"""The page of `examples/web`, built by npm, served on this machine, and opened in Chromium."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest

from tests.data import PROJECT
from tests.models import MODEL
from tests.tools import need

WEB = PROJECT / "examples" / "web"

# What a busy machine may take; an idle one loads the page in a second.
PATIENCE = 240_000  # ms

# Of the network: npm's name for it, or what its answer says.
_NO_NETWORK = (
    "ENOTFOUND",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "EAI_AGAIN",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "E503",
)

FLAGS = [
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def score_in_chromium(
    texts: Sequence[str], model: Path = MODEL
) -> tuple[list[float], list[str | None]]:
    """Score texts by the worker of the page; skips the test where a program is missing.

    Parameters
    ----------
    texts : Sequence[str]
        Any strings of Unicode.
    model : Path
        A text-in model file.

    Returns
    -------
    tuple[list[float], list[str | None]]
        Probabilities and labels; NaN and None of a blank text.
    """
    with (
        TemporaryDirectory() as folder,
        served(build_page(Path(folder), model)) as address,
        chromium() as browser,
    ):
        page = browser.new_page()
        open_page(page, address)
        scores = page_scores(page, texts)
        page.close()
        return scores


def page_scores(page: Any, texts: Sequence[str]) -> tuple[list[float], list[str | None]]:
    """As `score_in_chromium`, in a page that is open."""
    scores = page.evaluate(
        """async texts => {
            const { scorer } = await import("./page.js");
            const { probabilities, labels } = await (await scorer).score(texts);
            return { probabilities: Array.from(probabilities), labels };
        }""",
        list(texts),
    )
    return scores["probabilities"], [label or None for label in scores["labels"]]


def build_page(folder: Path, *models: Path) -> Path:
    """Build the page for some models, the shipped ones by default; give the folder that has it."""
    chosen = [argument for model in models for argument in ("--model", str(model))]
    run_npm("run", "build", "--", *chosen, "--out", str(folder / "dist"))
    return folder / "dist"


def run_npm(*arguments: str) -> None:
    """Run npm in the folder of the page, with its packages installed."""
    _install()
    done = _npm(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@cache
def _install() -> None:
    lock = WEB / "package-lock.json"
    note = WEB / "node_modules" / ".lock.sha256"
    with _held(lock):
        expected = hashlib.sha256(lock.read_bytes()).hexdigest()
        if note.is_file() and note.read_text(encoding="ascii") == expected:
            return
        done = _npm("ci", "--ignore-scripts", "--fetch-retries=1")
        if any(word in done.stderr for word in _NO_NETWORK):
            reason = done.stderr.splitlines()[0]
            pytest.skip(f"npm cannot install the packages of the page: {reason}")
        assert done.returncode == 0, done.stderr
        note.write_text(expected, encoding="ascii")


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Wait until no other process holds a file: npm removes what another one installs."""
    import fcntl

    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _npm(*arguments: str) -> subprocess.CompletedProcess[str]:
    need("npm")
    return subprocess.run(
        ["npm", *arguments], cwd=WEB, capture_output=True, text=True, timeout=540, check=False
    )


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def served(folder: Path, handler: type[SimpleHTTPRequestHandler] = _Handler) -> Iterator[str]:
    """Serve a folder as any static server does; give its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_open_browsers: list[Any] = []


@contextmanager
def chromium() -> Iterator[Any]:
    """Start the system's Chromium; within such a block, give the same one again."""
    if _open_browsers:  # Playwright cannot be started twice in a thread
        yield _open_browsers[-1]
        return
    need("chromium")
    program = shutil.which("chromium")
    api = pytest.importorskip("playwright.sync_api", reason="needs the extra 'dev-all'")
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags, timeout=PATIENCE)
        _open_browsers.append(browser)
        try:
            yield browser
        finally:
            _open_browsers.pop()
            browser.close()


def open_page(page: Any, address: str) -> None:
    """Open the page and wait for its model."""
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("html[data-state]")
    assert page.get_attribute("html", "data-state") == "ready", page.text_content("#state")
