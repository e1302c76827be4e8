"""How long a program runs, and how much memory it takes at most."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from tests.examples.programs import ENVIRONMENT

# In a small process of its own: Linux counts the memory of the process that starts another, too.
_SCRIPT = """if True:
    import json, os, subprocess, sys, time
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
    first = process.stdout.readline()
    answered = time.perf_counter() - start
    output = first + process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = used.ru_utime + used.ru_stime
    sys.stdout.buffer.write(output)
    found = [os.waitstatus_to_exitcode(status), answered, seconds, used.ru_maxrss / 1024]
    print("\\n" + json.dumps(found), file=sys.stderr)
"""


@dataclass(frozen=True)
class Usage:
    """What a run of a program took."""

    first_answer: float  # s, until its first line
    seconds: float  # of processor time, of all threads: it hardly depends on other programs
    megabytes: float  # resident, at most
    output: bytes


def usage_of(command: Sequence[str], given: bytes) -> Usage:
    """Run a program to its end, which must be a good one."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _SCRIPT, *command],
        input=given,
        capture_output=True,
        env=ENVIRONMENT,
        check=True,
    )
    status, answered, seconds, megabytes = json.loads(done.stderr.splitlines()[-1])
    assert status == 0, done.stderr[-2000:].decode()
    return Usage(answered, seconds, megabytes, done.stdout)


# A megabyte each, or a little less.
MEGABYTES = {
    "spaces": "a " * 524_288,
    "commas": "a," * 524_288,
    "addresses": "https://example.com/a-b?c=d&e=f" * 34_000,
    "typographic": "a\u2014" * 262_144,
    "apostrophes": "'" * 1_048_576,
    "a word": "x" * 1_048_576,
    "after NUL": "\0" + "a," * 524_288,
}
