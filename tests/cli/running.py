"""The command line, run in this process or in one of its own."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer.main

from tests.data import PROJECT
from tests.models import many_texts, shipped_scorer
from tests.waiting import PATIENCE
from toolkit.cli import app
from toolkit.scoring import Job, Progress, ScoringOptions, find_jobs, score_files
from toolkit.scoring.journal import folder_beside

KEYS = PROJECT / "toolkit" / "cli" / "README.md"  # describes the keys of JSON
COMMAND = [sys.executable, "-W", "error", "-m", "toolkit"]


def command_of(name: str) -> Any:
    """A command of the command line, as Typer has made it."""
    group: Any = typer.main.get_command(app.app)
    return group.get_command(group.make_context("toolkit", [], resilient_parsing=True), name)


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    exit_code: int
    out: str
    err: str

    def failed_with(self, message: str, exit_code: int = 1) -> None:
        """Check that it said one thing, and no more."""
        assert self.err.startswith("error: ")
        assert message in self.err
        assert (self.exit_code, self.out) == (exit_code, "")
        assert self.err.count("\n") == 1
        assert "Traceback" not in self.err


@dataclass(frozen=True)
class Command:
    """Runs `toolkit` in this process, with its working folder in an empty one."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str | Path) -> Ran:
        self.monkeypatch.setattr(sys, "argv", ["toolkit", *map(str, arguments)])
        before = {
            number: signal.getsignal(number)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        self.capsys.readouterr()
        try:
            with pytest.raises(SystemExit) as ended:
                app.main()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        code = ended.value.code
        assert isinstance(code, int)
        return Ran(code, *self.capsys.readouterr())

    def files(self) -> list[str]:
        """Name all files in the folder, without the records that runs leave for later ones."""
        return sorted(path.name for path in self.folder.iterdir() if path.suffix != ".done")


def in_its_own_process(*arguments: str | Path, **options: Any) -> Ran:
    """Run `toolkit` as a user does."""
    ran = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
        **options,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


CSV = "id,text\n1,a superb film\n2,\n3,the worst of all\n"


def write(name: str, content: str | bytes = CSV) -> Path:
    path = Path(name)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def journals(*outputs: str) -> list[str]:
    """Name the journals of outputs, below the folder that the outputs are named in."""
    return [str(Path(name).parent / folder_beside(Path(name)).name / "journal") for name in outputs]


def files_in(folder: str) -> list[str]:
    """Name the files in a folder and below, without the records that runs leave for later ones."""
    root = Path(folder)
    files = [path for path in root.rglob("*") if path.is_file()]
    return sorted(str(path.relative_to(root)) for path in files if path.suffix != ".done")


def write_long(path: Path, times: int) -> Path:
    """Write 2,000 reviews of known words, several times."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text",), *([text] for text in many_texts(2000) * times)])
    return path


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ten seconds pass between two looks at the clock."""
    clock = count(step=10.0)
    monkeypatch.setattr("toolkit.cli.console.time", SimpleNamespace(perf_counter=clock.__next__))


WORDS = ["a superb film", "awful", "dull and slow", "I love it"]


def rows(count: int, bad: tuple[int, ...] = ()) -> str:
    """Write a CSV file whose records are numbered, some with a field too many."""
    lines = [f"{n},{WORDS[n % 4]}{',x' if n in bad else ''}\n" for n in range(count)]
    return "id,text\n" + "".join(lines)


Act = Callable[[Path], None]


def score_into(
    output: str | Path,
    inputs: Sequence[str | Path],
    before: Act | None = None,
    after_block: Act | None = None,
    **options: Any,
) -> list[str]:
    """Score files into a folder; give the names of those that were scored.

    ``before`` is called with the output of each file before it is scored, and ``after_block`` after
    each of its blocks.
    """
    scored: list[str] = []

    @contextmanager
    def on_file(job: Job) -> Iterator[Callable[[Progress], None]]:
        if before is not None:
            before(job.output)
        scored.append(job.source.name)
        yield lambda _: None if after_block is None else after_block(job.output)

    jobs = find_jobs([str(name) for name in inputs], str(output))
    chosen = {"workers": 1, "checkpoint_seconds": 0, **options}
    score_files(shipped_scorer(), jobs, ScoringOptions(**chosen), on_file)
    return scored


def stop_at(output: str, error: BaseException) -> Act:
    """Give what raises an error at the file with an output."""

    def act(path: Path) -> None:
        if str(path) == output:
            raise error

    return act
