"""Shards and `toolkit finish` that are killed and done again give the bytes of one run.

With RUNS=20 in the environment, there are that many kills at each point.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.data import PROJECT
from tests.models import many_texts, shipped_scorer
from tests.records.python_formats import PYTHON
from tests.shards.dying import IN_SHARD, POINTS
from tests.shards.running import contents, in_one_run, jobs_of
from toolkit.errors import UsageError
from toolkit.scoring import ScoringOptions
from toolkit.shards import ShardedJob, begin_job, finish_job, score_shard

SHARDS = 3


@dataclass(frozen=True)
class Case:
    """Two files, of which one is cut, and what one run makes of them."""

    folder: Path
    expected: dict[str, bytes]

    @classmethod
    def make(cls, folder: Path) -> Case:
        """Write the inputs, and score them in one run."""
        (folder / "in").mkdir()
        rows = [{"text": text, "id": str(n)} for n, text in enumerate(many_texts(900))]
        data = PYTHON[".jsonl"][0](rows, "\n")
        (folder / "in/a.jsonl").write_bytes(data + b"no object\n" + data + b"none\n")
        (folder / "in/b.csv").write_bytes(PYTHON[".csv"][0](rows[:200], "\n") + b"1,2,3\n")
        in_one_run([folder / "in"], folder / "one")
        return cls(folder, contents(folder / "one"))

    @property
    def output(self) -> Path:
        """Where shards go."""
        return self.folder / "many"

    def die(self, point: str, *arguments: str | Path) -> None:
        """Run a command that is killed."""
        ran = subprocess.run(
            [sys.executable, "-m", "tests.shards.dying", point, *map(str, arguments)],
            cwd=PROJECT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == -signal.SIGKILL, (point, ran.returncode, ran.stderr)

    def begin(self) -> ShardedJob:
        """Plan the shards, or find the plan."""
        jobs = jobs_of([self.folder / "in"], self.output)
        options = ScoringOptions()
        return begin_job(shipped_scorer(), jobs, options, SHARDS, self.output)

    def run(self, point: str, rng: random.Random) -> str:
        """Kill at a point, and do all again; give what is wrong then, or nothing."""
        killed = SHARDS - 1 if point == "between two parts" else rng.randrange(SHARDS)
        order = rng.sample(range(SHARDS), SHARDS)
        before = order[: rng.randrange(SHARDS + 1)] if point in IN_SHARD else order
        for shard in before:
            if point not in IN_SHARD or shard != killed:
                self.score(shard)
        again = True
        if point in IN_SHARD:
            arguments = ("-o", self.output, "--shard", f"{killed}/{SHARDS}")
            self.die(point, "score", self.folder / "in", *arguments, "-q", "--workers", "1")
            for shard in range(SHARDS):
                self.score(shard)
        else:
            self.die(point, "finish", self.output, "-q")
            again = point != "while the parts are removed"
        try:
            finish_job(ShardedJob.at(self.output))
        except UsageError as error:
            if again:
                return str(error)
        return self.check()

    def score(self, shard: int) -> None:
        """Score a shard, if it is not done."""
        score_shard(shipped_scorer(), self.begin(), shard, ScoringOptions(workers=1))

    def check(self) -> str:
        """Compare the outputs with those of one run, and remove them."""
        found = contents(self.output)
        shutil.rmtree(self.output)
        names = sorted({*found, *self.expected})
        return ", ".join(n for n in names if found.get(n) != self.expected.get(n))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case.make(tmp_path_factory.mktemp("killing"))


@pytest.mark.guards
@pytest.mark.slow
@pytest.mark.parametrize("run", range(int(os.environ.get("RUNS", "1"))))
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_process_loses_nothing(point: str, run: int, case: Case) -> None:
    assert case.run(point, random.Random(f"{point}{run or ''}")) == ""
