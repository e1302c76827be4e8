"""The shipped files: what they say of their release, and their checksums."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from exported.data import HELD_OUT, join
from exported.releases import shipped_release
from exported.shipping import ENDINGS, GOLDEN, check_version, stamp, stamp_model
from exported.sources import load_sources
from tests.data import shared_data
from tests.models import CONV1D, EXPORTED
from tests.native.building import build, copy_project
from toolkit import Scorer
from toolkit.classes import (
    NEGATIVE_OF_THREE,
    NEUTRAL_OF_THREE,
    POSITIVE_OF_THREE,
)
from toolkit.evaluation.ratings import Ratings, best_constants, rate
from toolkit.model import SHIPPED, ModelFacts, ModelFile, Release, read_twin

NAMES = {f"{name}{ending}" for name in SHIPPED for ending in ENDINGS} | {GOLDEN.name}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of a shipped model and its twin that say nothing of a release."""
    for ending in (".onnx", ".ids.onnx"):
        path = tmp_path / f"conv1d{ending}"
        shutil.copy(CONV1D.with_suffix(ending), path)
        stamp(path, Release())
    return tmp_path / "conv1d.onnx"


def checksums() -> dict[str, str]:
    lines = (EXPORTED / "SHA256SUMS").read_text("ascii").splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_every_shipped_file_has_its_checksum() -> None:
    """Write them with `python -m exported.make --cards`."""
    assert checksums() == {name: sha256((EXPORTED / name).read_bytes()) for name in NAMES}


@pytest.mark.slow
def test_the_wheel_has_the_files_of_the_checksums(tmp_path: Path) -> None:
    for module in ("hatchling", "editables"):
        pytest.importorskip(module, reason="needs the extra 'dev'")
    project = copy_project(tmp_path / "project")
    for name in SHIPPED:
        shutil.copy(EXPORTED / f"{name}.onnx", project / "exported")
    files = build(project, TOOLKIT_BUILD_NATIVE="0").files()
    folder = "toolkit/model/shipped_models/"
    found = {name.removeprefix(folder): files[name] for name in files if name.startswith(folder)}
    assert found.pop("SHA256SUMS") == (EXPORTED / "SHA256SUMS").read_bytes()
    assert {name: sha256(content) for name, content in found.items()} == {
        name: digest for name, digest in checksums().items() if name in found
    }
    assert {*found} == {f"{name}.onnx" for name in SHIPPED}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_files_say_what_the_table_says(name: str) -> None:
    """Write it into them with `python -m exported.make --stamp`."""
    release = shipped_release(name)
    assert ModelFile.load(EXPORTED / f"{name}.onnx").facts.release == release
    assert read_twin(EXPORTED / f"{name}.ids.onnx").facts.release == release
    assert None not in {**vars(release), "teachers": ()}.values()


def test_general_models_name_all_sources_and_the_encoder() -> None:
    release, sources = shipped_release("reviews"), load_sources()
    assert release.data_sets is not None
    assert release.teachers is not None
    assert (
        len(release.data_sets) == len(sources) + 2
    )  # the words of made-up phrases, and what was written
    used = Counter(each.use for each in release.data_sets)
    # The files of this version still count what is of other terms as open; the next one must not.
    assert release.model_version == "2026.12.1"
    assert used == Counter(each.use or "open" for each in sources) + Counter(["open"] * 2)
    (teacher,) = release.teachers
    assert teacher.name == "sentence-transformers/all-MiniLM-L6-v2"
    assert teacher.terms.startswith("Apache-2.0")
    films = shipped_release("conv1d")
    assert [each.name for each in films.data_sets or ()] == ["imdb"]
    assert films.teachers is None


def test_stamps_give_the_shipped_bytes_however_often(model: Path) -> None:
    twin = model.with_suffix(".ids.onnx")
    assert model.read_bytes() != CONV1D.read_bytes()
    for _ in range(2):
        stamp_model(model)
        assert model.read_bytes() == CONV1D.read_bytes()
        assert twin.read_bytes() == CONV1D.with_suffix(".ids.onnx").read_bytes()


def test_a_stamp_changes_no_answer(model: Path) -> None:
    stamp(model, Release("other", "9", licence="MIT"))
    texts = np.array(["A fine film.", "Dull, dull.", "", "\U0001f994"], object)
    answers = [
        ort.InferenceSession(str(each)).run(None, {"text": texts}) for each in (model, CONV1D)
    ]
    for found, expected in zip(*answers, strict=True):
        np.testing.assert_array_equal(found, expected)
    facts, before = (ModelFile.load(each).facts for each in (model, CONV1D))
    assert facts == replace(before, release=Release("other", "9", licence="MIT"))


def test_a_stamp_that_would_change_more_is_an_error(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damage(facts: ModelFacts, model: onnx.ModelProto) -> None:
        model.graph.node[0].output[0] = "other"

    monkeypatch.setattr(ModelFacts, "write_to", damage)
    before = model.read_bytes()
    with pytest.raises(ValueError, match=r"conv1d\.onnx: more would change than what describes"):
        stamp(model, Release())
    assert model.read_bytes() == before


def test_other_weights_need_another_version(model: Path) -> None:
    stamp_model(model)
    check_version(model, CONV1D)
    check_version(model, model.with_name("none.onnx"))
    changed = onnx.load(model)
    weights = next(each for each in changed.graph.initializer if len(each.raw_data) > 1000)
    weights.raw_data = weights.raw_data[::-1]
    onnx.save(changed, model)
    with pytest.raises(
        ValueError, match=r"conv1d\.onnx: a file of version 2026\.11 with other wei"
    ):
        check_version(model, CONV1D)
    stamp(model, Release("conv1d-2027.01", "2027.01"))
    check_version(model, CONV1D)


PRODUCTS_AND_HOTELS = (
    *("appliances", "baby", "cameras", "clothing", "electronics", "games", "hotels", "household"),
    *("laptops", "musical-instr", "phones", "software", "sports", "toys"),
)


@pytest.fixture(scope="module")
def reviews() -> pa.Table:
    """Reviews with stars that no model was fitted on, as they come."""
    found = join(shared_data("reviews").parent)
    is_of = pc.is_in(found["domain"], pa.array(PRODUCTS_AND_HOTELS, found["domain"].type))
    is_held_out = pc.equal(found["fold"], HELD_OUT)
    return found.filter(pc.and_(pc.and_(is_of, is_held_out), pc.is_valid(found["stars"])))


def ratings_of(model: str, reviews: pa.Table) -> Ratings:
    scorer = Scorer(EXPORTED / f"{model}.onnx")
    facts = scorer.facts
    assert facts.neutral is not None
    stars = reviews["stars"].to_numpy().astype(np.float64)
    classes = np.where(stars > 3, POSITIVE_OF_THREE, NEUTRAL_OF_THREE)
    classes = np.where(stars < 3, NEGATIVE_OF_THREE, classes)
    ids = scorer.vocabulary.encode(reviews["text"], last=facts.max_tokens)
    probability = scorer.probabilities(reviews["text"]).to_numpy(zero_copy_only=False)
    known = ids.known_tokens(facts.max_tokens)
    return rate(probability, known, classes, stars, facts.stars, facts.neutral.ends)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "exact", "within_one", "macro_f1"),
    [("reviews", 0.615, 0.925, 0.64), ("reviews-small", 0.605, 0.92, 0.63)],
)
def test_stars_are_near_and_neutral_reviews_are_found(
    reviews: pa.Table, model: str, exact: float, within_one: float, macro_f1: float
) -> None:
    found = ratings_of(model, reviews)
    assert found.stars is not None
    assert found.best_constants is not None
    assert found.classes is not None
    assert found.classes.macro_f1 is not None
    assert found.stars.exact > exact > found.best_constants.exact + 0.05
    assert found.stars.within_one > within_one > found.best_constants.within_one + 0.05
    assert found.stars.mean_error < 0.62
    assert found.stars.balanced_within_one > 0.88
    assert found.classes.macro_f1 > macro_f1 > found.classes.macro_f1_of_fixed
    assert best_constants(reviews["stars"].to_numpy()).exact == found.best_constants.exact
