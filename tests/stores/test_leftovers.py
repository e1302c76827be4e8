"""What killed uploads leave in a store: removed by those whose it is, and by nobody else."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import COMMAND, CSV, Command, write_long
from tests.data import PROJECT
from tests.stores.azure import Store
from tests.stores.proxy import Proxy
from tests.stores.server import Bucket
from tests.waiting import wait_until
from toolkit.scoring import Job
from toolkit.scoring.journal import Journal
from toolkit.stores import write
from toolkit.stores.paths import StorePath

_KEY = re.compile(r"out/\.b\.csv\.[0-9a-f]{16}\.uploading")
_FOREIGN = ".b.csv.0123456789abcdef.uploading"  # as another machine would call it
_REMOVED = "removed, as a leftover of a killed run.\n"


def _die(point: str, *arguments: str | Path) -> None:
    """Run a command that is killed at a point."""
    call = [sys.executable, "-m", "tests.shards.dying", point, *map(str, arguments)]
    ran = subprocess.run(call, check=False, env={**os.environ, "PYTHONPATH": str(PROJECT)})
    assert ran.returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "options"),
    [
        ("before the copy", ["--resume"]),
        ("after the copy", ["--resume"]),
        ("before the copy", ["--force"]),
        ("before the copy", ["--resume", "--force"]),
    ],
)
def test_the_next_run_of_an_output_removes_what_a_killed_upload_has_left(
    bucket: Bucket, command: Command, point: str, options: list[str]
) -> None:
    write_long(Path("a.csv"), times=6)
    assert command("score", "a.csv", "-o", "local.csv", "-q").exit_code == 0
    call = ["score", "a.csv", "-o", bucket.uri("out/b.csv")]
    _die(point, *call, "-q")
    left, *others = bucket.keys()
    assert _KEY.fullmatch(left)
    assert others == (["out/b.csv"] if point == "after the copy" else [])
    ran = command(*call, *options, "--report", "r.json")
    assert (ran.exit_code, ran.err.count(f"{bucket.uri(left)}: {_REMOVED}")) == (0, 1)
    assert json.loads(Path("r.json").read_bytes())["removed"] == [bucket.uri(left)]
    assert bucket.keys() == ["out/b.csv"]
    assert bucket.get("out/b.csv") == Path("local.csv").read_bytes()


def test_a_key_of_another_machine_is_removed_when_it_is_a_day_old(
    store: Store, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [".b.csv.gz.0123456789abcdef.uploading", f".a{_FOREIGN}", ".b.csv.notes.uploading"]
    for key in (_FOREIGN, *others):
        store.put(f"out/{key}", b"x")
    write_long(Path("a.csv"), times=6)
    call = ["score", "a.csv", "-o", store.uri("out/b.csv")]
    assert _REMOVED not in command(*call).err
    assert [*store.contents("out/.b.csv.0")] == [f"out/{_FOREIGN}"]
    monkeypatch.setattr(write, "_A_DAY", -60)
    ran = command(*call, "--force", "--log-format", "json")
    (event,) = [
        each for each in map(json.loads, ran.err.splitlines()) if each["event"] == "removed"
    ]
    assert event["path"] == store.uri(f"out/{_FOREIGN}")
    assert sorted(store.keys()) == sorted(["out/b.csv", *(f"out/{key}" for key in others)])


def test_finish_joins_and_removes_what_is_a_day_old(
    bucket: Bucket, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "_A_DAY", -60)
    write_long(Path("a.csv"), times=6)
    output = bucket.uri("b.csv")
    assert command("score", "a.csv", "-o", output, "--shard", "0/1", "-q").exit_code == 0
    bucket.put(_FOREIGN, b"x")
    ran = command("finish", output, "--report", "r.json")
    assert f"{bucket.uri(_FOREIGN)}: {_REMOVED}" in ran.err
    assert json.loads(Path("r.json").read_bytes())["removed"] == [bucket.uri(_FOREIGN)]
    assert bucket.keys() == ["b.csv"]


def test_clean_removes_hidden_keys_of_an_output_or_of_all_in_a_folder(
    store: Store, command: Command
) -> None:
    kept = ["a.csv", ".b.csv.notes", "out/.hidden/" + _FOREIGN, "out/_other/" + _FOREIGN]
    inside = ["out/" + _FOREIGN, "out/.b.csv.rejected.jsonl.0123456789abcdef.uploading"]
    inside.append("out/deep/er/" + _FOREIGN)
    for key in (*kept, *inside, _FOREIGN):
        store.put(key, b"x")
    ran = command("finish", store.uri("b.csv"), "--clean")
    assert (ran.exit_code, ran.out, ran.err) == (0, "", f"{store.uri(_FOREIGN)}: {_REMOVED}")
    ran = command("finish", store.uri("out/"), "--clean", "--report", "r.json", "-q")
    assert (ran.exit_code, ran.out, ran.err) == (0, "", "")
    report = json.loads(Path("r.json").read_bytes())
    assert sorted(report["removed"]) == sorted(map(store.uri, inside))
    assert sorted(store.keys()) == sorted(kept)
    ran = command("finish", store.uri("out/"), "--clean")
    assert (ran.exit_code, ran.err) == (0, f"{store.uri('out')}: nothing to remove.\n")


def test_clean_refuses_what_somebody_is_working_on(bucket: Bucket, command: Command) -> None:
    bucket.put(f"out/{_FOREIGN}", b"x")
    journal = Journal(Job.of(Path("a.csv"), StorePath(bucket.uri("out/b.csv"))))
    journal.open()
    for target in ("out", "out/b.csv"):
        refused = command("finish", bucket.uri(target), "--clean")
        refused.failed_with(f"{bucket.uri('out/b.csv')}: another process is writing this", 2)
    journal.close()
    Path("a.csv").write_text(CSV, encoding="utf-8")
    for target in ("out/", "out/b.csv"):
        call = ["score", "a.csv", "-o", bucket.uri(target), "--shard", "0/2", "-q"]
        assert command(*call).exit_code == 0
        refused = command("finish", bucket.uri(target), "--clean")
        refused.failed_with("has shards to join. Leave out --clean.", 2)
        for key in bucket.keys("out/_"):
            bucket.delete(key)
    assert bucket.keys() == [f"out/{_FOREIGN}"]
    assert command("finish", bucket.uri("out"), "--clean", "-q").exit_code == 0
    assert bucket.keys() == []


@pytest.mark.slow
def test_clean_removes_the_parts_that_a_killed_finish_has_left(
    bucket: Bucket, command: Command
) -> None:
    Path("a.csv").write_text(CSV, encoding="utf-8")
    call = ["score", "a.csv", "-o", bucket.uri("out/"), "--shard", "0/1", "-q"]
    assert command(*call).exit_code == 0
    _die("while the parts are removed", "finish", bucket.uri("out/"), "-q")
    bucket.put("out/_shards/notes/of_a_user.txt", b"x")
    (part,) = [key for key in bucket.keys("out/_shards/") if key.endswith(".csv")]
    command("finish", bucket.uri("out/")).failed_with("no unfinished shards are found", 2)
    ran = command("finish", bucket.uri("out/"), "--clean")
    assert ran.err == f"{bucket.uri(part)}: {_REMOVED}"
    assert bucket.keys() == ["out/_shards/notes/of_a_user.txt", "out/a.csv"]


@pytest.mark.slow
@pytest.mark.parametrize("then", ["another shard", "finish", "finish --clean"])
def test_the_parts_of_a_killed_shard_are_removed_from_the_work_folder(
    bucket: Bucket, command: Command, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    write_long(Path("a.csv"), times=2)
    here, output = os.environ["TOOLKIT_WORK_FOLDER"], bucket.uri("out/")

    def score(shard: int, work: str) -> None:
        monkeypatch.setenv("TOOLKIT_WORK_FOLDER", work)
        call = ["score", "a.csv", "-o", output, "--shard", f"{shard}/2", "-q"]
        assert command(*call).exit_code == 0
        monkeypatch.setenv("TOOLKIT_WORK_FOLDER", here)

    part = StorePath(bucket.uri("out/_shards/00001.0123456789ab/00000.a.csv"))
    active = Journal(Job.of(Path("a.csv"), part))
    other = Journal(Job.of(Path("a.csv"), StorePath(bucket.uri("out/b.csv"))))
    for journal in (active, other):
        journal.open()
    other.close()
    call = ["score", "a.csv", "-o", output, "--shard", "0/2", "-q"]
    _die("while a part is written", *call)
    (left,) = {*active.folder.parent.iterdir()} - {active.folder, other.folder}
    assert (left / "output").stat().st_size > 0
    if then != "another shard":
        for shard in (0, 1):
            score(shard, f"{here}-of-another-machine")
    if then == "finish --clean":  # as finished on the other machine
        with monkeypatch.context() as patch:
            patch.setenv("TOOLKIT_WORK_FOLDER", f"{here}-of-another-machine")
            assert command("finish", output, "-q").exit_code == 0
    assert left.exists()
    if then == "another shard":
        score(1, here)
    else:
        ran = command(*then.split(), output)
        assert (ran.exit_code, str(left) in ran.err) == (0, "--clean" in then)
    assert {*active.folder.parent.iterdir()} == {active.folder, other.folder}
    active.close()


def test_a_run_whose_key_is_removed_can_be_resumed(
    bucket: Bucket, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as by somebody who removes keys while another machine uploads."""
    write_long(Path("a.csv"), times=6)
    call = ["score", "a.csv", "-o", bucket.uri("b.csv"), "-q"]
    copy = write._copy

    def late(*arguments: object, **options: object) -> None:
        (key,) = bucket.keys()
        bucket.delete(key)
        copy(*arguments, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(write, "_copy", late)
        command(*call).failed_with("b.csv: cannot be written: no such object. Progress is saved")
    assert command(*call, "--resume").exit_code == 0
    assert bucket.keys() == ["b.csv"]


@pytest.mark.slow
def test_the_rule_of_the_guide_is_for_uploads_that_are_killed(
    bucket: Bucket, tmp_path: Path
) -> None:
    """A killed upload is in no listing of objects; what removes it is in examples/stores.md."""
    source = write_long(tmp_path / "a.csv", times=6)
    with Proxy(bucket.port, rate=3e6) as proxy:
        slow = bucket.through(proxy.port)
        call = [*COMMAND, "score", str(source), "-o", bucket.uri("b.csv"), "-q"]
        process = subprocess.Popen(call, env={**os.environ, **slow.environment})
        wait_until(bucket.uploads, process)
        process.kill()
        process.wait()
    assert bucket.keys() == []
    assert len(bucket.uploads()) == 1
    guide = (PROJECT / "examples/stores.md").read_text(encoding="utf-8")
    (rule,) = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    bucket.client.put_bucket_lifecycle_configuration(
        Bucket=bucket.name, LifecycleConfiguration=json.loads(rule)
    )
    (found,) = bucket.client.get_bucket_lifecycle_configuration(Bucket=bucket.name)["Rules"]
    assert found["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert "Expiration" not in found
