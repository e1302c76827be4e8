"""CHANGES.md, as far as it can be made again without the reviews."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exported.changes import BEFORE, PAGE, Part, compare, texts_section
from tests.models import MODEL
from toolkit import Scorer
from toolkit.model import SHIPPED


def sections() -> dict[str, str]:
    _, *parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)
    return {part.partition(" ")[0]: part for part in parts}


def test_every_shipped_model_has_a_section() -> None:
    assert list(sections()) == list(SHIPPED) == list(BEFORE)


@pytest.mark.parametrize("model", SHIPPED)
def test_the_fixed_texts_change_as_the_page_says(model: str) -> None:
    """Otherwise write it again with `python -m exported.changes`."""
    found = compare(model, BEFORE[model])
    section = sections()[model]
    assert section.startswith(f"{model} {found.new['version']}, before: ")
    assert section.rstrip().endswith(texts_section(found).rstrip())


def test_texts_are_named_under_what_became_of_them() -> None:
    found = compare("reviews", BEFORE["reviews"])
    section = texts_section(found)
    old, new = Scorer(BEFORE["reviews"]), Scorer(MODEL)
    for text in ("Not bad at all.", "Slow? Yes. Boring? Never."):
        (before,), (after,) = (scorer.score([text]) for scorer in (old, new))
        assert (text in section) == (before.sentiment != after.sentiment)
    for name in re.findall(r"^- .* → no label: (.*)$", section, re.M):
        assert "review" not in name
    assert "- positive 0.52 → no label: unknown words only, " in section


def test_accuracies_are_of_the_labelled_rows(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("text,label,kind\nNot bad at all.,1,a\nfine,,a\ndull,0,b\n", encoding="utf-8")
    changes = compare("reviews", BEFORE["reviews"], Part("few", path, "kind")).changes
    assert changes.counts.labelled == 2
    assert {*changes.groups} == {"a", "b"}
