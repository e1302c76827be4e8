"""The shipped files: models and what belongs to them, stamped with their releases; pages, vectors and checksums."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import onnx

from exported.cards import write_cards
from exported.pages import with_code_points
from exported.releases import shipped_release
from exported.sources import with_sources
from toolkit.export.golden import golden_vectors
from toolkit.export.twin import export_twin
from toolkit.files import atomic_file, write_checksums
from toolkit.model import SHIPPED, ModelFacts, ModelFile, Release
from toolkit.networks.network_files import load_keras

EXPORTED = Path(__file__).parent
GOLDEN = EXPORTED / "golden.jsonl"
# Of the files of a model.
ENDINGS = (".onnx", ".ids.onnx", ".vocabulary.txt", ".tokens.json", ".keras")


def shipped_files() -> list[Path]:
    """Give the shipped model files that are there."""
    return [path for name in SHIPPED if (path := EXPORTED / f"{name}.onnx").is_file()]


def ship(run: Path) -> None:
    """Put the model of a run folder of its name into `exported/`; make the golden vectors again."""
    check_version(run / f"{run.name}.onnx", EXPORTED / f"{run.name}.onnx")
    for ending in ENDINGS:
        name = "model.keras" if ending == ".keras" else f"{run.name}{ending}"
        shutil.copy(run / name, EXPORTED / f"{run.name}{ending}")
    GOLDEN.write_text(shipped_vectors(shipped_files()), encoding="utf-8")


def check_version(new: Path, shipped: Path) -> None:
    """Raise `ValueError` if a new model has the version of the shipped one, but another graph."""
    if not shipped.is_file():
        return
    models = [onnx.load(path) for path in (new, shipped)]
    versions = {
        ModelFacts.read_from(model, path).version
        for model, path in zip(models, (new, shipped), strict=True)
    }
    if len(versions) == 1 and _undescribed(models[0]) != _undescribed(models[1]):
        raise ValueError(
            f"{shipped}: a file of version {versions.pop()} with other weights is there. Give the new "
            "one another model_version in releases.toml."
        )


def shipped_vectors(paths: list[Path]) -> str:
    """Make the golden vectors of models that have their Keras networks beside them."""
    return golden_vectors(
        {p.stem: (ModelFile.load(p), load_keras(p.with_suffix(".keras"))) for p in paths}
    )


def write_twin(path: Path) -> None:
    """Write the twin of a shipped model again, as an export of the same network would."""
    export_twin(path, path.with_suffix(".ids.onnx"), force=True)


def stamp_model(path: Path) -> None:
    """Write the release of a shipped model, which its file is named after, into the file and its twin."""
    release = shipped_release(path.stem)
    for each in (path, path.with_suffix(".ids.onnx")):
        stamp(each, release)


def stamp(path: Path, release: Release) -> None:
    """Write a release into a model file or a twin; `ValueError` if anything else would change.

    The bytes are those of an export with this release, so a file that has it keeps its bytes.
    """
    model = onnx.load(path)
    before = _undescribed(model)
    replace(ModelFacts.read_from(model, path), release=release).write_to(model)
    if _undescribed(model) != before:
        raise ValueError(f"{path}: more would change than what describes the model")
    with atomic_file(path, force=True) as unproven:
        onnx.save(model, unproven)


def write_pages() -> None:
    """Write the cards, the tables below what is written by hand of two pages, and SHA256SUMS."""
    write_cards(shipped_files(), EXPORTED)
    for name, with_tables in (("SOURCES.md", with_sources), ("TOKENS.md", with_tables_of_tokens)):
        page = EXPORTED / name
        page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
    models = [path.with_suffix(ending) for path in shipped_files() for ending in ENDINGS]
    write_checksums(EXPORTED, [*models, GOLDEN])


def with_tables_of_tokens(page: str) -> str:
    """Replace what is below the marker of TOKENS.md by the rules of the shipped models."""
    rules = {path.stem: ModelFile.load(path).facts.token_rule for path in shipped_files()}
    return with_code_points(page, rules)


def _undescribed(model: onnx.ModelProto) -> bytes:
    """Give a model without what `ModelFacts.write_to` sets."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for entry in ("metadata_props", "doc_string", "domain", "model_version"):
        copy.ClearField(entry)
    copy.graph.ClearField("name")
    content: bytes = copy.SerializeToString(deterministic=True)
    return content
