"""Files that change under a run: its input, what it has written, and what comes to its outputs."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from tests.models import shipped_scorer
from tests.scoring.kinds import KINDS
from tests.scoring.test_resume import (
    OPTIONS,
    Stopped,
    assert_same_as_whole,
    file_of,
    hidden,
    make,
    signed,
    stop_after,
)
from toolkit.errors import InputError, OutputError, UsageError
from toolkit.records import Input
from toolkit.scoring import Progress, ScoringOptions, score_file
from toolkit.scoring.jobs import default_rejected

Act = Callable[[Path], None]
PLAIN = replace(OPTIONS, resume=False)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 50)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"1,another\n")


def rewrite(path: Path) -> None:
    """In place: the same size, another time."""
    data = path.read_bytes()
    with path.open("r+b") as file:
        file.write(data[:-9] + b"different"[: len(data[-9:])])
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


def rewrite_in_silence(path: Path) -> None:
    """In place: the same size, and the time as it was."""
    time.sleep(0.02)  # the clock of a file system may take a step only every 10 ms
    before = path.stat()
    rewrite(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swap(path: Path) -> None:
    """By a file of the same size and time, as a copy that keeps the time makes it."""
    other, facts = path.with_name("other"), path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 20] ^= 1
    other.write_bytes(data)
    os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    other.replace(path)


def remove(path: Path) -> None:
    path.unlink()


def at_first(act: Act, path: Path, times: int = 1) -> Callable[[Progress], None]:
    """Act while a file is scored, after each of the first blocks."""
    blocks = count(1)

    def change(_: Progress) -> None:
        if next(blocks) <= times:
            act(path)

    return change


@pytest.mark.parametrize("kind", KINDS, ids=" → ".join)
@pytest.mark.parametrize("act", [cut, append, rewrite, rewrite_in_silence, swap, remove])
@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_an_input_that_changes_gives_nothing(
    kind: tuple[str, str], act: Act, seconds: float, tmp_path: Path
) -> None:
    source, output = make(tmp_path, kind[0]), tmp_path / f"b{kind[1]}"
    change = at_first(act, source)
    options = replace(PLAIN, checkpoint_seconds=seconds)
    with pytest.raises(InputError):
        score_file(shipped_scorer(), source, output, options, change)
    assert [path for path in tmp_path.iterdir() if path != source and path.suffix != ".done"] == []


def limit(path: Path) -> None:
    time.sleep(0.02)
    path.chmod(0o600 if path.stat().st_mode & 0o077 else 0o644)


def link(path: Path) -> None:
    time.sleep(0.02)
    os.link(path, path.with_name(f"link{path.stat().st_nlink}"))


@pytest.mark.parametrize("kind", KINDS, ids=" → ".join)
@pytest.mark.parametrize("act", [limit, link])
@pytest.mark.parametrize("number", [1, 2])
def test_rights_and_links_may_change(
    kind: tuple[str, str], act: Act, number: int, tmp_path: Path
) -> None:
    source, output = make(tmp_path, kind[0]), tmp_path / f"b{kind[1]}"
    score_file(shipped_scorer(), source, output, PLAIN, at_first(act, source, number))
    assert_same_as_whole(source, output)
    assert hidden(tmp_path) == []


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (cut, "it had [0-9,]+ bytes, and has [0-9,]+"),
        (append, "it had [0-9,]+ bytes, and has [0-9,]+"),
        (rewrite, "it was written to"),
        (rewrite_in_silence, "it was written to, or its rights or links were changed"),
        (swap, "another file has its name now"),
        (remove, "it is gone"),
    ],
)
def test_a_change_at_the_very_end_is_found(act: Act, what: str, tmp_path: Path) -> None:
    source, output = make(tmp_path, ".csv"), tmp_path / "b.csv"
    options = replace(PLAIN, reading=ScoringOptions().reading)  # one block, which is read already
    message = rf"a\.csv: has changed while it was scored: {what}\. Nothing of it is kept\. Score it"
    with pytest.raises(InputError, match=message):
        score_file(shipped_scorer(), source, output, options, lambda _: act(source))
    assert [path for path in tmp_path.iterdir() if path != source and path.suffix != ".done"] == []


@pytest.mark.parametrize("kind", [*KINDS, (".parquet", ".jsonl")], ids=" → ".join)
def test_another_input_of_the_same_size_and_time_is_refused(
    kind: tuple[str, str], tmp_path: Path
) -> None:
    source, output = make(tmp_path, kind[0]), tmp_path / f"b{kind[1]}"
    with pytest.raises(Stopped):
        score_file(shipped_scorer(), source, output, OPTIONS, stop_after(2))
    kept = tmp_path / "kept"
    shutil.copy2(source, kept)
    swap(source)
    with pytest.raises(UsageError, match=r"cannot be continued, because this has changed: the inp"):
        score_file(shipped_scorer(), source, output, OPTIONS)
    assert not output.exists()
    kept.replace(source)  # the same content again, though another file
    score_file(shipped_scorer(), source, output, OPTIONS)
    assert_same_as_whole(source, output)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(".csv", "output"), (".csv", "rejected.jsonl"), (".csv.gz", "output"), (".parquet", "scores")],
)
def test_a_flipped_bit_is_found(kind: str, name: str, tmp_path: Path) -> None:
    source, output = make(tmp_path, kind), tmp_path / f"b{kind}"
    with pytest.raises(Stopped):
        score_file(shipped_scorer(), source, output, OPTIONS, stop_after(3))
    path = file_of(output, name)
    data = bytearray(path.read_bytes())
    for place in (0, len(data) // 2, len(data) - 1):
        data[place] ^= 4
        path.write_bytes(data)
        with pytest.raises(UsageError, match=rf"{name}: was changed: start over with --force"):
            score_file(shipped_scorer(), source, output, OPTIONS)
        data[place] ^= 4
    path.write_bytes(data)
    score_file(shipped_scorer(), source, output, OPTIONS)
    assert_same_as_whole(source, output)


def put(path: Path) -> Callable[[Progress], None]:
    """Give what puts a file somewhere while another one is scored."""

    def act(_: Progress) -> None:
        path.write_bytes(b"precious")

    return act


NO_LINKS = [None, errno.EPERM]


@pytest.mark.parametrize("code", NO_LINKS)
@pytest.mark.parametrize("which", ["output", "rejects"])
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_what_appears_during_the_run_is_kept(
    which: str, ending: str, code: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if code is not None:  # a file system without links

        def link(*_: object) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "link", link)
    source, output = make(tmp_path, ".csv"), tmp_path / f"b{ending}"
    place = output if which == "output" else default_rejected(Input.of(source), output)
    message = f"{place.name}: a file has appeared here during the run, and is not replaced"
    with pytest.raises(OutputError, match=message) as caught:
        score_file(shipped_scorer(), source, output, PLAIN, put(place))
    assert "--resume" in caught.value.__notes__[0]
    scored: list[Progress] = []
    for _ in range(2):
        with pytest.raises(OutputError, match=message):
            score_file(shipped_scorer(), source, output, OPTIONS, scored.append)
        assert place.read_bytes() == b"precious"
    if which == "output":
        place.unlink()
        score_file(shipped_scorer(), source, output, OPTIONS, scored.append)
    else:
        both = replace(OPTIONS, force=True)
        score_file(shipped_scorer(), source, output, both, scored.append)
    assert scored == []
    assert hidden(tmp_path) == []
    assert_same_as_whole(source, output)


def test_a_file_that_appears_is_replaced_by_force(tmp_path: Path) -> None:
    source, output = make(tmp_path, ".csv"), tmp_path / "b.csv"
    forced = replace(PLAIN, force=True)
    score_file(shipped_scorer(), source, output, forced, put(output))
    assert_same_as_whole(source, output)


def test_a_complete_output_that_is_changed_is_not_published(tmp_path: Path) -> None:
    source, output = make(tmp_path, ".csv"), tmp_path / "b.csv"
    with pytest.raises(OutputError):
        score_file(shipped_scorer(), source, output, PLAIN, lambda _: output.mkdir(exist_ok=True))
    output.rmdir()
    append(file_of(output, "output"))
    with pytest.raises(UsageError, match="output: was changed: start over with --force"):
        score_file(shipped_scorer(), source, output, OPTIONS)
    summary = score_file(shipped_scorer(), source, output, replace(OPTIONS, force=True))
    assert summary.records == 40
    assert_same_as_whole(source, output)


@pytest.mark.parametrize("name", ["", "journal", "output", "rejected.jsonl"])
def test_progress_that_is_a_link_is_not_followed(name: str, tmp_path: Path) -> None:
    """Such as in a folder where others may write, who want another file to be written."""
    source, output = make(tmp_path, ".csv"), tmp_path / "b.csv"
    with pytest.raises(Stopped):
        score_file(shipped_scorer(), source, output, OPTIONS, stop_after(2))
    path = file_of(output, "journal").parent / name
    path.rename(tmp_path / "precious")
    path.symlink_to(tmp_path / "precious")
    precious = file_of(output, "journal") if name == "" else tmp_path / "precious"
    before = precious.read_bytes()
    for force in (False, True):
        with pytest.raises(
            UsageError, match=r"is a link, expected the toolkit's own file of progress\. Remove it"
        ):
            score_file(shipped_scorer(), source, output, replace(OPTIONS, force=force))
    assert precious.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["journal", "output"])
def test_progress_that_is_a_pipe_is_not_opened(name: str, tmp_path: Path) -> None:
    source, output = make(tmp_path, ".csv"), tmp_path / "b.csv"
    with pytest.raises(Stopped):
        score_file(shipped_scorer(), source, output, OPTIONS, stop_after(2))
    path = file_of(output, name)
    path.unlink()
    os.mkfifo(path)
    for force in (False, True):
        with pytest.raises(
            UsageError, match=r"is a pipe, a device or a folder, expected the toolkit's own file"
        ):
            score_file(shipped_scorer(), source, output, replace(OPTIONS, force=force))


def test_a_journal_that_names_other_files_is_refused(tmp_path: Path) -> None:
    source, output = make(tmp_path, ".csv"), tmp_path / "b.csv"
    with pytest.raises(Stopped):
        score_file(shipped_scorer(), source, output, OPTIONS, stop_after(2))
    journal = file_of(output, "journal")
    line = json.loads(journal.read_bytes().splitlines()[-1])
    line["checkpoint"]["files"]["../../secret.txt"] = [3, 5]
    del line["checksum"]
    journal.write_bytes(signed(line) + b"\n")
    with pytest.raises(UsageError, match="the progress is damaged, or of another version"):
        score_file(shipped_scorer(), source, output, OPTIONS)


def test_a_journal_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    source, output = make(tmp_path, ".csv"), tmp_path / "b.csv"
    with pytest.raises(Stopped):
        score_file(shipped_scorer(), source, output, OPTIONS, stop_after(2))
    file_of(output, "journal").write_text("[" * 200_000 + "\n")
    with pytest.raises(UsageError, match="the progress is damaged, or of another version"):
        score_file(shipped_scorer(), source, output, OPTIONS)
