"""Outputs in a store appear complete or not at all, replace nothing unasked, and can be resumed."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import COMMAND, CSV, Command, in_its_own_process, write_long
from tests.models import MODEL
from tests.stores.azure import Store
from tests.stores.proxy import Proxy
from tests.stores.server import Bucket
from tests.waiting import PATIENCE, wait_until
from toolkit.model import Scorer
from toolkit.scoring import file_output
from toolkit.scoring.journal import Journal
from toolkit.stores.write import upload

_BAD = CSV + "4,too,many,fields\n"


@pytest.mark.parametrize("times", [1, 6])
def test_an_object_is_replaced_only_by_force(
    store: Store, command: Command, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """The outputs are below and above 8 MiB: created, and copied within the store."""
    store.put("a.csv", write_long(Path("a.csv"), times))
    assert command("score", "a.csv", "-o", "local.csv").exit_code == 0
    call = ["score", store.uri("a.csv"), "-o", store.uri("b.csv"), "-q"]

    def late(source: Path, *place: object, force: bool) -> None:
        store.put("b.csv", b"of somebody else")
        monkeypatch.setattr("toolkit.stores.write.check_absent", lambda _: None)
        upload(source, *place, force=force)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("toolkit.stores.write.upload", late)
        ran = command(*call)
    ran.failed_with("an object has appeared here during the run, and is not replaced")
    assert "Progress is saved" in ran.err
    assert store.get("b.csv") == b"of somebody else"
    command(*call).failed_with("an earlier run is unfinished", 2)
    command(*call, "--resume").failed_with("an object has appeared here during the run")
    assert command(*call, "--resume", "--force").exit_code == 0
    assert store.get("b.csv") == Path("local.csv").read_bytes()
    command(*call).failed_with(f"{store.uri('b.csv')}: exists already. Choose another", 2)
    command(*call, "--resume").failed_with("or keep it with --skip-existing", 2)
    assert command(*call, "--skip-existing").exit_code == 0
    store.delete("b.csv")
    assert command(*call).exit_code == 0
    assert store.get("b.csv") == Path("local.csv").read_bytes()
    assert (store.keys(), store.uploads()) == (["a.csv", "b.csv"], [])


@pytest.mark.parametrize("last", ["the upload", "the note"])
def test_a_run_that_ends_after_the_upload_knows_its_own_object(
    bucket: Bucket, command: Command, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    bucket.put("a.csv", _BAD.encode())
    call = ["score", bucket.uri("a.csv"), "-o", bucket.uri("b.csv")]

    note = file_output._note_object

    def killed(journal: Journal) -> None:
        if last == "the note":
            note(journal)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(file_output, "_note_object", killed)
        assert command(*call).exit_code != 0
    before = bucket.get("b.csv.rejected.jsonl")
    assert before is not None
    assert command(*call, "--resume").exit_code == 3
    assert bucket.get("b.csv.rejected.jsonl") == before
    assert bucket.keys() == ["a.csv", "b.csv", "b.csv.rejected.jsonl"]
    assert not [each for each in Path("work").rglob("*") if each.is_file()]


@pytest.mark.slow
def test_a_signal_during_the_upload_leaves_no_object_and_keeps_the_progress(
    bucket: Bucket, tmp_path: Path
) -> None:
    source, output = write_long(tmp_path / "a.csv", times=6), "b.csv"
    with Proxy(bucket.port, rate=3e6) as proxy:
        bucket = bucket.through(proxy.port)
        call = ["score", str(source), "-o", bucket.uri(output)]
        environment = {"TOOLKIT_WORK_FOLDER": str(tmp_path / "work")}
        process = subprocess.Popen(
            [*COMMAND, *call, "-q"],
            env={**_environment(bucket), **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(bucket.uploads, process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 143
        assert "Progress is saved" in err
        assert (bucket.keys(), bucket.uploads()) == ([], [])
        proxy.rate = None
        ran = in_its_own_process(
            *call, "-q", "--resume", env={**_environment(bucket), **environment}
        )
        assert (ran.exit_code, ran.err) == (0, "")
    local = tmp_path / "local.csv"
    assert in_its_own_process("score", source, "-o", local, "-q").exit_code == 0
    assert bucket.get(output) == local.read_bytes()
    assert (bucket.keys(), bucket.uploads()) == ([output], [])


def _environment(bucket: Bucket) -> dict[str, str]:
    return {**os.environ, **bucket.environment}


def test_an_output_here_and_rejects_there_and_the_other_way_round(
    bucket: Bucket, command: Command
) -> None:
    Path("a.csv").write_text(_BAD, encoding="utf-8")
    assert command("score", "a.csv", "-o", "b.csv").exit_code == 3
    rejects = bucket.uri("r.jsonl")
    assert command("score", "a.csv", "-o", "c.csv", "--rejected", rejects).exit_code == 3
    assert Path("c.csv").read_bytes() == Path("b.csv").read_bytes()
    assert bucket.get("r.jsonl") == Path("b.csv.rejected.jsonl").read_bytes()
    there = bucket.uri("c.csv")
    assert command("score", "a.csv", "-o", there, "--rejected", "r.jsonl").exit_code == 3
    assert bucket.get("c.csv") == Path("b.csv").read_bytes()
    assert Path("r.jsonl").read_bytes() == Path("b.csv.rejected.jsonl").read_bytes()
    assert command("score", "a.csv", "-o", "-", "--rejected", bucket.uri("s.jsonl")).exit_code == 3
    assert bucket.get("s.jsonl") == Path("r.jsonl").read_bytes()
    assert (
        command("score", bucket.uri("c.csv"), "-o", rejects, "--rejected", rejects).exit_code == 2
    )


def test_a_report_in_a_store(bucket: Bucket, command: Command) -> None:
    bucket.put("a.csv", _BAD.encode())
    call = ["score", bucket.uri("a.csv"), "--report", bucket.uri("report.json")]
    assert command(*call).exit_code == 3
    report = json.loads(bucket.get("report.json") or b"")
    assert report["status"] == "done_with_rejects"
    (file,) = report["files"]
    assert file["input"] == bucket.uri("a.csv")
    assert file["output"] == bucket.uri("a.scored.csv")
    assert file["rejected_file"] == bucket.uri("a.scored.csv.rejected.jsonl")
    assert file["size"] == len(_BAD)
    assert file["modified"].endswith("+00:00")
    assert command(*call).exit_code == 2  # which replaces the report
    report = json.loads(bucket.get("report.json") or b"")
    assert (report["status"], report["exit_code"]) == ("failed", 2)
    wrong = command("score", bucket.uri("a.csv"), "--report", bucket.uri("a.csv"))
    wrong.failed_with("is also an input", 2)


def test_a_model_in_a_store(bucket: Bucket, command: Command) -> None:
    bucket.put("models/m.onnx", MODEL)
    Path("a.csv").write_text(CSV, encoding="utf-8")
    uri = bucket.uri("models/m.onnx")
    assert command("score", "a.csv", "-o", "here.csv").exit_code == 0
    assert command("score", "a.csv", "-o", "there.csv", "-m", uri).exit_code == 0
    assert Path("here.csv").read_bytes() == Path("there.csv").read_bytes()
    assert Scorer(uri).score(["a fine film"]) == Scorer().score(["a fine film"])
    assert command("info", uri).exit_code == 0
    command("score", "a.csv", "-o", uri, "-m", uri, "--force").failed_with("is also the model", 2)
    missing = bucket.uri("models/x.onnx")
    command("score", "a.csv", "-m", missing).failed_with(f"{missing}: no such model file")
    folder = command("score", "a.csv", "-m", bucket.uri("models"))
    folder.failed_with("a run folder has to be on this machine")


def test_other_commands(bucket: Bucket, command: Command) -> None:
    rows = "text,label\n" + "a superb film,positive\na dull bore,negative\n" * 20
    bucket.put("labelled.csv", rows.encode())
    report = bucket.uri("report.json")
    ran = command("evaluate", bucket.uri("labelled.csv"), "--report", report)
    assert ran.exit_code == 0
    assert json.loads(bucket.get("report.json") or b"")["data"]["path"] == bucket.uri(
        "labelled.csv"
    )
    command("evaluate", bucket.uri("labelled.csv"), "--report", report).failed_with("exists", 2)
    ran = command("explain", "--file", bucket.uri("labelled.csv"), "--row", "1")
    assert "superb" in ran.out
    ran = command("score", bucket.uri("labelled.csv"), "--dry-run")
    assert (ran.exit_code, bucket.keys()) == (0, ["labelled.csv", "report.json"])


def test_what_has_to_be_on_this_machine_is_refused(bucket: Bucket, command: Command) -> None:
    Path("a.csv").write_text("text,label\na,positive\n", encoding="utf-8")
    ran = command("train", "a.csv", "-o", bucket.uri("run"))
    ran.failed_with("a run folder has to be on this machine", 2)
    ran = command("export", bucket.uri("run"))
    assert (ran.exit_code, "a run folder has to be on this machine" in ran.err) == (1, True)


def test_a_file_uri_is_a_file(command: Command) -> None:
    Path("a b.csv").write_text(CSV, encoding="utf-8")
    uri = f"file://{command.folder}/a%20b.csv"
    assert command("score", uri).exit_code == 0
    assert Path("a b.scored.csv").exists()
    assert command("score", f"file://{command.folder}/a*.csv", "-o", "out/").exit_code == 0
    assert Path("out/a b.csv").exists()


def test_the_work_folder_is_private(bucket: Bucket, command: Command) -> None:
    bucket.put("a.csv", CSV.encode())
    work = command.folder / "work"
    assert command("score", bucket.uri("a.csv")).exit_code == 0
    (folder,) = work.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.rmdir()
    folder.symlink_to(command.folder)
    bucket.delete("a.scored.csv")
    ran = command("score", bucket.uri("a.csv"))
    ran.failed_with("is not a folder that this user owns. Name another folder with TOOL", 2)


@pytest.mark.parametrize("kept", [[], ["--keep-parts"]])
def test_shards_are_joined(store: Store, command: Command, kept: list[str]) -> None:
    """One output is joined of parts, and one is a part that is copied within the store."""
    store.put("in/a.csv", write_long(Path("a.csv"), 2))
    store.put("in/b.csv", write_long(Path("b.csv"), 1))
    assert command("score", "a.csv", "b.csv", "-o", "here/", "-q").exit_code == 0
    call = ["score", store.uri("in/"), "-o", store.uri("out/"), "-q", *kept]
    for shard in range(3):
        assert command(*call, "--shard", f"{shard}/3").exit_code == 0
    assert command("finish", store.uri("out/"), "-q").exit_code == 0
    found = store.contents("out/")
    if kept:
        parts = [f"out/part-0000{number}.csv" for number in range(4)]  # two are of a.csv
        assert [*found] == ["out/_SUCCESS", *parts]
    else:
        assert found == {f"out/{each.name}": each.read_bytes() for each in Path("here").iterdir()}
