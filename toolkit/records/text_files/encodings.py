"""Text in any encoding, read as UTF-8."""

from __future__ import annotations

import codecs
from collections.abc import Callable

from toolkit.errors import UsageError

Read = Callable[[int], bytes]  # about as many bytes; nothing at the end


class Transcoded:
    """Bytes in an encoding, read as UTF-8; invalid ones become surrogates."""

    def __init__(self, read: Read, encoding: str) -> None:
        self._read = read
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._is_start = True

    def encode(self, text: str) -> bytes:
        """Give some of the text as it is in the file."""
        try:
            return text.encode(self._encoding, "surrogateescape")
        except UnicodeError:  # a byte for itself, which UTF-16 and UTF-32 do not encode
            return b"".join(
                bytes([ord(character) & 0xFF])
                if "\udc80" <= character <= "\udcff"
                else character.encode(self._encoding, "replace")
                for character in text
            )

    def read(self, size: int) -> bytes:
        """Read about as many bytes; nothing at the end."""
        while part := self._read(max(size, 4)):
            if self._is_start and self._encoding in ("utf-16", "utf-32"):
                while len(part) < 4 and (more := self._read(4 - len(part))):
                    part += more  # a pipe may give a mark in pieces
                # Without the mark, which is only at the start of the file.
                is_big = part[:4].strip(b"\0").startswith(codecs.BOM_UTF16_BE)
                self._encoding += "-be" if is_big else "-le"
            self._is_start = False
            if text := self._decoder.decode(part):
                return text.encode("utf-8", "surrogatepass")
        return self._decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def known_encoding(encoding: str | None) -> str | None:
    """Check the name of an encoding; UTF-8 needs no conversion."""
    if encoding is None:
        return None
    try:
        codec = codecs.lookup(encoding)
        "a".encode(encoding)  # not all codecs are of text
    except (LookupError, ValueError):
        raise UsageError(
            f"no encoding {encoding!r}. --encoding takes the names that Python knows, such as "
            "latin-1, cp1252 or utf-16"
        ) from None
    return None if codec.name in ("utf-8", "utf-8-sig", "ascii") else codec.name
