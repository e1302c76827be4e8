"""A column of the output is one entry and one function: nothing else has to know of it."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.cli.running import Command
from toolkit.model import added_values
from toolkit.records.columns import ADDITIONS, NAMES, Addition, addition_of, aspect_role, key_of


def test_every_column_has_a_function() -> None:
    assert added_values._FUNCTIONS.keys() == ADDITIONS.keys()


@pytest.mark.parametrize(
    ("role", "key"),
    [
        ("stars", "stars"),
        ("aspect_room", "aspect"),
        ("aspect_", None),
        ("aspect", None),
        ("positive_probability_room", "aspect_probability"),
        ("positive_sentences", "positive_sentences"),
        ("probability", "probability"),
        ("probability_billing", "class_probability"),
        ("class_probability", None),
        ("nothing", None),
    ],
)
def test_the_entry_of_a_role(role: str, key: str | None) -> None:
    assert key_of(role) == key


def test_of_an_aspect_the_entry_is_that_of_all() -> None:
    assert addition_of(aspect_role("room")) is ADDITIONS["aspect"]


def _sureness(given: added_values.Predicted, _: str) -> pa.Array:
    return pc.abs(pc.subtract(given.rows["probability"], pa.scalar(0.5, pa.float32())))


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_new_column_is_an_entry_and_a_function(
    command: Command, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    entry = Addition("sureness", "float32", NAMES, place=6)
    monkeypatch.setitem(ADDITIONS, "sureness", entry)
    monkeypatch.setitem(added_values._FUNCTIONS, "sureness", _sureness)
    rows = "text,id\na fine film,1\n,2\n"
    (command.folder / "a.csv").write_text(rows, encoding="utf-8")
    scored = command("score", "a.csv", "-o", f"b.{ending}", "--names", "sureness=sure")
    assert scored.exit_code == 0, scored.err
    again = command("score", f"b.{ending}", "-o", "c.jsonl", "--names", "sentiment=s,probability=p")
    assert again.exit_code == 0, again.err
    lines = (command.folder / "c.jsonl").read_text(encoding="utf-8").splitlines()
    first, second = map(json.loads, lines)
    assert float(first["sure"]) == pytest.approx(first["p"] - 0.5, abs=1e-6)
    assert not second["sure"]
