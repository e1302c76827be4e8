"""Where the scores in an output come from, as its metadata say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from toolkit import __version__
from toolkit.model.inference.neutral import Range
from toolkit.model.scorer import Scorer
from toolkit.records.record_blocks import METADATA_PREFIX
from toolkit.scoring.identity import job_id_of
from toolkit.scoring.resuming.watched_input import WatchedInput


@dataclass(frozen=True)
class Provenance:
    """What has scored a file; the same for the same job, wherever and whenever it runs."""

    model: str  # its name
    model_version: str
    model_sha256: str
    threshold: float
    neutral_range: Range | None
    by_sentence: bool
    job_id: str  # as `job_id_of` gives it
    shard: str | None = None  # such as 3/16, where an output is a part of a job
    version: str = __version__

    @classmethod
    def of(
        cls,
        scorer: Scorer,
        settings: dict[str, Any],
        source: WatchedInput | None,
        shard: str | None = None,
    ) -> Self:
        """Put it together; the settings are those of the run."""
        known = scorer.identity()
        return cls(
            model=known["name"],
            model_version=known["version"],
            model_sha256=known["sha256"],
            threshold=known["threshold"],
            neutral_range=scorer.neutral,
            by_sentence=scorer.by_sentence,
            job_id=job_id_of(settings, source),
            shard=shard,
        )

    def as_metadata(self) -> dict[str, str]:
        """Give the keys and values of a file; what is not used has none."""
        values = {
            "version": self.version,
            "model": self.model,
            "model_version": self.model_version,
            "model_sha256": self.model_sha256,
            "threshold": str(self.threshold),
            "neutral_range": self.neutral_range
            and ":".join(str(round(end, 7)) for end in self.neutral_range),
            "by_sentence": str(self.by_sentence).lower(),
            "job_id": self.job_id,
            "shard": self.shard,
        }
        # A file may have a name that is not UTF-8.
        return {
            METADATA_PREFIX + key: value.encode("utf-8", "backslashreplace").decode()
            for key, value in values.items()
            if value is not None
        }
