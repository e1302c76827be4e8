"""Requests whose end two programs may see in different places, after the public literature.

"HTTP Desync Attacks" (James Kettle, 2019), "Browser-Powered Desync Attacks" (2022) and "HTTP/1.1
must die" (2025) by the same, "HTTP Request Smuggling in 2020" (Amit Klein), "T-Reqs" (Jabiyev and
others, 2021), "Funky chunks" (Jeppe Bonde Weikop, 2025), and the advisories of llhttp.
"""

from __future__ import annotations

import json

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
HIDDEN_POST = b"POST /hidden HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300\r\n\r\n"
KIND = b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
EMPTY = b'{"texts":[]}'
_MOST_TEXTS = 1000


def head(lines: bytes, path: bytes = b"/score", version: bytes = b"HTTP/1.1") -> bytes:
    """The head of a POST request, with further lines."""
    return b"POST %s %s\r\nHost: localhost\r\n%s%s\r\n" % (path, version, KIND, lines)


def sized(body: bytes, lines: bytes = b"", path: bytes = b"/score") -> bytes:
    """A whole POST request whose length is right."""
    return head(b"Content-Length: %d\r\n%s" % (len(body), lines), path) + body


def chunked(chunks: bytes, lines: bytes = CHUNKED) -> bytes:
    """A POST request in chunks, as they are written."""
    return head(lines) + chunks


def _ambiguous() -> dict[str, bytes]:
    """Requests that have two lengths, or one that may not be understood."""
    ended = b"0\r\n\r\n" + HIDDEN
    too_short = b"Content-Length: 4\r\n"
    codings = {
        "TE.TE, the second unknown": CHUNKED + b"Transfer-Encoding: x\r\n",
        "TE.TE, the first unknown": b"Transfer-Encoding: x\r\n" + CHUNKED,
        "TE twice": CHUNKED * 2,
        "gzip, chunked": b"Transfer-Encoding: gzip, chunked\r\n",
        "gzip and chunked": b"Transfer-Encoding: gzip\r\n" + CHUNKED,
        "chunked, identity": b"Transfer-Encoding: chunked, identity\r\n",
        "identity": b"Transfer-Encoding: identity\r\n",
        "xchunked": b"Transfer-Encoding: xchunked\r\n",
        "quoted": b'Transfer-Encoding: "chunked"\r\n',
        "with a parameter": b"Transfer-Encoding: chunked;a=b\r\n",
        "after a vertical tab": b"Transfer-Encoding:\x0bchunked\r\n",
        "after a tab": b"Transfer-Encoding:\tchunked\r\n",
        "before a tab": b"Transfer-Encoding: chunked\t\r\n",
        "space before the colon": b"Transfer-Encoding : chunked\r\n",
        "space before the name": b" Transfer-Encoding: chunked\r\n",
        "underscore": b"Transfer_Encoding: chunked\r\n",
        "folded": b"Transfer-Encoding:\r\n chunked\r\n",
        "folded into another header": b"X: a\r\n Transfer-Encoding: chunked\r\n",
        "after a bare LF": b"X: a\nTransfer-Encoding: chunked\r\n",
        "after a bare CR": b"X: a\rTransfer-Encoding: chunked\r\n",
        "after a zero byte": b"X: a\0\r\nTransfer-Encoding: chunked\r\n",
        "in capitals": b"TRANSFER-ENCODING: CHUNKED\r\n",
        "hidden by Connection": CHUNKED + b"Connection: Transfer-Encoding\r\n",
    }
    found = {f"coding {name}": chunked(ended, lines) for name, lines in codings.items()}
    found |= {
        f"length and coding {name}": chunked(ended, too_short + lines)
        for name, lines in codings.items()
    }
    long_length = b"Content-Length: %d\r\n" % len(ended)
    found["CL.TE"] = chunked(ended, long_length + CHUNKED)
    found["TE.CL"] = chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN), CHUNKED + too_short)
    found["CL.0"] = sized(HIDDEN, path=b"/missing")
    found["CL.0 of GET"] = b"GET /healthz" + sized(HIDDEN)[len(b"POST /score") :]
    found["0.CL"] = head(b"Content-Length : %d\r\n" % len(HIDDEN)) + HIDDEN
    for name, value in (
        ("0, then more", b"0\r\nContent-Length: %d"),
        ("more, then 0", b"%d\r\nContent-Length: 0"),
        ("twice the same", b"%d\r\nContent-Length: %d"),
        ("a list", b"%d, %d"),
        ("a list with 0", b"0, %d"),
        ("plus", b"+%d"),
        ("minus", b"-%d"),
        ("hexadecimal", b"0x%x"),
        ("zeros before", b"000%d"),
        ("a word after", b"%d a"),
        ("a comma after", b"%d,"),
        ("folded", b"\r\n %d"),
        ("empty", b""),
        ("huge", b"18446744073709551616%d"),
        ("an underscore", b"1_%d"),
    ):
        numbers = (len(HIDDEN),) * value.count(b"%")
        found[f"length {name}"] = head(b"Content-Length: %s\r\n" % (value % numbers)) + HIDDEN
    return found


def _chunks() -> dict[str, bytes]:
    """Bodies in chunks that may be read in two ways."""
    size, ended = len(HIDDEN), b"0\r\n\r\n"
    found = {
        "extension": b"2;a=b\r\n{}\r\n" + ended + HIDDEN,
        "extension with a bare LF": b"2;a\n%s\r\n" % (b"x" * 2) + ended + HIDDEN,
        "extension with a bare CR": b"2;a\rxx\r\n{}\r\n" + ended + HIDDEN,
        "extension in quotes over a line": b'2;a="\r\n{}\r\n0\r\n\r\n' + HIDDEN + b'"\r\n' + ended,
        "extension without a name": b"2;\r\n{}\r\n" + ended + HIDDEN,
        "extension after a space": b"2 ;a=b\r\n{}\r\n" + ended + HIDDEN,
        "size before a bare LF": b"2\n{}\r\n" + ended + HIDDEN,
        "size before a bare CR": b"2\r{}\r\n" + ended + HIDDEN,
        "size before a space": b"2 \r\n{}\r\n" + ended + HIDDEN,
        "size with 0x": b"0x2\r\n{}\r\n" + ended + HIDDEN,
        "size with an underscore": b"1_0\r\n%s\r\n" % (b" " * 16) + ended + HIDDEN,
        "size with a sign": b"+2\r\n{}\r\n" + ended + HIDDEN,
        "size below 0": b"-2\r\n{}\r\n" + ended + HIDDEN,
        "size with zeros": b"000000000000000000000000002\r\n{}\r\n" + ended + HIDDEN,
        "size of 65 bits": b"10000000000000002\r\n{}\r\n" + ended + HIDDEN,
        "size in other digits": b"\xd9\xa2\r\n{}\r\n" + ended + HIDDEN,
        "no size": b"\r\n{}\r\n" + ended + HIDDEN,
        "end with a bare LF": b"2\r\n{}\n" + ended + HIDDEN,
        "end with other bytes": b"2\r\n{}xx" + ended + HIDDEN,
        "end is missing": b"2\r\n{}" + ended + HIDDEN,
        "last end with a bare LF": b"0\r\n\n" + HIDDEN,
        "last end is missing": b"0\r\n" + HIDDEN,
        "last is 00": b"00\r\n\r\n" + HIDDEN,
        "trailer with a length": b"0\r\nContent-Length: %d\r\n\r\n" % size + HIDDEN,
        "trailer with a coding": b"0\r\n" + CHUNKED + b"\r\n" + HIDDEN,
        "trailer with a host": b"0\r\nHost: a\r\n\r\n" + HIDDEN,
        "trailer that is folded": b"0\r\nX: a\r\n b\r\n\r\n" + HIDDEN,
        "trailer with a bare LF": b"0\r\nX: a\n\r\n" + HIDDEN,
    }
    return {f"chunks: {name}": chunked(content) for name, content in found.items()}


def _heads() -> dict[str, bytes]:
    """Heads that are not as one expects."""
    body = EMPTY
    length = b"Content-Length: %d\r\n" % len(body)
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n"
    in_body = b"\r\n\r\nupgrade: " + HIDDEN
    return {
        "upgrade": sized(body, upgrade) + HIDDEN,
        "upgrade, in chunks": chunked(b"2\r\n{}\r\n0\r\n\r\n" + HIDDEN, CHUNKED + upgrade),
        "upgrade, two lengths": chunked(b"0\r\n\r\n" + HIDDEN, upgrade + length + CHUNKED),
        "upgrade, gzip, chunked": chunked(
            b"0\r\n\r\n" + HIDDEN, upgrade + b"Transfer-Encoding: gzip, chunked\r\n"
        ),
        "upgrade, without a body": b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
        + upgrade
        + b"\r\n"
        + HIDDEN,
        "upgrade to a socket": sized(body, b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
        + HIDDEN,
        "upgrade in a body": sized(in_body),
        "upgrade in a body that is refused": sized(in_body, path=b"/missing"),
        "upgrade in a body that is too large": sized(b"\r\nupgrade: x\r\n" * 200_000 + HIDDEN_POST),
        "upgrade in a long body": sized(b" " * 70_000 + in_body, path=b"/missing"),
        "connect": b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n" + HIDDEN,
        "bare LF for all ends": head(length).replace(b"\r\n", b"\n") + body + HIDDEN,
        "bare LF before the body": head(length)[:-2] + b"\n" + body + HIDDEN,
        "bare CR before the body": head(length)[:-2] + b"\r" + body + HIDDEN,
        "line without a colon": head(b"X\r\n" + length) + body + HIDDEN,
        "header without a name": head(b": x\r\n" + length) + body + HIDDEN,
        "header in other letters": head(b"\xc3\xa9: x\r\n" + length) + body + HIDDEN,
        "space before the first header": b"GET /healthz HTTP/1.1\r\n Host: localhost\r\n\r\n"
        + HIDDEN,
        "two hosts": sized(body, b"Host: a\r\n") + HIDDEN,
        "no host": b"GET /healthz HTTP/1.1\r\n\r\n" + HIDDEN,
        "HTTP/0.9": b"GET /healthz HTTP/0.9\r\nHost: localhost\r\n\r\n" + HIDDEN,
        "HTTP/1.0 in chunks": head(CHUNKED, version=b"HTTP/1.0") + b"0\r\n\r\n" + HIDDEN,
        "HTTP/1.0, kept": head(b"Connection: keep-alive\r\n" + length, version=b"HTTP/1.0")
        + body
        + HIDDEN,
        "HTTP/1.2": head(length, version=b"HTTP/1.2") + body + HIDDEN,
        "HTTP/2.0": head(length, version=b"HTTP/2.0") + body + HIDDEN,
        "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN,
        "another protocol": b"GET /healthz RTSP/1.0\r\nHost: localhost\r\n\r\n" + HIDDEN,
        "two spaces": b"GET  /healthz  HTTP/1.1\r\nHost: localhost\r\n\r\n" + HIDDEN,
        "a request in the path": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "
        + HIDDEN.replace(b"\r\n", b"%0d%0a")
        + b"\r\n\r\n"
        + HIDDEN,
        "absolute address": b"GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        + HIDDEN,
        "empty lines before": b"\r\n\r\n" + sized(body) + b"\r\n\r\n" + HIDDEN,
        "a long line": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n"
        % (b"a" * 70_000)
        + HIDDEN,
    }


def _early() -> dict[str, bytes]:
    """Requests that are answered before they have been read, and what follows them."""
    too_many = json.dumps({"texts": ["a"] * (_MOST_TEXTS + 1)}).encode()
    large = b"x" * (1 << 21)
    expect = b"Expect: 100-continue\r\n"
    return {
        "two at once": sized(EMPTY) + HIDDEN,
        "ten at once": sized(EMPTY) * 9 + HIDDEN,
        "missing path, then another": sized(b"x" * 5000, path=b"/missing") + HIDDEN,
        "another kind, then another": sized(b"x" * 5000).replace(b"/json", b"/xml") + HIDDEN,
        "too large, then another": sized(large) + HIDDEN,
        "too large in chunks": chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large)) + HIDDEN,
        "too large with a request in it": sized(large + HIDDEN + large),
        "too many texts, then another": sized(too_many) + HIDDEN,
        "half of a body that is a request": head(
            b"Content-Length: %d\r\n" % (len(HIDDEN) + 100), b"/missing"
        )
        + HIDDEN,
        "half of a long body": head(b"Content-Length: %d\r\n" % (1 << 30)) + HIDDEN,
        "half of a body in chunks": head(CHUNKED, b"/missing") + b"ffff\r\n" + HIDDEN,
        "expected, and sent": sized(HIDDEN, expect, b"/missing") + HIDDEN,
        "expected, and not sent": head(expect + b"Content-Length: 50\r\n", b"/missing") + HIDDEN,
        "expected otherwise": sized(EMPTY, b"Expect: 200-maybe\r\n") + HIDDEN,
        "wrong after a right one": sized(EMPTY) + b"GET /hidden HTTP/1.1\r\nX: \0" + HIDDEN,
        "wrong chunks after a right one": sized(EMPTY) + chunked(b"2\r\n{}xx") + HIDDEN,
        "wrong chunks after a slow one": sized(
            json.dumps({"texts": ["good film"] * 20}).encode(), path=b"/explain"
        )
        + chunked(b"zz\r\n")
        + HIDDEN,
        "head of a body": b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + HIDDEN,
        "method with a body": sized(HIDDEN).replace(b"POST", b"DELETE") + HIDDEN,
        "GET in chunks": chunked(b"2\r\n{}\r\n0\r\n\r\n").replace(b"POST /score", b"GET /healthz")
        + HIDDEN,
        "closed, then another": sized(EMPTY, b"Connection: close\r\n") + HIDDEN,
        "kept and closed": sized(EMPTY, b"Connection: keep-alive, close\r\n") + HIDDEN,
    }


def _in_parts() -> dict[str, list[bytes]]:
    """Requests that are sent in parts, with a pause in which they may be answered."""
    hidden = HIDDEN.replace(b"Host: localhost", b"Host: localhost" + b" " * (-len(HIDDEN) % 3))
    # Each of these lines would be three bytes longer as `no-upgrade`, and the hidden request as
    # many bytes beyond the end.
    lines = b"\r\nupgrade: x" * (len(hidden) // 3) + b"\r\n"
    missing = head(b"Content-Length: %d\r\n" % len(lines + hidden), b"/missing")
    long = b"x" * 1_000_000 + lines + hidden
    upgrade = (
        b"Connection: Upgrade\r\nUpg",
        b"rade: h2c\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN),
    )
    start = head(b"")[:-2]
    return {
        "upgrade in the rest of a body that is refused": [missing, lines + hidden],
        "the same, after another": [sized(EMPTY), missing, lines + hidden, sized(EMPTY)],
        "the same, in a long one": [sized(long, path=b"/missing")],
        "upgrade in two parts": [start + upgrade[0], upgrade[1], HIDDEN],
        "upgrade in two parts, after another": [
            sized(EMPTY),
            start + upgrade[0],
            upgrade[1],
            HIDDEN,
        ],
        "upgrade, then its body": [start + b"".join(upgrade), HIDDEN, HIDDEN],
        "upgrade, then its body, too long": [start + b"".join(upgrade), HIDDEN * 2],
        "upgrade, then half of its body": [start + b"".join(upgrade), HIDDEN[:9]],
        "half of a refused body, then another": [missing, HIDDEN, HIDDEN * 40],
        "body after the answer": [missing, b"x" * len(lines), HIDDEN * 9],
        "chunks after the answer": [
            head(CHUNKED, b"/missing"),
            b"5\r\nabcde\r\n",
            b"0\r\n\r\n" + HIDDEN,
        ],
        "wrong chunks after the answer": [head(CHUNKED, b"/missing"), b"zz\r\n" + HIDDEN],
        "byte by byte": [bytes([byte]) for byte in sized(EMPTY)] + [HIDDEN],
    }


FAMILIES: dict[str, dict[str, list[bytes]]] = {
    "lengths": {name: [sent] for name, sent in _ambiguous().items()},
    "chunks": {name: [sent] for name, sent in _chunks().items()},
    "heads": {name: [sent] for name, sent in _heads().items()},
    "early answers": {name: [sent] for name, sent in _early().items()},
    "parts": _in_parts(),
}
