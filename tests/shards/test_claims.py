"""A shard is claimed once; what is damaged is found, and who comes late leaves nothing."""

from __future__ import annotations

import errno
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import CSV, Command, write, write_long
from tests.models import shipped_scorer
from tests.shards.running import begin, contents, in_shards, score_shards
from toolkit.errors import InputError, OutputError, ToolkitError, UsageError
from toolkit.model import Scorer
from toolkit.scoring import ScoringOptions
from toolkit.scoring.identity import sum_of
from toolkit.shards import Claim, ShardedJob, finish_job, score_shard
from toolkit.shards.claims import write_plan

SAMPLE = b"text\n" + b"superb\nawful\n" * 20_000
ONE_WORKER = ScoringOptions(workers=1)


@pytest.fixture
def job(tmp_path: Path) -> ShardedJob:
    (tmp_path / "reviews.csv").write_bytes(SAMPLE)
    return begin([tmp_path / "reviews.csv"], f"{tmp_path}/out/", 2)


def _score(job: ShardedJob, shard: int) -> Claim:
    return score_shard(shipped_scorer(), job, shard, ONE_WORKER)


def test_attempts_at_the_same_time_all_find_the_claim(job: ShardedJob) -> None:
    with ThreadPoolExecutor(4) as pool:
        claims = [*pool.map(lambda _: _score(job, 1), range(4))]
    assert [claim.is_new for claim in claims].count(True) == 1
    assert len({claim.attempt for claim in claims}) == 1
    names = {path.name for path in job.folder.iterdir()}
    claim_name = job.claim_path(1).name
    assert names == {"plan.json", claim_name, f"00001.{claims[0].attempt}"}


@pytest.mark.parametrize("key", ["size", "records", "header"])
def test_an_edited_claim_is_found(key: str, job: ShardedJob) -> None:
    for shard in range(2):
        _score(job, shard)
    path = job.claim_path(1)
    claim = json.loads(path.read_bytes())
    done = claim["done"][0]
    {"records": done["summary"], "header": done["frame"], "size": done["complete"]}[key][key] = 7
    path.write_text(json.dumps(claim))
    with pytest.raises(InputError, match=r"is damaged. Remove it, and score the shard again"):
        finish_job(job)
    path.unlink()
    _score(job, 1)
    assert finish_job(job)[0].summary.records == 40_000


@pytest.mark.parametrize(
    "attempt", ["/..", "/../../elsewhere", "x/../../../elsewhere", "../../../elsewhere", ""]
)
def test_a_claim_of_parts_elsewhere_is_found(attempt: str, job: ShardedJob, tmp_path: Path) -> None:
    """Also where its sums are right, as somebody else can make them, too."""
    claim = _score(job, 0)
    _score(job, 1)
    part = next(job.jobs(0, claim.attempt)).output
    (tmp_path / "elsewhere").mkdir()
    secret = tmp_path / "elsewhere" / part.name
    secret.write_text("secret")
    done = tuple(replace(each, files={part.name: sum_of(secret)}) for each in claim.done)
    path = job.claim_path(0)
    path.write_bytes(replace(claim, attempt=attempt, done=done).as_json())
    message = (
        f"{path}: this claim has the attempt {attempt!r}, expected 12 hexadecimal digits. Remove "
        "it, and"
    )
    with pytest.raises(InputError, match=re.escape(message)):
        finish_job(job)
    assert [each.name for each in job.target.iterdir()] == ["_shards"]


@pytest.mark.parametrize(
    "frame", [{"header": -5}, {"trailer": -5}, {"header": 10**9}, {"separator": "€"}]
)
def test_a_claim_of_a_header_that_cannot_be_is_found(
    frame: dict[str, Any], job: ShardedJob
) -> None:
    _score(job, 0)
    claim = _score(job, 1)
    done = []
    for each in claim.done:
        assert each.frame is not None
        done.append(replace(each, frame=replace(each.frame, **frame)))
    path = job.claim_path(1)
    path.write_bytes(replace(claim, done=tuple(done)).as_json())
    message = f"or separator is not as in its claim. Remove {path}, and score the shard again."
    with pytest.raises(InputError, match=re.escape(message)):
        finish_job(job)


@pytest.mark.parametrize("link", ["the part", "its folder"])
def test_a_part_that_is_a_link_to_elsewhere_is_not_read(
    link: str, job: ShardedJob, tmp_path: Path
) -> None:
    claims = [_score(job, shard) for shard in range(2)]
    path = next(job.jobs(1, claims[1].attempt)).output
    path = path if link == "the part" else path.parent
    path.rename(tmp_path / "secret")
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="is a link that leads out of"):
        finish_job(job)
    assert [each.name for each in job.target.iterdir()] == ["_shards"]


needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


@needs_pipes
@pytest.mark.parametrize("what", ["part", "claim", "plan"])
def test_a_pipe_in_the_place_of_progress_is_not_read(what: str, job: ShardedJob) -> None:
    """Nobody writes into it, so that reading it would never end."""
    claims = [_score(job, shard) for shard in range(2)]
    part = next(job.jobs(1, claims[1].attempt)).output
    path = {"part": part, "claim": job.claim_path(1), "plan": job.folder / "plan.json"}[what]
    path.unlink()
    os.mkfifo(path)
    with pytest.raises((InputError, UsageError), match=f"{path.name}: is a pipe, a device or a f"):
        finish_job(ShardedJob.at(job.target))
    assert [each.name for each in job.target.iterdir()] == ["_shards"]


@pytest.mark.parametrize("name", ["", "plan.json"])
def test_a_link_in_the_place_of_the_shards_is_not_followed(
    name: str, job: ShardedJob, tmp_path: Path
) -> None:
    path = job.folder / name
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(
        UsageError, match=r"is a link, expected the toolkit's own file of progress\. Remove it"
    ):
        ShardedJob.at(job.target)
    path.unlink()
    path.symlink_to(tmp_path / "new")  # which is not there
    with pytest.raises(
        UsageError, match=r"is a link, expected the toolkit's own file of progress\. Remove it"
    ):
        write_plan(job.plan, job.folder, force=True)
    assert not (tmp_path / "new").exists()


def test_a_claim_is_not_written_through_a_link(job: ShardedJob, tmp_path: Path) -> None:
    job.claim_path(0).symlink_to(tmp_path / "new")
    with pytest.raises(
        UsageError, match=r"is a link, expected the toolkit's own file of progress\. Remove it"
    ):
        _score(job, 0)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("entry", ["output", "rejected"])
def test_a_forged_plan_does_not_write_through_a_linked_folder(
    entry: str, force: bool, job: ShardedJob, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (job.target / "sub").symlink_to(elsewhere)
    (elsewhere / "precious.csv").write_text("precious")
    first, *others = job.plan.files
    name: dict[str, Any] = {entry: "sub/precious.csv"}
    files = (replace(first, **name), *others)
    forged = replace(job, plan=replace(job.plan, files=files))
    (job.folder / "plan.json").write_bytes(forged.plan.as_json())
    for shard in range(2):
        _score(forged, shard)
    with pytest.raises(UsageError, match="its folder is a link that leads out of"):
        finish_job(ShardedJob.at(job.target), force=force)
    assert [(each.name, each.read_text()) for each in elsewhere.iterdir()] == [
        ("precious.csv", "precious")
    ]


@pytest.mark.parametrize("name", ["reviews.csv", "reviews.csv.rejected.jsonl"])
def test_finish_writes_through_a_link_to_nothing_only_with_force(name: str, tmp_path: Path) -> None:
    """As `score` does; links to files that exist are followed with force, too."""
    (tmp_path / "reviews.csv").write_text("id,text\n1,superb\n1,2,3\n")
    job = begin([tmp_path / "reviews.csv"], f"{tmp_path}/out/", 1)
    _score(job, 0)
    elsewhere = tmp_path / "elsewhere"
    (job.target / name).symlink_to(elsewhere)
    with pytest.raises(UsageError, match=r"is a link to a file that does not exist\. Remove the l"):
        finish_job(job)
    assert not elsewhere.exists()
    assert {each.name for each in job.target.iterdir()} == {name, "_shards"}
    finish_job(job, force=True)
    assert elsewhere.read_bytes() == (job.target / name).read_bytes() != b""
    assert (job.target / name).is_symlink()


def test_the_end_of_parts_is_not_written_through_a_link(tmp_path: Path) -> None:
    write_long(tmp_path / "a.csv", times=1)
    job = begin([tmp_path / "a.csv"], f"{tmp_path}/out/", 2, keep_parts=True)
    for shard in range(2):
        _score(job, shard)
    (tmp_path / "precious").write_text("precious")
    (job.outputs / "_SUCCESS").symlink_to(tmp_path / "precious")
    finish_job(job)
    assert (tmp_path / "precious").read_text() == "precious"
    assert (job.outputs / "_SUCCESS").read_bytes() == b""


def test_many_finish_at_the_same_time(job: ShardedJob) -> None:
    for shard in range(2):
        _score(job, shard)

    def ending(_: int) -> str:
        try:
            finish_job(job)
        except ToolkitError as error:
            return str(error)
        return "done"

    with ThreadPoolExecutor(8) as pool:
        endings = {*pool.map(ending, range(8))}
    assert "done" in endings
    for each in endings - {"done"}:
        assert "another process has finished the job since" in each
    assert not job.folder.exists()


@pytest.mark.parametrize("name", ["/", ".", ".."])
def test_a_folder_without_a_name_has_no_shards(name: str) -> None:
    with pytest.raises(UsageError, match="no unfinished shards are found"):
        ShardedJob.at(Path(name))


def test_a_finish_that_fails_leaves_nothing_incomplete(
    job: ShardedJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shard in range(2):
        _score(job, shard)
    before = contents(job.folder)

    def fail(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, pytest.raises(OutputError, match="No space left"):
        patch.setattr("toolkit.files.flush_to_disk", fail)
        finish_job(job)
    assert contents(job.folder) == before
    assert finish_job(job)[0].summary.records == 40_000


def test_a_name_that_is_as_long_as_can_be(tmp_path: Path) -> None:
    name = "é" * 57 + "x" * 120 + ".csv"  # 238 bytes; with the ending of rejects, 253
    (tmp_path / "reviews.csv").write_bytes(SAMPLE + b"too,many\n")
    assert in_shards([tmp_path / "reviews.csv"], tmp_path / name, 2)[0].summary.rejected == 1


def test_an_interruption_right_after_the_claim_keeps_its_parts(
    job: ShardedJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = ShardedJob.create_claim

    def interrupted(job: ShardedJob, claim: Claim) -> bool:
        create(job, claim)
        raise KeyboardInterrupt

    monkeypatch.setattr(ShardedJob, "create_claim", interrupted)
    for shard in range(2):
        with pytest.raises(KeyboardInterrupt):
            _score(job, shard)
    monkeypatch.undo()
    assert not _score(job, 0).is_new
    (result,) = finish_job(job)
    assert result.summary.records == 40_000


def test_a_machine_with_another_model_scores_nothing(job: ShardedJob) -> None:
    """A cluster sends the path of the model, which may be another file there."""
    with pytest.raises(UsageError, match=r"differs from the plan in: the threshold"):
        score_shard(Scorer(threshold=0.7), job, 1, ONE_WORKER)
    both = Scorer(second="conv1d", unsure=(0.2, 0.8))
    with pytest.raises(UsageError, match=r"differs from the plan in: the second model, "):
        score_shard(both, job, 1, ONE_WORKER)
    assert job.read_claim(1) is None
    _score(job, 1)


@pytest.mark.parametrize("keep_parts", [False, True])
def test_no_rejects_of_a_job_that_is_replaced_stay(keep_parts: bool, tmp_path: Path) -> None:
    source, output = tmp_path / "reviews.csv", f"{tmp_path}/out/"
    for more in (b"too,many\n", b""):
        source.write_bytes(SAMPLE + more)
        job = begin([source], output, 2, keep_parts=keep_parts, force=True)
        for shard in range(2):
            _score(job, shard)
        finish_job(job, force=True)
        found = [path.name for path in (tmp_path / "out").iterdir()]
        assert any(name.endswith(".rejected.jsonl") for name in found) == bool(more)


def test_parts_that_are_replaced_are_not_called_complete(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_bytes(SAMPLE)
    for more in (0, 1):
        job = begin(
            [tmp_path / "reviews.csv"], f"{tmp_path}/out/", 2 + more, keep_parts=True, force=True
        )
        for shard in range(2 + more):
            _score(job, shard)
        if not more:
            finish_job(job)

    (tmp_path / "out/part-00001.csv").unlink()
    (tmp_path / "out/part-00001.csv").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        finish_job(job, force=True)
    assert not (tmp_path / "out/_SUCCESS").exists()


def test_damaged_shards(command: Command) -> None:
    write("a.csv", CSV)
    call = ("a.csv", "-o", "b.csv", "-q")
    score_shards(command, 2, *call)
    folder = Path("_b.csv.shards")
    (part,) = folder.glob("*/*b.csv")
    data = part.read_bytes()
    part.write_bytes(data[:-1])
    command("finish", "b.csv").failed_with(f"has {len(data) - 1:,} bytes, expected {len(data):,}")
    part.write_bytes(data[:-2] + b"?\n")
    command("finish", "b.csv").failed_with(f"was changed, expected {len(data):,} bytes")
    part.unlink()
    command("finish", "b.csv").failed_with("is missing, expected")
    (claim,) = folder.glob(f"{part.parent.name[:5]}-of-00002.*.json")
    claim.write_text("{}", encoding="utf-8")
    command("finish", "b.csv").failed_with("is damaged. Remove it, and score the shard again.")
    claim.unlink()
    score_shards(command, 2, *call)
    assert command("finish", "b.csv", "-q").exit_code == 0
    assert Path("b.csv").read_bytes() == data


def test_an_attempt_that_is_late_leaves_nothing(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
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
