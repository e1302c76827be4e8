"""Prefixes are folders, and patterns match objects, by the same rules as on a disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import CSV, Command, files_in
from tests.models import shipped_scorer
from tests.stores.server import Bucket
from toolkit.scoring import FileResult, ScoringOptions, find_jobs, score_files

_FILES = [
    "a/one.csv",
    "a/two.csv",
    "a/two.scored.csv",
    "a/two.csv.rejected.jsonl",
    "a/notes.txt",
    "a/.hidden.csv",
    "a/_temporary/x.csv",
    "a/b/three.jsonl",
    "a/b/c/four.tsv",
    "ab/five.csv",
    "top.csv",
]
_CONTENT = {".jsonl": '{"text": "a fine film"}\n', ".tsv": "id\ttext\n1\ta bore\n"}
_PATTERNS = [
    "a/*.csv",
    "a/*",
    "a/**/*.csv",
    "a/**",
    "**/*.csv",
    "*/*.csv",
    "a/[ot]*.csv",
    "a/?ne.csv",
    "a/b/**/*.tsv",
    "a/*/*.jsonl",
    "a/.h*.csv",
    "*.csv",
    "a/*.rejected.jsonl",
    "a/*.scored.csv",
    "a*/five.csv",
]


def _fill(bucket: Bucket, folder: Path) -> None:
    for name in _FILES:
        content = _CONTENT.get(Path(name).suffix, CSV)
        bucket.put(f"data/{name}", content.encode())
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def _found(name: str) -> list[tuple[str, str]]:
    jobs = find_jobs([name], "out/")
    return [(str(job.source), str(job.output)) for job in jobs.files]


@pytest.mark.parametrize("pattern", _PATTERNS)
def test_patterns_match_as_on_a_disk(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    monkeypatch.chdir(tmp_path)
    _fill(bucket, tmp_path)
    here = _found(f"data/{pattern}")
    assert here
    there = _found(bucket.uri(f"data/{pattern}"))
    assert there == [(bucket.uri(source), output) for source, output in here]


@pytest.mark.parametrize("name", ["data", "data/", "data/a", "data/a/", "data/a/b/"])
def test_prefixes_are_folders(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    _fill(bucket, tmp_path)
    here = [(bucket.uri(source), output) for source, output in _found(name)]
    assert _found(bucket.uri(name)) == here
    assert len(here) >= 2


def test_a_prefix_is_scored_into_another(bucket: Bucket, command: Command) -> None:
    _fill(bucket, Path())
    for source, output in (("data/", "out/"), (bucket.uri("data/"), bucket.uri("out/"))):
        ran = command("score", source, "-o", output)
        assert ran.exit_code == 0
    assert bucket.keys("out/") == [f"out/{name}" for name in files_in("out")]
    again = command("score", bucket.uri("data/a/*.csv"), "-o", bucket.uri("out/a/"))
    assert again.exit_code == 2
    assert "out/a/one.csv: exists already, and 1 more" in again.err
    bucket.delete("out/a/one.csv")
    new = ["score", bucket.uri("data/a/*.csv"), "-o", bucket.uri("out/a/"), "--skip-existing"]
    assert command(*new).exit_code == 0
    assert bucket.get("out/a/one.csv") == Path("out/a/one.csv").read_bytes()
    (record,) = [key for key in bucket.keys("out/") if key.endswith(".done")]
    assert record.startswith("out/a/.one.csv.")  # the other object is of another run
    (changed,) = [key for key in bucket.keys("data/a/") if key.endswith("one.csv")]
    bucket.put(changed, f"{CSV}9,a new row\n".encode())  # of one second: told apart by its ETag
    ran = command(*new)
    assert (ran.exit_code, ran.err.count("error: ")) == (1, 1)
    assert "out/a/one.csv: is out of date. Since it was written from s3://" in ran.err
    assert command(*new, "--force").exit_code == 0
    assert command(*new).exit_code == 0


def test_outputs_in_the_prefix_that_is_scored_are_no_inputs(
    bucket: Bucket, command: Command
) -> None:
    bucket.put("a/one.csv", CSV.encode())
    for _ in range(2):
        options = ["-o", bucket.uri("a/out/"), "--force"]
        assert command("score", bucket.uri("a/"), *options).exit_code == 0
    assert bucket.keys() == ["a/one.csv", "a/out/one.csv"]
    assert command("score", bucket.uri("a/one.csv")).exit_code == 0
    assert [source for source, _ in _found(bucket.uri("a/"))] == [
        bucket.uri("a/one.csv"),
        bucket.uri("a/out/one.csv"),
    ]


def test_what_is_missing_is_reported(bucket: Bucket, command: Command) -> None:
    bucket.put("a/notes.txt", b"x")
    pattern = bucket.uri("a/*.csv")
    command("score", pattern, "-o", "x/").failed_with(f"{pattern}: no file matches this pattern")
    ran = command("score", bucket.uri("a/"), "-o", "x/")
    ran.failed_with(
        f"{bucket.uri('a')}: the folder has no file of reviews, whose names end in .csv"
    )
    bucket.put("h/.hidden.csv", CSV.encode())
    ran = command("score", bucket.uri("h/"), "-o", "x/")
    ran.failed_with(f"{bucket.uri('h')}: the folder has no file of reviews")
    missing = command("score", "s3://no-such-bucket/a/*.csv", "-o", "x/")
    missing.failed_with("cannot be listed: no such bucket")


def test_an_input_is_not_replaced(bucket: Bucket, command: Command) -> None:
    bucket.put("a/one.csv", CSV.encode())
    uri = bucket.uri("a/one.csv")
    command("score", uri, "-o", uri, "--force").failed_with("is also an input", 2)
    ran = command("score", bucket.uri("a/"), "-o", bucket.uri("a/"), "--force")
    ran.failed_with("is also an input", 2)
    assert bucket.get("a/one.csv") == CSV.encode()


def test_a_small_object_takes_few_requests(
    bucket: Bucket, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request takes some milliseconds, which is most of the time of a small object."""
    import obstore

    def requests(count: int) -> int:
        for number in range(count):
            bucket.put(f"in-{count}/{number}.csv", CSV.encode())
        made: list[str] = []

        def counted(name: str) -> Any:
            own = getattr(obstore, name)

            def called(*arguments: Any, **options: Any) -> Any:
                made.append(name)
                return own(*arguments, **options)

            return called

        with monkeypatch.context() as patch:
            for name in ("head", "get", "put", "list", "copy", "delete"):
                patch.setattr(obstore, name, counted(name))
            ran = command("score", bucket.uri(f"in-{count}/"), "-o", bucket.uri(f"out-{count}/"))
        assert ran.exit_code == 0, ran.err
        return len(made)

    assert requests(12) - requests(2) <= 8 * 10


@pytest.mark.parametrize("name", ["b.csv", "b.csv.rejected.jsonl"])
def test_an_object_that_comes_before_its_turn_is_not_replaced(
    bucket: Bucket, command: Command, name: str
) -> None:
    for each in "abc":
        bucket.put(f"in/{each}.csv", (CSV + "1,2,3,4\n").encode())

    def come(result: FileResult) -> None:
        if result.job.source.name == "a.csv":
            bucket.put(f"out/{name}", b"foreign")

    jobs = find_jobs([bucket.uri("in/")], bucket.uri("out/"))
    results = score_files(shipped_scorer(), jobs, on_start=come)
    assert [result.error is None for result in results] == [True, False, True]
    assert f"{bucket.uri(f'out/{name}')}: " in str(results[1].error)
    assert bucket.get(f"out/{name}") == b"foreign"
    (again,) = [
        each for each in score_files(shipped_scorer(), jobs, ScoringOptions(resume=True))
        if each.error is not None
    ]  # fmt: skip
    assert again.job.source.name == "b.csv"
    bucket.delete(f"out/{name}")
    score_files(shipped_scorer(), jobs, ScoringOptions(resume=True))
    assert bucket.get("out/b.csv") == bucket.get("out/a.csv")
    assert len(bucket.keys("out/")) == 6
