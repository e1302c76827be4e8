"""Fuzz the parts of the native core that look at bytes of files, and at JSON, `fuzz_records.c`.

`tests.native.fuzzing` says how.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.native.fuzzing import Fuzzer, main

_CUTS, _LINES, _MEMBERS, _PARTS = range(4)
_END = b"\xff"

# The core looks at 64 bytes at a time, in JSON at 16.
_SHIFTS = (0, 1, 14, 15, 16, 17, 46, 47, 48, 61, 62, 63)
_NO_UTF8 = (b"\xff", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\x80",
            b"\xe0\x82\x80", b"\xf0\x80\x80\x80", b"\xf5\x80\x80\x80")  # fmt: skip
_UTF8 = "\u00e9\u20ac\U0001f600\ud7ff\ue000\uffff\U00010000\U0010ffff".encode()
_FIELDS = (b"", b"a", b'"a"', b'"a""b"', b'""""', b'"a,\r\n,"', b'"' + _UTF8 + b'\n"', b"x" * 70,
           b'"' + b"x" * 150 + b'"', b'"open', b'"a"b', b'a"b', b"\r", b'"a"\r',
           *_NO_UTF8)  # fmt: skip
_ESCAPES = (rb"\"", rb"\\", rb"\/", rb"\b", rb"\f", rb"\n", rb"\r", rb"\t", rb"\u00e9",
            rb"\uD83D\uDE00", rb"\ud83d", rb"\udc00", rb"\u0000", rb"\uABCD", rb"\u12", rb"\x",
            b"\\", rb"\ud83d\u0041", rb"\ud83d\ue000")  # fmt: skip
_VALUES = (b'"b"', b"null", b"true", b"false", b"-0.5e-3", b"0", b"01", b"1.", b"1e400", b"-",
           b"NaN", b"[]", b"{}", b'[1, {"a": [null, "]"]}, 2]', b'{"a":1,"b":[ ]}', b"nul", b"",
           b"[" * 32 + b"]" * 32, b"[" * 33 + b"]" * 33, b"[1,]", b'{"a"}', b'"\t"',
           b'"open')  # fmt: skip
_OBJECTS = (b'{"text":"a","text":"b"}', b'{"text":null,"text":null}', b'{"text":"a"}{}', b"{,}",
            b'{"text":"a"} ', b'{"text"', b"{", b"", b'{"text":"a",}', b"[]", b'{"":"a"}',
            b'{"text":"a"')  # fmt: skip


def seeds() -> Iterator[bytes]:
    """Give inputs that meet the bounds of blocks, with all that fields and values may be."""
    for place, shift in enumerate(_SHIFTS):
        yield from _records(b"x" * shift, address=place << 2, room=place % 6)
        yield from _strings(b"x" * shift, address=place << 2)
    for value in _VALUES:
        for before in (b'{"text":"a"', b'{ "b":1', b'{"a":[]\t,"text": null'):
            yield _members([before + b', "c" :' + value + b"}", b"{ }"])
        yield _members([b'{"text":' + value + b"}"])
        yield _members([b'{"taken":' + value + b"}"])
    yield from (_members([b'{"text":"a"}', each]) for each in _OBJECTS)
    for length in range(20):
        yield bytes([_PARTS, 3, 0, length, 5, length, length, 1, *range(1, 40)])
    yield from (bytes([_PARTS, 0]), bytes([_PARTS, 1, 0, 0]), bytes([_LINES, 0, 0]))
    yield _cuts(b"", at_end=True)


def _records(before: bytes, address: int, room: int) -> Iterator[bytes]:
    for field in _FIELDS:
        line = before + b"," + field
        for end in (b"\n", b"\r\n", b""):
            yield _cuts(line + end, at_end=True, address=address)
            yield _cuts(field + b"," + line + end + b"a\n" + field, address=address, room=room)
            yield _cuts(line + end + line, address=address, is_quoted=False)
            yield _cuts(line + end, address=address, room=room)
        yield bytes([_LINES, address, room]) + line + b"\n" + field * 2


def _strings(before: bytes, address: int) -> Iterator[bytes]:
    for escape in _ESCAPES:
        text = b'"' + before + escape + b'"'
        both = b'{"text":' + text + b"}", b'{"b" : ' + text + b' , "text":null}'
        yield _members([*both], address)
        yield _members([b"{" + text + b":1}", b"{}"], address)
    yield _members([b'{"' + before + b'":"' + _UTF8 + b'"}'], address)


def _cuts(
    text: bytes, *, at_end: bool = False, is_quoted: bool = True, address: int = 0, room: int = 2
) -> bytes:
    return bytes([_CUTS, at_end | (not is_quoted) << 1 | address, ord(","), ord('"'), room]) + text


def _members(objects: list[bytes], address: int = 0) -> bytes:
    strings = b"".join(string + _END for string in (b"text", b"taken", *objects))
    return bytes([_MEMBERS, 1 | address]) + strings


_WORDS = (
    *_NO_UTF8,
    *_ESCAPES,
    b"\r\n",
    b'"\r',
    b'""',
    b'",',
    b',"',
    b'":"',
    b'","',
    b'"text":',
    b"null",
    b"x" * 60,
)

FUZZER = Fuzzer("fuzz_records", seeds, _WORDS)

if __name__ == "__main__":
    sys.exit(main(FUZZER))
