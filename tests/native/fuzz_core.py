"""Fuzz the native core: from text to token ids, `fuzz_core.c`; `tests.native.fuzzing` says how."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from tests.native.fuzzing import Fuzzer, main

# As in fuzz_core.c.
_LAST = (1, 2, 3, 4, 31, 32, 33, 64, 100, None, 511, 512, 513, 2047, 2048, 2049, 5000, 0)
_END, _NULL, _REPEAT, _WORD = b"\xff", b"\xfe", b"\xfd", b"\xfc"

_WORDS = (b"the", b"a", b"zaz", b"movie", b"don't", "été".encode(), b"sixteen-or-more?", b"",
          b"a" * 17, b"x" * 16 + b"1", b"x" * 16 + b"2", b"y" * 1024)  # fmt: skip
_SEPARATORS = (b" ", b"<", b"\x00", "\u2014".encode(), "\u00a0".encode(), "\u2019".encode(),
               b"\xe2\x80", b"\xc2", b"\xe2\x82\xac", b"\xc0\xa0", b"\xe0\x82\xa0",
               b"\xf2\x80\x94\x80")  # fmt: skip
_UNITS = (b"<br />", b"<B", b"</p>", b"<b " + b"x" * 200 + b">", b"<b " + b"x" * 201 + b">",
          b"&quot;", b"&HELLIP;", b"&#39;", b"&rsquo;", b"&#3", b"'", "\u00b4".encode(),
          "\u2600".encode(),
          "\U0001f44d\U0001f3fb".encode(), b"don&#39;t", b"'a", "a\u2600a".encode())  # fmt: skip
_SAME_HASH = (  # words of one hash value, of one slot and its bits beside the number
    (b"vsukqhko", b"ghogjimt"),
    (b"abcdefghwrjmduvc", b"abcdefghzwztptih"),
    (b"abcdefghijklmnopodsryt", b"abcdefghijklmnopbggpot"),
    (b"abcdefghijklmnoprebczf", b"abcdefghijklmnoptyzkmhvzfuwrveawpkzu"),
)
_BOUNDS = (12, 13, 63, 64, 65, 127, 128, 4094, 4095, 4096, 4097, 8191)


def seeds() -> Iterator[bytes]:
    """Give inputs that meet the bounds of blocks and pieces, in every layout."""
    for place, texts in enumerate(_texts_of_seeds()):
        last = _LAST[place % len(_LAST)]
        yield _input(1 + place % 3, place % 3, texts, last, flags=place % 8)
        yield _input(3, (place + 1) % 3, texts, 1, flags=place // 3 % 8, skipped=place % 2)
        yield _input(2, (place + 2) % 3, texts, _LAST[place // 3 % len(_LAST)])
    for place, last in enumerate((1, 2, 31, 100, 511, 512)):  # what is read first for so many
        for size in (8 * last + more for more in (-1, 0, 1, 63, 64, 65)):
            fills = (b"longer-words a,", b"the a-b movie ", b"xxxxxxx ", b"a" * 9 + b"\xe2\x80\x94")
            yield _input(2, place % 3, [(fill * size)[-size:] for fill in fills], last)
    for one, other in (*_SAME_HASH, *(pair[::-1] for pair in _SAME_HASH)):
        yield _input(2, 0, [one + b" " + other], None, words=[one, b"longer-than-both" * 3])
    yield _input(2, 0, [b"a", b""], None, words=[])
    yield _input(2, 0, [b"a"], None, words=[b"a" * 1025])
    yield _input(1, 2, [], None)


def _texts_of_seeds() -> Iterator[list[bytes]]:
    yield [b" ".join(_WORDS), b"", _NULL + b"null", *(word.upper() for word in _WORDS)]
    yield [bytes(range(1, 0xFC)), b"\0", *(bytes([128 + byte]) for byte in range(64))]
    yield [_WORDS[0] * length for length in range(16)]
    yield [b"x" * length + b" the" for length in range(16)]
    yield [b"a b " * 2100, b"a" + b" B c" * 3000]
    yield [one + other for one in _UNITS for other in _UNITS[:3]]
    yield [b"a" + one + other + b"a" for one in _UNITS for other in _UNITS[5:8]]
    for cut in (1, 2):  # a character that goes on in the bytes of another text
        yield [part for sep in _SEPARATORS for part in (b"the" + sep[:cut], sep[cut:] + b"a")]
    for bound in _BOUNDS:
        for separator in (*_SEPARATORS, *_UNITS):
            yield [_repeat(fill, bound) + separator + _WORD + b"\x00" for fill in (b"x", b" ")]
        yield [_repeat(b" ", bound - 4) + b"the", _repeat(b"x", bound - 4) + b" the"]
        yield [_repeat(b"x", bound - 4) + (_WORD + b"\x01 ") * 99]
        yield [_repeat(b"x", bound) + _repeat(b"z", 8191) + b" a b", _repeat(b"\xe2", bound)]
    for shift in range(8):
        for separator in (*_SEPARATORS, *_UNITS):
            before = _repeat(b" ", 4096 - shift) + b"the"
            yield [before + separator + b"movie", before + separator + _repeat(b"-", 4096) + b"a"]


def _repeat(byte: bytes, times: int) -> bytes:
    return _REPEAT + times.to_bytes(2, "little") + byte


def _input(
    rule: int,
    layout: int,
    texts: Sequence[bytes],
    last: int | None,
    flags: int = 0,
    skipped: int = 0,
    words: Sequence[bytes] = _WORDS,
) -> bytes:
    version = 1 << 6 if rule == 3 else rule - 1
    head = bytes([version | layout << 1 | flags << 3, _LAST.index(last), len(words), skipped])
    return head + b"".join(string + _END for string in (*words, *texts))


FUZZER = Fuzzer("fuzz_core", seeds, _SEPARATORS + _UNITS + _WORDS[:5])

if __name__ == "__main__":
    sys.exit(main(FUZZER))
