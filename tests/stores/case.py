"""A file in a store, the command that scores it, and what a local run gives."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.models import many_texts
from tests.scoring.kinds import WRITERS
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
