"""Outputs that appear complete or not at all."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from toolkit.errors import OutputError, ToolkitError, UsageError
from toolkit.files import (
    atomic_file,
    atomic_files,
    atomic_folder,
    place,
    remove_unfinished,
    temporary_folder,
)


def test_file_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with atomic_file(target) as partial:
        partial.write_text("whole")
        assert not target.exists()
        assert partial.parent == tmp_path  # a rename must not cross file systems
    assert target.read_text() == "whole"
    assert os.listdir(tmp_path) == ["out.csv"]


def test_file_has_ordinary_rights(tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()
    with atomic_file(tmp_path / "out") as partial:
        partial.touch()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_failure_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(error), atomic_file(target, force=True) as partial:
        partial.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.csv"]


def test_existing_file_is_refused_before_the_work_starts(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(UsageError, match=r"out\.csv: exists already.*--force"):
        with atomic_file(target):
            pytest.fail("the work has begun")
    with atomic_file(target, force=True) as partial:
        partial.write_text("new")
    assert target.read_text() == "new"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="none does not exist"), atomic_file(tmp_path / "none/out"):
        pass
    with pytest.raises(UsageError, match="file is a file"), atomic_file(tmp_path / "file/out"):
        pass
    with pytest.raises(UsageError, match="is a folder"), atomic_file(tmp_path, force=True):
        pass


def test_full_disk_names_the_output(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with pytest.raises(ToolkitError, match=r"out\.csv: cannot be written: No space left"):
        with atomic_file(target), Path("/dev/full").open("w") as full:
            full.write("x" * 100_000)
    assert os.listdir(tmp_path) == []


def test_folder_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "run"
    with atomic_folder(target) as partial:
        (partial / "part").write_text("whole")
        assert not target.exists()
    assert (target / "part").read_text() == "whole"
    assert os.listdir(tmp_path) == ["run"]


def test_folder_is_replaced_completely(tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(UsageError, match="run: exists already"), atomic_folder(target):
        pass
    with pytest.raises(KeyboardInterrupt), atomic_folder(target, force=True) as partial:
        (partial / "new").touch()
        raise KeyboardInterrupt
    assert os.listdir(target) == ["old"]
    with atomic_folder(target, force=True) as partial:
        (partial / "new").touch()
    assert os.listdir(target) == ["new"]
    assert os.listdir(tmp_path) == ["run"]


def test_unfinished_files_can_be_removed_at_once(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    with pytest.raises(ToolkitError, match="No such file"):
        with atomic_file(tmp_path / "out"), atomic_folder(tmp_path / "run") as partial:
            (partial / "part").touch()
            remove_unfinished()
            assert os.listdir(tmp_path) == ["kept"]


def test_a_temporary_folder_is_removed_at_the_end_and_when_interrupted() -> None:
    with pytest.raises(KeyboardInterrupt), temporary_folder() as folder:
        (folder / "a").touch()
        raise KeyboardInterrupt
    assert not folder.exists()
    with temporary_folder() as folder:
        (folder / "a").touch()
        remove_unfinished()
        assert not folder.exists()


def test_links_are_kept_and_lead_to_the_new_content(tmp_path: Path) -> None:
    for name in ("file", "folder"):
        (tmp_path / f"{name}.link").symlink_to(tmp_path / name)
    with (
        pytest.raises(UsageError, match="is a link to a"),
        atomic_file(tmp_path / "file.link"),
    ):
        pass
    (tmp_path / "folder").mkdir()
    with (
        atomic_file(tmp_path / "file.link", force=True) as file,
        atomic_folder(tmp_path / "folder.link", force=True) as folder,
    ):
        file.write_text("new")
        (folder / "new").touch()
    assert (tmp_path / "file.link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"
    assert (tmp_path / "folder.link").is_symlink()
    assert os.listdir(tmp_path / "folder") == ["new"]
    assert sorted(os.listdir(tmp_path)) == ["file", "file.link", "folder", "folder.link"]


@pytest.mark.parametrize("path", ["/dev/null", "/dev/stdout", "/dev/new"])
def test_devices_are_never_replaced(path: str) -> None:
    with (
        pytest.raises(UsageError, match="is a device or a pipe"),
        atomic_file(Path(path), force=True),
    ):
        pass


def test_folder_without_permission_to_write() -> None:
    with pytest.raises(UsageError, match=r"/proc/out: cannot create a file in /proc"):
        with atomic_file(Path("/proc/out")):
            pytest.fail("the work has begun")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A program that a shell starts in the background ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("force", [True, False])
def test_an_interruption_waits_for_all_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    rename = Path.replace if force else os.link

    def rename_and_interrupt(source: Path, target: Path) -> None:
        signal.raise_signal(signal.SIGINT)
        rename(source, target)

    monkeypatch.setattr(Path if force else os, "replace" if force else "link", rename_and_interrupt)
    paths = tmp_path / "a", tmp_path / "b"
    with pytest.raises(KeyboardInterrupt), atomic_files(*paths, force=force):
        pass
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_file_that_comes_during_the_work_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with pytest.raises(OutputError, match="a: cannot be written: File exists"):
        with atomic_file(path) as partial:
            partial.write_text("mine", encoding="utf-8")
            path.write_text("another's", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "another's"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.usefixtures("interruptible")
def test_an_interruption_never_loses_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    rename = Path.rename

    def rename_and_interrupt(self: Path, target: Path) -> Path:
        renamed = rename(self, target)
        signal.raise_signal(signal.SIGINT)
        return renamed

    monkeypatch.setattr(Path, "rename", rename_and_interrupt)
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "run", force=True) as partial:
        (partial / "new").touch()
    assert os.listdir(tmp_path) == ["run"]
    assert os.listdir(tmp_path / "run") == ["new"]


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs another file system, /dev/shm")
@pytest.mark.parametrize("on_another", [False, True])
def test_a_complete_file_moves_to_its_place(tmp_path: Path, on_another: bool) -> None:
    with TemporaryDirectory(dir="/dev/shm" if on_another else tmp_path) as folder:
        local, target = tmp_path / "local", Path(folder, "target")
        assert (target.parent.stat().st_dev != tmp_path.stat().st_dev) is on_another
        local.write_text("new")
        target.write_text("old")
        with pytest.raises(FileExistsError, match="target"):
            place(local, target)
        assert (local.read_text(), target.read_text()) == ("new", "old")
        place(local, target, force=True)
        assert (local.exists(), target.read_text()) == (False, "new")
        local.write_text("newer")
        target.unlink()
        place(local, target)
        assert (local.exists(), target.read_text()) == (False, "newer")
        assert os.listdir(folder) == ["target"]


def test_a_place_that_has_the_same_content_is_taken_for_an_earlier_attempt(tmp_path: Path) -> None:
    target = tmp_path / "target"
    place(b"same", target)
    place(b"same", target)
    (tmp_path / "local").write_text("same")
    place(tmp_path / "local", target)
    os.link(target, tmp_path / "local")
    place(tmp_path / "local", target)
    assert os.listdir(tmp_path) == ["target"]
    with pytest.raises(FileExistsError, match="target"):
        place(b"othr", target)
    assert target.read_text() == "same"
