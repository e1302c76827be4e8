"""What is known of a shard that is done, as JSON."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from toolkit.records.record_blocks import Place
from toolkit.scoring.checkpoint import Frame
from toolkit.scoring.summary import Summary

ATTEMPT = "[0-9a-f]{12}"  # which names a folder
_CHECK = "checksum"  # of the rest: what an output is put together from must be as it was written


@dataclass(frozen=True)
class Part:
    """What a shard has written of a piece."""

    size: int  # in bytes
    frame: Frame | None  # None where parts cannot be joined
    job_id: str | None  # as the report has it of the file
    counts: dict[str, Any]  # as `Summary.as_dict`
    reached: Place  # in the input
    columns: dict[str, str]
    warnings: list[str]

    @property
    def summary(self) -> Summary:
        """The counts of the piece."""
        return Summary.from_dict(self.counts)

    @classmethod
    def from_dict(cls, part: dict[str, Any]) -> Self:
        """Read what `Claim.as_json` gives of it."""
        frame = part.pop("frame")
        if frame is not None:
            frame = Frame(frame["header"], frame["trailer"], bytes.fromhex(frame["separator"]))
        return cls(frame=frame, reached=tuple(part.pop("reached")), **part)


@dataclass(frozen=True)
class Claim:
    """What is known of a shard that is done."""

    shard: int
    attempt: str
    job_id: str
    parts: Sequence[Part]
    host: str
    seconds: float
    started: str
    is_new: bool = field(default=False, compare=False)  # made by this call

    @property
    def summary(self) -> Summary:
        """The counts of the shard."""
        return sum((part.summary for part in self.parts), Summary())

    def as_json(self) -> bytes:
        """Write it."""
        content = asdict(self)
        content.pop("is_new")
        for part in content["parts"]:
            if part["frame"] is not None:
                part["frame"]["separator"] = part["frame"]["separator"].hex()
        content = {**content, _CHECK: _digest(content)}
        return (json.dumps(content, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read what `as_json` gives; `ValueError` or the like if it is something else."""
        read = json.loads(content)
        if read.pop(_CHECK) != _digest(read) or not re.fullmatch(ATTEMPT, read["attempt"]):
            raise ValueError
        parts = [Part.from_dict(part) for part in read.pop("parts")]
        return cls(parts=parts, **read)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
