"""An input is looked at once: what a path leads to, and how often the disk is asked."""

from __future__ import annotations

import os
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Command, write
from toolkit.records import STDIN, Input
from toolkit.records.inputs import PathKind

# What stays are the questions whether the file has changed, and which rights it has now.
MOST_LOOKS = {"a.csv": 7, "folder": 7, "many.zip": 19, "--dry-run": 2}


def test_what_a_path_leads_to(tmp_path: Path) -> None:
    file = tmp_path / "a.csv.gz"
    file.write_bytes(b"")
    (tmp_path / "link.csv").symlink_to(file)
    found = {
        path: Input.of(path) for path in (STDIN, tmp_path, file, tmp_path / "b", Path(os.devnull))
    }
    kinds = (PathKind.STREAM, PathKind.FOLDER, PathKind.FILE, PathKind.MISSING, PathKind.SPECIAL)
    assert [each.kind for each in found.values()] == [*kinds]
    assert found[STDIN].name == "standard input"
    assert (found[file].compression, found[file].name) == ("gzip", str(file))
    facts = found[file].facts
    assert facts is not None
    assert facts.size == 0
    assert Input.of(tmp_path / "link.csv").real_path == Path(os.path.realpath(file))
    assert found[tmp_path / "b"].look() is None
    assert Input.of(Path("a\0b")).kind is PathKind.MISSING
    assert Input.of(found[file]) is found[file]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_is_a_stream(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert Input.of(tmp_path / "pipe").is_stream


def test_a_member_of_an_archive(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("in/b.csv", "text\n")
        file.writestr("c.txt", "")
    found = Input.of(archive)
    assert (found.is_archive, found.archive, found.file) == (True, None, archive)
    member = Input.of(archive / "in" / "b.csv")
    assert (member.is_archive, member.archive, member.member_name) == (False, archive, "in/b.csv")
    assert found.members([".csv"]) == member.members([".csv"]) == [member]
    assert found.only_member([".csv"]) == pickle.loads(pickle.dumps(member))
    assert found.count_others([".csv"]) == 1
    folder = tmp_path / "folder.zip"
    folder.mkdir()
    (folder / "a.csv").write_text("text\n")
    assert Input.of(folder / "a.csv").archive is None


@contextmanager
def looks_at(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect how the disk is asked of a file, or of a member of an archive."""
    found: list[str] = []

    def asked(function: Callable[..., Any]) -> Callable[..., Any]:
        def ask(path: Any, *others: Any, **options: Any) -> Any:
            if not isinstance(path, int):
                shown = os.path.relpath(os.fspath(path))
                if shown == name or shown.startswith(f"{name}/"):
                    found.append(function.__name__)
            return function(path, *others, **options)

        return ask

    with monkeypatch.context() as patched:
        for function in (os.stat, os.lstat):
            patched.setattr(os, function.__name__, asked(function))
        yield found


@pytest.mark.skipif(sys.platform == "win32", reason="Windows asks in other ways")
@pytest.mark.parametrize("kind", MOST_LOOKS)
def test_the_disk_is_not_asked_again(
    kind: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("folder").mkdir()
    with zipfile.ZipFile("many.zip", "w") as archive:
        for member in ("a.csv", "b.csv"):
            archive.writestr(member, "text\na superb film\n")
    name = {"folder": "folder/a.csv", "--dry-run": "a.csv"}.get(kind, kind)
    if kind != "many.zip":
        write(name)
    arguments = ["a.csv", kind] if kind == "--dry-run" else [kind, "-o", "out/"]
    with looks_at(name, monkeypatch) as looks:
        assert command("score", *arguments).exit_code == 0
    assert 0 < len(looks) <= MOST_LOOKS[kind]
