"""Run folder → model file, its twin, vocabulary and golden vectors, with the proof of parity.

``NAME.tokens.json`` has all that a program needs to turn a text into the ids that the twin takes;
``exported/TOKENS.md`` describes it.

Golden vectors are the outputs of models for texts, to test any runtime and tokenizer;
``exported/README.md`` describes the file. Nothing in it comes from the model file under test: token
ids come from `toolkit.text.vocabulary`, and probabilities from Keras.

Facts of the release come from a TOML file, whose keys are the attributes of `Release`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import pyarrow as pa

import toolkit
from toolkit.errors import ParityError, UsageError
from toolkit.evaluation.behaviour import behaviour_of
from toolkit.export.class_parity import compare_classes, expected_of_classes
from toolkit.export.convert import (
    ModelPair,
    check_parity,
    compare,
    convert,
    ids_in_model,
    run_keras,
)
from toolkit.export.threshold import Threshold, choose_threshold, load_texts
from toolkit.files import atomic_files, check_output, is_a_file, temporary_folder
from toolkit.model.agreement import check_agreement
from toolkit.model.classes import SENTIMENT
from toolkit.model.facts import CLASSES_VERSION, FORMAT_VERSION, ModelFacts
from toolkit.model.file import PROBABILITIES, PROBABILITY, TOKEN_IDS, ModelFile, load_model
from toolkit.model.onnx import cut
from toolkit.model.release import USES, DataSet, Release, Teacher
from toolkit.model.run_folder import RunConfig, RunFolder
from toolkit.model.scorer import Scorer
from toolkit.model.stars import logits_of
from toolkit.model.training_facts import Metrics, Parity
from toolkit.model.typed_json import decode
from toolkit.networks.network_files import load_keras
from toolkit.stores.paths import path_of
from toolkit.text.strings import golden_texts
from toolkit.text.token_ids import PADDING_ID
from toolkit.text.vocabulary import Vocabulary

# Keras gives other last digits on other processors.
_DECIMALS = 7
_STAR_DECIMALS = 4
_TWIN, _TOKENS, _GOLDEN = ".ids.onnx", ".tokens.json", ".golden.jsonl"
_FEW_REVIEWS = 1000


def golden_vectors(models: Mapping[str, tuple[ModelFile, Any]]) -> str:
    """Return the lines of a golden file for models by name, each with its Keras network."""
    texts = golden_texts(model.facts.max_tokens for model, _ in models.values())
    found = {name: _expected(*model, list(texts.values())) for name, model in models.items()}
    lines = (
        {"name": case, "text": text, "models": {name: found[name][place] for name in found}}
        for place, (case, text) in enumerate(texts.items())
    )
    return "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines)


def _expected(model: ModelFile, network: Any, texts: list[str]) -> list[dict[str, Any]]:
    facts = model.facts
    if facts.has_classes:
        return expected_of_classes(model, network, texts)
    ids = model.vocabulary.encode(pa.array(texts, pa.string()))
    rows = ids.padded(facts.max_tokens)
    known = ids.known_tokens(facts.max_tokens)
    probability = run_keras(network, rows)
    labels = np.where(probability >= np.float32(facts.threshold), *facts.labels[::-1])
    expected: list[dict[str, Any]] = [
        {
            "token_ids": row[row != PADDING_ID].tolist(),
            "probability": round(float(number), _DECIMALS),
            "label": str(label),
            "known_tokens": int(count),
        }
        for row, number, label, count in zip(rows, probability, labels, known, strict=True)
    ]
    if facts.stars is not None:
        found = facts.stars.stars(logits_of(probability), known)
        for entry, stars in zip(expected, found, strict=True):
            entry["stars"] = round(float(stars), _STAR_DECIMALS)
    return expected


def token_table(facts: ModelFacts, vocabulary: Vocabulary) -> str:
    """Return how texts become token ids and what the answers mean, as JSON in ASCII.

    Spellings are a list, as some languages treat strings with and without combining accents as one
    key.
    """
    rule, other = vocabulary.rule, vocabulary.spellings
    table = {
        "token_rule": rule.version,
        "max_tokens": facts.max_tokens,
        "labels": facts.labels,
        "threshold": None if facts.has_classes else facts.threshold,
        "neutral": None if facts.neutral is None else facts.neutral.ends,
        "ends_at_nul": rule.ends_at_nul,
        "has_tags": rule.has_markup,
        "separators": rule.separators,
        "apostrophes": rule.apostrophes,
        "emoji": rule.emoji,
        "entities": rule.entities,
        "words": vocabulary.words.to_pylist(),
        "spellings": other.strings.to_pylist(),
        "spelling_ids": other.ids.tolist(),
    }
    return json.dumps(table, separators=(",", ":")) + "\n"


def export_twin(
    model: str | Path | None, twin: str | Path | None = None, *, force: bool = False
) -> tuple[Path, Path]:
    """Write the twin of a model file, which takes token ids, and the table of token ids.

    Parameters
    ----------
    model : str | Path | None
        A model file, a run folder, or the name of a shipped model; None is the default model.
    twin : str | Path | None
        The file to write, ``NAME.ids.onnx``; ``NAME.tokens.json`` is written beside it. By default
        named after the model, in the current folder.
    force : bool
        Replace existing files.

    Returns
    -------
    tuple[Path, Path]
        The written files.

    Raises
    ------
    ModelError
        If the model is missing or damaged.
    UsageError
        If a file exists (without ``force``) or cannot be written.
    """
    loaded = load_model(model)
    check_agreement(loaded)
    path = path_of(twin or f"{loaded.path.stem}{_TWIN}")
    if not path.name.endswith(_TWIN):
        raise UsageError(f"{path}: expected a file name that ends in {_TWIN}")
    tokens = path.with_name(f"{path.name.removesuffix(_TWIN)}{_TOKENS}")
    for each in (path, tokens):
        check_output(each, force=force)
    answers = [PROBABILITIES if loaded.facts.has_classes else PROBABILITY]
    network = onnx.ModelProto.FromString(cut(loaded.graph, TOKEN_IDS, answers).SerializeToString())
    made = ids_in_model(network, loaded.facts)
    with atomic_files(path, tokens, force=force) as (ids_in, table):
        onnx.save(made, ids_in)
        table.write_text(token_table(loaded.facts, loaded.vocabulary), encoding="ascii")
    return path, tokens


@dataclass(frozen=True)
class ExportResult:
    """The written files, the proof of parity, the threshold, and notes for the user."""

    model: Path
    twin: Path
    vocabulary: Path
    parity: Parity
    threshold: Threshold
    golden: Path | None = None
    notes: list[str] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)  # written besides
    tokens: Path | None = None  # what makes ids of texts
    has_classes: bool = False  # and so no threshold


def export(
    run: str | Path,
    output: str | Path | None = None,
    *,
    force: bool = False,
    threshold: float | None = None,
    optimize: str | None = None,
    golden: bool = False,
    release: Release | None = None,
) -> ExportResult:
    """Export the model of a run folder; the files appear only if parity holds.

    Parameters
    ----------
    run : str | Path
        Run folder of `toolkit train`.
    output : str | Path | None
        The model file to write, ``NAME.onnx``; ``NAME.ids.onnx``, ``NAME.vocabulary.txt`` and
        ``NAME.tokens.json`` are written beside it. By default named after the preset, in the run
        folder.
    force : bool
        Replace existing files.
    threshold : float | None
        Probability from which a review counts as positive; by default 0.5.
    optimize : str | None
        Choose the threshold on the held-out reviews of the run: `accuracy`, `balanced`, `f1`, or
        such as `precision=0.95` or `recall=0.9`.
    golden : bool
        Also write ``NAME.golden.jsonl``, what the model gives for some 200 texts; see
        `toolkit.export.export_run`.
    release : Release | None
        What the files say of the release: version, licences, what may be done with it. The name of
        the model is by default that of its file.

    Returns
    -------
    ExportResult
        The written files and the proof of parity, which is also in their metadata.

    Raises
    ------
    ModelError
        If the run folder is incomplete or damaged.
    ParityError
        If Keras and ONNX disagree; nothing is written then.
    UsageError
        If an output exists (without ``force``) or cannot be written, or no such threshold can
        be chosen.
    """
    folder = RunFolder(path_of(run))
    folder.check()
    config = folder.load_config()
    paths = _output_paths(path_of(output or folder.path / f"{config.preset}.onnx"), golden=golden)
    for path in paths:
        check_output(path, force=force)
    if config.classes is None:
        chosen = choose_threshold(folder, config, threshold, optimize)
    else:
        chosen = _no_threshold(threshold, optimize)

    vocabulary = folder.load_vocabulary(config)
    sample = load_texts(folder.sample, has_classes=config.classes is not None)
    reviews = [text for text in sample.to_pylist() if text]
    if not reviews:
        raise ParityError(f"{folder.sample}: no reviews to prove parity with")
    keras_network = load_keras(folder.model)
    network, notes = convert(keras_network, config.max_tokens)
    said = (release or Release()).named(paths[0].stem)
    if (start := config.start_release) is not None:
        said = said.with_sources_of(start)
        notes += _note_of_sources(start)
    facts = replace(_facts(config, folder, chosen), release=said)
    models = ModelPair.of(network, vocabulary, facts)
    with temporary_folder() as unproven:
        plain = models.save(unproven / "text.onnx", unproven / "ids.onnx")
        parity, metrics = _proven(keras_network, *plain, reviews, facts)
        models = models.with_facts(replace(models.facts, parity=parity, metrics=metrics))
    with atomic_files(*paths, force=force) as (text_in, ids_in, words, table, *vectors):
        models.save(text_in, ids_in)
        vocabulary.save(words)
        table.write_text(token_table(models.facts, vocabulary), encoding="ascii")
        for path in vectors:
            made = ModelFile(paths[0], models.text_in, models.facts)
            vectors_of_it = golden_vectors({paths[0].stem: (made, keras_network)})
            path.write_text(vectors_of_it, encoding="utf-8")
    if not golden and is_a_file(old := paths[0].with_suffix(_GOLDEN)):
        notes.append(f"{old} is of an earlier model. Write it again with --golden, or remove it.")
    return ExportResult(
        *(paths[0], paths[1], paths[2], parity, chosen),
        golden=paths[4] if golden else None,
        tokens=paths[3],
        has_classes=models.facts.has_classes,
        notes=[*notes, *_notes(parity, models.facts)],
    )


def _no_threshold(threshold: float | None, optimize: str | None) -> Threshold:
    """Raise `UsageError` if a threshold is wanted for a model of classes, which has none."""
    given = {"--threshold": threshold is not None, "--optimize": optimize is not None}
    if useless := [option for option, is_given in given.items() if is_given]:
        raise UsageError(
            f"{', '.join(useless)}: a model of classes has no threshold: its label is the most "
            "likely class. Leave this out; toolkit score has --min-probability."
        )
    return Threshold()


def _proven(
    network: Any, text_in: Path, ids_in: Path, reviews: list[str], facts: ModelFacts
) -> tuple[Parity, Metrics]:
    """Compare the executions; `ParityError` if they disagree. Return what was measured besides."""
    if facts.has_classes:
        parity = compare_classes(network, text_in, ids_in, reviews)
        check_parity(parity)
        return parity, facts.metrics
    parity = compare(network, text_in, ids_in, reviews)
    check_parity(parity)
    return parity, replace(facts.metrics, behaviour=behaviour_of(Scorer(text_in)))


def _note_of_sources(start: Release) -> list[str]:
    """Return a note that an adapted model has learned from more than the user's reviews."""
    sources = dict(start.rows()).get("data sets")
    if sources is None:
        return []
    return [
        f"It was adapted from {start.model_name or 'a model'}, so the file also names the data "
        f"sets of that one, with their terms: {sources}."
    ]


def _notes(parity: Parity, facts: ModelFacts) -> list[str]:
    notes, neutral = [], facts.neutral
    if neutral is not None and not neutral.low <= facts.threshold <= neutral.high:
        notes.append(
            f"The neutral range, {neutral.low:g} to {neutral.high:g}, is not around the threshold: "
            "`toolkit score --neutral` will not work, --neutral-range will."
        )
    if parity.reviews < _FEW_REVIEWS:
        notes.append(
            f"Keras and ONNX were compared on {parity.reviews} reviews only; 1,000 or more are "
            "better. Train with --test-data to add reviews."
        )
    return notes


def _output_paths(model: Path, *, golden: bool) -> list[Path]:
    if model.suffix != ".onnx":
        raise UsageError(f"{model}: expected a file name that ends in .onnx")
    if model.name.endswith(_TWIN):
        raise UsageError(
            f"{model}: the twin of a model has such a name. Name the model NAME.onnx, and the twin "
            "is written beside it."
        )
    endings = [_TWIN, ".vocabulary.txt", _TOKENS, *([_GOLDEN] if golden else [])]
    return [model, *(model.with_suffix(ending) for ending in endings)]


def _facts(config: RunConfig, folder: RunFolder, threshold: Threshold) -> ModelFacts:
    return ModelFacts(
        preset=config.preset,
        labels=config.classes or SENTIMENT,
        format_version=FORMAT_VERSION if config.classes is None else CLASSES_VERSION,
        threshold=threshold.value,
        max_tokens=config.max_tokens,
        vocabulary_size=config.vocabulary_size,
        data=config.data,
        metrics=folder.load_metrics(),
        parity=None,
        toolkit_version=toolkit.__version__,
        calibration=config.calibration,
        stars=config.stars,
        neutral=config.neutral,
        threshold_choice=threshold.choice,
        token_rule=config.token_rule,
    )


_TABLES = {"data_sets": DataSet, "teachers": Teacher}
_LINE = "one line of text of 1,000 characters at most"
_PLAIN = "up to 100 letters, digits and _ . + -, in quotes"
_EXPECTED = {
    "model_name": f"{_PLAIN}, such as 'shop-2026.11'",
    "model_version": f"{_PLAIN}, such as '2026.11'",
    "date": "a day, such as 2026-11-26",
    "language": "a tag such as 'en' or 'pt-BR'",
    "licence": "an SPDX expression, such as 'MIT' or 'LicenseRef-ours'",
    "repository": "a URL that starts with https:// or http://, without a password",
    "use": f"one of {', '.join(USES)}",
}

T = TypeVar("T", Release, DataSet, Teacher)


def load_release(path: Path) -> Release:
    """Read a release from a TOML file; the `UsageError` says where the file is wrong."""
    return release_of(load_toml(path), str(path))


def chosen_release(path: Path | None, version: str | None) -> Release:
    """Return the release of a file, with another version if given; raises `UsageError`."""
    release = Release() if path is None else load_release(path)
    if version is None:
        return release
    given = _made(Release, {"model_version": version}, "--model-version")
    return replace(release, model_version=given.model_version)


def load_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file; the `UsageError` says where it is not TOML."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file. Name a TOML file with --release.") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8, at byte {error.start:,}. Save it as UTF-8.") from None
    except RecursionError:
        raise UsageError(f"{path}: not TOML: too many brackets in each other") from None
    except ValueError as error:  # also of a number of 5,000 digits
        raise UsageError(f"{path}: not TOML: {error}") from None


def release_of(table: Mapping[str, Any], place: str) -> Release:
    """Make a release from parsed TOML; the `UsageError` names the wrong key and the place."""
    found = dict(table)
    for key, kind in _TABLES.items():
        if key in found:
            found[key] = _tables(kind, found[key], f"{place}: [[{key}]]")
    release = _made(Release, {key: found[key] for key in found if key not in _TABLES}, place)
    return replace(release, **{key: found[key] for key in _TABLES if key in found})


def _tables(kind: type[T], tables: Any, place: str) -> tuple[T, ...]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError(f"{place}: is {tables!r:.50}, expected tables, each after such a line")
    return tuple(_made(kind, table, f"{place} {n}") for n, table in enumerate(tables, 1))


def _made(kind: type[T], table: Mapping[str, Any], place: str) -> T:
    names = [entry.name for entry in fields(kind)]
    for key in table:
        if key not in names:
            close = get_close_matches(key, names, n=1)
            hint = f", did you mean {close[0]!r}?" if close else "."
            raise UsageError(f"{place}: no key {key!r:.50}{hint} There are: {', '.join(names)}")
    # TOML has days of its own; a day with a time is not one.
    days = {key: str(value) for key, value in table.items() if type(value) is date}
    try:
        return decode(kind, {**table, **days})
    except ValueError as error:
        key, _, _ = str(error).partition(" ")
        raise UsageError(f"{place}: {error}, expected {_EXPECTED.get(key, _LINE)}") from None
