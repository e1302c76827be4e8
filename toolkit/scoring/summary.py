"""What became of the records of a file, and how far a run has come."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class Progress:
    """How far the scoring of a file has come."""

    records: int
    bytes_done: int
    bytes_in_all: int | None  # None where it is not known
    resumed: int = 0  # of the records, those that an earlier run has done


@dataclass
class Summary:
    """Every record is counted once: scored, without text, or rejected."""

    scored: int = 0
    without_text: int = 0
    rejected: int = 0
    positive: int = 0  # of the scored
    seconds: float = 0.0

    @property
    def records(self) -> int:
        """Records in the input."""
        return self.scored + self.without_text + self.rejected

    @property
    def positive_share(self) -> float:
        """Share of the positive among the scored, 0 to 1; 0 where none is scored."""
        return self.positive / self.scored if self.scored else 0.0

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds if self.seconds else 0.0

    def __add__(self, other: Summary) -> Summary:
        """Add the counts of another file."""
        return Summary(
            self.scored + other.scored,
            self.without_text + other.without_text,
            self.rejected + other.rejected,
            self.positive + other.positive,
            self.seconds + other.seconds,
        )

    def as_dict(self) -> dict[str, Any]:
        """Give the counts, the sum first."""
        return {"records": self.records, **vars(self)}

    @classmethod
    def from_dict(cls, counts: dict[str, Any]) -> Self:
        """Read what `as_dict` gives."""
        return cls(**{entry.name: counts[entry.name] for entry in fields(cls)})
