"""From two models, and maybe files of reviews, to what changes from one to the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from toolkit.evaluation.differences.block_changes import changes_of_block
from toolkit.evaluation.differences.change_tally import Tally
from toolkit.evaluation.differences.changes import Changes, Difference
from toolkit.evaluation.differences.files import DiffOptions, OnFile, changes_of_files
from toolkit.evaluation.differences.found_files import find_files
from toolkit.evaluation.differences.said_of_models import compare_words, said_of
from toolkit.evaluation.differences.score_pairs import ModelPair
from toolkit.model.scorer import Scorer
from toolkit.text.golden_texts import golden_texts


def diff(
    old: str | Path,
    new: str | Path,
    data: str | Path | Sequence[str | Path] = (),
    options: DiffOptions | None = None,
    on_file: OnFile = lambda _: nullcontext(),
) -> Difference:
    """Compare two models by what their files say, on fixed texts, and on files of reviews.

    Parameters
    ----------
    old : str | Path
        A model file of `toolkit export`, a run folder, or the name of a shipped model.
    new : str | Path
        The model to compare with it.
    data : str | Path | Sequence[str | Path]
        Files of reviews, with or without labels, folders and patterns, read in bounded memory.
    options : DiffOptions | None
        Columns, threshold, which part of the files, how many rows to show, and where to write all
        changed ones.
    on_file : OnFile
        Entered while a file is read; gives what to call with the progress.

    Returns
    -------
    Difference
        What changes. One of several files that cannot be read does not stop the others; its error
        is in ``data.failed``.

    Raises
    ------
    InputError
        If no file can be read, or labels mean nothing.
    ModelError
        If a model cannot be loaded.
    UsageError
        If all files lack a column, an option is wrong, or the output exists (without ``force``).
    """
    options = options or DiffOptions()
    pair = ModelPair(Scorer(old, options.threshold), Scorer(new, options.threshold))
    found = Difference(
        pair.old.identity(),
        pair.new.identity(),
        said_of(pair.old, pair.new),
        compare_words(pair.old, pair.new),
        _of_texts(pair, golden_texts((pair.old.max_tokens, pair.new.max_tokens)), options.show),
    )
    files = [str(data)] if isinstance(data, str | Path) else [*map(str, data)]
    if not files:
        return found
    found_files = find_files(files, options.output)
    return replace(found, data=changes_of_files(pair, found_files, options, on_file))


def _of_texts(pair: ModelPair, texts: Mapping[str, str], show: int) -> Changes:
    """Compare fixed texts, which have names."""
    values = pa.array(texts.values(), pa.large_string())
    names = [*texts]
    block = changes_of_block(values, pair.score(values), {}, show)
    named = [
        replace(each, row=replace(each.row, row=None, name=names[each.row.row or 0]))
        for each in block.candidates
    ]
    tally = Tally(show)
    tally.add(block, named)
    return tally.changes()
