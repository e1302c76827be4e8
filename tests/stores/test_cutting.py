"""Runs on a store that is slow, cut off, killed or changed meanwhile, compared with a local run.

Whatever happens, the output is absent or has the bytes of the local run, never a part of them, and
a later run with ``--resume`` completes it. With RUNS=20 in the environment, there are that many
runs of each kind of trouble.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.models import many_texts
from tests.scoring.kinds import WRITERS
from tests.stores.proxy import Proxy
from tests.stores.server import Bucket

COMMAND = [sys.executable, "-W", "error", "-m", "toolkit", "score"]


@dataclass
class Case:
    """A file in the store, and what the local run of it gives."""

    bucket: Bucket
    folder: Path
    kind: tuple[str, str, int]
    expected: dict[str, bytes] = field(default_factory=dict)
    other: dict[str, bytes] = field(default_factory=dict)  # of the input after a change
    seconds: float = 0.0  # of a run from store to store
    notes: list[str] = field(default_factory=list)  # what has happened, as a check of the test

    @property
    def source(self) -> str:
        return f"in/a{self.kind[0]}"

    @property
    def output(self) -> str:
        return f"out/b{self.kind[1]}"

    @property
    def rejects(self) -> str:
        return f"{self.output}.rejected.jsonl"

    def make(self) -> Case:
        """Score on this machine, and once from store to store."""
        texts = many_texts(2000, seed=3) * self.kind[2]
        self.expected = self._local("first", texts)
        self.other = self._local("second", texts[::-1])
        self.put("first")
        began = time.monotonic()
        ran = self.run()
        self.seconds = time.monotonic() - began
        assert ran.returncode == 3, ran.stderr
        assert self.found() == self.expected
        self.clean()
        return self

    def _local(self, name: str, texts: list[str]) -> dict[str, bytes]:
        source, output = self.folder / name / Path(self.source).name, self.folder / "b"
        output = output.with_name(Path(self.output).name)
        source.parent.mkdir()
        WRITERS[self.kind[0]](source, texts)
        ran = subprocess.run([*COMMAND, source, "-o", output, "-q"], check=False)
        assert ran.returncode == 3
        rejects = Path(f"{output}.rejected.jsonl")
        uri = self.bucket.uri(self.source).encode()
        content = rejects.read_bytes().replace(str(source).encode(), uri)
        found = {self.output: output.read_bytes(), self.rejects: content}
        output.unlink()
        rejects.unlink()
        return found

    def put(self, name: str) -> None:
        """Put an input into the store: the first, or the second, which it is after a change."""
        self.bucket.put(self.source, self.folder / name / Path(self.source).name)

    def start(self, *options: str, port: int | None = None) -> subprocess.Popen[str]:
        bucket = self.bucket if port is None else self.bucket.through(port)
        files = [bucket.uri(self.source), "-o", bucket.uri(self.output), "-q"]
        return subprocess.Popen(
            [*COMMAND, *files, "--checkpoint-seconds", "0", *options],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **bucket.environment, "TOOLKIT_WORK_FOLDER": str(self.work)},
        )

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def run(self, *options: str, port: int | None = None) -> subprocess.CompletedProcess[str]:
        process = self.start(*options, port=port)
        _, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess([], process.returncode, "", err)

    def wait_for_progress(self, process: subprocess.Popen[str]) -> None:
        """Wait until a run has something to resume, or has ended."""
        while process.poll() is None:
            if any(b'"checkpoint": {' in each.read_bytes() for each in self.work.rglob("journal")):
                return
            time.sleep(0.02)

    def found(self) -> dict[str, bytes]:
        """Give what is in the place of the outputs."""
        contents = {key: self.bucket.get(key) for key in (self.output, self.rejects)}
        return {key: content for key, content in contents.items() if content is not None}

    def is_whole_or_absent(self) -> list[str]:
        """Say which outputs are there and not those of the local run."""
        return [
            f"{key} is wrong: {len(content):,} bytes, expected {len(self.expected[key]):,}"
            for key, content in self.found().items()
            if content not in (self.expected[key], self.other[key])
        ]

    def is_complete(self, *, expected: dict[str, bytes] | None = None) -> list[str]:
        """Say what is missing or left over after a run that was resumed to its end."""
        wrong = [] if self.found() == (expected or self.expected) else ["the outputs differ"]
        left = [key for key in self.bucket.keys("out/") if key not in (self.output, self.rejects)]
        unfinished = [path.name for path in self.work.rglob("*") if path.is_file()]
        return [*wrong, *(f"{name} is left" for name in [*left, *unfinished])]

    def clean(self) -> None:
        for key in self.bucket.keys("out/"):
            self.bucket.delete(key)
        for key in self.bucket.uploads():
            self.notes.append(f"an upload of {key} was left")
        for path in sorted(self.work.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()


# A format that is uploaded in one request, one that is uploaded in parts, and one that is written
# again from the start when a run is resumed.
KINDS = [(".csv.gz", ".csv.gz", 1), (".csv", ".csv", 4), (".csv", ".parquet", 2)]

_FOREIGN = b"of somebody else\n"
_REFUSED = "cannot be continued, because this has changed: the input"


Trouble = Callable[[Case, random.Random], list[str]]


def throttled(case: Case, rng: random.Random) -> list[str]:
    """Score over a slow connection."""
    with Proxy(case.bucket.port, rate=rng.uniform(0.5, 8) * 1e6) as proxy:
        ran = case.run(port=proxy.port)
    return [*([] if ran.returncode == 3 else [ran.stderr]), *case.is_complete()]


def cut(case: Case, rng: random.Random) -> list[str]:
    """Cut connections after some bytes, of a number of them; then resume, if that was too many."""
    left = rng.randrange(1, 25)

    def limits() -> tuple[int | None, int | None]:
        nonlocal left
        left -= 1
        limit = round(10 ** rng.uniform(1.5, 5.5))
        if left < 0:
            return None, None
        return (limit, None) if rng.random() < 0.5 else (None, limit)

    with Proxy(case.bucket.port, limits=limits) as proxy:
        ran = case.run(port=proxy.port)
        wrong = case.is_whole_or_absent()
        case.notes.append(f"{proxy.cuts} cuts")
        if ran.returncode != 3:
            case.notes.append("resumed")
            if "Traceback" in ran.stderr:
                wrong.append(ran.stderr)
            left = 0
            ran = case.run("--resume", port=proxy.port)
    return [*wrong, *([] if ran.returncode == 3 else [ran.stderr]), *case.is_complete()]


def killed(case: Case, rng: random.Random) -> list[str]:
    """Kill a run again and again, and resume it."""
    wrong: list[str] = []
    with Proxy(case.bucket.port, rate=rng.uniform(2, 20) * 1e6) as proxy:
        for _ in range(rng.randrange(1, 4)):
            process = case.start("--resume", port=proxy.port)
            if is_late := rng.random() < 0.7:
                case.wait_for_progress(process)
            try:
                process.communicate(timeout=rng.uniform(0, 0.7 if is_late else 1.5) * case.seconds)
                return [*wrong, *case.is_complete()]  # it came to its end
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                case.notes.append("killed with " + ("output" if case.found() else "no output"))
            wrong += case.is_whole_or_absent()
        ran = case.run("--resume", port=proxy.port)
    was_done = ran.returncode == 2 and "exists already" in ran.stderr  # killed after its end
    said = [] if ran.returncode == 3 or was_done else [ran.stderr]
    return [*wrong, *said, *case.is_complete()]


def changed(case: Case, rng: random.Random) -> list[str]:
    """Kill a run, change the input, and resume: that is refused if anything was kept."""
    with Proxy(case.bucket.port, rate=4e6) as proxy:
        process = case.start(port=proxy.port)
        case.wait_for_progress(process)
        time.sleep(rng.uniform(0, 0.2) * case.seconds)
        process.kill()
        process.communicate()
    wrong = case.is_whole_or_absent()
    case.put("second")
    ran = case.run("--resume")
    wrong += case.is_whole_or_absent()
    if ran.returncode == 2:
        known = (_REFUSED, "exists already")
        wrong += [] if any(words in ran.stderr for words in known) else [ran.stderr]
        case.notes.append("refused")
        ran = case.run("--force")
    wrong += [] if ran.returncode == 3 else [ran.stderr]
    wrong += case.is_complete(expected=case.other)
    case.put("first")
    return wrong


def changed_meanwhile(case: Case, rng: random.Random) -> list[str]:
    """Change the input while it is read: the run fails, and nothing of it is kept."""
    with Proxy(case.bucket.port, rate=3e6) as proxy:
        process = case.start(port=proxy.port)
        case.wait_for_progress(process)
        time.sleep(rng.uniform(0, 0.4) * case.seconds)
        case.put("second")
        _, err = process.communicate(timeout=300)
    wrong = case.is_whole_or_absent()
    if process.returncode == 1:
        case.notes.append("failed")
        wrong += [] if "has changed while it was" in err else [err]
        wrong += [f"{key} is there" for key in case.found()]
    elif process.returncode != 3:
        wrong.append(err)
    case.put("first")
    return wrong


def appeared(case: Case, rng: random.Random) -> list[str]:
    """Put another object to the place of the output at any moment: one of both is there, whole."""
    won = []

    def put() -> None:
        time.sleep(rng.uniform(0.3, 1.5) * case.seconds)
        won.append(case.bucket.create_object(case.output, _FOREIGN))

    other = threading.Thread(target=put)
    with Proxy(case.bucket.port, rate=rng.uniform(4, 20) * 1e6) as proxy:
        other.start()
        ran = case.run(port=proxy.port)
        other.join()
    content = case.bucket.get(case.output)
    if not won[0]:
        return [*([] if ran.returncode == 3 else [ran.stderr]), *case.is_complete()]
    case.notes.append("the other one won")
    wrong = [] if content == _FOREIGN else ["the other object was replaced"]
    words = ("has appeared here during the run", "exists already")
    is_said = ran.returncode in (1, 2) and any(each in ran.stderr for each in words)
    wrong += [] if is_said else [f"exit code {ran.returncode}: {ran.stderr}"]
    case.bucket.delete(case.output)
    if ran.returncode == 1:
        ran = case.run("--resume")
        wrong += [*([] if ran.returncode == 3 else [ran.stderr]), *case.is_complete()]
    return wrong


TROUBLES: dict[str, Trouble] = {
    each.__name__: each for each in (throttled, cut, killed, changed, changed_meanwhile, appeared)
}


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: " → ".join(kind[:2]))
def case(
    request: pytest.FixtureRequest, server: int, tmp_path_factory: pytest.TempPathFactory
) -> Case:
    """A file in the store, and what its local run gives."""
    name = f"cutting-{KINDS.index(request.param)}"
    return Case(Bucket(server, name).create(), tmp_path_factory.mktemp(name), request.param).make()


@pytest.mark.guards
@pytest.mark.slow
@pytest.mark.parametrize("run", range(int(os.environ.get("RUNS", "1"))))
@pytest.mark.parametrize("name", TROUBLES)
def test_an_output_is_whole_or_absent(case: Case, name: str, run: int) -> None:
    wrong = TROUBLES[name](case, random.Random(f"{name} {case.kind} {run or ''}"))
    case.clean()
    assert wrong == []
