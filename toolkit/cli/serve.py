"""`toolkit serve`: scores over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from toolkit.cli import console as messages
from toolkit.cli import options as o
from toolkit.cli import score_options as s
from toolkit.cli.process import Failure
from toolkit.errors import MissingExtraError, UsageError, counted
from toolkit.model import ASPECT_LISTS

if TYPE_CHECKING:
    from toolkit.service import Answered

_LAST_PORT = 65_535
_LONGEST = 86_400  # seconds

_MOST_OF_A_PATH = 200  # characters in a line of the access log

_LIMITS = "Limits"

Host = Annotated[
    str, o.option("NAME", "Address to listen on; with 0.0.0.0, other machines reach it.", True)
]
Port = Annotated[int, o.option("N", "Port to listen on; 0 chooses a free one.", True, min=0)]
HostName = Annotated[
    list[str] | None,
    o.option(
        "NAME",
        "Name by which clients or a proxy call the service; requests for other hosts are refused. "
        "Repeat it for more.",
    ),
]
Neutral = Annotated[
    str | None, o.option("LOW:HIGH", "Range of probabilities that are neutral.", "the model's")
]
Aspects = Annotated[
    str | None,
    o.option(
        "LIST|FILE",
        f"Aspects to find on request: {', '.join(ASPECT_LISTS)}, or a TOML file.",
    ),
]
TokenFile = Annotated[
    Path | None,
    o.option(
        "FILE", "File of tokens, one per line. Clients have to send `Authorization: Bearer TOKEN`."
    ),
]
AccessLog = Annotated[
    bool, o.flag("--access-log", "Print a line for each request, without its texts.")
]
Workers = Annotated[
    int | None, o.option("N", "Number of threads for long requests.", "one per core", min=1)
]
MaxBytes = Annotated[
    int,
    o.option(
        "N", "Maximum bytes of a request; a larger one gets status 413.", True, panel=_LIMITS, min=1
    ),
]
MaxTexts = Annotated[
    int,
    o.option(
        "N", "Maximum texts of a request; a larger one gets status 413.", True, panel=_LIMITS, min=1
    ),
]
MaxWaiting = Annotated[
    int,
    o.option(
        "N",
        "Maximum number of requests that wait; further ones get status 503.",
        True,
        panel=_LIMITS,
        min=1,
    ),
]
Timeout = Annotated[
    float,
    o.option("SECONDS", "Time limit for each step of a request.", True, panel=_LIMITS),
]


def serve(
    model: o.Model = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    host_name: HostName = None,
    threshold: o.Threshold = None,
    neutral_range: Neutral = None,
    aspects: Aspects = None,
    aspect: o.Aspect = None,
    min_probability: o.MinProbability = None,
    other: o.Other = None,
    token_file: TokenFile = None,
    access_log: AccessLog = False,
    log_format: s.LogFormat = "text",
    workers: Workers = None,
    max_bytes: MaxBytes = 1 << 20,
    max_texts: MaxTexts = 1000,
    max_waiting: MaxWaiting = 512,
    timeout: Timeout = 15.0,
) -> None:
    """Score texts over HTTP.

    `POST /score` and `POST /explain` take and return JSON. `/docs` describes all paths, `/healthz`
    names the model, and `/metrics` is for Prometheus. Ctrl-C or `kill` answers what has begun.

    Examples: `toolkit serve`, or

    - `toolkit serve --model reviews-small --port 9000`
    - `toolkit serve --host 0.0.0.0 --neutral-range 0.4:0.6`
    - `toolkit serve --aspects hotels`
    - `toolkit serve --model topics.onnx --min-probability 0.5 --other unclear`
    """
    messages.use_json(log_format == "json")
    MissingExtraError.check("serve", "starlette", "uvicorn", "httptools", "prometheus_client")
    if port > _LAST_PORT:
        raise UsageError(f"--port {port}: expected 0 to {_LAST_PORT}")
    if not 0 < timeout <= _LONGEST:
        raise UsageError(f"--timeout {timeout:g}: expected seconds, up to {_LONGEST:,}")
    from toolkit.model.ranges import parse_range
    from toolkit.model.scorer import Scorer
    from toolkit.model.scorer_options import ScorerOptions
    from toolkit.scoring.block_loop import usable_cores
    from toolkit.service import HostNames, Limits, Service, Tokens, listen
    from toolkit.service import serve as serve_until_stopped

    neutral = None if neutral_range is None else parse_range(neutral_range)
    limits = Limits(
        most_bytes=max_bytes,
        most_texts=max_texts,
        most_waiting=max_waiting,
        seconds=timeout,
    )
    tokens = None if token_file is None else Tokens(token_file)
    scorer = Scorer.of(
        ScorerOptions(
            model=model,
            threshold=threshold,
            aspects=o.aspects_of(aspects, aspect),
            min_probability=min_probability,
            other=other,
        )
    )
    scorer.check_options_of_sentiment({"--neutral-range": neutral is not None})
    service = Service(
        scorer=scorer,
        neutral=neutral,
        limits=limits,
        threads=workers or usable_cores(),
        tokens=tokens,
        on_error=lambda error: messages.warning(f"a request failed: {Failure.of(error).message}"),
    )
    listening = listen(host, port)
    address, port = listening.getsockname()[:2]
    if access_log:
        service.on_answer = _log
    service.host_names = HostNames(address, host_name or ())
    shown = f"[{address}]" if ":" in address else address
    where = f"http://{shown}:{port}"
    if token_file is None and not (address.startswith("127.") or address == "::1"):
        messages.warning(f"{where} is open to other machines, without a token. See --token-file.")
    start = f"listening on {where}; press Ctrl-C to stop"
    serve_until_stopped(
        service=service,
        listening=listening,
        seconds=timeout,
        on_start=lambda: messages.say(start, "listening", address=where),
        on_warning=messages.warning,
    )


def _log(answered: Answered) -> None:
    """Write a line of the access log; it has no texts."""
    path = answered.path[:_MOST_OF_A_PATH]
    milliseconds = round(answered.seconds * 1000, 1)
    line = (
        f"{answered.client} {answered.method} {path} {answered.status} "
        f"{counted(answered.texts, 'text')} {milliseconds} ms"
    )
    messages.say(
        messages.one_line(line),
        "request",
        client=answered.client,
        method=answered.method,
        path=path,
        status=answered.status,
        texts=answered.texts,
        milliseconds=milliseconds,
    )
