"""Where a scored file may be written, and what is never overwritten."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cli.running import Command, write
from tests.models import FILM, shipped_scorer
from tests.scoring.reviews import scores_in_csv, write_csv
from tests.shards.running import begin
from toolkit.errors import OutputError, ToolkitError, UsageError
from toolkit.records import Input
from toolkit.scoring import ScoringOptions, score_file
from toolkit.scoring.jobs import default_output
from toolkit.shards import finish_job, score_shard


@pytest.mark.parametrize("resume", [False, True])
def test_a_link_to_nothing_is_replaced_only_by_force(resume: bool, tmp_path: Path) -> None:
    source, output = write_csv(tmp_path / "a.csv", [FILM]), tmp_path / "b.csv"
    output.symlink_to("none.csv")
    with pytest.raises(UsageError, match=r"b\.csv: is a link to a file that does .* --force"):
        score_file(shipped_scorer(), source, output, ScoringOptions(resume=resume))
    assert not output.exists()
    score_file(shipped_scorer(), source, output, ScoringOptions(force=True))
    assert len(scores_in_csv(tmp_path / "none.csv")) == 1


def test_the_rejects_have_a_place_of_their_own(tmp_path: Path) -> None:
    source, output = write_csv(tmp_path / "a.csv", [FILM]), tmp_path / "b.csv"
    for rejected, message in (
        (
            tmp_path / "." / "b.csv",
            r"b\.csv: cannot be the rejects .*, as it is also the output of .*--rejected",
        ),
        (source, r"is also an input\. Choose another with --rejected"),
    ):
        with pytest.raises(UsageError, match=message):
            score_file(
                shipped_scorer(), source, output, ScoringOptions(force=True), rejected=rejected
            )
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_the_name_of_the_output_tells_its_format(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", [FILM])
    for name in ("b.txt", "b", "b.gz"):
        with pytest.raises(UsageError, match=rf"{name}: unknown ending '.*'. Use"):
            score_file(shipped_scorer(), source, tmp_path / name)
    for name, asked in (("b.parquet.gz", None), ("b.csv.gz", "parquet")):
        with pytest.raises(UsageError, match=r"parquet are compressed internally. Remove \.gz"):
            score_file(
                shipped_scorer(), source, tmp_path / name, ScoringOptions(output_format=asked)
            )
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    score_file(shipped_scorer(), source, tmp_path / "b.CSV")
    assert (tmp_path / "b.CSV").read_bytes().startswith(b"id,text,pre")
    score_file(shipped_scorer(), source, tmp_path / "b.jsonl")
    assert (tmp_path / "b.jsonl").read_bytes().startswith(b'{"id": "0", "text": ')
    score_file(shipped_scorer(), source, tmp_path / "b", ScoringOptions(output_format="tsv"))
    assert (tmp_path / "b").read_bytes().startswith(b"id\ttext\tpre")


def test_devices_and_folders_are_no_output(tmp_path: Path) -> None:
    source, folder = write_csv(tmp_path / "a.csv", [FILM]), tmp_path / "folder.csv"
    folder.mkdir()
    force = ScoringOptions(output_format="csv", force=True)
    with pytest.raises(UsageError, match="/dev/null: is a device or a pipe"):
        score_file(shipped_scorer(), source, Path("/dev/null"), force)
    assert Path("/dev/null").is_char_device()
    with pytest.raises(UsageError, match="is a folder, expected a file"):
        score_file(shipped_scorer(), source, folder, force)


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs another file system, /dev/shm")
def test_the_rejects_may_stand_on_another_file_system(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", [FILM])
    source.write_bytes(source.read_bytes() + b"too,many,fields\n")
    with TemporaryDirectory(dir="/dev/shm") as folder:
        rejected = Path(folder) / "r.jsonl"
        assert rejected.parent.stat().st_dev != tmp_path.stat().st_dev
        summary = score_file(shipped_scorer(), source, tmp_path / "b.csv", rejected=rejected)
        assert summary.rejected == 1
        assert b'"raw": "too,many,fields"' in rejected.read_bytes()
        assert os.listdir(folder) == ["r.jsonl"]
    assert sorted(path.name for path in tmp_path.glob("[!.]*")) == ["a.csv", "b.csv"]


def test_long_names_of_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = write_csv(Path("a.csv"), [FILM])
    long = Path("é" * 115 + ".csv")
    score_file(shipped_scorer(), source, long)
    assert len(scores_in_csv(long)) == 1
    with pytest.raises(
        ToolkitError, match=r"rejected\.jsonl: cannot be written: File name too long"
    ):
        score_file(shipped_scorer(), source, Path("é" * 120 + ".csv"))
    with pytest.raises(ToolkitError, match="cannot be written: File name too long"):
        score_file(shipped_scorer(), source, Path("a" * 300 + ".csv"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("reviews.csv", "reviews.scored.csv"),
        ("a/b.c.jsonl", "a/b.c.scored.jsonl"),
        ("a/b.csv.gz", "a/b.scored.csv.gz"),
        ("a.b.jsonl.zst", "a.b.scored.jsonl.zst"),
        ("-", "-"),
        ("plain", "plain.scored"),
        (".", ".scored"),
        ("/", "/.scored"),
    ],
)
def test_the_output_stands_beside_the_input(source: str, expected: str) -> None:
    assert default_output(Input.of(Path(source))) == Path(expected)


def test_a_full_disk_of_the_rejects_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be on another file system than the output."""
    source = tmp_path / "a.csv"
    source.write_text("text\n1,2\n", encoding="utf-8")
    link = os.link

    def to_another(old: Path, new: Path) -> None:
        if old.name == "rejected.jsonl":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        link(old, new)

    def write(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", to_another)
    monkeypatch.setattr("toolkit.files._copy", write)
    rejected = tmp_path / "r.jsonl"
    with pytest.raises(OutputError, match=r"r\.jsonl: cannot be written: No space left"):
        score_file(shipped_scorer(), source, tmp_path / "b.csv", rejected=rejected)
    assert not rejected.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
@pytest.mark.parametrize(("rights", "expected"), [(0o600, 0o600), (0o440, 0o640), (0o666, 0o644)])
@pytest.mark.parametrize("name", ["b.csv", "b.parquet", "-"])
def test_nobody_may_read_an_output_who_may_not_read_the_input(
    rights: int, expected: int, name: str, command: Command
) -> None:
    source = write("a.csv", "id,text\n1,a superb film\nbad\n")
    source.chmod(rights)
    before = os.umask(0o022)
    try:
        command("score", "a.csv", "-o", name, "--rejected", "r.jsonl", "-q")
    finally:
        os.umask(before)
    names = ["r.jsonl"] if name == "-" else ["r.jsonl", name]
    assert [stat.S_IMODE(Path(each).stat().st_mode) for each in names] == [expected] * len(names)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_nobody_may_read_unfinished_outputs_and_parts(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", [FILM] * 9000)
    with source.open("a") as file:
        file.write("bad\n")
    source.chmod(0o600)

    def open_to_others() -> list[str]:
        """Of all that holds reviews, so neither plans nor claims."""
        found = [path for path in tmp_path.rglob("*") if path.suffix != ".json"]
        private = {path for path in found if not path.stat().st_mode & 0o077}
        return [p.name for p in found if p.is_file() and not private & {p, p.parent}]

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_file(shipped_scorer(), source, tmp_path / "b.csv", on_progress=stop)
    job = begin([source], tmp_path / "c.csv", 2)
    for shard in range(2):
        score_shard(shipped_scorer(), job, shard, ScoringOptions(workers=1))
    assert open_to_others() == []
    finish_job(job)
    assert (tmp_path / "c.csv.rejected.jsonl").exists()
    assert open_to_others() == []
