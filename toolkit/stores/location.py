"""Names that users give: a path of this machine, or the URI of an object in a store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from toolkit.errors import UsageError

# As obstore names them.
SCHEMES = ("s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss")
# Aliases are replaced: with two names for one object, an output could replace its own input.
_ALIASES = {"gcs": "gs", "s3a": "s3", "adl": "az", "azure": "az"}

# Patterns are compiled at their first use: runs without a store need none.
_URI = rf"(?P<scheme>{'|'.join([*SCHEMES, *_ALIASES])}):/(?:/(?P<rest>.*))?"
# Secrets to mask: user and password before the host, and the values of signed URLs. A password may
# contain slashes. In abfs, the user is the container. Lengths are limited, because otherwise the
# time grows with the square of the length of a text.
_ACCESS = (
    r"(\b(?!file:(?:/|///)[^/]|abfss?://[^\s/:@]{0,99}@)[a-z][\w+.-]{1,30}:/{1,9})"
    r"(?:[^\s/:@]{0,2000}:\S{0,2000}|[^\s/:@]{0,2000})@"
    r"|([?&#](?:sig|code|(?:[\w.-]{0,60}[_.-])?(?:pwd|pass(?:wd)?|auth|jwt)|[\w.-]{0,60}"
    r"(?:signature|token|secret|credential|password|(?:access|api)_?key)[\w.-]{0,60})=)"
    r"""(?:"[^"\n]{0,2000}"|'[^'\n]{0,2000}'|['"]?[^\s&'"]*[^\s&'":;,.])"""
)


def masked(text: str) -> str:
    """Return a text without the passwords, signatures and tokens of the addresses in it."""
    if ":/" not in text and "=" not in text:
        return text
    return re.sub(
        _ACCESS, lambda found: f"{found[1]}***@" if found[1] else f"{found[2]}***", text, flags=re.I
    )


@dataclass(frozen=True, order=True)
class Location:
    """The address of an object or a prefix; the key of a prefix has no slash at its end."""

    root: str  # such as s3://bucket
    key: str  # without a slash at its start or end; "" is the bucket

    def __str__(self) -> str:
        return f"{self.root}/{self.key}"

    @property
    def scheme(self) -> str:
        """The kind of the store, in lower case."""
        return self.root.partition(":")[0]


def location_of(text: str) -> Location | None:
    """Parse the URI of an object; return None for other text.

    The key is not decoded: ``%20`` is not a space. Raises `UsageError` for an invalid URI.
    """
    found = re.fullmatch(_URI, text, re.I | re.S)
    if found is None:
        return None
    scheme = found["scheme"].lower()
    rest = found["rest"] or ""
    scheme = _ALIASES.get(scheme, scheme)
    bucket, _, key = rest.partition("/")
    if masked(text) != text or ":" in bucket:
        shown = f"{scheme}://…" if masked(text) == text else masked(text)
        raise UsageError(
            f"{shown}: has a user, a password, a signature or a token in it, which would be shown "
            "in messages. Leave it out, and give credentials in the environment"
        )
    if not bucket or bucket in (".", ".."):
        raise UsageError(f"{text}: names no bucket; expected {scheme}://BUCKET/KEY")
    key = key.removesuffix("/")
    if key and any(part in ("", ".", "..") for part in key.split("/")):
        raise UsageError(
            f"{text}: keys with empty parts, '.' or '..' are not supported. Copy the object to "
            "another key"
        )
    if any(ord(each) < 32 or ord(each) == 127 for each in key):
        raise UsageError(f"{text!r}: keys with control characters are not supported")
    return Location(f"{scheme}://{bucket}", key)


def local_name(text: str) -> str:
    """Return the path of a ``file:`` URI, or a text that is not a URI; else raise `UsageError`."""
    if not text.lower().startswith("file:"):
        if text.lower().startswith(("http://", "https://")):
            host = re.split("[?#]", masked(text))[0].rpartition("@")[2]
            raise UsageError(
                f"{host}: web addresses are not read. Download the file first, or name an object "
                "in a store as s3://BUCKET/KEY, gs://BUCKET/KEY or az://CONTAINER/KEY"
            )
        return text
    found = re.fullmatch(
        r"file:(?://(?:localhost)?(?=/)|(?=/(?!/)))(?P<path>/.*)", text, re.I | re.S
    )
    if found is None:
        raise UsageError(f"{masked(text)}: expected file:///PATH, with three slashes")
    return unquote(found["path"], errors="surrogateescape")
