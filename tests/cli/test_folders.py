"""Folders, patterns and archives of files."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import CSV, Command, files_in, write
from tests.models import shipped_scorer
from tests.records.python_formats import COMPRESS, DECOMPRESS
from toolkit.errors import InputError
from toolkit.records import ReadOptions, open_reviews
from toolkit.records.review_file import Offset
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


@pytest.mark.parametrize("name", ["data/private", "data/*/b.csv"])
def test_a_folder_that_cannot_be_read(closed: Path, name: str) -> None:
    with as_nobody(closed), pytest.raises(InputError, match=f"^{UNREADABLE}$"):
        find_jobs([name], "out")


@pytest.mark.parametrize("name", ["data", "data/**/*.csv"])
def test_a_folder_below_one_that_cannot_be_read_fails_alone(closed: Path, name: str) -> None:
    options = ScoringOptions(workers=1)
    with as_nobody(closed):
        jobs = find_jobs([name], "out")
    # As the user who may write here.
    first, second = score_files(shipped_scorer(), jobs, options)
    assert (first.job.source, first.summary.records, first.error) == (Path("data/a.csv"), 3, None)
    assert (second.job.source, second.error) == (Path("data/private"), UNREADABLE)
    assert {"a.csv"} < set(files_in("out"))  # and what says that the run is unfinished
    (closed / "data" / "private").chmod(0o755)
    jobs = find_jobs([name], "out")
    results = score_files(shipped_scorer(), jobs, ScoringOptions(workers=1, resume=True))
    assert [result.summary.records for result in results] == [3, 3]
    assert files_in("out") == ["a.csv", "private/b.csv"]


def test_outputs_beside_their_inputs_are_not_scored(command: Command, data: Path) -> None:
    write("data/alone.scored.csv")
    assert command("score", "data/a.csv").exit_code == 0
    assert command("score", data, "-o", "out").exit_code == 0
    assert files_in("out") == ["a.csv", "alone.scored.csv", "inner/b.csv"]


def test_a_pattern_does_not_match_earlier_outputs(command: Command, data: Path) -> None:
    write("data/a.csv", "text\na film\ngood,film\n")
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


JSON_LINES = '{"text": "a superb film"}\n'


def zipped(name: str, compression: int = zipfile.ZIP_DEFLATED, **members: str | bytes) -> Path:
    """Write an archive; in the names of members, __ is a slash and _ is a dot."""
    with zipfile.ZipFile(name, "w", compression) as archive:
        for member, content in members.items():
            archive.writestr(member.replace("__", "/").replace("_", "."), content)
    return Path(name)


def scored(command: Command, text: str = CSV) -> bytes:
    """Give what the output of a plain file is."""
    write("plain.csv", text)
    assert command("score", "plain.csv", "-o", "plain.out.csv", "--force").exit_code == 0
    return Path("plain.out.csv").read_bytes()


def test_an_archive_is_opened_once_for_all_members(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []

    class Counted(zipfile.ZipFile):
        def __init__(self, file: Any) -> None:
            opened.append(file)
            super().__init__(file)

    for text in ("a superb film", "the worst of all"):  # the same name and members, other facts
        with zipfile.ZipFile("many.zip", "w") as archive:
            for number in range(20):
                archive.writestr(f"{number:03}.csv", f"text\n{text}\n")
        opened.clear()
        with monkeypatch.context() as patched:
            patched.setattr(zipfile, "ZipFile", Counted)
            assert command("score", "many.zip", "-o", "out/", "--force").exit_code == 0
        assert len(opened) == 1
        outputs = [Path("out", f"{number:03}.csv").read_text() for number in range(20)]
        assert all(text in output for output in outputs)
    Path("many.zip").rename("moved.zip")  # on Windows, only a file that is closed


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(
    ("name", "member", "output"),
    [
        ("reviews.csv.zip", "reviews_csv", "reviews.scored.csv"),
        ("march.zip", "data__export_csv", "march.scored.csv"),
        ("march.csv.zip", "noname", "march.scored.csv"),
    ],
)
def test_one_member_is_read_as_the_file(
    command: Command, compression: int, name: str, member: str, output: str
) -> None:
    with zipfile.ZipFile(zipped(name, compression, **{member: CSV}), "a") as archive:
        archive.writestr("__MACOSX/._x.csv", "x")
    ran = command("score", name, *(["--format", "csv"] if member == "noname" else []))
    assert (ran.exit_code, ran.out) == (0, ""), ran.err
    assert Path(output).read_bytes() == scored(command)


def test_a_long_member_and_its_rejects(command: Command) -> None:
    rows = "".join(f"{n},a superb film\n" for n in range(100_000))
    zipped("a.csv.zip", a_csv=f"id,text\n{rows}broken\n")
    assert command("score", "a.csv.zip").exit_code == 3
    assert Path("a.scored.csv").read_text(encoding="utf-8").count("\n") == 100_001
    rejects = Path("a.scored.csv.rejected.jsonl").read_text(encoding="utf-8")
    assert '"file": "a.csv.zip/a.csv", "line": 100002' in rejects


def test_several_members(command: Command) -> None:
    zipped(
        "a.zip",
        x_csv=CSV,
        b__y_csv_gz=gzip.compress(CSV.encode()),
        z_jsonl=JSON_LINES,
        readme_txt="",
    )
    command("score", "a.zip").failed_with(
        "a.zip: holds 3 files (b/y.csv.gz, x.csv, z.jsonl). Choose one, such as a.zip/b/y.csv.gz, "
        "or score all of them into a folder: --output FOLDER/",
        2,
    )
    command("score", "a.zip/none.csv").failed_with("a.zip/none.csv: no such file in the archive")
    assert command("score", "a.zip", "-o", "out/").exit_code == 0
    assert files_in("out") == ["b/y.csv.gz", "x.csv", "z.jsonl"]
    assert Path("out/x.csv").read_bytes() == scored(command)
    assert gzip.decompress(Path("out/b/y.csv.gz").read_bytes()) == scored(command)
    assert command("score", "a.zip/x.csv").exit_code == 0
    assert Path("x.scored.csv").read_bytes() == scored(command)
    assert command("score", "a.zip", "-o", "json/", "--output-format", "jsonl").exit_code == 0
    assert files_in("json") == ["b/y.jsonl.gz", "x.jsonl", "z.jsonl"]


def test_archives_in_a_folder(command: Command) -> None:
    Path("data").mkdir()
    zipped("data/jan.zip", x_csv=CSV)
    zipped("data/feb.zip", x_csv=CSV, y_csv=CSV)
    write("data/broken.zip", b"PK\3\4 and no more")
    ran = command("score", "data", "-o", "out")
    assert ran.exit_code == 1
    assert "data/broken.zip: not a zip archive, or a damaged one" in ran.err
    assert [n for n in files_in("out") if "/." not in f"/{n}"] == [
        "feb/x.csv",
        "feb/y.csv",
        "jan.csv",
    ]


@pytest.mark.parametrize("ending", [".zip", ".bz2", ".xz"])
def test_reading_continues_at_any_place(command: Command, ending: str) -> None:
    data = "".join(f"{n},a superb film\n" for n in range(2000))
    if ending == ".zip":
        zipped("a.csv.zip", a_csv=f"id,text\n{data}")
    else:
        write(f"a.csv{ending}", COMPRESS[ending](f"id,text\n{data}".encode()))

    def blocks(start: Offset = ()) -> list[tuple[Offset, bytes]]:
        with open_reviews(Path(f"a.csv{ending}"), ReadOptions(block_bytes=5000)) as reviews:
            return [
                (block.following, block.content.data[: block.content.end])
                for block in reviews.blocks(start)
            ]

    whole = blocks()
    assert len(whole) > 5
    assert b"".join(part for _, part in whole).decode() == data
    for number, (following, _) in enumerate(whole, start=1):
        assert blocks(following) == whole[number:]


@pytest.mark.parametrize("name", ["../x.csv", "/x.csv", "a/../../x.csv", r"..\x.csv", r"C:\x.csv"])
def test_a_name_does_not_lead_out_of_the_folder(command: Command, name: str) -> None:
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr(name, CSV)
        archive.writestr("good.csv", CSV)
    ran = command("score", "a.zip", "-o", "out/")
    written = [Path(file).name for file in files_in("out") if file[0] != "."]
    if name == "/x.csv":  # Python reads it as x.csv
        assert written in (["good.csv", "x.csv"], ["good.csv"])
    else:
        assert written == ["good.csv"]
        assert "its name leads out of the folder. Unpack the archive first" in ran.err
    assert not Path("x.csv").exists()
    assert not Path("../x.csv").exists()


def test_one_member_with_a_bad_name_is_named_by_the_archive(command: Command) -> None:
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("b/../../../x.csv", CSV)
    assert command("score", "a.zip").exit_code == 0
    assert command.files() == ["a.scored.csv", "a.zip"]


def _flip(path: Path, start: bytes, offset: int, value: int) -> None:
    data = bytearray(path.read_bytes())
    at = 0
    while (at := data.find(start, at)) >= 0:
        data[at + offset] = value
        at += 1
    path.write_bytes(data)


def test_what_cannot_be_unpacked(command: Command) -> None:
    zipped("encrypted.zip", x_csv=CSV)
    _flip(Path("encrypted.zip"), b"PK\1\2", 8, 1)
    command("score", "encrypted.zip").failed_with(
        "encrypted.zip/x.csv: is encrypted. Unpack it with its password first"
    )
    for flag, kind in ((0x20, "compressed patched data"), (0x40, "strong encryption")):
        zipped("flag.zip", x_csv=CSV)
        _flip(Path("flag.zip"), b"PK\1\2", 8, flag)
        command("score", "flag.zip").failed_with(f"flag.zip/x.csv: cannot be read: {kind}")
    for name, method in (("bzip2", zipfile.ZIP_BZIP2), ("lzma", zipfile.ZIP_LZMA)):
        zipped(f"{name}.zip", method, x_csv=CSV)
        command("score", f"{name}.zip").failed_with(
            f"{name}.zip/x.csv: is compressed in a way that cannot be read (method {method}; "
            "deflate can). Unpack it first"
        )
    zipped("empty.zip")
    command("score", "empty.zip").failed_with("empty.zip: an archive without files")
    with zipfile.ZipFile("nameless.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(""), CSV)
    command("score", "nameless.zip").failed_with("nameless.zip: an archive without files")
    with zipfile.ZipFile("twice.zip", "w") as archive:
        archive.writestr("x.csv", CSV)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.csv", CSV)
    command("score", "twice.zip/x.csv").failed_with("2 files in the archive have this name", 1)
    zipped("table.zip", x_parquet=b"PAR1")
    command("score", "table.zip").failed_with("a Parquet file cannot be read inside an archive", 2)


def test_a_damaged_member(command: Command) -> None:
    path = zipped("a.zip", zipfile.ZIP_STORED, x_csv=CSV)
    _flip(path, b"superb", 0, ord("S"))
    command("score", "a.zip").failed_with(
        "cannot be read past this line: the archive is damaged: Bad CRC"
    )
    path = zipped("a.zip", x_csv=CSV * 1000)
    data = path.read_bytes()
    for at in range(40, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        ran = command("score", "a.zip", "-o", "b.csv", "--format", "csv", "--force")
        assert ran.exit_code in (0, 1), ran.err  # a changed date or name is no damage
        assert "unexpected" not in ran.err
        if ran.exit_code == 0:
            assert Path("b.csv").read_bytes() == scored(command, CSV * 1000)


def test_an_archive_that_is_cut_in_the_middle(command: Command) -> None:
    data = zipped("a.csv.zip", zipfile.ZIP_STORED, a_csv=CSV).read_bytes()
    Path("a.csv.zip").write_bytes(data[:2] + data[20:])  # its directory points to before its start
    ran = command("score", "a.csv.zip")
    ran.failed_with("a.csv.zip/a.csv: cannot be read: the archive is damaged")


@pytest.mark.parametrize("ending", [".bz2", ".xz"])
def test_compressed_inputs_and_outputs(command: Command, ending: str) -> None:
    pack, unpack = COMPRESS[ending], DECOMPRESS[ending]
    # Several streams, as the tools of both write and read them.
    write(f"a.csv{ending}", pack(b"id,text\n1,a superb film\n") + pack(b"2,b\n") + pack(b""))
    assert command("score", f"a.csv{ending}").exit_code == 0
    expected = scored(command, "id,text\n1,a superb film\n2,b\n")
    assert unpack(Path(f"a.scored.csv{ending}").read_bytes()) == expected


def test_padding_of_xz(command: Command) -> None:
    part = lzma.compress(b"text\na\n") + bytes(4) + lzma.compress(b"b\n") + bytes(1 << 17)
    write("a.csv.xz", part)
    assert command("score", "a.csv.xz").exit_code == 0
    assert lzma.decompress(Path("a.scored.csv.xz").read_bytes()).count(b"\n") == 3
    for bad in (part + b"x", part[: len(part) // 10000], lzma.compress(b"text\na\n")[:-2]):
        write("b.csv.xz", bad)
        command("score", "b.csv.xz").failed_with("b.csv.xz: ")
