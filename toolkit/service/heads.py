"""What the head of a request has to say, whatever its path is.

The parser of uvicorn checks the syntax of a head, and that its body has one length.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import Scope

_VERSIONS = ("1.0", "1.1")
_LAST = {"connection": "close"}  # what is wrong with one head may be so with the next


def check_head(scope: Scope) -> None:
    """Raise `HTTPException` for a head that this service and a proxy might read differently.

    Parameters
    ----------
    scope : Scope
        The head of a request, as ASGI has it: names of headers are in small letters.

    Raises
    ------
    HTTPException
        With the status 400, 501 or 505; the connection ends with this answer.
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


def _values(scope: Scope, wanted: bytes) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == wanted]
