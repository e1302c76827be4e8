"""Several attempts at a shard, and shards that are damaged."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import COMMAND, CSV, Command, write
from tests.data import PROJECT
from tests.shards.running import score_shards

BAD = "too,many,fields\n"
ROWS = "".join(f'{n},"a film\nof note"\n' for n in range(4000))
LARGE = "id,text\n" + ROWS + BAD + ROWS


def test_damaged_shards(command: Command) -> None:
    write("a.csv", CSV)
    call = ("a.csv", "-o", "b.csv", "-q")
    score_shards(command, 2, *call)
    folder = Path("_b.csv.shards")
    (part,) = folder.glob("*/*b.csv")
    data = part.read_bytes()
    part.write_bytes(data[:-1])
    command("finish", "b.csv").failed_with(f"has {len(data) - 1:,} bytes, expected {len(data):,}")
    part.unlink()
    command("finish", "b.csv").failed_with("is missing, expected")
    (claim,) = folder.glob(f"{part.parent.name[:5]}-of-00002.*.json")
    claim.write_text("{}", encoding="utf-8")
    command("finish", "b.csv").failed_with("is damaged. Remove it, and score the shard again.")
    claim.unlink()
    score_shards(command, 2, *call)
    assert command("finish", "b.csv", "-q").exit_code == 0
    assert Path("b.csv").read_bytes() == data


def test_the_same_shard_twice_at_the_same_moment(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(LARGE, encoding="utf-8")
    # Both wait for the other before the claim.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, time\n"
        "from pathlib import Path\n"
        "from toolkit.shards.claims import ShardedJob\n"
        "create = ShardedJob.create_claim\n"
        "def wait(*arguments):\n"
        "    Path(f'{os.getpid()}.waits').touch()\n"
        "    while len([*Path().glob('*.waits')]) < 2: time.sleep(0.01)\n"
        "    return create(*arguments)\n"
        "ShardedJob.create_claim = wait\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{PROJECT}"}
    command = [*COMMAND, "score", "a.csv", "-o", "b.csv", "--shard", "0/1"]
    both = [
        subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = sorted(process.communicate(timeout=60)[1] for process in both)
    assert [process.returncode for process in both] == [0, 0], said
    assert "b.csv: shard 0/1 is done already.\n" in said
    names = os.listdir(tmp_path / "_b.csv.shards")
    assert sorted(name[:5] for name in names) == ["00000", "00000", "plan."]


def test_an_attempt_that_is_late_leaves_nothing(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.shards.claims import ShardedJob

    write("a.csv")
    create = ShardedJob.create_claim

    def late(job: ShardedJob, *arguments: Any) -> bool:
        monkeypatch.setattr(ShardedJob, "create_claim", create)
        assert command("score", "a.csv", "-o", "b.csv", "--shard", "0/1", "-q").exit_code == 0
        assert command("finish", "b.csv", "-q").exit_code == 0
        job.folder.mkdir()  # as its next piece would make it
        return create(job, *arguments)

    monkeypatch.setattr(ShardedJob, "create_claim", late)
    ran = command("score", "a.csv", "-o", "b.csv", "--shard", "0/1", "-q")
    ran.failed_with("the job was finished, or dropped with --force, while this shard was scored", 2)
    assert command.files() == ["a.csv", "b.csv"]
