"""The options of `toolkit score` that divide a job among processes and machines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from toolkit.cli.options import flag, option
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.model.scorer import Scorer
    from toolkit.scoring.jobs import Jobs
    from toolkit.scoring.options import ScoringOptions
    from toolkit.shards.job import ShardedJob

PANEL = "Several processes or machines"

_SHARD_MORE = (
    "From 0 to N-1. `toolkit finish` joins them to what one run would write. The exit code is 0 "
    "also where records are rejected; that of finish is 3 then."
)
_PARTS_MORE = "part-00000.csv and so on. Parquet files are cut between row groups only with this."
_ENGINE_MORE = "This process, or a Ray cluster (RAY_ADDRESS, else one on this machine)."


@dataclass(frozen=True)
class Sharding:
    """The values of these options. Each field is an option, in the order of the help."""

    shard: Annotated[
        str | None, option("I/N", "Score only shard I of N.", PANEL, more=_SHARD_MORE)
    ] = None
    shards: Annotated[
        int | None, option("N", "Plan N shards.", PANEL, min=1, more="With Ray, they are scored.")
    ] = None
    keep_parts: Annotated[
        bool, flag("--keep-parts", "Do not join the parts.", PANEL, more=_PARTS_MORE)
    ] = False
    engine: Annotated[
        Literal["local", "ray"], option("local|ray", "Who scores.", PANEL, True, more=_ENGINE_MORE)
    ] = "local"

    @property
    def is_wanted(self) -> bool:
        """Whether the job is divided at all."""
        return self != Sharding()

    def number_and_count(self) -> tuple[int | None, int | None]:
        """Read --shard and --shards; raises `UsageError` if they say nothing sensible.

        The number is None where no single shard is asked for, the count where it is to be chosen.
        """
        is_local = self.engine == "local"
        if self.shard is None:
            if is_local and self.shards is None:
                raise UsageError(
                    "--keep-parts is for shards: add --shard I/N, --shards N or --engine ray."
                )
            return None, self.shards
        if not is_local:
            raise UsageError("--shard is for one of many processes; --engine ray runs all shards.")
        number, slash, count = self.shard.partition("/")
        if not (slash and _is_whole(number) and _is_whole(count) and int(number) < int(count)):
            raise UsageError(
                f"--shard: expected I/N with I from 0 to N-1, such as 0/16, received {self.shard!r}"
            )
        if self.shards not in (None, int(count)):
            raise UsageError(f"--shard {self.shard} and --shards {self.shards} do not agree.")
        return int(number), int(count)

    def begin(
        self, scorer: Scorer, jobs: Jobs, options: ScoringOptions, count: int, target: Path
    ) -> ShardedJob:
        """Begin or continue the job with these options, as `ShardedJob.begin` does."""
        from toolkit.shards.job import ShardedJob

        return ShardedJob.begin(
            scorer,
            jobs,
            options,
            count,
            target=target,
            keep_parts=self.keep_parts,
        )


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit()
