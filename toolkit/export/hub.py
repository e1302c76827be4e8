"""A folder for a model repository of the Hugging Face Hub: model, its files, and its card.

The folder may be a clone of the repository: other files in it are not touched.
https://github.com/huggingface/hub-docs/blob/main/modelcard.md has the conventions of cards. Facts
that the model file lacks are left out, as the Hub shows all entries as facts.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.errors import MissingExtraError, UsageError
from toolkit.export.export_run import ExportResult, export
from toolkit.files import (
    CHECKSUMS,
    atomic_files,
    check_output_file,
    is_a_file,
    is_a_folder,
    is_link_or_there,
    reporting_failures,
    temporary_folder,
    write_checksums,
)
from toolkit.model.description import (
    Fact,
    behaviour_table,
    calibration_line,
    data_rows,
    metric_rows,
    parity_line,
    star_rows,
    threshold_line,
)
from toolkit.model.facts import ModelFacts
from toolkit.model.file import ModelFile
from toolkit.model.release import Release
from toolkit.model.run_folder import RunFolder
from toolkit.model.training_facts import Scores
from toolkit.stores.paths import is_in_store, path_of

MODEL = "model.onnx"
TWIN = "model.ids.onnx"
WORDS = "model.vocabulary.txt"
TOKENS = "model.tokens.json"
GOLDEN = "model.golden.jsonl"
CARD = "README.md"
ATTRIBUTES = ".gitattributes"

# What the files of a folder are; the card does not describe itself and the attributes.
_DESCRIBED = {
    MODEL: "the model: review texts in, answers out",
    TWIN: "the same network, taking token ids, for runtimes without strings",
    TOKENS: "the tokenizer of the twin: how texts become token ids",
    WORDS: "the words of the model, one per line; the first has the token id 4",
    GOLDEN: "the model's answers for some 200 texts, to test other runtimes with",
    CHECKSUMS: "the checksums of these files: `sha256sum -c SHA256SUMS`",
}
FILES = (*_DESCRIBED, CARD, ATTRIBUTES)

# Large files are in Git LFS, and git changes no line ends, which the checksums are of.
_ATTRIBUTES = """\
*.onnx filter=lfs diff=lfs merge=lfs -text
*.json -text
*.jsonl -text
*.txt -text
SHA256SUMS -text
"""
_OPTION = "--hub"

# Those of https://huggingface.co/docs/hub/repositories-licenses that SPDX has, too.
LICENCES = frozenset(Path(__file__).with_name("hub_licences.txt").read_text("ascii").split())
_SHORTER = {"odbl-1.0": "odbl", "odc-by-1.0": "odc-by", "pddl-1.0": "pddl"}
_OF_GNU = re.compile(r"([al]?gpl-\d\.\d)(\+|-only|-or-later)")
_TAGS = ["sentiment-analysis", "reviews", "onnx", "onnxruntime"]
_HUB_ID = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)  # of a data set: owner/name
_TASK = "text-classification"
_METRICS = {"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy", "loss": "Log loss"}
_DECIMALS = 4

_CARD = Path(__file__).with_name("hub_card.template")
_STARS = (
    "\n- There is one more output, `stars`: 1.0 to 5.0, the mean number of stars of such reviews."
)


def export_to_hub(
    run: str | Path, folder: str | Path, *, force: bool = False, **options: Any
) -> ExportResult:
    """Export the model of a run folder into a folder for the Hugging Face Hub.

    Parameters
    ----------
    run : str | Path
        Run folder of `toolkit train`.
    folder : str | Path
        The folder to write; it is made if it does not exist.
    force : bool
        Replace files that the folder has already; others stay, and so do the lines of
        ``.gitattributes``.
    **options : Any
        As of `toolkit.export.export`: threshold, optimize and release. By default,
        the model is named after the folder.

    Returns
    -------
    ExportResult
        The written files, the proof of parity, and what the user should know besides.

    Raises
    ------
    MissingExtraError
        Without the extra ``hub``.
    ModelError
        If the run folder is incomplete or damaged.
    ParityError
        If Keras and ONNX disagree; nothing is written then.
    UsageError
        If a file exists (without ``force``) or cannot be written, or an option is wrong.
    """
    target = path_of(folder)
    _check_sentiment(RunFolder(path_of(run)))
    check_folder(target, force=force)
    release = (options.pop("release", None) or Release()).named(target.absolute().name)
    with filled_folder(target, FILES, force=force) as made:
        result = export(run, made / MODEL, golden=True, release=release, **options)
        write_around(made)
    notes = list(result.notes)
    if release.licence is None:
        notes.append(
            "The card states no licence of the weights, and the Hub asks for one: name it in a "
            "file for --release."
        )
    return replace(
        result,
        model=target / MODEL,
        twin=target / TWIN,
        vocabulary=target / WORDS,
        tokens=target / TOKENS,
        golden=target / GOLDEN,
        others=[target / name for name in (CHECKSUMS, CARD, ATTRIBUTES)],
        notes=notes,
    )


def _check_sentiment(run: RunFolder) -> None:
    """Raise `UsageError` for a run of classes, of which the card would say the wrong things."""
    if is_a_file(run.config) and run.load_config().classes is not None:
        raise UsageError(
            f"{_OPTION}: only for models of negative and positive, but {run.path} has classes of "
            "its own. Export it without --hub."
        )


def check_folder(folder: Path, *, force: bool) -> None:
    """Raise `ToolkitError` if files cannot be written into the folder, or exist (without force)."""
    MissingExtraError.check("hub", "huggingface_hub")
    if is_in_store(folder):
        raise UsageError(f"{_OPTION} {folder}: this folder has to be on this machine.")
    if is_a_file(config := RunFolder(folder).config):
        raise UsageError(
            f"{_OPTION} {folder}: has a {config.name}, by which the Hub would show the wrong "
            "library for the model; a run folder also holds reviews. Choose another folder."
        )
    if is_a_folder(folder):
        for name in FILES:
            check_output_file(folder / name, force=force, option=_OPTION)
    elif is_link_or_there(folder):
        raise UsageError(f"{_OPTION} {folder}: is a file, expected a folder. Choose another.")
    else:
        check_output_file(folder, force=force, option=_OPTION)  # whether it can be made


@contextmanager
def filled_folder(folder: Path, names: Sequence[str], *, force: bool) -> Iterator[Path]:
    """Yield a folder to make files in; at the end, move all of them into this folder, or none."""
    with temporary_folder() as made:
        yield made
        _keep_attributes(folder / ATTRIBUTES, made / ATTRIBUTES)
        with reporting_failures(folder):
            folder.mkdir(exist_ok=True)
        with atomic_files(*(folder / name for name in names), force=force) as partials:
            for name, partial in zip(names, partials, strict=True):
                shutil.copyfile(made / name, partial)


def _keep_attributes(existing: Path, made: Path) -> None:
    """Keep the lines of a clone before the new lines: they list other files in Git LFS."""
    if not existing.is_file():
        return
    lines = made.read_bytes().splitlines()
    with reporting_failures(existing):
        kept = [line for line in existing.read_bytes().splitlines() if line not in lines]
    made.write_bytes(b"".join(line + b"\n" for line in (*kept, *lines)))


def write_around(folder: Path, more: str = "") -> None:
    """Write card, attributes and checksums for the model files of a folder."""
    facts = ModelFile.load(folder / MODEL).facts
    card = hub_card(facts, more)
    # Names of data files may hold bytes that are not UTF-8.
    (folder / CARD).write_text(card, encoding="utf-8", errors="replace", newline="\n")
    (folder / ATTRIBUTES).write_text(_ATTRIBUTES, encoding="utf-8", newline="\n")
    write_checksums(folder, [folder / name for name in (MODEL, TWIN, TOKENS, WORDS, GOLDEN)])


def hub_card(facts: ModelFacts, more: str = "") -> str:
    """Write the card of a model, README.md; `more` is added at its end."""
    from huggingface_hub import ModelCard

    release = facts.release
    rows = [row for row in release.rows() if row[0] != "intended use"]
    text = _CARD.read_text(encoding="utf-8").format(
        title=release.model_name or "Sentiment of reviews",
        use=release.intended_use or "Sorts reviews into positive and negative.",
        negative=facts.labels[0],
        positive=facts.labels[1],
        stars="" if facts.stars is None else _STARS,
        max_tokens=f"{facts.max_tokens:,}",
        files="\n".join(f"| `{name}` | {what} |" for name, what in _DESCRIBED.items()),
        model=_table(
            [
                *rows,
                ("network", f"preset `{facts.preset}` of the toolkit, {facts.toolkit_version}"),
                ("threshold", threshold_line(facts.threshold, facts.threshold_choice)),
                ("calibration", calibration_line(facts.calibration)),
                *star_rows(facts.stars, facts.neutral),
                ("parity", parity_line(facts)),
                ("format", f"version {facts.format_version}, token rule {facts.token_rule}"),
            ]
        ),
        data=_table(data_rows(facts.data)),
        data_sets=_data_sets(release),
        metrics=_table(metric_rows(facts.metrics)) or "| | not measured |",
        behaviour=behaviour_table(facts.metrics.behaviour),
        limits="" if release.domain is None else f"It was made for {release.domain}. ",
    )
    return str(ModelCard(f"---\n{card_data(facts).to_yaml()}\n---\n{text}{more}"))


def card_data(facts: ModelFacts) -> Any:
    """Return the metadata of the card, a `huggingface_hub.ModelCardData`."""
    from huggingface_hub import ModelCardData

    release = facts.release
    results = _results(facts)
    known, other = _licence(release.licence)
    language = None if release.language is None else release.language.partition("-")[0].lower()
    data_sets = [each.name for each in release.data_sets or () if _HUB_ID.fullmatch(each.name)]
    return ModelCardData(
        language=language and [language],  # as the Hub has it, without its region
        license=known,
        license_name=other,
        # The model is not a pipeline of transformers. With a config.json, or without a library
        # name, the Hub would show it as one, with a widget that fails.
        library_name="onnx",
        inference=False,
        pipeline_tag=_TASK,
        tags=_TAGS,
        datasets=data_sets or None,
        # Of those that are measured, what the Hub has a page of.
        metrics=["accuracy"] if any(one.metric_type == "accuracy" for one in results) else None,
        model_name=(release.model_name or "model") if results else None,
        eval_results=results or None,
    )


def _licence(licence: str | None) -> tuple[str | None, str | None]:
    """Return the Hub's name of an SPDX licence, and a name for a licence that the Hub lacks."""
    if licence is None:
        return None, None
    name = licence.lower()
    known = _SHORTER.get(name, _OF_GNU.sub(r"\1", name))
    return (known, None) if known in LICENCES else ("other", name.replace(" ", "-"))


def _results(facts: ModelFacts) -> list[Any]:
    """Return the measured results."""
    from huggingface_hub import EvalResult

    data = facts.data
    of_validation = data.validation.source if data.validation else data.source
    found = []
    for kind, scores, source in (
        ("cross-validated", _cross_validated(facts), data.source),
        ("held-out", facts.metrics.validation, of_validation),
        ("test", facts.metrics.test, data.test.source if data.test else None),
    ):
        reviews = "reviews" if not scores or not scores.reviews else f"{scores.reviews:,} reviews"
        name = f"{reviews}, {kind} ({source})" if source else f"{reviews}, {kind}"
        found += [
            EvalResult(
                task_type=_TASK,
                task_name="Sentiment of reviews",
                dataset_type=f"{kind}-reviews",
                dataset_name=name,
                dataset_split=kind,
                metric_type=metric,
                metric_name=shown,
                metric_value=round(value, _DECIMALS),
            )
            for metric, shown in _METRICS.items()
            if scores is not None and (value := getattr(scores, metric)) is not None
        ]
    return found


def _cross_validated(facts: ModelFacts) -> Scores | None:
    """Return the means over folds; for an adaptation, of the way that was kept."""
    folds = facts.metrics.folds
    adaptation = facts.metrics.adaptation
    if adaptation is not None:
        for each in adaptation.candidates:
            if each.name == adaptation.kept:
                balanced = each.balanced_accuracy
                return Scores(
                    each.loss, each.accuracy, facts.data.reviews, balanced_accuracy=balanced
                )
    if folds is None:
        return None
    spread = folds.balanced_accuracy
    balanced = None if spread is None else spread.mean
    return Scores(folds.loss.mean, folds.accuracy.mean, balanced_accuracy=balanced)


def _data_sets(release: Release) -> str:
    """List the data sets with the terms that each states."""
    if not release.data_sets:
        return ""
    rows = (
        " | ".join(map(_cell, (each.name, each.origin or "", each.terms)))
        for each in release.data_sets
    )
    head = ("", "| data set | published as | its terms, as stated |", "|---|---|---|")
    return "\n".join([*head, *(f"| {row} |" for row in rows), ""])


def _table(rows: Iterable[Fact]) -> str:
    return "\n".join(f"| {_cell(name)} | {_cell(value)} |" for name, value in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
