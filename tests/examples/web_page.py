"""The page of `examples/web`, built by npm, served here and opened in Chromium, with files."""

from __future__ import annotations

import csv
import hashlib
import io
import json
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

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data import PROJECT, shared_data
from tests.models import MODEL
from tests.tools import need
from toolkit import Scorer

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


TILES = ["Positive", "Neutral", "Negative", "Without text"]
ADDED = ["predicted_sentiment", "positive_probability", "predicted_stars"]


def upload(page: Any, name: str, content: bytes) -> None:
    """Choose a file, and wait for what comes of it."""
    page.evaluate("document.getElementById('problem').hidden = true")
    page.evaluate("document.getElementById('choose').hidden = true")
    page.set_input_files("#file", {"name": name, "mimeType": "", "buffer": content})
    page.wait_for_selector("#progress", state="hidden")


def downloaded(page: Any, words: str) -> tuple[str, bytes]:
    """Name and content of a file that the page offers."""
    page.wait_for_selector(f"a[href]:has-text('{words}')")
    with page.expect_download() as waiting:
        page.click(f"text={words}")
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def scored(page: Any, name: str, content: bytes) -> bytes:
    """Upload a file, and download it with its scores."""
    upload(page, name, content)
    assert page.is_visible("#result"), page.inner_text("#problem")
    saved, data = downloaded(page, "Download the scored file")
    stem, dot, ending = name.rpartition(".")
    assert saved == f"{stem}.scored{dot}{ending}"
    return data


def rejected(page: Any) -> list[dict[str, Any]]:
    """The records that were rejected, as they are downloaded; the table shows the same."""
    name, data = downloaded(page, "Download what could not be read")
    assert name.endswith(".rejected.jsonl")
    records = [json.loads(line) for line in data.decode().split("\n")[:-1]]
    lines = page.locator(".rejected tbody tr td:first-child").all_inner_texts()
    assert lines == [f"{record['line']:,}" for record in records[:100]]
    return records


def problem(page: Any, name: str, content: bytes) -> str:
    upload(page, name, content)
    assert page.is_visible("#problem")
    return str(page.inner_text("#problem"))


def count(page: Any, name: str) -> int:
    tile = page.locator(".counts > div", has_text=name).locator("dd")
    return int(tile.evaluate("dd => dd.firstChild.data").replace(",", ""))


def check_csv(
    before: bytes, after: bytes, column: str = "text", delimiter: str = ",", tolerance: float = 1e-6
) -> None:
    """Every column is kept, and the scores are those of the scorer."""
    rows, found = (
        list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))
        for data in (before, after)
    )
    assert [row[:-3] for row in found] == rows
    assert found[0][-3:] == ADDED
    place = rows[0].index(column)
    texts = [row[place] for row in rows[1:]]
    expected = neutral_scorer().score(texts)
    assert [row[-3] for row in found[1:]] == [score.sentiment or "" for score in expected]
    check_numbers(
        [row[-2] for row in found[1:]], [score.probability for score in expected], tolerance
    )
    check_numbers([row[-1] for row in found[1:]], neutral_scorer().stars(texts), 0.011)


def check_numbers(written: list[str], expected: Sequence[float | None], tolerance: float) -> None:
    """They are these, each the shortest that reads back as the same float32."""
    filled = [each or None for each in written]
    numbers = pa.array([None if each is None else np.float32(each) for each in filled])
    assert numbers.cast(pa.string()).to_pylist() == filled
    assert numbers.to_pylist() == [
        None if each is None else pytest.approx(each, abs=tolerance) for each in expected
    ]


@cache
def neutral_scorer() -> Scorer:
    """The default model, which calls the middle neutral, as the page does."""
    return Scorer(MODEL, neutral=True)


def reviews(rows: int) -> bytes:
    """Real reviews as CSV, where they are; else repeated ones of the examples. Each has a text."""
    try:
        table = pq.read_table(shared_data("imdb") / "test.parquet", columns=["id", "text", "stars"])
        records = table.slice(0, rows).to_pylist()
    except pytest.skip.Exception:
        with (PROJECT / "examples/reviews.csv").open(encoding="utf-8", newline="") as file:
            few = [row for row in csv.DictReader(file) if row["text"].strip()]
        records = [{**few[row % len(few)], "id": f"{row:05}"} for row in range(rows)]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue().encode()
