"""Checks of the head of a request, for all paths.

The parser of uvicorn checks the syntax of the head, and that the length of the body is clear.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import re
from collections.abc import Iterable
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.types import Scope

from toolkit.errors import UsageError
from toolkit.files import read_small

_VERSIONS = ("1.0", "1.1")
_LAST = {"connection": "close"}  # the next request of this client may be wrong in the same way

_FEWEST = 16  # characters of a token
_MOST_BYTES = 1 << 16  # of a file of tokens
_TOKEN = re.compile(rf"[A-Za-z0-9._~+/-]{{{_FEWEST},1024}}=*")

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]*)?")


class HostNames:
    """The names by which clients may call the service.

    A page of another site can make its own name resolve to 127.0.0.1 (DNS rebinding). It could then
    send requests to the service and read the answers, but the header Host has the page's name.
    """

    def __init__(self, address: str, names: Iterable[str] = ()) -> None:
        """Collect names; raises `UsageError` for one that is not a name.

        Parameters
        ----------
        address : str
            IP address at which the service listens.
        names : Iterable[str]
            Further names, without scheme, port and path.

        Raises
        ------
        UsageError
            If a name has a scheme, a port, a path or other characters.
        """
        given = [*names]
        for name in given:
            if _name_of(name) is None or ":" in name.partition("]")[2] or name.count(":") == 1:
                raise UsageError(
                    f"--host-name {name}: expected a name alone, without https://, port and path, "
                    "such as reviews.example"
                )
        is_loopback = ipaddress.ip_address(address).is_loopback
        self._is_checked = is_loopback or bool(given)
        self._takes_addresses = not is_loopback  # no name means another address there
        self._names = {*_LOOPBACK, address, *map(_name_of, given)}

    def include(self, host: str) -> bool:
        """Check whether the value of a header Host is one of the names, with any port."""
        if not self._is_checked:
            return True
        name = _name_of(host)
        if name is None:
            return False
        return name in self._names or (self._takes_addresses and _is_address(name))


class Tokens:
    """The tokens of a file, one of which a client sends as ``Authorization: Bearer TOKEN``."""

    def __init__(self, path: Path) -> None:
        """Read the tokens, one per line.

        Parameters
        ----------
        path : Path
            A text file. Blank lines are left out; several tokens allow a change without a gap.

        Raises
        ------
        UsageError
            If the file cannot be read, is larger than 64 KiB, or has no token, or one that is short
            or not of the characters of a token.
        """
        try:
            content = read_small(
                path,
                _MOST_BYTES,
                expected="a file of tokens, one per line",
                option="--token-file",
            )
            lines = content.decode("ascii").splitlines()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not plain ASCII"
            raise UsageError(f"--token-file {path}: cannot be read: {why}") from None
        tokens = [line.strip() for line in lines if line.strip()]
        for token in tokens:
            if not _TOKEN.fullmatch(token):  # the message must not show it
                raise UsageError(
                    f"--token-file {path}: expected tokens of {_FEWEST} characters or more, "
                    "letters, digits and - . _ ~ + / =, one per line. Make one with: openssl rand "
                    "-hex 32"
                )
        if not tokens:
            raise UsageError(f"--token-file {path}: has no token. Write one per line.")
        self._digests = [_digest(token.encode()) for token in tokens]

    def include(self, header: bytes) -> bool:
        """Check the value of a header Authorization, in constant time."""
        scheme, _, given = header.strip().partition(b" ")
        found = _digest(given.strip())
        known = [hmac.compare_digest(found, each) for each in self._digests]
        return scheme.lower() == b"bearer" and any(known)


def check_token(scope: Scope, tokens: Tokens) -> None:
    """Raise `HTTPException` with the status 401 unless a request has one right token."""
    given = _values(scope, b"authorization")
    if len(given) != 1 or not tokens.include(given[0]):
        raise HTTPException(
            401,
            "expected the header Authorization: Bearer TOKEN, with a token of this service",
            {"www-authenticate": "Bearer"},
        )


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def check_head(scope: Scope, names: HostNames | None = None) -> None:
    """Raise `HTTPException` for a head that a proxy and this service might read differently.

    Parameters
    ----------
    scope : Scope
        The head of a request, as ASGI defines it: names of headers are in lowercase.
    names : HostNames | None
        Names that the header Host may have; by default, any.

    Raises
    ------
    HTTPException
        With the status 400, 421, 501 or 505, and the header that closes the connection.
    """
    version = scope.get("http_version", "1.1")
    if version not in _VERSIONS:
        raise HTTPException(505, f"expected HTTP/1.1, received HTTP/{version}", _LAST)
    codings = _values(scope, b"transfer-encoding")
    if codings and (len(codings) > 1 or codings[0].strip().lower() != b"chunked"):
        found = b", ".join(codings).decode("latin-1")[:50]
        raise HTTPException(501, f"expected Transfer-Encoding: chunked, received {found}", _LAST)
    if codings and version == "1.0":
        raise HTTPException(400, "HTTP/1.0 has no Transfer-Encoding", _LAST)
    hosts = _values(scope, b"host")
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        raise HTTPException(400, f"expected one header Host, received {len(hosts)}", _LAST)
    host = hosts[0].decode("latin-1") if hosts else "localhost"
    if names is not None and not names.include(host):
        shown = json.dumps(host[:100])
        raise HTTPException(
            421, f"Host {shown}: not a name of this service. Add it with --host-name.", _LAST
        )


def _values(scope: Scope, wanted: bytes) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == wanted]


def _name_of(host: str) -> str | None:
    """Return the name in a Host header, without port and brackets; None if it is invalid."""
    found = _HOST.fullmatch(host.strip(" \t").lower())
    return found and found["name"].strip("[]").removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
