"""Last step: answer texts, each by the model that has not seen its label.

python -m examples.teacher.mpnet.answer --minutes 60
python -m examples.teacher.mpnet.answer --long 60000

Answers are written in parts, as the teacher files of the toolkit: hashes of texts, and
probabilities. What is answered already is left out, so the step can be stopped and run again; the
shortest texts come first. With ``--long``, it answers reviews of more than 60 words, those that the
shipped model is least sure of. With the model of one fold alone, it answers the texts of the other.
"""

import argparse
import json
import signal
import time
from pathlib import Path
from types import FrameType

import pyarrow.parquet as pq

from examples.teacher import steps
from examples.teacher.mpnet.judge import JUDGED
from examples.teacher.mpnet.models import Models, mean_logits
from examples.teacher.mpnet.texts import Question, answered_by, long_questions, questions
from examples.teacher.reviews.blend import probabilities, write
from toolkit.errors import InputError

ANSWERS = Path(__file__).with_name("answers")

OF_A_PART = 25_000
AT_ONCE, LONG_AT_ONCE = 2_000, 250
_HASHES = "text_sha256"


class Clock:
    """Says when to stop: after some minutes, or on a signal."""

    def __init__(self, minutes: float) -> None:
        self._until = time.monotonic() + 60 * minutes
        self._is_told = False
        signal.signal(signal.SIGTERM, self._told)
        signal.signal(signal.SIGINT, self._told)

    @property
    def is_over(self) -> bool:
        """Whether to begin nothing more."""
        return self._is_told or time.monotonic() >= self._until

    def _told(self, _signal: int, _frame: FrameType | None) -> None:
        self._is_told = True


def answered(folder: Path) -> set[str]:
    """Read the hashes of all texts that are answered."""
    found: set[str] = set()
    for path in sorted(folder.glob("*.parquet")):
        found.update(pq.read_table(path, columns=[_HASHES])[_HASHES].to_pylist())
    return found


def next_part(folder: Path) -> Path:
    """Name the next part: ``000.parquet`` and so on."""
    last = max((int(path.stem) for path in folder.glob("*.parquet")), default=-1)
    return folder / f"{last + 1:03}.parquet"


def scale_of(work: Path) -> float:
    """Read the scale of the logits that the judging found."""
    path = work / JUDGED
    if not path.is_file():
        raise InputError(
            f"{path}: not there yet. Run python -m examples.teacher.mpnet.judge first."
        )
    return float(json.loads(path.read_text(encoding="utf-8"))["scale"])


def answer(models: Models, some: list[Question], scale: float) -> dict[str, float]:
    """Return the probability of each text by its hash."""
    asked = [answered_by(each) for each in some]
    logits = mean_logits(models.logits([each.text for each in some], asked))
    return probabilities(
        dict(zip((each.name for each in some), logits.tolist(), strict=True)), scale
    )


def main() -> None:
    parser = steps.options(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--answers", type=Path, default=ANSWERS, help="the folder of the parts")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after this many minutes")
    parser.add_argument(
        "--long", type=int, metavar="N", help="answer the first N long reviews instead"
    )
    chosen = parser.parse_args()
    scale = scale_of(chosen.work)
    if chosen.long:
        kind, at_once = "long reviews", LONG_AT_ONCE
        asked = long_questions(chosen.data)[: chosen.long]
    else:
        kind, at_once = "short texts", AT_ONCE
        asked = questions(chosen.data, chosen.work)
    known = answered(chosen.answers)
    models, clock = Models(chosen.work), Clock(chosen.minutes)
    left = [
        each for each in asked if each.name not in known and {*answered_by(each)} <= {*models.folds}
    ]
    told = f"{len(known):,} answered already, {len(left):,} for the folds {models.folds}"
    print(f"{len(asked):,} {kind}, {told}", flush=True)
    part: dict[str, float] = {}
    start, done = time.monotonic(), 0
    while done < len(left) and not clock.is_over:
        some = left[done : done + at_once]
        part |= answer(models, some, scale)
        done += len(some)
        if len(part) >= OF_A_PART or done == len(left) or clock.is_over:
            write(next_part(chosen.answers), part)
            part = {}
        seconds = f"{time.monotonic() - start:.0f} s, {time.process_time():.0f} s of processor"
        print(f"{done:,} of {len(left):,} answered, {seconds}", flush=True)
    if part:
        write(next_part(chosen.answers), part)


if __name__ == "__main__":
    steps.run(main)
