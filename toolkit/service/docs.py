"""The page `/docs`: what the service answers, and forms to try it."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

from starlette.responses import HTMLResponse

_PARTS = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)


def docs_page() -> HTMLResponse:
    """Return the page, with a header that lets it load nothing but its own parts.

    The page reads `/openapi.json` and `/healthz`, so it needs nothing from this program.
    """
    content = files("toolkit.service").joinpath("docs.html").read_text("utf-8")
    allowed = [f"{name}-src 'sha256-{_digest(part)}'" for name, part in _PARTS.findall(content)]
    policy = [
        "default-src 'none'",
        *allowed,
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    headers = {
        "content-security-policy": "; ".join(policy),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    return HTMLResponse(content, headers=headers)


def _digest(part: str) -> str:
    return base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
