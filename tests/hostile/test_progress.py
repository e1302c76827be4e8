"""Progress, plans and claims that somebody else has edited: refused, and nothing is written."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Command, write_long
from tests.models import shipped_scorer
from tests.scoring.test_resume import OPTIONS, Stopped, file_of, stop_after
from tests.shards.running import score_shards
from toolkit.scoring import score_file

# What an entry becomes: another number, one that no offset can be, something else, or too much.
OTHERS: tuple[Any, ...] = (-1, 1 << 70, math.nan, None, "../../x", [], {})
DEEP = "[" * 200_000
NOT_READ = ("toolkit_version", "job_id")  # of a plan, and only shown
pytestmark = pytest.mark.slow

CALL = ("score", "a.csv", "-o", "b.csv")


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the place of each entry of some JSON, at any level."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inner:
        yield (*place, key)
        if isinstance(each, dict | list):
            yield from places(each, (*place, key))


def edits(text: bytes) -> Iterator[str]:
    """Give the same JSON with another entry, for one entry in ten; and what is no such JSON."""
    found = [place for place in places(json.loads(text)) if place[0] not in NOT_READ]
    for number, place in enumerate(found[::10]):
        changed = json.loads(text)
        entry = changed
        for key in place[:-1]:
            entry = entry[key]
        other = OTHERS[number % len(OTHERS)]
        if entry[place[-1]] != other:
            entry[place[-1]] = other
            yield json.dumps(changed)
    yield from ("", "null", "[]", '"checksum"', DEEP, "{" + '"a":{' * 50_000, "9" * 5000)


def everything(folder: Path, edited: Path) -> dict[str, bytes]:
    """All files but the edited one."""
    found = [path for path in folder.rglob("*") if path.is_file() and path != edited]
    return {str(path): path.read_bytes() for path in found}


def check_refused(command: Command, path: Path, message: str, *call: str) -> None:
    """Edit a file in all ways; each time the call has to refuse it, and to change nothing."""
    before, content = everything(command.folder, path), path.read_bytes()
    for text in edits(content):
        path.write_text(f"{text}\n")
        ran = command(*call)
        assert message in ran.err, (text[:200], ran.err)
        assert ran.err.startswith("error: "), ran.err
        assert (ran.err.count("\n"), ran.out) == (1, ""), ran.err
        assert ran.exit_code in (1, 2)
        assert everything(command.folder, path) == before
    path.write_bytes(content)


@pytest.mark.parametrize("output", ["b.csv", "b.parquet", "b.arrow"])
def test_a_checkpoint(command: Command, output: str) -> None:
    source = write_long(command.folder / "a.csv", times=1)
    with pytest.raises(Stopped):
        score_file(shipped_scorer(), source, Path(output), OPTIONS, stop_after(2))
    journal = file_of(command.folder / output, "journal")
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[-1])
    message = "the progress is damaged, or of another version of the toolkit: start over"
    check_refused(command, journal, message, "score", "a.csv", "-o", output, "--resume")
    journal.write_text(DEEP)
    assert command("score", "a.csv", "-o", output, "--force", "-q").exit_code == 0


def test_a_record_of_what_an_output_was_made_of(command: Command) -> None:
    """Without one, the times of input and output are compared, and that is said."""
    write_long(command.folder / "a.csv", times=1)
    call = (*CALL, "--skip-existing")
    assert command(*call).exit_code == 0
    (record,) = command.folder.glob(".*.done")
    content, scored = record.read_bytes(), Path("b.csv").read_bytes()
    assert "compared by file time" not in command(*call).err
    for text in edits(content):
        record.write_text(text)
        ran = command(*call)
        assert (ran.exit_code, "1 compared by file time only" in ran.err) == (0, True), text[:200]
    assert Path("b.csv").read_bytes() == scored


def test_a_plan_and_a_claim(command: Command) -> None:
    write_long(command.folder / "a.csv", times=1)
    score_shards(command, 2, *CALL[1:])
    folder = command.folder / "_b.csv.shards"
    plan, (claim, _) = folder / "plan.json", sorted(folder.glob("0*.json"))
    check_refused(
        command, claim, "is damaged. Remove it, and score the shard again", "finish", "b.csv"
    )
    for call in (("finish", "b.csv"), (*CALL, "--shard", "0/2")):
        check_refused(command, plan, "plan.json: ", *call)
    assert command("finish", "b.csv", "-q").exit_code == 0
