"""Begin or continue a job in shards."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from toolkit.errors import UsageError
from toolkit.files import (
    is_a_folder,
    is_there,
    resolved,
)
from toolkit.model.scorer import Scorer
from toolkit.records.text_files.zip_members import file_of
from toolkit.scoring.checks import (
    check_absent,
    check_job,
    check_not_input,
    check_outputs,
)
from toolkit.scoring.jobs import Jobs
from toolkit.scoring.options import ScoringOptions
from toolkit.shards.claims import ShardFolder
from toolkit.shards.cutting import WantedShards, make_plan
from toolkit.shards.kept_parts import REJECTED, SUCCESS, parts_in
from toolkit.shards.plan import Plan


@dataclass(frozen=True)
class ShardedJob:
    """A plan, and the folder where its shards are."""

    target: Path  # of the outputs: a folder, or the only output
    folder: ShardFolder
    plan: Plan

    @classmethod
    def begin(
        cls,
        scorer: Scorer,
        jobs: Jobs,
        options: ScoringOptions,
        count: int,
        *,
        target: Path,
        keep_parts: bool = False,
    ) -> Self:
        """Plan the shards of a job, or find that another process has done so.

        Parameters
        ----------
        scorer : Scorer
            The model.
        jobs : Jobs
            The files and their outputs.
        options : ScoringOptions
            How they are scored; with ``force``, another job at the same place is dropped.
        count : int
            The number of shards.
        target : Path
            The folder of the outputs, or the only output.
        keep_parts : bool
            Whether the outputs stay in parts.

        Returns
        -------
        ShardedJob
            The job; its plan is written.

        Raises
        ------
        UsageError
            If the options do not go together, outputs exist, or another job is at this place.
        """
        is_in_folder = jobs.folder is not None or is_a_folder(target)
        folder = ShardFolder.of(target, is_folder=is_in_folder)
        if keep_parts and not is_in_folder:
            raise UsageError(
                f"{target}: --keep-parts writes several files. Name a folder with --output, with a "
                "slash at its end."
            )
        wanted = WantedShards(scorer, jobs, options, count, folder.outputs, keep_parts)
        plan = _planned(wanted, folder.plan_path) or make_plan(wanted)
        _check_inputs_stay(jobs, target, keep_parts=keep_parts)
        if not options.force and not is_there(folder.plan_path):
            _check_outputs(jobs, target, is_in_folder=is_in_folder, keep_parts=keep_parts)
        folder.keep_plan(plan, force=options.force)
        return cls(target, folder, plan)

    @classmethod
    def at(cls, target: Path) -> Self:
        """Find the job of some outputs; raises `UsageError` if there is none."""
        folder = ShardFolder.at(target)
        plan = folder.read_plan()
        assert plan is not None
        return cls(target, folder, plan)


def target_of(jobs: Jobs, output: Path | None) -> Path:
    """Say where the outputs go: a folder, or the only output."""
    if jobs.folder is not None:
        return jobs.folder
    if output is not None and is_a_folder(output):
        return output
    return jobs.files[0].output


def _planned(wanted: WantedShards, path: Path) -> Plan | None:
    """Find the plan of the same call, so that the inputs need not be read again to make it."""
    if is_there(path):
        with suppress(UsageError):
            plan = Plan.from_json(path.read_bytes(), str(path))
            if wanted.are_in(plan):
                return plan
    return None


def _check_inputs_stay(jobs: Jobs, target: Path, *, keep_parts: bool) -> None:
    """Raise `UsageError` if what is written would replace an input, which no option allows."""
    check_outputs(jobs.files)
    if keep_parts:
        sources = {resolved(file_of(job.source)) for job in jobs.files}
        for path in [target / SUCCESS, target / REJECTED, *parts_in(target)]:
            if resolved(path) in sources:
                raise UsageError(
                    f"{path}: is an input, which a part may replace. Choose another folder with "
                    "--output."
                )
    else:
        for job in jobs.files:
            check_not_input(job)


def _check_outputs(jobs: Jobs, target: Path, *, is_in_folder: bool, keep_parts: bool) -> None:
    if keep_parts:
        check_absent([target / SUCCESS, *parts_in(target)])
    elif is_in_folder:
        check_absent([job.output for job in jobs.files])
    else:
        for job in jobs.files:
            check_job(job, force=False)
