"""What the pages of the models say: cards, figures, and what a release changes."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest

from exported.cards import model_card, write_cards
from exported.changes import BEFORE, PAGE, Part, compare, find_before, texts_section
from exported.figures import figures_by_group
from exported.sources import OPEN_ONLY
from tests.data import PROJECT
from tests.models import CONV1D, MODEL
from toolkit import Scorer
from toolkit.export.hub import hub_card
from toolkit.model import SHIPPED, ModelFacts
from toolkit.model.description import behaviour_table
from toolkit.model.training_facts import Behaviour, Right, Steadiness

FILMS_ONLY = PROJECT / "tests" / "frozen_files" / "format_2" / "ngram-cnn.onnx"
UNLABELLED = {
    "source": "more.parquet, spans.parquet",
    "reviews": 70_000,
    "left_out": 10,
    "sha256": "b" * 64,
}
TEACHER = {"source": "t.parquet", "labelled": 25_000, "unlabelled": 69_000, "sha256": "c" * 64}


@pytest.fixture
def card(tmp_path: Path) -> Any:
    """Make the card of a model file whose facts are changed, and join its lines."""

    def make(more: dict[str, Any]) -> str:
        model = onnx.load(CONV1D)
        (entry,) = (entry for entry in model.metadata_props if entry.key == "data")
        entry.value = json.dumps({**json.loads(entry.value), **more})
        for name in ("m.onnx", "m.ids.onnx"):
            (tmp_path / name).write_bytes(model.SerializeToString())
        return model_card(tmp_path / "m.onnx").replace("\n", " ")

    return make


def test_behaviour_is_shown_where_it_was_measured(tmp_path: Path) -> None:
    model = onnx.load(CONV1D)
    facts = ModelFacts.read_from(model, CONV1D)
    assert "Behaviour" not in model_card(CONV1D) + hub_card(facts)
    found = Behaviour((Right("contrast", 12, 48), Right("a|b", 1, 2)), (), "a" * 64)
    facts = replace(facts, metrics=replace(facts.metrics, behaviour=found))
    facts.write_to(model)
    for name in ("m.onnx", "m.ids.onnx"):
        onnx.save(model, tmp_path / name)
    for card in (model_card(tmp_path / "m.onnx"), hub_card(facts)):
        assert "\n\n## Behaviour\n\nMeasured on the toolkit's own sentences. " in card
        assert "\n|---|---|\n| contrast | 25% of 48 sentences right |\n| a\\|b | 50% of 2 " in card


def test_biases_are_shown_by_who_somebody_is() -> None:
    sets: Any = {"sets": 8, "moved": 0.0, "lowest": (0.1, "a"), "highest": (0.9, "b")}
    same = (
        Steadiness(part="neutral", name="age", mean_spread=0.5, other_label=0.75, **sets),
        Steadiness(part="neutral", name="gender", mean_spread=0.1, other_label=0.25, **sets),
        Steadiness(part="form", name="capitals", mean_spread=0.2, other_label=0.0, **sets),
    )
    table = behaviour_table(Behaviour((Right("contrast", 12, 48),), same, "a" * 64))
    assert table.endswith(
        "| who, without opinion | spread 0.30, 50% of 16 sets with both labels |\n"
        "| age, without opinion | spread 0.50, 75% of 8 sets with both labels |\n"
        "| gender, without opinion | spread 0.10, 25% of 8 sets with both labels |\n"
        "| form | spread 0.20, 0% of 8 sets with both labels |\n"
    )


def test_labels_of_people_alone(card: Any) -> None:
    found = card({})
    assert (
        "| trained on | 25,000 labelled reviews, train.parquet (12,500 of 25,000 positive, SHA-256 "
        "270c1f5dcd330bda…) |"
    ) in found
    assert "transformer" not in found


def test_reviews_without_labels_are_named(card: Any) -> None:
    found = card({"unlabelled": UNLABELLED})
    assert (
        "| and on | 70,000 unlabelled reviews, more.parquet, spans.parquet (10 left out, SHA-256 "
        f"{'b' * 16}…) |"
    ) in found
    assert "transformer" not in found


def test_a_distilled_model_names_its_teacher(card: Any) -> None:
    found = card({"unlabelled": UNLABELLED, "teachers": [TEACHER]})
    assert "| teacher | ? probabilities of another model, t.parquet (25,000 for labelled" in found
    assert f"SHA-256 {'c' * 16}…) |" in found
    assert "The largest is a *pretrained* transformer" in found


def test_reviews_that_were_held_out_are_not_called_trained_on(card: Any) -> None:
    found = card({"fitted": 19_992, "held_out": 5_008})
    assert "| trained on | 19,992 of 25,000 labelled reviews, train.parquet" in found
    assert "5,008 held out" in found


def test_limits_are_those_of_the_model(card: Any) -> None:
    assert "of a review of more than 100 tokens only the end" in card({})


def test_a_general_model_says_what_its_sources_allow(card: Any) -> None:
    found = card({})
    assert "[SOURCES.md](SOURCES.md) lists all" in found
    assert "research or non-commercial use only: imdb, " in found
    assert "ask a lawyer" in found


def test_the_model_of_the_tutorial_is_one_for_films() -> None:
    found = model_card(CONV1D)
    assert "English reviews of films" in found
    assert "SOURCES.md" not in found


def test_each_card_is_a_page(tmp_path: Path) -> None:
    write_cards([CONV1D], tmp_path)
    page = (tmp_path / "conv1d.md").read_text(encoding="utf-8")
    assert page == model_card(CONV1D)
    assert "\n# conv1d\n" in page


RESULTS: dict[str, Any] = {
    "everyday": {
        "rows": [
            {"name": "reviews", "groups": [{"name": "doubly_negated", "accuracy": 0.875}]},
            {"name": "conv1d", "groups": [{"name": "doubly_negated", "accuracy": 0.5}]},
        ]
    },
    "held-out": {
        "rows": [
            {
                "name": "reviews",
                "groups": [
                    {"name": "hotels", "balanced_accuracy": 0.9321},
                    {"name": "beer", "balanced_accuracy": None},
                    {"name": "apps", "balanced_accuracy": 0.9},
                ],
            },
            {"name": "conv1d", "skipped": "needs a file"},
        ]
    },
}


def test_groups_are_listed_with_their_figures() -> None:
    assert figures_by_group("reviews", RESULTS) == (
        "\n- Held-out reviews by domain, balanced accuracy in %: apps 90.0, hotels 93.2\n"
        "- Everyday reviews by kind, accuracy in %: doubly negated 87.5\n"
    )


def test_domains_that_were_trained_on_are_left_out() -> None:
    found = figures_by_group("reviews", RESULTS, trained_on=["hotels"])
    assert "accuracy in %: apps 90.0\n" in found


def test_what_was_not_measured_is_left_out() -> None:
    assert figures_by_group("conv1d", RESULTS) == (
        "\n- Everyday reviews by kind, accuracy in %: doubly negated 50.0\n"
    )
    assert figures_by_group("reviews-small", RESULTS) == ""
    assert figures_by_group("reviews", {}) == ""


def sections() -> dict[str, str]:
    _, *parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)
    return {part.partition(" ")[0]: part for part in parts}


def test_every_shipped_model_has_a_section() -> None:
    assert list(sections()) == list(BEFORE)
    assert set(SHIPPED) - set(BEFORE) == {OPEN_ONLY}  # which is new


@pytest.mark.parametrize("model", BEFORE)
def test_the_fixed_texts_change_as_the_page_says(model: str, tmp_path: Path) -> None:
    """Otherwise write it again with `python -m exported.changes`."""
    try:
        before = find_before(model, tmp_path)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"the model before {model} is only in the history of the repository")
    found = compare(model, before)
    section = sections()[model]
    assert section.startswith(f"{model} {found.new['version']}, before: ")
    assert section.rstrip().endswith(texts_section(found).rstrip())


def test_texts_are_named_under_what_became_of_them() -> None:
    found = compare("reviews", FILMS_ONLY)
    section = texts_section(found)
    old, new = Scorer(FILMS_ONLY), Scorer(MODEL)
    for text in ("Not bad at all.", "Slow? Yes. Boring? Never."):
        (before,), (after,) = (scorer.score([text]) for scorer in (old, new))
        assert (text in section) == (before.sentiment != after.sentiment)
    for name in re.findall(r"^- .* → no label: (.*)$", section, re.M):
        assert "review" not in name
    assert "- positive 0.52 → no label: unknown words only, " in section


def test_accuracies_are_of_the_labelled_rows(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("text,label,kind\nNot bad at all.,1,a\nfine,,a\ndull,0,b\n", encoding="utf-8")
    changes = compare("reviews", FILMS_ONLY, Part("few", path, "kind")).changes
    assert changes.counts.labelled == 2
    assert {*changes.groups} == {"a", "b"}
