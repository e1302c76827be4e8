"""Let a Ray cluster score the shards of a job, one task per shard."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

from toolkit.errors import (
    STOPPING,
    InputError,
    MissingExtraError,
    ModelError,
    OutputError,
    ToolkitError,
    UsageError,
    held_back,
)
from toolkit.files import temporary_folder
from toolkit.model.scorer import Scorer
from toolkit.scoring.block_loop import usable_cores
from toolkit.scoring.options import ScoringOptions
from toolkit.shards.claims import Claim, ShardedJob
from toolkit.shards.score import score_shard

_RETRIES = 10  # of a task whose worker or node dies, or that cannot write
_WATCHED = 1000  # the oldest tasks are watched: watching more would take too long
_SECONDS = 0.5  # between two checks for signals
_CONNECT_SECONDS = 10.0
_TEMPORARY = Path("/tmp")  # noqa: S108 (a folder of this user is made in it; sockets need short names)

SHARDS_PER_CPU = 4
_SHARD_BYTES = 256 << 20  # about the largest shard; small shards lose little work when a node dies


@contextmanager
def connected() -> Iterator[int]:
    """Connect to the cluster of RAY_ADDRESS, or start one on this machine; yield its CPUs.

    Raises `MissingExtraError` without Ray, and `OutputError` if the cluster cannot be reached.
    """
    MissingExtraError.check("ray", "ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Without this, Ray warns at each start of a later change with GPUs.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    address = os.environ.get("RAY_ADDRESS")
    if address:
        _check_answers(address)
    handlers = {number: signal.getsignal(number) for number in STOPPING}
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    with ExitStack() as opened:
        if not address:
            settings |= {"num_cpus": usable_cores(), "include_dashboard": False}
            # Everybody can write to Ray's folders, so they are put into a folder of this user.
            if _TEMPORARY.is_dir():
                folder = opened.enter_context(temporary_folder(_TEMPORARY / "ray"))
                settings["_temp_dir"] = str(folder / "ray")
        try:
            # Without "local", Ray would join any cluster that runs on this machine.
            ray.init(address or "local", **settings)
        except Exception as error:  # noqa: BLE001 (Ray raises it, for example if it starts slowly)
            first = str(error).strip().splitlines()[0]
            where = f"the Ray cluster at {address}" if address else "a Ray cluster on this machine"
            raise OutputError(f"{where}: cannot be used: {first}") from None
        finally:
            for number, handler in handlers.items():  # Ray's own handlers end the process
                signal.signal(number, handler)
        try:
            resources = ray.cluster_resources()
            yield max(int(resources.get("CPU", 1)), 1)
        finally:
            # Drops output that Ray has not printed yet.
            with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                ray.shutdown()


def _check_answers(address: str) -> None:
    """Raise `OutputError` if nothing answers at HOST:PORT: Ray would retry for many minutes."""
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdigit()) or "/" in host:  # such as auto, or ray://HOST:PORT
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except OSError as error:
        raise OutputError(
            f"the Ray cluster at {address}: cannot be reached: {error.strerror or error}. Check "
            "RAY_ADDRESS, or unset it to use this machine"
        ) from None


def shards_for(size: int, cpus: int) -> int:
    """Choose the number of shards by the bytes of the inputs."""
    return max(SHARDS_PER_CPU * cpus, -(-size // _SHARD_BYTES))


def score_on_ray(
    job: ShardedJob,
    scorer: Scorer,
    options: ScoringOptions,
    on_claim: Callable[[Claim], None] = lambda _: None,
) -> dict[int, ToolkitError]:
    """Score all shards of a job that are not done, within `connected`; return the failed shards.

    The folder of the job, its inputs and the model must have the same paths on all machines. Each
    process loads the model once. ``options.workers`` is the number of CPUs for each shard, 1 by
    default. ``on_claim`` receives each finished shard, also of an earlier run. Raises `OutputError`
    if a shard is lost again and again, for example because there is too little memory.
    """
    import ray

    threads = options.workers or 1
    settings = {"num_cpus": threads, "max_retries": _RETRIES, "retry_exceptions": [OutputError]}
    task: Any = ray.remote(**settings)(_score)
    once = ray.put(job)  # not with each task
    arguments = (pickle.dumps(scorer), once, replace(options, workers=threads), str(Path.cwd()))
    running: dict[Any, int] = {}  # tasks, with their shards
    for shard, claim in enumerate(job.read_claims()):
        if claim is not None:
            on_claim(claim)
            continue
        with held_back():  # within Ray, a signal ends as a `SystemError`
            running[task.remote(shard, *arguments)] = shard
    failed = {}
    # If this is interrupted, the connection ends, and the cluster ends the tasks. `ray.cancel` is
    # not used: Ray 2.60 ends this process if the task is done at that moment.
    while running:
        with held_back():
            done, _ = ray.wait([*islice(running, _WATCHED)], timeout=_SECONDS)
            results = {(shard := running.pop(each)): _result(each, shard) for each in done}
        for shard, result in results.items():
            if isinstance(result, ToolkitError):
                failed[shard] = result
            else:
                on_claim(result)
    return failed


def _result(done: Any, shard: int) -> Claim | ToolkitError:
    import ray

    try:
        return ray.get(done)  # type: ignore[no-any-return]
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, ToolkitError):
            raise OutputError(str(cause)) from None
        raise OutputError(f"shard {shard}: {type(cause).__name__}: {cause}") from None
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0]
        raise OutputError(
            f"shard {shard}: its worker was lost {_RETRIES + 1} times: {first}"
        ) from None


def _score(
    shard: int, scorer: bytes, job: ShardedJob, options: ScoringOptions, cwd: str
) -> Claim | ToolkitError:
    """Score a shard in a worker of the cluster."""
    with suppress(OSError):  # the folder may be missing if paths are absolute or in a store
        os.chdir(cwd)
    try:
        # Opened once per process. For a missing model, Ray itself would have no clear message.
        opened = pickle.loads(scorer)  # noqa: S301 (of this program)
        return score_shard(scorer=opened, job=job, shard=shard, options=options)
    except (InputError, ModelError, UsageError) as error:
        return error
