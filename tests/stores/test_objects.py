"""Objects that are read in any order, and created or replaced as a whole."""

from __future__ import annotations

import io
import os
import random
import stat
import threading
from pathlib import Path

import pytest

from tests.stores.azure import Store
from tests.stores.proxy import Proxy
from tests.stores.server import Bucket
from toolkit.errors import InputError, StoreError
from toolkit.files import atomic_file, is_a_file, is_a_folder, is_there, place, remove_tree
from toolkit.records.inputs import FileFacts
from toolkit.stores.paths import StorePath, path_of
from toolkit.stores.write import ONE_REQUEST_BYTES

_LARGE = ONE_REQUEST_BYTES + 3_000_001


def test_what_is_there_is_seen(bucket: Bucket) -> None:
    bucket.put("a/b/c.csv", b"12345")
    bucket.put("a/empty/", b"")
    path = path_of(bucket.uri("a/b/c.csv"))
    assert (path.exists(), path.is_file(), path.is_dir()) == (True, True, False)
    assert (path.parent.exists(), path.parent.is_file(), path.parent.is_dir()) == (
        True,
        False,
        True,
    )
    assert not path.with_name("c").exists()
    assert path_of(bucket.uri()).is_dir()
    facts = path.stat()
    assert stat.S_ISREG(facts.st_mode)
    assert facts.st_size == 5
    assert abs(facts.st_mtime - path.stat().st_mtime_ns / 1e9) < 1e-3
    names = [str(each) for each in path_of(bucket.uri("a")).iterdir()]
    assert names == [bucket.uri("a/b"), bucket.uri("a/empty")]
    bucket.put("a/b/", b"")  # which some programs make for folders
    assert [*StorePath(bucket.uri("a/b")).objects()] == [path]
    assert [str(each) for each in path_of(bucket.uri("a")).iterdir()] == names
    assert str(next(StorePath(bucket.uri("a")).objects())) == bucket.uri("a/b/c.csv")
    assert [*path_of(bucket.uri("a/b")).iterdir()] == [path]
    assert (is_there(path), is_a_file(path), is_a_folder(path.parent)) == (True, True, True)
    with pytest.raises(FileNotFoundError, match="no such object"):
        path.with_name("x").stat()


def test_facts_tell_an_object_from_itself_after_a_change(bucket: Bucket) -> None:
    path = path_of(bucket.uri("a"))
    bucket.put("a", b"12345")
    facts = FileFacts.at(path)
    assert FileFacts.at(path) == facts
    bucket.put("a", b"54321")
    assert FileFacts.at(path) != facts


def test_any_part_of_an_object_can_be_read(bucket: Bucket) -> None:
    content = os.urandom(7_500_000)
    bucket.put("a", content)
    path, rng = path_of(bucket.uri("a")), random.Random(5)
    with path.open("rb", 0) as file:
        whole = b"".join(iter(lambda: file.read(70_001), b""))
        assert whole == content
        for _ in range(300):
            start, size = rng.randrange(len(content) + 10), rng.randrange(3_000_000)
            file.seek(start)
            assert file.read(size) == content[start : start + size]
        assert file.seek(-3, io.SEEK_END) == len(content) - 3
        assert file.read() == content[-3:]
        assert file.read(5) == b""
    assert path.read_bytes() == content
    bucket.put("empty", b"")
    assert path.with_name("empty").read_bytes() == b""


def test_an_object_that_is_replaced_while_it_is_read_is_no_mixture(store: Store) -> None:
    store.put("a", b"1" * 9_000_000)
    with path_of(store.uri("a")).open("rb", 0) as file:
        assert file.read(10) == b"1" * 10
        store.put("a", b"2" * 9_000_000)
        with pytest.raises(InputError, match="it is gone, or another object has its name"):
            file.read()
    with path_of(store.uri("a")).open("rb", 0) as file:
        store.delete("a")
        with pytest.raises(InputError, match="it is gone, or"):
            file.read()


@pytest.mark.parametrize("size", [10, _LARGE])
def test_an_object_is_created_once(bucket: Bucket, size: int, tmp_path: Path) -> None:
    path, content = path_of(bucket.uri("a/b")), os.urandom(size)
    for number in (1, 2):
        (tmp_path / f"{number}").write_bytes(content if number == 1 else b"other")
    place(tmp_path / "1", path)
    assert not (tmp_path / "1").exists()
    with pytest.raises(FileExistsError):
        place(tmp_path / "2", path)
    assert (tmp_path / "2").exists()
    assert path.read_bytes() == content
    assert (bucket.keys(), bucket.uploads()) == (["a/b"], [])
    place(tmp_path / "2", path, force=True)
    assert path.read_bytes() == b"other"


def test_one_of_many_creates_an_object(bucket: Bucket) -> None:
    path, done = path_of(bucket.uri("claim")), []

    def create(number: int) -> None:
        try:
            place(f"{number}".encode(), path)
            done.append(number)
        except FileExistsError:
            pass

    threads = [threading.Thread(target=create, args=(number,)) for number in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(done) == 1
    assert path.read_bytes() == f"{done[0]}".encode()


def test_an_object_that_is_created_over_a_connection_that_is_cut_is_ones_own(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store carries the first request out, and its answer is lost."""
    cuts = iter([(None, 20), (None, 20)])
    with Proxy(bucket.port, limits=lambda: next(cuts, (None, None))) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        place(b"mine", path_of(bucket.uri("a")))
        assert proxy.cuts == 2
        with pytest.raises(FileExistsError):
            place(b"yours", path_of(bucket.uri("a")))
    assert bucket.get("a") == b"mine"


def test_an_exception_leaves_no_object_and_no_upload(bucket: Bucket) -> None:
    path = path_of(bucket.uri("a"))
    with pytest.raises(ZeroDivisionError):
        with atomic_file(path) as partial:
            partial.write_bytes(os.urandom(_LARGE))
            raise ZeroDivisionError
    assert (bucket.keys(), bucket.uploads()) == ([], [])
    with atomic_file(path) as partial:
        partial.write_bytes(b"whole")
    assert bucket.get("a") == b"whole"


@pytest.mark.slow
def test_an_upload_that_fails_leaves_no_object_and_the_file(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(os.urandom(_LARGE))
    file = tmp_path / "a"
    monkeypatch.setattr("toolkit.stores.write._WAITS", ())
    with Proxy(bucket.port, limits=lambda: (4_000_000, None)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(StoreError, match="cannot be written"):
            place(file, path_of(bucket.uri("a")))
    assert file.stat().st_size == _LARGE
    assert bucket.keys() == []


def test_a_file_that_is_too_large_to_be_copied_replaces_nothing(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of S3, as if it copied nothing; the look is before the upload is completed."""
    monkeypatch.setattr("toolkit.stores.write._COPY_LIMIT", 0)
    content, path = os.urandom(_LARGE), path_of(bucket.uri("a"))
    (tmp_path / "a").write_bytes(content)
    bucket.put("a", b"of somebody else")
    with pytest.raises(FileExistsError):
        place(tmp_path / "a", path)
    assert bucket.get("a") == b"of somebody else"
    bucket.delete("a")
    place(tmp_path / "a", path)
    assert bucket.get("a") == content
    assert (bucket.keys(), bucket.uploads()) == (["a"], [])


@pytest.mark.parametrize(
    "key", ["a b/é.csv", "a#b?c.csv", "100%25.csv", "a+b&c=d.csv", "~[x]*.csv"]
)
def test_keys_are_taken_as_they_are(bucket: Bucket, key: str) -> None:
    path = path_of(bucket.uri(key))
    bucket.put(key, b"1")
    assert path.read_bytes() == b"1"
    assert [*StorePath(bucket.uri()).objects()] == [path]
    place(b"2", path, force=True)
    assert (bucket.keys(), bucket.get(key)) == ([key], b"2")


def test_a_tree_is_removed(bucket: Bucket, tmp_path: Path) -> None:
    for key in ("a/b", "a/c/d", "ab"):
        bucket.put(key, b"1")
    remove_tree(path_of(bucket.uri("a")))
    assert bucket.keys() == ["ab"]
    remove_tree(path_of(bucket.uri("nothing")))
    (tmp_path / "a" / "b").mkdir(parents=True)
    remove_tree(tmp_path / "a")
    remove_tree(tmp_path / "a")
    assert list(tmp_path.glob("a")) == []
