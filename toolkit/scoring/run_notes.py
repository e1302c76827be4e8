"""What a run over several files has begun and done, kept in the folder of the outputs.

It stays while the run is unfinished, so that a later one can go on: a line of JSON for each file
that is begun, and one for each that is done. A file that is noted as begun was checked then: its
output was not there, or could be replaced. So it may be replaced by the same file later, even
where the process ended between the move of the output and its note.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from toolkit.errors import OutputError, UsageError
from toolkit.files import is_there, reporting_failures, resolved
from toolkit.scoring.inputs import Job
from toolkit.scoring.summary import Summary
from toolkit.scoring.unfinished import Unfinished, flush_to_disk

NAME = ".toolkit-score.unfinished"


class RunNotes:
    """Notes on the files that are begun and done.

    Parameters
    ----------
    folder : Path
        Of the outputs.
    force : bool
        Forget those of an earlier run.
    resume : bool
        Go on with those of an earlier run, if there are any.

    Raises
    ------
    UsageError
        If there are some, and neither is asked for.
    """

    def __init__(self, folder: Path, *, force: bool, resume: bool) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._begun: dict[str, dict[str, Any]] = {}  # by the name of the output in the folder
        self._done: dict[str, dict[str, Any]] = {}
        self._was_there = not force and self._path.exists()
        if not self._was_there:
            return
        if not resume:
            raise UsageError(
                f"{folder}: a run that was interrupted or had files that failed is still "
                "unfinished. Go on with --resume, or start anew with --force."
            )
        for line in self._path.read_bytes().split(b"\n"):
            try:
                note: dict[str, Any] = json.loads(line)
                is_done = "identity" in note and "counts" in note
                (self._done if is_done else self._begun)[note["output"]] = note
            except (ValueError, KeyError, TypeError):
                continue  # cut off by the interruption: that file is scored again

    def open(self) -> None:
        """Note that there is a run."""
        with reporting_failures(self._path):
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab" if self._was_there else "wb") as file:
                file.write(b"\n")  # ends a line that was cut off

    def may_replace(self, job: Job) -> bool:
        """Whether the output of a file may be one of this run, or was to be replaced by it."""
        begun = self._begun.get(self._key(job))
        return begun is not None and begun.get("input") == str(resolved(job.source))

    def begin(self, job: Job) -> None:
        """Note that a file is begun, before its output can appear."""
        if not self.may_replace(job):
            note = {"output": self._key(job), "input": str(resolved(job.source))}
            self._begun[note["output"]] = note
            self._add(note)
            with reporting_failures(self._path):
                flush_to_disk(self._path)

    def is_done(self, job: Job) -> bool:
        """Whether a file is done, and its output still there."""
        return self._key(job) in self._done and is_there(job.output)

    def summary_of(self, job: Job, facts: dict[str, Any]) -> Summary | None:
        """Give the counts of a file that is done; `UsageError` if it has changed since."""
        if not self.is_done(job):
            return None
        note = self._done[self._key(job)]
        changed = [name for name in facts if note["identity"].get(name) != facts[name]]
        if changed:
            raise UsageError(
                f"{job.output}: done already, but this has changed since: {', '.join(changed)}. "
                "Start anew with --force."
            )
        return Summary.from_dict(note["counts"])

    def done(self, job: Job, facts: dict[str, Any], summary: Summary) -> None:
        """Note that a file is done."""
        note: dict[str, Any] = {"output": self._key(job)}
        note |= {"identity": facts, "counts": summary.as_dict()}
        self._done[note["output"]] = note
        self._add(note)

    def close(self, jobs: Sequence[Job]) -> None:
        """Forget files that are done; what an interrupted run over others has written stays."""
        gone = {self._key(job) for job in jobs}
        gone |= {name for name in self._begun if not self._has_written(self._folder / name)}
        self._begun = {name: note for name, note in self._begun.items() if name not in gone}
        self._done = {name: note for name, note in self._done.items() if name not in gone}
        with reporting_failures(self._path):
            if not (self._begun or self._done):
                self._path.unlink(missing_ok=True)
                return
            partial = self._path.with_name(f"{NAME}.partial")
            partial.write_bytes(b"".join(map(_line, [*self._begun.values(), *self._done.values()])))
            partial.replace(self._path)

    def interrupted(self, jobs: Sequence[Job]) -> bool:
        """Tell whether a later run has something to go on from; forget everything if not."""
        if any(self.is_done(job) or Unfinished(job.output).exists() for job in jobs):
            return True
        # An output that is not noted as done any more has to be known as one of this run.
        if not any(is_there(job.output) for job in jobs if self.may_replace(job)):
            with suppress(OutputError):
                self.close(jobs)
        return False

    @staticmethod
    def _has_written(output: Path) -> bool:
        return is_there(output) or Unfinished(output).exists()

    def _key(self, job: Job) -> str:
        return str(job.output.relative_to(self._folder))  # wherever the folder is seen from

    def _add(self, note: dict[str, Any]) -> None:
        with reporting_failures(self._path), self._path.open("ab") as file:
            file.write(_line(note))


def _line(note: dict[str, Any]) -> bytes:
    return json.dumps(note).encode() + b"\n"
