"""Laws that hold for any bytes whatever."""

from __future__ import annotations

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.records.passing import Passed, pass_through
from tests.records.python_formats import COMPRESS, PYTHON, every_file, every_text_format, is_text
from toolkit.errors import InputError, ToolkitError
from toolkit.records import Columns, ReadOptions, open_reviews
from toolkit.records.review_file import Block, Offset, Parsed

PIECES = [
    b"a", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80", b'"', b'""', b",", b"\t", b"\n", b"\r\n", b"\r",
    b" ",
    b"\x00", b"{", b"}", b'{"text": "a"}\n', b'{"text": "b", "x": [1]}\n', b'"text"', b": ",
    b"[]", b"\\",
    b"\\u0074", b"a,b\n", b'"a",b\n', b"a\tb\n", b"null", b"1e5", b"\xef\xbb\xbf", b"\xe2\x80\xa8",
]  # fmt: skip
bodies = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join) | st.binary(max_size=60)
HEADERS = {
    ".csv": b"text,id\n",
    ".tsv": b"text\tid\n",
    ".jsonl": b'{"text": "a", "id": 1}\n',
    ".ndjson": b'{"text": "a", "id": 1}\n',
    ".json": b'{"text": "a", "id": 1}\n',
    ".array.json": b'[{"text": "a", "id": 1}\n',
    ".objects.json": b'{"text": "a",\n"id": 1}\n',
    ".query": b"text=a&id=1\n",
}
GOOD = [{"text": f"a film {n}", "id": str(n * 7919)} for n in range(20)]


@every_text_format
@given(bodies, st.integers(1, 50))
@example(b'\n"a\r\nb\n\xff\n\n"', 3)
@example(b"{}\n{ }", 1)
def test_every_byte_comes_out_or_is_rejected(ending: str, body: bytes, block_bytes: int) -> None:
    data = HEADERS[ending] + body
    passed = pass_through(data, ending, block_bytes=block_bytes)
    # Only line ends are nowhere.
    rejected = b"".join(reject.raw or b"" for reject in passed.rejects)
    assert all(reject.length == len(reject.raw or b"") for reject in passed.rejects)
    added = sum(_added(ending, is_scored=bool(text)) for text in passed.texts)
    output = passed.output.replace(b"\r", b"").replace(b"\n", b"")
    both = output + rejected.replace(b"\r", b"").replace(b"\n", b"")
    added -= output.translate(None, b" \t").count(b'{"predicted_sentiment"')  # "{}" needs no comma
    blank = b"\r\n \t" if ending in (".jsonl", ".ndjson", ".json") else b"\r\n"
    before = len(data.translate(None, blank))
    header = len(b",predicted_sentiment,positive_probability") if ending[1] in "ct" else 0
    assert len(both.translate(None, blank)) == before + header + added
    # Those of the rejects stand in the file, in order.
    at = 0
    for reject in passed.rejects:
        at = data.index(reject.raw or b"", at) + reject.length


@every_text_format
@given(bodies, st.integers(1, 50))
@example(b'\n\na,b,c\n\r\n\n"\n\nd,e\n', 3)
@example(b"\n\xff,\xff\n\n\xff,\xff\n\n", 1)
@example(b"a,b\n\n\xff,\n", 9)
@example(b'a,"b "c" d\ne" ,f\n\ng,h\n', 9)
@example(b"\r\r\na", 1)
def test_rejects_leave_the_other_bytes_as_they_are(
    ending: str, body: bytes, block_bytes: int
) -> None:
    """The file gives the same output without the rejects and the blank lines before them."""
    data = HEADERS[ending] + body
    passed = pass_through(data, ending, block_bytes=block_bytes)
    lines = _lines(data)

    def is_blank(line: bytes) -> bool:
        return not line.strip(b" \t\r\n") if "json" in ending else line in (b"\n", b"\r\n")

    for reject in reversed(passed.rejects):
        raw = reject.raw or b""
        at = reject.number - 1
        taken = b"".join(lines[at : at + 1 + raw.count(b"\n")])
        assert taken.startswith(raw)
        assert taken[len(raw) :].strip(b"\r") in (b"\n", b"")
        first = at
        while first and is_blank(lines[first - 1]):
            first -= 1
        del lines[first : at + 1 + raw.count(b"\n")]
    rest = b"".join(lines)
    assert pass_through(rest, ending, block_bytes=block_bytes) == Passed(
        passed.texts, passed.output, []
    )


def _lines(data: bytes) -> list[bytes]:
    return [line + b"\n" for line in data.split(b"\n")[:-1]] + [data.split(b"\n")[-1]]


def _added(ending: str, *, is_scored: bool) -> int:
    """Bytes that are added to a record, without white space."""
    if ending in (".csv", ".tsv"):
        return len(",positive,0.5" if is_scored else ",,")
    if ending == ".query":
        values = "positive0.5" if is_scored else ""
        return len("&predicted_sentiment=&positive_probability=") + len(values)
    values = '"positive"0.5' if is_scored else "nullnull"
    return len(',"predicted_sentiment":,"positive_probability":') + len(values)


@every_text_format
@given(bodies, st.integers(1, 50))
def test_block_size_never_matters(ending: str, body: bytes, block_bytes: int) -> None:
    data = HEADERS[ending] + body
    assert pass_through(data, ending, block_bytes=block_bytes) == pass_through(data, ending)


@every_file
@settings(max_examples=40)
@given(bodies, st.sampled_from(["", ".gz", ".zst", ".bz2", ".xz"]))
def test_any_bytes_are_read_or_refused(ending: str, data: bytes, packing: str) -> None:
    for content in (data, COMPRESS[packing](data)):
        for to in {ending, ".jsonl", ".parquet", ".arrow"}:
            try:
                pass_through(content, ending, to=to)
            except ToolkitError:
                continue


@every_file
@settings(max_examples=40)
@given(st.data())
def test_a_damaged_file_is_read_or_refused(ending: str, data: st.DataObject) -> None:
    content = bytearray(PYTHON[ending][0](GOOD, "\n"))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.just(len(content)) | st.integers(0, len(content)))
    for to in (ending, ".csv"):
        try:
            pass_through(bytes(content[:cut]), ending, to=to)
        except ToolkitError:
            continue


@pytest.mark.parametrize(
    "ending", [".csv.gz", ".jsonl.gz", ".csv.zst", ".jsonl.zst", ".csv.bz2", ".csv.xz"]
)
def test_a_packed_file_that_is_cut_short_is_no_shorter_file(ending: str) -> None:
    data = PYTHON[ending][0](GOOD, "\n")
    for length in range(len(data)):
        with pytest.raises(ToolkitError):
            pass_through(data[:length], ending)


def test_members_of_gzip_are_one_file() -> None:
    data = gzip.compress(b"text\na\n") + gzip.compress(b"b\n") + gzip.compress(b"")
    assert pass_through(data, ".csv.gz").texts == ["a", "b"]


def test_nothing_may_follow_the_last_member() -> None:
    data = gzip.compress(b"text\na\n")
    for bad in (data + b"x" + bytes(20), data[:-9] + bytes(20), data + bytes(20)):
        with pytest.raises(InputError):
            pass_through(bad, ".csv.gz")


def _blocks(path: Path, block_bytes: int, start: Offset = ()) -> list[tuple[Block, Parsed]]:
    with open_reviews(path, ReadOptions(block_bytes=block_bytes)) as reviews:
        return [(block, reviews.parse(block)) for block in reviews.blocks(start)]


@every_file
@settings(max_examples=15)
@given(st.data(), st.integers(1, 100))
def test_reading_goes_on_at_any_place(ending: str, data: st.DataObject, block_bytes: int) -> None:
    packing = Path(ending).suffix if Path(ending).stem in HEADERS else ""
    content = PYTHON[ending.removesuffix(packing)][0](GOOD[:9], "\n")
    if is_text(ending.removesuffix(packing)):
        mark = data.draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\n\r\n"]))
        content = COMPRESS[packing](mark + content + data.draw(bodies))
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"a{ending}"
        path.write_bytes(content)
        whole = _blocks(path, block_bytes)
        for number, (block, _) in enumerate(whole, start=1):
            rest = _blocks(path, block_bytes, block.following)
            assert [_facts(*pair) for pair in rest] == [_facts(*pair) for pair in whole[number:]]


def _facts(block: Block, parsed: Parsed) -> tuple[object, ...]:
    return (
        block.number, block.following, block.ends_group,
        parsed.texts.to_pylist(), parsed.records.to_pylist(), list(parsed.rejects),
    )  # fmt: skip


@given(bodies)
def test_what_goes_to_other_formats_is_the_same(body: bytes) -> None:
    """A record is bad or good whatever the output."""
    data = HEADERS[".csv"] + body
    results: list[Passed] = [pass_through(data, ".csv", to=to) for to in (".csv", ".jsonl")]
    assert results[0].texts == results[1].texts
    assert results[0].rejects == results[1].rejects


# Of each way to read delimited fields: its options, and fields that hold what else ends a line.
WAYS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "quotes": ({}, ['"a\rb"', '"a\r\nb\n\r"', '"\n"', '"a ""b"" \r"']),
    "quote none": ({"quote": None}, ['"', '"a', "it's"]),
    "escape": ({"escape": "\\"}, ["a\\\rb", "a\\\nb", "a\\\r\nb", '"a\\"\r"', "\\,", '"\\\r"']),
    "escape, quote none": ({"escape": "\\", "quote": None}, ["a\\\nb", "a\\\r\nb", '"', "\\\\"]),
    "no header": ({"header": False}, ['"a\rb"', '"a\r\nb"']),
}
CONTROLS = [
    "a\0b",
    "\x1a",
    "\x0b\x0c\x1c",
    "\x85",
    "\u2028",
    "\u0a0d",
    "\u0d0a",
    "\u0a00",
    "\ufeff",
]
ENCODINGS = [None, "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]


@pytest.mark.parametrize("way", WAYS)
@given(st.data(), st.sampled_from(ENCODINGS), st.integers(1, 50))
def test_line_ends_and_controls_stay(
    way: str, data: st.DataObject, encoding: str | None, block_bytes: int
) -> None:
    """The input is the output without the added fields, and the rejects between them."""
    options, fields = WAYS[way]
    if encoding == "latin-1":
        fields = [*fields, "a\0b", "\x1a", "\x85", "\xff"]
    else:
        halves = ["a\ud800", "\udc0ab", "\udcff"] if encoding else []  # each costs its record
        fields = [*fields, *CONTROLS, *halves]
    row = st.tuples(st.sampled_from(["1", *fields]), st.sampled_from(["\n", "\r\n", "\r", "\r\r"]))
    rows = data.draw(st.lists(row, max_size=8))
    is_open = data.draw(st.booleans())  # the last line
    text = "" if options.get("header") is False else "id,text,row\n"
    text += "0,good,first\n"
    text += "".join(f"{first},good,{row}{end}" for row, (first, end) in enumerate(rows))
    text = text.removesuffix("\n") if is_open and rows else text
    errors = "strict" if encoding == "latin-1" else "surrogatepass"
    content = text.encode(encoding or "utf-8", errors)
    columns = Columns(text="2") if options.get("header") is False else None
    passed = pass_through(
        content, ".csv", columns, block_bytes=block_bytes, encoding=encoding, **options
    )
    output = passed.output.decode()
    output = output.replace(",positive,0.5", "").replace(
        ",predicted_sentiment,positive_probability", ""
    )
    rest, at = text, 0
    for reject in passed.rejects:
        raw = (reject.raw or b"").decode(ENCODED.get(encoding or "", encoding or "utf-8"), errors)
        assert reject.length == len(reject.raw or b"")
        at = rest.index(raw, at)
        tail = rest[at + len(raw) :]
        ends = next(end for end in ("\r\n", "\n", "\r", "") if tail.startswith(end))
        rest = rest[:at] + tail[len(ends) :]
    missing = "" if not rest or rest.endswith(("\n", "\r")) else "\n"
    assert output == rest + missing


ENCODED = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}  # on this machine, and without the mark


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("end", [b"\n", b"\xd8", b"\x01\xd8\0"])
def test_a_character_that_is_cut_off_costs_its_record(encoding: str, end: bytes) -> None:
    data = "id,text\n1,good\n2,bad".encode(encoding) + end
    passed = pass_through(data, ".csv", encoding=encoding)
    assert passed.texts == ["good"]
    (reject,) = passed.rejects
    assert reject.raw == "2,bad".encode(encoding) + end
    assert (reject.number, reject.length) == (3, len(reject.raw or b""))


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("block_bytes", [8, 1 << 20])
def test_what_is_no_character_of_utf_32_costs_its_record(encoding: str, block_bytes: int) -> None:
    order = ENCODED.get(encoding, encoding)
    bad = b"\xff\xff\xff\xff" if order.endswith("le") else b"\0\x11\0\0"
    half = "\udbff\udc41\udc00".encode(order, "surrogatepass")
    raw = "2,b".encode(order) + bad + half + bad + "d".encode(order)
    data = "id,text\n1,good\n".encode(encoding) + raw + "\n3,good\n".encode(order)
    passed = pass_through(data, ".csv", encoding=encoding, block_bytes=block_bytes)
    assert passed.texts == ["good", "good"]
    (reject,) = passed.rejects
    assert (reject.number, reject.raw) == (3, raw)
