"""The plan of a job in shards: which piece of which file each shard scores, as JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Self

from toolkit import __version__
from toolkit.errors import UsageError
from toolkit.records.record_blocks import Place
from toolkit.scoring.options import MaxRejected
from toolkit.scoring.results import ScoringModel
from toolkit.shards.pieces import Piece, PlannedFile

FORMAT_VERSION = 2


@dataclass(frozen=True)
class Plan:
    """All shards of a job, and what their results depend on."""

    job_id: str  # of the job, the same for all its shards
    settings: dict[str, Any]  # as `toolkit.scoring.identity.settings_of`
    model: ScoringModel
    max_rejected: MaxRejected | None  # of each file
    keep_parts: bool  # the parts are not joined
    files: Sequence[PlannedFile]
    shards: Sequence[Sequence[Piece]]

    @property
    def count(self) -> int:
        """The number of shards."""
        return len(self.shards)

    def pieces(self) -> Iterator[tuple[int, int, Piece]]:
        """Give all pieces in order, each with its shard and its number in the shard."""
        for number, shard in enumerate(self.shards):
            for position, piece in enumerate(shard):
                yield number, position, piece

    @property
    def has_all(self) -> bool:
        """Whether the pieces of each file are all of it, in order; a plan may have been edited."""
        ends: dict[int, Place | None] = dict.fromkeys(range(len(self.files)), ())
        for _, _, piece in self.pieces():
            if ends.get(piece.file) != piece.stretch.start:
                return False
            ends[piece.file] = piece.stretch.stop or None
        return not any(end is not None for end in ends.values())

    @property
    def read_as(self) -> str | None:
        """The format that the inputs are read as; None if their names say it."""
        reading, *_ = self.settings["the options"]
        return reading["format"]  # type: ignore[no-any-return]

    def as_json(self) -> bytes:
        """Write it; the same plan has the same bytes."""
        return self._json

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of what shards do, wherever the outputs are, in hexadecimal digits."""
        shards = [[asdict(piece) for piece in shard] for shard in self.shards]
        what = json.dumps([self.job_id, self.keep_parts, shards])
        return hashlib.sha256(what.encode()).hexdigest()

    @cached_property
    def _json(self) -> bytes:  # each shard compares it, and a large plan takes its time
        content = {
            "format_version": FORMAT_VERSION,
            "toolkit_version": __version__,
            "job_id": self.job_id,
            "model": asdict(self.model),
            "settings": self.settings,
            "max_rejected": self.max_rejected and asdict(self.max_rejected),
            "keep_parts": self.keep_parts,
            "files": [asdict(file) for file in self.files],
            "shards": [[asdict(piece) for piece in shard] for shard in self.shards],
        }
        return (json.dumps(content, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, name: str) -> Self:
        """Read what `as_json` gives; `UsageError` with a name if it is something else."""
        try:
            read = json.loads(content)
            if read["format_version"] != FORMAT_VERSION:
                raise UsageError(
                    f"{name}: another version of the toolkit has written this plan "
                    f"({read['toolkit_version']}). Use that one, or plan again with --force."
                )
            model = read["model"]
            plan = cls(
                read["job_id"],
                read["settings"],
                ScoringModel(**{**model, "neutral": model["neutral"] and tuple(model["neutral"])}),
                read["max_rejected"] and MaxRejected(**read["max_rejected"]),
                read["keep_parts"],
                [PlannedFile(**file) for file in read["files"]],
                [[Piece.from_dict(piece) for piece in shard] for shard in read["shards"]],
            )
            if plan.job_id != id_of(plan.settings, plan.files) or not plan.has_all:
                raise ValueError
            if not all(file.stays_in_folder for file in plan.files):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UsageError(
                f"{name}: is not a plan of shards, or a damaged one. Plan again with --force."
            ) from None
        return plan

    def _changed_files(self, other: Plan) -> list[str]:
        """Say which files differ from those of another plan."""
        if len(self.files) != len(other.files):
            return [f"the number of inputs (it was {len(other.files):,})"]
        differs = (mine for mine, its in zip(self.files, other.files, strict=True) if mine != its)
        return [f"the input {mine.input}, or its output" for mine in islice(differs, 1)]

    def check_same(self, other: Plan, path: str) -> None:
        """Raise `UsageError` unless another plan, which is at a path, is the same."""
        if self == other:
            return
        changed = [key for key in self.settings if self.settings[key] != other.settings.get(key)]
        changed += self._changed_files(other)
        if self.count != other.count:
            changed.append(f"the number of shards (it was {other.count:,})")
        for name, mine, its in (
            ("--keep-parts", self.keep_parts, other.keep_parts),
            ("--max-rejected", self.max_rejected, other.max_rejected),
        ):
            changed += [name] if mine != its else []
        raise UsageError(
            f"{path}: has the plan of another job: this differs: "
            f"{', '.join(changed) or 'the pieces'}. Undo that, finish the other job with toolkit "
            "finish, or drop its shards with --force."
        )


def id_of(settings: dict[str, Any], files: Sequence[PlannedFile]) -> str:
    """Make the id of a job: the same settings and inputs have the same."""
    what = json.dumps([settings, [asdict(file) for file in files]], sort_keys=True)
    return hashlib.sha256(what.encode()).hexdigest()[:32]
