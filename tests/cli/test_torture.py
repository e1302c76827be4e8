"""Public collections of hard files: no traceback, and everything that Python reads."""

from __future__ import annotations

import csv
import io
import json
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.cli.running import Command, Ran, write
from tests.data import shared_data
from tests.models import MODEL, shipped_scorer
from tests.records.passing import pass_through
from tests.scoring.reviews import as_float32
from toolkit.model import ModelFile, Score
from toolkit.model.network import open_network
from toolkit.records import Columns
from toolkit.records.kinds import kind_of


@pytest.fixture(autouse=True)
def model_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ModelFile.load(MODEL)
    session = open_network(model)
    monkeypatch.setattr("toolkit.model.scorer.load_model", lambda _: model)
    monkeypatch.setattr("toolkit.model.scorer.open_network", lambda model: session)


def fails_clearly(ran: Ran) -> None:
    assert ran.exit_code in (1, 2)
    assert (ran.out, ran.err[:7]) == ("", "error: ")
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err


NOTHING_SCORED = "no record is scored"


@dataclass(frozen=True)
class Scored:
    """How a file was scored, and what came out."""

    ran: Ran
    output: bytes
    rejects: list[dict[str, Any]]

    @property
    def bad_lines(self) -> list[int]:
        return [reject["line"] for reject in self.rejects]


def score_bytes(command: Command, name: str, data: bytes, *options: str) -> Scored:
    Path(name).write_bytes(data)
    ran = command("score", name, "-o", f"scored-{name}", "--report", "report.json", *options)
    names = [f"scored-{name}", f"scored-{name}.rejected.jsonl", "report.json"]
    output, rejects, report = (_taken(Path(name)) for name in names)
    Path(name).unlink()
    assert command.files() == []
    bad = [json.loads(line) for line in rejects.split(b"\n") if line]
    if ran.exit_code in (0, 3) or NOTHING_SCORED in ran.err:
        counts = json.loads(report)
        unscored = counts["without_text"] + counts["without_known_words"]
        assert counts["records"] == counts["scored"] + unscored + len(bad)
        code = 1 if counts["records"] and not counts["scored"] else 3 if bad else 0
        assert (ran.exit_code, counts["rejected"]) == (code, len(bad))
        assert all(len(_raw(reject)) == reject["bytes"] for reject in bad)
        lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        for reject in bad:  # none of these files has a bad record of several lines
            assert _raw(reject) == lines[reject["line"] - 1].removesuffix(b"\r")
    return Scored(ran, output, bad)


def _taken(path: Path) -> bytes:
    data = path.read_bytes() if path.exists() else b""
    path.unlink(missing_ok=True)
    return data


def _raw(reject: dict[str, Any]) -> bytes:
    return reject["raw"].encode() if "raw" in reject else b64decode(reject["raw_base64"])


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
            scored = score_bytes(command, "a.csv", file.read_bytes(), "--text-column", column)
            assert scored.ran.exit_code == 0 or NOTHING_SCORED in scored.ran.err, file.name
            assert [row[:-2] for row in rows_of_csv(scored.output)] == [header, *rows], file.name
            assert [score_of(*row[-2:]) for row in rows_of_csv(scored.output)[1:]] == (
                shipped_scorer().score([row[number] for row in rows])
            ), file.name


def python_reads(data: bytes) -> tuple[list[dict[str, Any]], list[int]]:
    """Read JSON Lines with Python: the objects with a text or none, and the other lines."""
    rows, bad = [], []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip(b" \t\r"):
            continue
        try:
            row = json.loads(line.decode(), parse_constant=_refused)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict) and (row.get("text") is None or isinstance(row["text"], str)):
            rows.append(row)
        else:
            bad.append(number)
    return rows, bad


def _refused(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and infinities are no JSON


def check_json_lines(command: Command, data: bytes) -> None:
    rows, bad = python_reads(data)
    scored = score_bytes(command, "a.jsonl", data)
    if scored.ran.exit_code in (1, 2) and NOTHING_SCORED not in scored.ran.err:
        fails_clearly(scored.ran)
        if scored.ran.exit_code == 1:
            assert data == b""
        else:  # the objects have no text
            assert rows or bad
            assert not any("text" in row for row in rows), data[:99]
        return
    assert scored.bad_lines == bad, data[:99]
    written, _ = python_reads(scored.output)
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


@pytest.mark.slow
def test_json_files_as_json_lines(command: Command) -> None:
    for data in json_test_files():
        kind = kind_of(data)
        if kind is not None and kind.what == "text in UTF-16":
            write("a.jsonl", data)
            command("score", "a.jsonl").failed_with("a.jsonl: is text in UTF-16. Add --encoding")
        else:
            check_json_lines(command, data)


@pytest.mark.parametrize(
    "around",
    [
        (b"", b""),
        (b'{"text": "a fine film", "x": ', b"}"),
        (b'{"text": ', b"}"),
        (b' {"x": ', b"}"),
        (b'{"text": "a"}\n', b'\n{"text": "b"}'),
    ],
)
def test_json_files_as_lines_of_one_file(command: Command, around: tuple[bytes, bytes]) -> None:
    before, behind = around
    files = json_test_files()
    joined = [data.replace(b"\n", b" ").replace(b"\r", b" ") for data in files]
    for texts in (joined, files):
        lines = [before + text.strip() + behind for text in texts]
        check_json_lines(command, b"\n".join([b'{"text": "a fine film"}', *lines]))


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
    scored = score_bytes(command, "a.csv", file.getvalue().encode())
    assert scored.ran.exit_code == 0
    _, *rows = rows_of_csv(scored.output)
    assert [row[:2] for row in rows] == [[text, text] for text in strings]
    assert [score_of(*row[2:]) for row in rows] == shipped_scorer().score(strings)


@pytest.mark.slow
def test_naughty_strings_as_column_names() -> None:
    for text in filter(None, naughty_strings()):
        quoted = text.replace('"', '""')
        for ending, data in (
            (".jsonl", json.dumps({text: "a film", "b": 1}).encode()),
            (".csv", f'"{quoted}",b\na film,1\n'.encode()),
        ):
            passed = pass_through(data, ending, Columns(text, sentiment="s", probability="p"))
            assert passed.texts == ["a film"], text
            assert passed.output.startswith(data[: data.index(b",")]), text
