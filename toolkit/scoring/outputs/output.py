"""Where scored records go: a file that appears when it is complete, or standard output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import SpooledTemporaryFile

from toolkit.errors import is_wrong_call
from toolkit.files import reporting_failures
from toolkit.records.read_options import STDIN
from toolkit.records.record_blocks import Output
from toolkit.scoring.outputs.file_output import FileOutput, Work
from toolkit.scoring.outputs.scored_output import ScoredOutput
from toolkit.scoring.outputs.standard_output import StandardOutput
from toolkit.scoring.resuming.checkpoints import Checkpoint

_REJECTS_IN_MEMORY = 16 << 20  # bytes, where the records go to standard output


@contextmanager
def open_output(work: Work, form: Output, checkpoint: Checkpoint | None) -> Iterator[ScoredOutput]:
    """Start an output, or continue it after a checkpoint.

    If the block raises, what is written is kept for a later run, unless the input or the call is
    wrong.
    """
    job = work.journal.job
    with ExitStack() as files:
        if job.output == STDIN:
            yield StandardOutput(
                work, form, files.enter_context(SpooledTemporaryFile(_REJECTS_IN_MEMORY))
            )
            return
        with reporting_failures(job.output):
            work.journals.begin(work.journal, keep=checkpoint is not None)
        output: FileOutput | None = None
        try:
            with reporting_failures(job.output):
                output = FileOutput(work, form, checkpoint, files)
                yield output
        except BaseException as error:
            is_wrong = is_wrong_call(error)
            if output is not None:
                output.abandon(save=not is_wrong)
            if (is_wrong and output is not None) or work.journal.entry.checkpoint is None:
                work.journal.drop()
            raise
