"""Score files of reviews, one after the other."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import reporting_failures
from toolkit.model.scorer import Scorer
from toolkit.records.read_options import STDIN, is_stream
from toolkit.scoring.file_scorer import FileScorer, OnFile, OnProgress, OnResult, OnWarning
from toolkit.scoring.identity import settings_of
from toolkit.scoring.inputs.job_checks import check_not_input, check_outputs
from toolkit.scoring.inputs.jobs import Job, Jobs
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.results import FileResult
from toolkit.scoring.resuming.journals import open_journals
from toolkit.scoring.summary import Summary


def score_file(
    scorer: Scorer,
    source: Path,
    output: Path,
    options: ScoringOptions | None = None,
    on_progress: OnProgress | None = None,
    rejected: Path | None = None,
) -> Summary:
    """Score the reviews of a file, in order, in bounded memory.

    Parameters
    ----------
    scorer : Scorer
        The model.
    source : Path
        A file of a known format (`toolkit.records.formats`); ``-`` is standard input.
    output : Path
        The file to write; ``-`` is standard output. It appears when it is complete.
    options : ScoringOptions | None
        Columns, workers, what to do with bad records and with files that exist already.
    on_progress : OnProgress | None
        Called after each block, in the calling thread.
    rejected : Path | None
        File of the records that cannot be read; None is ``OUTPUT.rejected.jsonl``.

    Returns
    -------
    Summary
        What became of the records.

    Raises
    ------
    InputError
        If the file cannot be read, or not to its end; there is no output then.
    OutputError
        If the output cannot be written. What is written so far stays, for ``resume``.
    UsageError
        If a column is missing or taken, or the output exists or cannot be made.
    """
    jobs = Jobs([Job.of(source, output, rejected)], is_single=True)
    (result,) = score_files(scorer, jobs, options, lambda _: nullcontext(on_progress))
    return result.summary


def score_files(
    scorer: Scorer,
    jobs: Jobs,
    options: ScoringOptions | None = None,
    on_file: OnFile = lambda _: nullcontext(),
    on_start: OnResult = lambda _: None,
    on_warning: OnWarning = lambda _, __: None,
) -> list[FileResult]:
    """Score files one after the other, each with all workers.

    ``on_file`` is entered while a file is scored, and gives what to call with its progress.
    ``on_start`` gets the result of each file before it is known, for a run that does not come to
    its end; ``on_warning`` what may be wrong with a file, as soon as it is found. The results are
    in the order of the jobs, with those that an earlier run has scored. Where files go into a
    folder, one that fails does not stop the others, and a later run with ``resume`` scores those
    that failed. Raises the errors of `score_file`; those of the input only for a single file.
    """
    options = options or ScoringOptions()
    scorer.check_gives(options.reading.columns.adds)
    check_call(jobs, options)
    with open_journals(
        jobs, force=options.force, resume=options.resume, skip_existing=options.skip_existing
    ) as journals:
        settings = settings_of(scorer, options)
        journals.check_settings(settings)
        if jobs.folder is not None and not jobs.is_single:  # else when its file is found to be good
            with reporting_failures(jobs.folder):
                jobs.folder.mkdir(parents=True, exist_ok=True)
            journals.note_replaced()
            journals.hold_first()
        file_scorer = FileScorer(
            scorer, journals, options, settings, on_file, jobs, on_start, on_warning
        )
        results = [file_scorer.result(job) for job in jobs.files]
        failed = sum(result.error is not None for result in results)
        if not failed or (failed == len(results) and not journals.have_checkpoints):
            journals.end()
    return results


def check_call(jobs: Jobs, options: ScoringOptions) -> None:
    """Raise `UsageError` if the options do not go together, or outputs would replace files."""
    files = [job for job in jobs.files if job.error is None]
    if options.resume and any(job.output == STDIN or is_stream(job.source) for job in files):
        raise UsageError("--resume does not work with standard input or output, nor with pipes.")
    if options.skip_existing and any(job.output == STDIN for job in files):
        raise UsageError("--skip-existing does not work with standard output.")
    if options.skip_existing and options.force:
        raise UsageError("--skip-existing keeps what is there: leave out it or --force.")
    if jobs.folder is not None:
        check_outputs(files)
    for job in files if jobs.is_single else ():
        check_not_input(job)
