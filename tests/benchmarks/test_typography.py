"""Typographic variants of reviews, made from plain ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples.benchmarks.typography import type_anew, typographic


@pytest.mark.parametrize(
    ("plain", "typed"),
    [
        ("I don't like it", "I don’t like it"),  # noqa: RUF001
        ('It is "great", really', "It is “great”, really"),
        ("so-called 'quality'", "so-called ‘quality’"),  # noqa: RUF001
        ("the guests' room", "the guests’ room"),  # noqa: RUF001
        ('("The end")', "(“The end”)"),
        ('"\'Twas bad", he said', "“‘Twas bad”, he said"),  # noqa: RUF001
        ("wait... what....", "wait… what…"),
        ("good - not great -- fine--ish", "good – not great – fine—ish"),  # noqa: RUF001
        ("Why ? Oh !", "Why\u00a0? Oh\u00a0!"),
        ("well-made, 10 of 10.", "well-made, 10 of 10."),
    ],
)
def test_characters_are_typed_as_a_phone_does(plain: str, typed: str) -> None:
    assert typographic(plain) == typed
    assert typographic(typed) == typed


def test_a_file_keeps_everything_but_the_texts(tmp_path: Path) -> None:
    rows = [{"id": 1, "text": "It's\u2028fine", "label": 1}, {"id": 2, "text": "bad", "label": 0}]
    source, output = tmp_path / "r.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert type_anew(source, output) == 1
    with output.open(encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    assert found == [{**rows[0], "text": "It’s\u2028fine"}, rows[1]]  # noqa: RUF001
