"""The twin of a model, which takes token ids, and the table that turns texts into ids.

``NAME.tokens.json`` has all that a program needs for that; ``exported/TOKENS.md`` describes it.
"""

from __future__ import annotations

import json
from pathlib import Path

import onnx

from toolkit.errors import UsageError
from toolkit.export.convert import ids_in_model
from toolkit.files import atomic_files, check_output
from toolkit.model.agreement import check_agreement
from toolkit.model.facts import ModelFacts
from toolkit.model.file import PROBABILITIES, PROBABILITY, TOKEN_IDS, load_model
from toolkit.model.onnx import cut
from toolkit.stores.paths import path_of
from toolkit.text.vocabulary import Vocabulary

TWIN_ENDING = ".ids.onnx"
TOKENS_ENDING = ".tokens.json"


def token_table(facts: ModelFacts, vocabulary: Vocabulary) -> str:
    """Return how texts become token ids and what the answers mean, as JSON in ASCII.

    Spellings are a list, as some languages treat strings with and without combining accents as one
    key.
    """
    rule = vocabulary.rule
    other = vocabulary.spellings
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
    path = path_of(twin or f"{loaded.path.stem}{TWIN_ENDING}")
    if not path.name.endswith(TWIN_ENDING):
        raise UsageError(f"{path}: expected a file name that ends in {TWIN_ENDING}")
    tokens = path.with_name(f"{path.name.removesuffix(TWIN_ENDING)}{TOKENS_ENDING}")
    for each in (path, tokens):
        check_output(each, force=force)
    answers = [PROBABILITIES if loaded.facts.has_classes else PROBABILITY]
    network = onnx.ModelProto.FromString(cut(loaded.graph, TOKEN_IDS, answers).SerializeToString())
    made = ids_in_model(network, loaded.facts)
    with atomic_files(path, tokens, force=force) as (ids_in, table):
        onnx.save(made, ids_in)
        table.write_text(token_table(loaded.facts, loaded.vocabulary), encoding="ascii")
    return path, tokens
