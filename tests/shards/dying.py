"""`toolkit` in a process that kills itself at some point: ``python -m tests.shards.dying POINT …``.

It receives a real SIGKILL, so nothing is cleaned up.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from toolkit import files
from toolkit.cli import app
from toolkit.scoring import file_output
from toolkit.shards import ShardedJob, claims, finish
from toolkit.stores import write


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _before(home: Any, name: str, calls: int = 0) -> None:
    """Die where a function is entered, after some calls that come back."""
    original: Callable[..., Any] = getattr(home, name)
    left = [calls]

    def called(*arguments: Any, **named: Any) -> Any:
        if not left[0]:
            _die()
        left[0] -= 1
        return original(*arguments, **named)

    setattr(home, name, called)


def _after(home: Any, name: str) -> None:
    """Die where a function comes back."""
    original: Callable[..., Any] = getattr(home, name)

    def called(*arguments: Any, **named: Any) -> None:
        original(*arguments, **named)
        _die()

    setattr(home, name, called)


# Where a shard dies, and where `toolkit finish` does.
IN_SHARD: dict[str, Callable[[], None]] = {
    "while a part is written": lambda: _before(file_output.FileOutput, "append", calls=1),
    "before the part": lambda: _before(file_output, "publish"),
    "between two parts": lambda: _before(file_output, "publish", calls=1),
    "between part and claim": lambda: _before(ShardedJob, "create_claim"),
    "after the claim": lambda: _after(ShardedJob, "create_claim"),
}
IN_FINISH: dict[str, Callable[[], None]] = {
    "while an output is joined": lambda: _before(files, "make_ready"),
    "before an output gets its name": lambda: _before(files, "_rename"),
    "between two outputs": lambda: _before(finish, "_write", calls=1),
    "before the parts are removed": lambda: _before(finish, "remove_shards"),
    "while the parts are removed": lambda: _before(claims, "remove_tree"),
}
POINTS = IN_SHARD | IN_FINISH
IN_UPLOAD: dict[str, Callable[[], None]] = {
    "before the copy": lambda: _before(write, "_copy"),
    "after the copy": lambda: _after(write, "_copy"),
}


if __name__ == "__main__":
    (POINTS | IN_UPLOAD)[sys.argv.pop(1)]()
    app.main()
