"""Runs on a store that is slow, cut off, killed or changed meanwhile, compared with a local run.

Whatever happens, the output is absent or has the bytes of the local run, never a part of them, and
a later run with ``--resume`` completes it. Run as ``python -m tests.stores.cutting --runs 20`` for
that many runs of each kind of trouble.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.stores.case import Case
from tests.stores.proxy import Proxy
from tests.stores.server import Bucket, running_server

# A format that is uploaded in one request, one that is uploaded in parts, and one that is written
# again from the start when a run is resumed.
KINDS = [(".csv.gz", ".csv.gz", 1), (".csv", ".csv", 4), (".csv", ".parquet", 2)]

_FOREIGN = b"of somebody else\n"
_REFUSED = "cannot be continued, because this has changed: the input"


Trouble = Callable[[Case, random.Random], list[str]]


def throttled(case: Case, rng: random.Random) -> list[str]:
    """Score over a slow connection."""
    with Proxy(case.bucket.port, rate=rng.uniform(0.5, 8) * 1e6) as proxy:
        ran = case.run(port=proxy.port)
    return [*([] if ran.returncode == 3 else [ran.stderr]), *case.is_complete()]


def cut(case: Case, rng: random.Random) -> list[str]:
    """Cut connections after some bytes, of a number of them; then resume, if that was too many."""
    left = rng.randrange(1, 25)

    def limits() -> tuple[int | None, int | None]:
        nonlocal left
        left -= 1
        limit = round(10 ** rng.uniform(1.5, 5.5))
        if left < 0:
            return None, None
        return (limit, None) if rng.random() < 0.5 else (None, limit)

    with Proxy(case.bucket.port, limits=limits) as proxy:
        ran = case.run(port=proxy.port)
        wrong = case.is_whole_or_absent()
        case.notes.append(f"{proxy.cuts} cuts")
        if ran.returncode != 3:
            case.notes.append("resumed")
            if "Traceback" in ran.stderr:
                wrong.append(ran.stderr)
            left = 0
            ran = case.run("--resume", port=proxy.port)
    return [*wrong, *([] if ran.returncode == 3 else [ran.stderr]), *case.is_complete()]


def killed(case: Case, rng: random.Random) -> list[str]:
    """Kill a run again and again, and resume it."""
    wrong: list[str] = []
    with Proxy(case.bucket.port, rate=rng.uniform(2, 20) * 1e6) as proxy:
        for _ in range(rng.randrange(1, 4)):
            process = case.start("--resume", port=proxy.port)
            if is_late := rng.random() < 0.7:
                case.wait_for_progress(process)
            try:
                process.communicate(timeout=rng.uniform(0, 0.7 if is_late else 1.5) * case.seconds)
                return [*wrong, *case.is_complete()]  # it came to its end
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                case.notes.append("killed with " + ("output" if case.found() else "no output"))
            wrong += case.is_whole_or_absent()
        ran = case.run("--resume", port=proxy.port)
    was_done = ran.returncode == 2 and "exists already" in ran.stderr  # killed after its end
    said = [] if ran.returncode == 3 or was_done else [ran.stderr]
    return [*wrong, *said, *case.is_complete()]


def changed(case: Case, rng: random.Random) -> list[str]:
    """Kill a run, change the input, and resume: that is refused if anything was kept."""
    with Proxy(case.bucket.port, rate=4e6) as proxy:
        process = case.start(port=proxy.port)
        case.wait_for_progress(process)
        time.sleep(rng.uniform(0, 0.2) * case.seconds)
        process.kill()
        process.communicate()
    wrong = case.is_whole_or_absent()
    case.put("second")
    ran = case.run("--resume")
    wrong += case.is_whole_or_absent()
    if ran.returncode == 2:
        known = (_REFUSED, "exists already")
        wrong += [] if any(words in ran.stderr for words in known) else [ran.stderr]
        case.notes.append("refused")
        ran = case.run("--force")
    wrong += [] if ran.returncode == 3 else [ran.stderr]
    wrong += case.is_complete(expected=case.other)
    case.put("first")
    return wrong


def changed_meanwhile(case: Case, rng: random.Random) -> list[str]:
    """Change the input while it is read: the run fails, and nothing of it is kept."""
    with Proxy(case.bucket.port, rate=3e6) as proxy:
        process = case.start(port=proxy.port)
        case.wait_for_progress(process)
        time.sleep(rng.uniform(0, 0.4) * case.seconds)
        case.put("second")
        _, err = process.communicate(timeout=300)
    wrong = case.is_whole_or_absent()
    if process.returncode == 1:
        case.notes.append("failed")
        wrong += [] if "has changed while it was" in err else [err]
        wrong += [f"{key} is there" for key in case.found()]
    elif process.returncode != 3:
        wrong.append(err)
    case.put("first")
    return wrong


def appeared(case: Case, rng: random.Random) -> list[str]:
    """Put another object to the place of the output at any moment: one of both is there, whole."""
    won = []

    def put() -> None:
        time.sleep(rng.uniform(0.3, 1.5) * case.seconds)
        won.append(case.bucket.create_object(case.output, _FOREIGN))

    other = threading.Thread(target=put)
    with Proxy(case.bucket.port, rate=rng.uniform(4, 20) * 1e6) as proxy:
        other.start()
        ran = case.run(port=proxy.port)
        other.join()
    content = case.bucket.get(case.output)
    if not won[0]:
        return [*([] if ran.returncode == 3 else [ran.stderr]), *case.is_complete()]
    case.notes.append("the other one won")
    wrong = [] if content == _FOREIGN else ["the other object was replaced"]
    words = ("has appeared here during the run", "exists already")
    is_said = ran.returncode in (1, 2) and any(each in ran.stderr for each in words)
    wrong += [] if is_said else [f"exit code {ran.returncode}: {ran.stderr}"]
    case.bucket.delete(case.output)
    if ran.returncode == 1:
        ran = case.run("--resume")
        wrong += [*([] if ran.returncode == 3 else [ran.stderr]), *case.is_complete()]
    return wrong


TROUBLES: dict[str, Trouble] = {
    each.__name__: each for each in (throttled, cut, killed, changed, changed_meanwhile, appeared)
}


def main() -> None:
    """Print a line for each kind of file and of trouble."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="of each kind of trouble")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=TROUBLES, action="append")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    has_failed = False
    with running_server() as port, tempfile.TemporaryDirectory() as folder:
        for number, kind in enumerate(KINDS):
            place = Path(folder, str(number))
            place.mkdir()
            case = Case(Bucket(port, f"bucket-{number}").create(), place, kind).make()
            for name in options.only or TROUBLES:
                wrong, case.notes = [], []
                runs = len(range(number, options.runs, len(KINDS)))
                for _ in range(runs):
                    wrong += TROUBLES[name](case, rng)
                    case.clean()
                notes = {note: case.notes.count(note) for note in sorted({*case.notes})}
                print(
                    f"{' → '.join(kind[:2])} {name}: {runs} runs, {notes}, {wrong or 'good'}",
                    flush=True,
                )
                has_failed |= bool(wrong)
    sys.exit(has_failed)


if __name__ == "__main__":
    main()
