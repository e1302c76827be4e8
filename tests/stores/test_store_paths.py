"""The names of objects, and that nothing takes them for files of this machine."""

from __future__ import annotations

import os
import pickle
import shutil
from functools import partial
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.counting import check_growth, seconds_of
from toolkit.errors import UsageError
from toolkit.stores.location import masked
from toolkit.stores.paths import StorePath, is_in_store, path_of

_PARTS = st.lists(
    st.text("abc.é #?%*-_", min_size=1, max_size=6).filter(lambda part: part not in (".", "..")),
    min_size=1,
    max_size=4,
)


@given(_PARTS, st.text("xyz.", min_size=1, max_size=4).filter(lambda name: name.strip(".")))
def test_names_are_those_of_paths(parts: list[str], other: str) -> None:
    """All that `Path` says of a name is said of the key."""
    key = "/".join(parts)
    path, plain = path_of(f"s3://bucket/{key}"), PurePosixPath("/", key)
    assert str(path) == f"s3://bucket/{key}"
    assert (path.name, path.stem, path.suffix) == (plain.name, plain.stem, plain.suffix)
    assert path.suffixes == plain.suffixes
    assert path.parts[1:] == plain.parts[1:]
    assert [str(each) for each in path.parents] == [f"s3://bucket{each}" for each in plain.parents]
    assert str(path.with_name(other)) == f"s3://bucket{plain.with_name(other)}"
    assert str(path / other / "x") == f"s3://bucket{plain / other / 'x'}"
    assert (path / other).relative_to(path) == Path(other)
    assert path == path_of(str(path))
    assert hash(path) == hash(path_of(str(path)))
    assert pickle.loads(pickle.dumps(path)) == path
    assert path not in (plain, Path(str(plain)))


def test_a_store_path_is_a_path_that_joins_and_sorts() -> None:
    path = path_of("S3://bucket/a/b.csv.gz")
    assert isinstance(path, Path)
    assert is_in_store(path)
    assert str(path) == "s3://bucket/a/b.csv.gz"
    assert Path("folder") / path == path
    assert path.with_suffix(".zst") == path_of("s3://bucket/a/b.csv.zst")
    assert path.resolve() == path.absolute() == path
    assert path not in (Path("-"), Path("s3:/bucket/a/b.csv.gz"))
    assert sorted([path, path.parent]) == [path.parent, path]
    assert len({path, path.parent, Path("z")}) == 3
    assert sorted([path, Path("z")]) in ([path, Path("z")], [Path("z"), path])
    assert path_of("s3://bucket").parent == path_of("s3://bucket")
    assert path_of("s3://bucket").name == ""
    with pytest.raises(UsageError, match="/a is not below it"):
        path / "/a"
    assert path.is_relative_to(path.parent)
    assert not path.is_relative_to(Path("/"))
    with pytest.raises(ValueError, match="is not in the subpath"):
        path.relative_to(Path("/"))


@pytest.mark.parametrize(
    "use",
    [
        os.fspath,
        open,
        os.stat,
        os.path.exists,
        shutil.rmtree,
        os.path.realpath,
        lambda path: path.touch(),
        lambda path: path.rename("x"),
        lambda path: path.chmod(0o600),
        lambda path: path.open("wb"),
        lambda path: list(path.rglob("*")),
    ],
)
def test_code_for_files_never_writes_a_folder_called_s3(
    use: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="s3://bucket/a: this cannot be in an object store"):
        use(path_of("s3://bucket/a"))  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_made_of_it_is_not_one_of_this_machine() -> None:
    """Of Python's own: it takes what the path holds, and asks nothing."""
    for path in (Path(path_of("s3://bucket/a")), Path("folder", path_of("s3://bucket/a"))):
        with pytest.raises(ValueError, match="null byte"):
            path.open()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("reviews.csv", "reviews.csv"),
        ("a:b.csv", "a:b.csv"),
        ("s3.csv", "s3.csv"),
        ("file:///data/a%20b.csv", "/data/a b.csv"),
        ("file://localhost/data/x", "/data/x"),
        ("file:/data/x", "/data/x"),
    ],
)
def test_other_names_are_files_of_this_machine(text: str, path: str) -> None:
    assert path_of(text) == Path(path)
    assert not is_in_store(path_of(text))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("gs://bucket/a", "gs://bucket/a"),
        ("gcs://bucket/a", "gs://bucket/a"),
        ("az://container/a", "az://container/a"),
        ("abfss://container@account.dfs.example/a", "abfss://container@account.dfs.example/a"),
        ("s3a://bucket/a/", "s3://bucket/a"),
        ("azure://container/a", "az://container/a"),
        ("s3://bucket", "s3://bucket/"),
        ("s3://bucket/100%25?.csv", "s3://bucket/100%25?.csv"),
    ],
)
def test_stores_are_known_by_their_schemes(text: str, path: str) -> None:
    assert str(path_of(text)) == path
    assert isinstance(path_of(text), StorePath)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s3://", "names no bucket"),
        ("s3:///key", "names no bucket"),
        ("s3://bucket/a//b", "keys with empty parts"),
        ("s3://bucket/a/../b", "keys with empty parts"),
        ("s3://bucket/a\nb", "control characters"),
        ("file:a", "with three slashes"),
        ("file://host/a", "with three slashes"),
        ("https://host.example/a.csv?x=1", "https://host.example/a.csv: web addresses"),
    ],
)
def test_bad_names_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        path_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "s3://user:PASSWORD@bucket/key",
        "s3://user:a/PASSWORD@bucket/key",
        "s3://user:PASSWORD/key",
        "s3://bucket/key?a=1&X-Amz-Credential=PASSWORD&b=2",
        "az://container/key?sv=2024&sig=PASSWORD",
        "s3://bucket/key?X-Amz-Signature=PASSWORD",
        "gs://bucket/key?X-Goog-Signature=PASSWORD",
        "abfss://container:PASSWORD@account.example/key",
        "https://user:PASSWORD@host.example/a?token=PASSWORD",
        "https://PASSWORD:PASSWORD?PASSWORD@host/x.csv",
        "https://host/x.csv#access_token=PASSWORD",
        "file://user:PASSWORD@host/y.csv",
    ],
)
def test_what_gives_access_is_no_part_of_a_name_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        path_of(text)
    assert "PASSWORD" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://user:a/PASSWORD@bucket/key: is gone", "s3://***@bucket/key: is gone"),
        ("no https:/TOKEN@host/a, sorry", "no https:/***@host/a, sorry"),  # as `Path` writes it
        (
            "x.csv?X-Amz-Date=1&X-Amz-Signature=PASSWORD: no",
            "x.csv?X-Amz-Date=1&X-Amz-Signature=***: no",
        ),
        ("az://c/key?sig=PASSWORD%3D&se=1", "az://c/key?sig=***&se=1"),
        ("abfss://container@account.example/key", "abfss://container@account.example/key"),
        ("abfss://container:PASSWORD@account.example/key", "abfss://***@account.example/key"),
        ("s3://bucket/me@home/a.csv", "s3://bucket/me@home/a.csv"),
        ("file:///home/me@home/a.csv", "file:///home/me@home/a.csv"),
        ("write to me@home: 1/2 of c:/me@home", "write to me@home: 1/2 of c:/me@home"),
        ("s3://bucket/100%25?.csv", "s3://bucket/100%25?.csv"),
        ("no https://h/x.csv#access_token=PASSWORD.", "no https://h/x.csv#access_token=***."),
        ("file://user:PASSWORD@h/y.csv", "file://***@h/y.csv"),
        ("file:/me@home/a.csv", "file:/me@home/a.csv"),
        ("x?pwd=PASSWORD&db_pwd=PASSWORD&auth=PASSWORD", "x?pwd=***&db_pwd=***&auth=***"),
        ("x?jwt=PASS.WORD&code=PASSWORD", "x?jwt=***&code=***"),
        ("x?author=me&country_code=1", "x?author=me&country_code=1"),
        ("x?token='PASS WORD', x?token=\"PASS WORD\"", "x?token=***, x?token=***"),
        ("x?token='PASSWORD", "x?token=***"),
    ],
)
def test_only_what_gives_access_is_masked(text: str, shown: str) -> None:
    assert masked(text) == shown == masked(shown)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["a.b-c.", "token", "?token", "http://a:", "?token='", "a+"])
def test_the_time_of_masking_grows_with_the_text(part: str) -> None:
    def mask(size: int) -> None:
        text = part * (size // len(part))
        for each in (text, f"{text}://=", f"?{text}="):
            masked(each)

    check_growth(lambda size: seconds_of(partial(mask, size)), 60_000)
