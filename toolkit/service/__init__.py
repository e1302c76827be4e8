"""Scores and explanations over HTTP: `toolkit serve`, with Starlette and uvicorn.

A request goes from `server.py` (connections, slow clients, shutdown) through `heads.py` (versions,
lengths, host names) and `app.py` (paths, JSON, limits, metrics) to `batches.py` (which requests are
scored together, and where). `openapi.json` describes all paths, for authors and generators of
clients.

"""

from __future__ import annotations

from toolkit.service.app import Answered, Limits, Service
from toolkit.service.heads import HostNames, Tokens
from toolkit.service.server import listen, serve

__all__ = ["Answered", "HostNames", "Limits", "Service", "Tokens", "listen", "serve"]
