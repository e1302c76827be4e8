"""Files found in folders and by patterns: no file of reviews is lost."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.running import Command, files_in, write
from tests.models import shipped_scorer
from toolkit.errors import InputError
from toolkit.scoring import ScoringOptions, find_jobs, score_files

NOBODY = 65534


@pytest.fixture
def data(command: Command) -> Path:
    """A folder with a file of reviews."""
    (command.folder / "data" / "inner").mkdir(parents=True)
    write("data/a.csv")
    write("data/inner/b.csv")
    return Path("data")


@pytest.mark.parametrize("name", ["data", "data/**"])
def test_a_broken_link_fails(command: Command, data: Path, name: str) -> None:
    (data / "dead.csv").symlink_to("missing.csv")
    (data / "inner" / "circle.csv").symlink_to("circle.csv")
    ran = command("score", name, "-o", "out")
    assert ran.exit_code == 1
    assert "files         4, 2 failed\n" in ran.err
    assert "error: data/dead.csv: no such file\n" in ran.err
    assert "error: data/inner/circle.csv: cannot be read: Too many levels of " in ran.err
    assert {"a.csv", "inner/b.csv"} <= set(files_in("out"))


@pytest.mark.parametrize("name", ["data", "data/**"])
def test_pipes_are_ignored_and_counted(command: Command, data: Path, name: str) -> None:
    os.mkfifo(data / "pipe.csv")
    ran = command("score", name, "-o", "out")
    assert (ran.exit_code, files_in("out")) == (0, ["a.csv", "inner/b.csv"]), ran.err
    assert "ignored       1 file of" in ran.err


def test_links_to_folders_are_reported(command: Command, data: Path) -> None:
    Path("elsewhere").mkdir()
    write("elsewhere/c.csv")
    (data / "link").symlink_to("../elsewhere")
    (data / "up").symlink_to("..")
    ran = command("score", data, "-o", "out")
    assert (ran.exit_code, files_in("out")) == (0, ["a.csv", "inner/b.csv"]), ran.err
    assert "  not followed  2 links to folders, such as data/link\n" in ran.err
    assert command("score", data / "link", "-o", "linked").exit_code == 0
    assert files_in("linked") == ["c.csv"]
    Path("links").mkdir()
    Path("links/link").symlink_to("../elsewhere")
    command("score", "links", "-o", "o").failed_with("The link links/link to a folder is not foll")


@contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """Be a user without rights, if this one is root, in the folder."""
    is_root = os.geteuid() == 0
    os.chdir(folder)
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder `data/private` that nobody can read; the folders of pytest are closed to others."""
    folder, before = Path(tempfile.mkdtemp()), Path.cwd()
    (folder / "data" / "private").mkdir(parents=True)
    write(str(folder / "data" / "a.csv"))
    write(str(folder / "data" / "private" / "b.csv"))
    folder.chmod(0o755)
    (folder / "data" / "private").chmod(0)
    yield folder
    os.chdir(before)
    (folder / "data" / "private").chmod(0o755)
    shutil.rmtree(folder)


UNREADABLE = "data/private: this folder cannot be read: Permission denied"


@pytest.mark.parametrize("name", ["data/private", "data/*/b.csv", "data/**/*.csv"])
def test_a_folder_that_cannot_be_read(closed: Path, name: str) -> None:
    with as_nobody(closed), pytest.raises(InputError, match=f"^{UNREADABLE}$"):
        find_jobs([name], "out")


def test_a_folder_below_one_that_cannot_be_read_fails_alone(closed: Path) -> None:
    options = ScoringOptions(workers=1)
    with as_nobody(closed):
        jobs = find_jobs(["data"], "out")
    # As the user who may write here.
    first, second = score_files(shipped_scorer(), jobs, options)
    assert (first.job.source, first.summary.records, first.error) == (Path("data/a.csv"), 3, None)
    assert (second.job.source, second.error) == (Path("data/private"), UNREADABLE)
    assert {"a.csv"} < set(files_in("out"))  # and what says that the run is unfinished
    (closed / "data" / "private").chmod(0o755)
    jobs = find_jobs(["data"], "out")
    results = score_files(shipped_scorer(), jobs, ScoringOptions(workers=1, resume=True))
    assert [result.summary.records for result in results] == [3, 3]
    assert files_in("out") == ["a.csv", "private/b.csv"]


def test_outputs_beside_their_inputs_are_not_scored(command: Command, data: Path) -> None:
    write("data/alone.scored.csv")
    assert command("score", "data/a.csv").exit_code == 0
    assert command("score", data, "-o", "out").exit_code == 0
    assert files_in("out") == ["a.csv", "alone.scored.csv", "inner/b.csv"]


def test_a_pattern_does_not_match_earlier_outputs(command: Command, data: Path) -> None:
    write("data/a.csv", "text\na film\n1,2\n")
    assert command("score", "data/a.csv").exit_code == 3
    assert command("score", "data/*", "-o", "data/out").exit_code == 3
    assert files_in("data/out") == ["a.csv", "a.csv.rejected.jsonl"]
    for pattern in ("data/*", "data/**"):
        ran = command("score", pattern, "-o", "data/out", "--force")
        assert ran.exit_code == 3, ran.err
    names = ["a.csv", "a.csv.rejected.jsonl", "inner/b.csv"]
    assert files_in("data/out") == names
    # Where they are asked for, they are read.
    ran = command("score", "data/*.rejected.jsonl", "-o", "o", "--text-column", "raw")
    assert (ran.exit_code, files_in("o")) == (0, ["a.scored.csv.rejected.jsonl"]), ran.err


def test_the_input_may_be_inside_the_output_folder(command: Command, data: Path) -> None:
    ran = command("score", data / "inner", "-o", data)
    assert (ran.exit_code, files_in("data")) == (0, ["a.csv", "b.csv", "inner/b.csv"]), ran.err


def test_a_slash_means_a_folder(command: Command) -> None:
    write("a.csv")
    for _ in range(2):
        ran = command("score", "a.csv", "-o", "new.csv/", "--force")
        assert (ran.exit_code, files_in("new.csv")) == (0, ["a.csv"]), ran.err
    command("score", "a.csv", "-o", "a.csv/").failed_with("a.csv: is a file, expected a folder", 2)
    ran = command("score", "-", "-o", "in/", "--format", "csv")
    ran.failed_with("is a folder. Name a file for standard input with --output.", 2)
    assert command.files() == ["a.csv", "new.csv"]


@pytest.mark.parametrize("form", [None, "jsonl", "parquet"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_outputs_of_any_format_beside_their_inputs_are_left_out(
    command: Command, form: str | None, ending: str
) -> None:
    if ending and form == "parquet":
        pytest.skip("a Parquet file is not compressed as a whole")
    Path("d").mkdir()
    content = b"text\na film\n1,2\n"
    write(f"d/a.csv{ending}", gzip.compress(content) if ending else content)
    as_form = [] if form is None else ["--output-format", form]
    assert command("score", f"d/a.csv{ending}", *as_form).exit_code == 3
    scored = f"a.scored.{form or 'csv'}{ending}"
    assert files_in("d") == [f"a.csv{ending}", scored, f"{scored}.rejected.jsonl"]
    names = [f"a.csv{ending}", f"a.csv{ending}.rejected.jsonl"]
    for number, pattern in enumerate(("d", "d/*", f"d/*.csv{ending}", f"**/a*.c*{ending}")):
        ran = command("score", pattern, "-o", f"out{number}/" if number < 3 else "out3")
        found = [name.removeprefix("d/") for name in files_in(f"out{number}")]
        assert (ran.exit_code, found) == (3, names), ran.err
        shutil.rmtree(f"out{number}")
    # Where only outputs match, nothing is left; by their own pattern, they can be asked for.
    if form is not None:
        ran = command("score", f"d/*.{form}{ending}", "-o", "out/")
        ran.failed_with("no file matches this pattern")
    named = ["--names", "sentiment=s,probability=p"]
    ran = command("score", f"d/*.scored.{form or 'csv'}{ending}", "-o", "again/", *named)
    assert (ran.exit_code, files_in("again")) == (0, [scored]), ran.err


@pytest.mark.parametrize("more", [None, "--force", "--resume", "--skip-existing"])
def test_a_pattern_into_its_own_folder_replaces_no_input(
    command: Command, data: Path, more: str | None
) -> None:
    options = [] if more is None else [more]
    ran = command("score", "data/*.csv", "-o", "data/", *options)
    ran.failed_with("data/a.csv: is an input, which the output of data/a.csv would replace", 2)
    assert files_in("data") == ["a.csv", "inner/b.csv"]
