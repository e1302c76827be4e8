"""What a model says of its release: stored, read again, and shown by ONNX Runtime."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models import CONV1D, EXPORTED, OLD_MODELS
from toolkit.errors import ModelError, counted
from toolkit.model import SHIPPED, ModelFacts, ModelFile, Release, load_model
from toolkit.model.description import calibration_line, threshold_line
from toolkit.model.names import LONGEST_NAME, plain_word
from toolkit.model.onnx import ModelProto
from toolkit.model.release import USES, DataSet, Teacher
from toolkit.model.training_facts import Calibration, ThresholdChoice, ThresholdReached

FACTS = ModelFile.load(CONV1D).facts
OLD_FILES = [*OLD_MODELS.glob("*.onnx"), OLD_MODELS.with_name("version_1.onnx")]

names = st.text("aZ0é9_.+-", min_size=1, max_size=12)
characters = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
lines = st.text(characters, min_size=1, max_size=12).map(str.strip).filter(bool)
releases = st.builds(
    Release,
    model_name=st.none() | names,
    model_version=st.none() | names,
    date=st.none() | st.dates().map(str),
    language=st.none() | st.sampled_from(["en", "pt-BR", "zh-Hant-TW"]),
    domain=st.none() | lines,
    licence=st.none() | st.sampled_from(["MIT", "(MIT OR Apache-2.0)", "LicenseRef-ours"]),
    data_sets=st.none()
    | st.lists(
        st.builds(
            DataSet, lines, lines, st.none() | st.sampled_from([*USES]), st.none() | lines
        ),
        max_size=3,
    ).map(tuple),
    teachers=st.none() | st.lists(st.builds(Teacher, lines, lines), max_size=2).map(tuple),
    repository=st.none()
    | st.sampled_from(["https://example.invalid", "http://a:80/b", "https://a.b.c/d%20e?f=g#h", "https://A-1?b"]),
    intended_use=st.none() | lines,
)  # fmt: skip


@settings(max_examples=50)
@given(releases, st.sampled_from([ModelProto, onnx.ModelProto]))
def test_what_is_written_is_read(release: Release, kind: type[onnx.ModelProto]) -> None:
    model = kind()
    replace(FACTS, release=release).write_to(model)
    again = kind.FromString(model.SerializeToString())
    found = ModelFacts.read_from(again, Path("m.onnx"))
    assert found.release == release
    assert found == replace(FACTS, release=release)
    assert found.version == (release.model_version or FACTS.toolkit_version)
    # Written again, the bytes are the same.
    found.write_to(again)
    assert again.SerializeToString(deterministic=True) == model.SerializeToString(
        deterministic=True
    )


@settings(max_examples=50)
@given(releases)
def test_every_fact_is_in_the_text_that_bindings_show(release: Release) -> None:
    model = onnx.ModelProto()
    release.write_to(model)
    texts = [release.date, release.domain, release.intended_use, release.repository]
    texts += [teacher.terms for teacher in release.teachers or ()]
    for text in filter(None, [release.model_name, release.model_version, *texts]):
        assert text in model.doc_string
    shown = [row for row in release.rows() if row[0] != "in a company"]
    assert len(model.doc_string.splitlines()) >= len(shown)


@pytest.mark.parametrize(
    ("repository", "namespace"),
    [
        ("https://example.invalid/a.b", "invalid.example"), ("http://a.b.c:80?d=e.f", "c.b.a"),
        ("https://a#b.c", "a"), (None, ""),
    ],
)  # fmt: skip
def test_the_namespace_is_the_host(repository: str | None, namespace: str) -> None:
    assert Release(repository=repository).namespace == namespace


@given(st.text())
def test_any_file_name_makes_a_name(text: str) -> None:
    model = onnx.ModelProto()
    release = Release(model_name=plain_word(text)[:LONGEST_NAME])
    replace(FACTS, release=release).write_to(model)
    assert ModelFacts.read_from(model, Path("m.onnx")).release == release


@pytest.mark.parametrize(
    ("version", "number"),
    [
        ("2026.11", 202611), ("1.2.3", 10203), ("1.10.0", 11000), ("v2", 2), ("7", 7),
        ("2026.11-rc1", None), ("1.123", None), ("1..2", None), (".".join("1" * 30), None),
        ("²", None), (None, None),
    ],
)  # fmt: skip
def test_the_version_as_a_number(version: str | None, number: int | None) -> None:
    release, model = Release(model_version=version), onnx.ModelProto(model_version=5)
    assert release.number == number
    release.write_to(model)
    assert model.HasField("model_version") == (number is not None)


def test_few_data_sets_are_named_and_many_counted() -> None:
    few = tuple(DataSet(name, "CC0", "open") for name in "abc")
    assert dict(Release(data_sets=few).rows())["data sets"] == "a (CC0); b (CC0); c (CC0)"
    more = (*few, DataSet("d", "ours"), DataSet("e", "-", "research"))
    assert dict(Release(data_sets=more).rows())["data sets"] == (
        "5 (3: an open licence is stated; 1: research or non-commercial use only; "
        "1: as each states)"
    )


def test_a_licence_does_not_hide_the_terms_of_a_start() -> None:
    """They are those of the data sets, also of a model that was adapted to one's own reviews."""
    start = load_model("reviews").facts.release
    ours = (DataSet("our shop", "our own"),)
    own = Release("mine", licence="Apache-2.0", intended_use="For our products.", data_sets=ours)
    rows = dict(own.with_sources_of(start).rows())
    assert rows["licence"] == "Apache-2.0 (of the weights)"
    assert rows["in a company"].startswith("ask a lawyer first, as 58 of 79 data sets are ")
    assert "in a company" not in dict(own.rows())
    free = replace(own, data_sets=None).with_sources_of(load_model("reviews-open").facts.release)
    assert dict(free.rows())["in a company"] == "16 of 16 data sets state an open licence"


def test_the_sources_of_a_start_come_after_the_own_ones() -> None:
    teacher = Teacher("encoder", "Apache-2.0")
    start = Release(
        "start",
        "1",
        None,
        "en",
        "films",
        "MIT",
        (DataSet("a", "CC0"), DataSet("b", "-")),
        (teacher,),
    )
    own = Release("mine", data_sets=(DataSet("b", "ours"), DataSet("c", "ours")))
    found = own.with_sources_of(start)
    b, c, a = found.data_sets or ()
    assert (b, c, a) == (DataSet("b", "ours"), DataSet("c", "ours"), DataSet("a", "CC0"))
    assert found == replace(own, language="en", data_sets=(b, c, a), teachers=(teacher,))
    assert Release(language="de").with_sources_of(Release()) == Release(language="de")
    assert found.with_sources_of(start) == found


@pytest.mark.parametrize(
    ("release", "title"),
    [
        (Release("a", "1", "2026-11-26"), "a (version 1 of 2026-11-26)"),
        (Release("a", None, "2026-11-26"), "a (2026-11-26)"),
        (Release("a"), "a"),
        (Release(model_version="1"), "a model (version 1)"),
        (Release(), ""),
    ],
)
def test_the_title(release: Release, title: str) -> None:
    assert release.title == title


@pytest.mark.parametrize("path", OLD_FILES, ids=lambda path: path.name)
def test_files_that_say_nothing_of_it_load(path: Path) -> None:
    facts = ModelFile.load(path).facts
    assert facts.release == Release()
    assert facts.version == facts.toolkit_version


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_version", "1 2"), ("model_version", 5), ("model_name", ""), ("date", "2026-13-01"),
        ("date", "20261126"), ("licence", "MIT or so"), ("licence", "MIT AND"),
        ("repository", "example.invalid"), ("repository", "https:///a"), ("domain", "a\nb"),
        ("domain", " a"), ("language", "english language"), ("language", "English"),
        ("language", "1"), ("intended_use", "x" * 1001),
        ("repository", "https://me:secret@example.invalid/a"), ("repository", "https://?a=1.2"),
        ("repository", "https://[::1]/a"), ("repository", "https://a b"),
        ("data_sets", {"name": "a"}), ("data_sets", [{"name": "a"}]),
        ("data_sets", [{"name": "a", "terms": "b", "use": "c"}]), ("teachers", [1]),
        ("teachers", [{"name": "a\u2028b", "terms": "c"}]),
    ],
)  # fmt: skip
def test_damaged_facts(key: str, value: object) -> None:
    model = onnx.ModelProto()
    FACTS.write_to(model)
    kept = [entry for entry in model.metadata_props if entry.key != key]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=key, value=json.dumps(value))
    with pytest.raises(ModelError, match=rf"^m\.onnx: damaged metadata: {key}"):
        assert ModelFacts.read_from(model, Path("m.onnx")).release.data_sets  # decoded only here


@pytest.mark.parametrize("key", ["date", "threshold"])
def test_facts_that_are_not_json_are_named(key: str) -> None:
    model = onnx.ModelProto()
    FACTS.write_to(model)
    next(entry for entry in model.metadata_props if entry.key == key).value = "26.11."
    with pytest.raises(ModelError, match=rf"^m\.onnx: damaged metadata: {key} is not JSON: Extra"):
        assert ModelFacts.read_from(model, Path("m.onnx")).release  # decoded only here


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("ending", [".onnx", ".ids.onnx"])
def test_onnx_runtime_shows_it(name: str, ending: str) -> None:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(EXPORTED / f"{name}{ending}"), options)
    found, release = (
        session.get_modelmeta(),
        ModelFile.load(EXPORTED / f"{name}.onnx").facts.release,
    )
    version = {"conv1d": "2026.11", "reviews": "2026.12.1"}.get(name, "2026.12")
    number = {"conv1d": 202611, "reviews": 20261201}.get(name, 202612)
    assert found.version == release.number == number
    assert found.graph_name == release.model_name == f"{name}-{version}"
    assert found.domain == "invalid.example"
    rows = [row for row in release.rows() if row[0] != "in a company"]
    assert found.description == "\n".join(f"{key}: {text}" for key, text in rows)
    assert "probability" in found.graph_description
    assert (found.producer_name, release.licence) == ("review-sentiment-toolkit", "MIT")
    stored = {key: json.loads(value) for key, value in found.custom_metadata_map.items()}
    assert (stored["model_name"], stored["model_version"]) == (f"{name}-{version}", version)
    assert len(stored["data_sets"]) == len(release.data_sets or ())
    assert {entry["use"] for entry in stored["data_sets"]} <= {*USES}


@pytest.mark.parametrize(
    ("calibration", "line"),
    [
        (
            Calibration(0.8, 0.1, 100, 0.05, 0.01, by_probability=True),
            "logit · 0.800 +0.100, fitted on 100 held-out reviews, "
            "calibration error 0.0100, 0.0500 before",
        ),
        (
            Calibration(0.8, 0, 31, 0.0251, note="scale only: few", by_probability=True),
            "logit · 0.800 +0.000, fitted on 31 held-out reviews, "
            "calibration error 0.0251 before; scale only: few",
        ),
        (
            Calibration(1, 0, 100, 0.1423, 0.1423, note="not calibrated: why", by_probability=True),
            "not calibrated: why (calibration error 0.1423 on 100 held-out reviews)",
        ),
        (Calibration(0.8, 0.1), "logit · 0.800 +0.100"),
        (
            Calibration(0.8, 0.1, error=0.01),
            "logit · 0.800 +0.100, calibration error by confidence 0.0100",
        ),
    ],
)
def test_calibration(calibration: Calibration, line: str) -> None:
    assert calibration_line(calibration) == line


def test_a_threshold() -> None:
    reached = ThresholdReached(100, 0.6, None, 0.25, 0.4, 0.55, 0.5, is_calibrated=True)
    assert threshold_line(0.5, ThresholdChoice("given", reached)) == (
        "0.5 (given): accuracy 60.00% (balanced 55.00%, majority baseline 50.00%), recall 25.00%, "
        "F1 40.00% on 100 held-out reviews after calibration on the same reviews"
    )


def test_one_thing_is_no_plural() -> None:
    assert [counted(n, "row") for n in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
