"""JSON Lines, byte for byte."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data import shared_data
from tests.records.passing import Passed, pass_through
from toolkit.errors import UsageError
from toolkit.records import Columns

SCORED = '"predicted_sentiment": "positive", "positive_probability": 0.5}'
NOT_SCORED = '"predicted_sentiment": null, "positive_probability": null}'
FIRST = '{"text": "x"}'

# The core reads what is usual and Python the rest of a block: an indented line sends it to Python.
FOR_PYTHON = " {}"

deep = f'"x": {"[" * 400}{"]" * 400}'


@pytest.mark.parametrize("neighbour", [FIRST, FOR_PYTHON])
@pytest.mark.parametrize(
    ("record", "text"),
    [
        ('{"text":"a","id":"007"}', "a"),
        ('{"id": 1.0, "big": 123456789012345678901234567890, "e": 1e5, "text": "a"}', "a"),
        (f'{{"text": "a", "digits": {"9" * 5000}}}', "a"),
        ('{"text": "a", "x": {"text": "b", "y": [{"z": null}, {}]}}', "a"),
        ('{"x": {"text": "b"}, "text": null}', None),
        (f'{{"text": "a", {deep}}}', "a"),
        (f'{{"text": "a", "x": {"[" * 799}{"]" * 799}}}', "a"),
        (f'{{"text": "a", "x": [{"[{}]," * 900}"{"[" * 900}"]}}', "a"),
        ('{"text": "a", "x": ["NaN", "Infinity", ": Infinity]"]}', "a"),
        ('{"z": 1, "a": 2, "text": "a", "b": 3}', "a"),
        ('{"text": null}', None),
        ('{"text": ""}', ""),
        ("{}", None),
        ("{ }", None),
        ("{\t}", None),
        ('{ "text" : "a" }', "a"),
        ('{"text": "a", "text": "b"}', "b"),
        ('{"text": "a", "x": 1, "x": 2}', "a"),
        (r'{"te\u0078t": "a"}', "a"),
        (r'{"text": "\u00e9\n\t\"\\\/\u0000"}', 'é\n\t"\\/\0'),
        (r'{"text": "\ud83d\ude00"}', "😀"),
        (r'{"text": "\ud800"}', "\ufffd"),
        (r'{"text": "a\udc00\ud800b"}', "a\ufffd\ufffdb"),
        (r'{"\ud800": 1, "text": "a"}', "a"),
        ('{"text": "a\u2028b\u0085\x7f"}', "a\u2028b\u0085\x7f"),
        ('{"text": "}{"}', "}{"),
        ('{"text": "2024-01-01T00:00:00Z"}', "2024-01-01T00:00:00Z"),
        ('{"text": "Inf ] -NaN predicted_sentiment"}', "Inf ] -NaN predicted_sentiment"),
        ('{"text": "\ufeff"}', "\ufeff"),
    ],
)
def test_an_object_stays_as_it_is(record: str, text: str | None, neighbour: str) -> None:
    added = SCORED if text else NOT_SCORED
    before = SCORED if neighbour == FIRST else NOT_SCORED
    lines = [
        f"{neighbour[:-1]}{', ' if neighbour == FIRST else ''}{before}",
        f"{record[:-1]}{'' if record[1:-1].strip() == '' else ', '}{added}",
    ]
    for block_bytes in (1, 100_000):
        passed = pass_through(
            f"{neighbour}\n{record}\n".encode(), ".jsonl", block_bytes=block_bytes
        )
        assert passed.texts[1] == text
        assert passed.output.decode().split("\n") == [*lines, ""]
        written = json.loads(lines[1], parse_int=str)
        assert list(written)[-2:] == ["predicted_sentiment", "positive_probability"]


@pytest.mark.parametrize(
    "line", ['  {"text": "a"}', '\t{"text": "a"} ', '{"text": "a"}  ', '{"text": "a"}\t\r']
)
def test_white_space_around_an_object_stays(line: str) -> None:
    passed = pass_through(f"{line}\n{FIRST}".encode(), ".jsonl")
    assert passed.texts == ["a", "x"]
    start, end = line.split("}")
    assert passed.output.decode() == f"{start}, {SCORED}{end}\n{FIRST[:-1]}, {SCORED}\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1]", "expected a JSON object, found an array"),
        ("null", "expected a JSON object, found null"),
        ("true", "expected a JSON object, found a boolean"),
        ("17", "expected a JSON object, found a number"),
        ('"a"', "expected a JSON object, found a string"),
        ('{"text": 5}', "expected a string as 'text', found a number"),
        ('{"text": ["a"]}', "expected a string as 'text', found an array"),
        ('{"text": {}}', "expected a string as 'text', found an object"),
        ('{"text": "a"', "invalid JSON: Expecting ',' delimiter at character 13"),
        ('{"text": "a"}}', "invalid JSON: Extra data at character 14"),
        ('{"text": "a"}{"text": "b"}', "invalid JSON: Extra data at character 14"),
        ('{"text": "a"},', "invalid JSON: Extra data"),
        ("{'text': 'a'}", "invalid JSON: Expecting property name"),
        ('{"text": "a",}', "invalid JSON: "),
        ('{"text": "a\tb"}', "invalid JSON: Invalid control character"),
        ('{"text": "a", "x": Inf}', "invalid JSON: Expecting value"),
        ('{"text": "a", "x": -NaN}', "invalid JSON: Expecting value"),
        ('{"text": "a", "x": NaN}', "invalid JSON: NaN is not a JSON number"),
        ('{"text": "a", "x":Infinity}', "invalid JSON: Infinity is not a JSON number"),
        ('{"text": "a", "x": [-Infinity ]}', "invalid JSON: -Infinity is not a JSON number"),
        ('{"text": "a", "x": [0,NaN,1]}', "invalid JSON: NaN is not a JSON number"),
        ('{"text": "a", "x": {"y": [NaN\t]}}', "invalid JSON: NaN is not a JSON number"),
        ('{"text": NaN}', "invalid JSON: NaN is not a JSON number"),
        ('{"text": "a", "x": [1, Inf]}', "invalid JSON: Expecting value"),
        ('{"text": "a"}\x00', "invalid JSON: Extra data"),
        ("\ufeff" + FIRST, "invalid JSON: Expecting value at character 1"),
        (f' {{"x": {"[" * 100_000}{"]" * 100_000}}}', "nested more than 800 deep"),
        (f'{{"x": {"[" * 800}{"]" * 800}}}', "nested more than 800 deep"),
        ("{\0\"\0t\0e\0x\0t\0\"\0:\0\"\0a\0\"\0}\0", "invalid JSON: "),
    ],
)  # fmt: skip
@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_what_is_no_object_is_rejected_with_its_line(
    line: str, reason: str, block_bytes: int
) -> None:
    data = f"{FIRST}\n\n{line}\n{FIRST}\n".encode()
    passed = pass_through(data, ".jsonl", block_bytes=block_bytes)
    assert passed.texts == ["x", "x"]
    (reject,) = passed.rejects
    assert (reject.number, reject.raw, reject.length) == (3, line.encode(), len(line.encode()))
    assert reject.reason.startswith(reason)
    scored = f"{FIRST[:-1]}, {SCORED}\n"
    assert passed.output.decode() == f"{scored}{scored}"  # nor the blank line


@pytest.mark.parametrize(
    "key",
    [
        "predicted_sentiment",
        r"predicted\u005fsentiment",
        r"\u0070redicted_sentimen\u0074",
        r"positive_\u0070robability",
        r"positive\u005Fprobability",
    ],
)
@pytest.mark.parametrize("value", ["1", "null", '"x"'])
def test_a_taken_name_is_found_however_it_is_written(key: str, value: str) -> None:
    line = f'{{"text": "a", "{key}": {value}}}'
    with pytest.raises(UsageError, match=r"already has a column 'p\w+'"):
        pass_through(f"{line}\n".encode(), ".jsonl")
    passed = pass_through(f"{FIRST}\n{line}\n{FIRST}\n".encode(), ".jsonl")
    (reject,) = passed.rejects
    assert (passed.texts, reject.number, reject.raw) == (["x", "x"], 2, line.encode())
    assert re.fullmatch(
        r"already has a key 'p\w+', which is also the name of an added column", reject.reason
    )


@given(st.text(min_size=1).filter(lambda name: name != "text"))
def test_any_taken_name_is_found(name: str) -> None:
    plain, escaped = json.dumps(name, ensure_ascii=False), json.dumps(name)
    everything = "".join(f"\\u{unit}" for unit in _units(name))
    for key in (
        plain,
        escaped,
        f'"{everything}"',
        f'"{everything.upper().replace("U", "u")}"',
        escaped.replace("/", r"\/"),
    ):
        with pytest.raises(UsageError, match="already"):
            pass_through(
                f'{{"text": "a", {key}: null}}\n'.encode(),
                ".jsonl",
                Columns(sentiment=name, probability=f"{name}_"),
            )


def _units(name: str) -> list[str]:
    data = name.encode("utf-16-be").hex()
    return [data[i : i + 4] for i in range(0, len(data), 4)]


def test_the_key_of_the_text_is_looked_for_in_the_first_objects() -> None:
    assert pass_through(b'{"id": 1}\n\n{"id": 2, "review": "a"}\n', ".jsonl").texts == [None, "a"]
    first = b'{"review": "a"}\n{"text": "b"}\n'
    assert pass_through(first, ".jsonl").texts == ["a", None]
    long = json.dumps({"id": "x" * 100, "review": "a"}).encode()
    assert pass_through(long, ".jsonl", block_bytes=10).texts == ["a"]
    assert pass_through(b'{}\n{"id": 1, "body": "a"}\n', ".jsonl", Columns("body")).texts == [
        None,
        "a",
    ]
    late = b'{}\n{"id": 1, "body": "a"}\n'
    assert pass_through(late, ".jsonl", Columns("body"), block_bytes=1).texts == [None, "a"]
    assert pass_through(b"{}\n", ".jsonl", Columns("body")) == Passed(
        [None], f"{{{NOT_SCORED}\n".encode(), []
    )


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".array.json"])
@pytest.mark.parametrize("first", ['{"id": 1, "x": {"y": "body"}}', '{"id": 1, "body": null}'])
@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("body", '{"body": "late"}'),
        ("été", r'{"\u00e9t\u00e9": "late"}'),
        ("été", '{"été": "late"}'),
        ("a.b", '{"a": {"b": "late"}}'),
        ("a.b", '{"a.b": "late"}'),
    ],
)
def test_a_key_may_come_late(ending: str, first: str, name: str, last: str) -> None:
    rows = [first] * 9_000 + [last]
    data = "[" + ",\n".join(rows) + "]" if ending == ".array.json" else "\n".join(rows)
    passed = pass_through(data.encode(), ending, Columns(name))
    assert passed.texts == [None] * 9_000 + ["late"]
    with pytest.raises(UsageError, match=r"no column 'bod'.*\(found: id, "):
        pass_through(data.encode(), ending, Columns("bod"))


def test_a_usual_key_may_come_late() -> None:
    late = b'{"id": 1}\n' * 20_000 + b'{"review": "a"}\n'
    assert pass_through(late, ".jsonl").texts[-1] == "a"
    with pytest.raises(UsageError, match=r"no column 'text' or 'review' .*\(found: id, plot\)"):
        pass_through(late.replace(b"review", b"plot"), ".jsonl")


@pytest.mark.parametrize("before", [b"", b" "])
def test_a_record_has_a_limit_of_values(before: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("json_decode", "json_lines"):
        monkeypatch.setattr(f"toolkit.records.{module}.VALUES_LIMIT", 100)
    long = {"text": "[,{" * 100, "x": [[] for _ in range(49)]}
    more = {"text": "b" * 900, "x": [[] for _ in range(60)]}
    data = b"\n".join(json.dumps(row).encode() for row in (long, more, long))
    passed = pass_through(before + data, ".jsonl")
    assert passed.texts == [long["text"]] * 2
    assert [(r.number, r.reason) for r in passed.rejects] == [
        (2, "more than 100 values in one record")
    ]


def python_reads(data: bytes) -> tuple[list[dict[str, Any]], list[int]]:
    """Read JSON Lines with Python: the objects with a text or none, and the other lines."""
    rows, bad = [], []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip(b" \t\r"):
            continue
        try:
            row = json.loads(line.decode(), parse_constant=refused)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict) and (row.get("text") is None or isinstance(row["text"], str)):
            rows.append(row)
        else:
            bad.append(number)
    return rows, bad


def refused(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and infinities are no JSON


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
def test_public_files_as_lines_of_one_file(around: tuple[bytes, bytes]) -> None:
    """What Python reads comes out, all else is rejected."""
    before, behind = around
    folder = shared_data("torture") / "JSONTestSuite" / "test_parsing"
    files = [path.read_bytes() for path in sorted(folder.glob("*.json"))]
    assert len(files) > 300
    joined = [data.replace(b"\n", b" ").replace(b"\r", b" ") for data in files]
    for texts in (joined, files):
        lines = [before + text.strip() + behind for text in texts]
        data = b"\n".join([b'{"text": "a fine film"}', *lines])
        rows, bad = python_reads(data)
        passed = pass_through(data, ".jsonl")
        assert [reject.number for reject in passed.rejects] == bad
        broken = [row.get("text") and row["text"].encode("utf-16", "surrogatepass") for row in rows]
        assert passed.texts == [each and each.decode("utf-16", "replace") for each in broken]
        written, _ = python_reads(passed.output)
        assert [repr([*row.items()][:-2]) for row in written] == [
            repr([*row.items()]) for row in rows
        ]
