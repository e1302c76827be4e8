"""Public collections of hard files: never a traceback, and all of what Python reads in full."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.running import Command, Ran
from tests.data import shared_data
from tests.formats.passing import pass_through
from tests.models import MODEL, shipped_scorer
from tests.scoring.reviews import as_float32
from toolkit.formats.columns import Columns
from toolkit.model_file import ModelFile
from toolkit.scoring.scorer import Score, _session


@pytest.fixture(autouse=True)
def model_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ModelFile.load(MODEL)
    session = _session(model)
    monkeypatch.setattr("toolkit.scoring.scorer.load_shipped", lambda: model)
    monkeypatch.setattr("toolkit.scoring.scorer._session", lambda model: session)


def fails_clearly(ran: Ran) -> None:
    assert ran.exit_code in (1, 2)
    assert (ran.out, ran.err[:7]) == ("", "error: ")
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err


def score_bytes(command: Command, name: str, data: bytes, *options: str) -> tuple[Ran, bytes]:
    Path(name).write_bytes(data)
    ran = command("score", name, "-o", f"scored-{name}", *options)
    output = Path(f"scored-{name}")
    written = output.read_bytes() if output.exists() else b""
    output.unlink(missing_ok=True)
    Path(name).unlink()
    assert command.files() == []
    return ran, written


def rows_of_csv(data: bytes) -> list[list[str]]:
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    return [row for row in rows if row]


def score_of(sentiment: str | None, probability: str | None) -> Score:
    return Score(sentiment or None, as_float32(probability or ""))


def test_csv_spectrum(command: Command) -> None:
    files = sorted((shared_data("torture") / "csv-spectrum" / "csvs").glob("*.csv"))
    assert len(files) > 10
    for file in files:
        header, *rows = rows_of_csv(file.read_bytes())
        for number, column in enumerate(header):
            ran, output = score_bytes(command, "a.csv", file.read_bytes(), "--text-column", column)
            assert ran.exit_code == 0, (file.name, ran)
            assert [row[:-2] for row in rows_of_csv(output)] == [header, *rows], file.name
            assert [score_of(*row[-2:]) for row in rows_of_csv(output)[1:]] == (
                shipped_scorer().score([row[number] for row in rows])
            ), file.name


def python_reads(data: bytes) -> list[dict[str, Any]] | None:
    """Read JSON Lines with Python; None if a line is no object or `text` is no string.

    An empty file is none either.
    """
    try:
        lines = data.decode("utf-8").removeprefix("\ufeff").split("\n")
        rows = [json.loads(line) for line in lines if line.strip(" \t\r")]
    except (ValueError, RecursionError):
        return None
    objects = all(isinstance(row, dict) for row in rows)
    return rows if data and objects and all(_is_text(row.get("text")) for row in rows) else None


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def check_json_lines(command: Command, data: bytes) -> None:
    ran, output = score_bytes(command, "a.jsonl", data)
    rows = python_reads(data)
    if rows is None or ran.exit_code == 2:  # 2: an object, but without a text
        fails_clearly(ran)
        assert rows is None or not any("text" in row for row in rows), data[:99]
        return
    assert ran.exit_code == 0, data[:99]
    written = python_reads(output)
    assert written is not None, data[:99]
    texts = [row.get("text") for row in rows]
    assert [
        score_of(row["predicted_sentiment"], str(row["positive_probability"] or ""))
        for row in written
    ] == shipped_scorer().score(texts), data[:99]
    added = ("predicted_sentiment", "positive_probability")
    assert [repr({k: row[k] for k in row if k not in added}) for row in written] == [
        repr(row) for row in rows
    ], data[:99]


def json_test_files() -> list[bytes]:
    files = sorted((shared_data("torture") / "JSONTestSuite" / "test_parsing").glob("*.json"))
    assert len(files) > 300
    return [file.read_bytes() for file in files]


def test_json_files_as_json_lines(command: Command) -> None:
    for data in json_test_files():
        check_json_lines(command, data)


@pytest.mark.parametrize("place", ["value", "text", "neighbour", "line"])
def test_json_files_within_json_lines(command: Command, place: str) -> None:
    around = {
        "value": (b'{"text": "a fine film", "x": ', b"}\n"),
        "text": (b'{"id": 1}\n{"text": ', b"}\n"),
        "neighbour": (b'{"text": "a"}\n {"x": ', b"}"),
        "line": (b'{"text": "a"}\n', b'\n{"text": "b"}\n'),
    }
    before, behind = around[place]
    for data in json_test_files():
        check_json_lines(command, before + data.strip() + behind)


def naughty_strings() -> list[str]:
    path = shared_data("torture") / "naughty_strings.json"
    strings: list[str] = json.loads(path.read_text(encoding="utf-8"))
    assert len(strings) > 400
    return strings


def test_naughty_strings_as_json_lines(command: Command) -> None:
    strings = naughty_strings()
    for ascii_only in (True, False):
        lines = [json.dumps({"text": text, "x": text}, ensure_ascii=ascii_only) for text in strings]
        check_json_lines(command, "\n".join(lines).encode())


def test_naughty_strings_as_csv(command: Command) -> None:
    strings = naughty_strings()
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("text", "x"), *((text, text) for text in strings)])
    ran, output = score_bytes(command, "a.csv", file.getvalue().encode())
    assert ran.exit_code == 0
    _, *rows = rows_of_csv(output)
    assert [row[:2] for row in rows] == [[text, text] for text in strings]
    assert [score_of(*row[2:]) for row in rows] == shipped_scorer().score(strings)


def test_naughty_strings_as_names_of_columns() -> None:
    for text in filter(None, naughty_strings()):
        quoted = text.replace('"', '""')
        for ending, data in (
            (".jsonl", json.dumps({text: "a film", "b": 1}).encode()),
            (".csv", f'"{quoted}",b\na film,1\n'.encode()),
        ):
            passed = pass_through(data, ending, Columns(text, "s", "p"))
            assert passed.texts == ["a film"], text
            assert passed.output.startswith(data[: data.index(b",")]), text
