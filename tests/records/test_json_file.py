"""Files that end in .json: arrays, objects over several lines, JSON Lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data import shared_data
from tests.models import shipped_scorer
from tests.records.passing import Passed, pass_through
from toolkit.errors import InputError, ToolkitError, UsageError
from toolkit.records import Columns, ReadOptions, json_array, json_scan, lines
from toolkit.scoring import ScoringOptions, score_file

SCORED = ', "predicted_sentiment": "positive", "positive_probability": 0.5'
ONE = '{"text": "a", "x": [1, {"y": "},{]["}], "é": "\\\\\\""}'
TWO = '{\n    "id": 007e1,\n    "text": "b\\"]"\n  }'.replace("007e1", "1.50")


def passed(text: str, **options: object) -> Passed:
    """Pass a file through in blocks of several sizes, which must not matter."""
    found = [
        pass_through(text.encode(), ".json", block_bytes=size, **options)  # type: ignore[arg-type]
        for size in (1, 20, 3 << 20)
    ]
    assert found[0] == found[1] == found[2]
    return found[0]


def scored(written: str) -> str:
    """Put the added members behind the last value of an object."""
    inside = written[:-1].rstrip()
    return inside + SCORED + written[len(inside) :]


def reasons(found: Passed) -> list[tuple[int, str, bytes | None]]:
    return [(reject.number, reject.reason, reject.raw) for reject in found.rejects]


@pytest.mark.parametrize("around", [("[", "]"), (" [\n  ", "\n]\n"), ("\ufeff[\r\n", "]\r\n \n")])
@pytest.mark.parametrize("between", [",", ", ", ",\n  ", "\n  ,  "])
def test_an_array_stays_as_it_is_written(around: tuple[str, str], between: str) -> None:
    start, end = around
    found = passed(f"{start}{ONE}{between}{TWO}{between}{ONE}{end}")
    assert found.texts == ["a", 'b"]', "a"]
    assert found.rejects == []
    written = between.join([scored(ONE), scored(TWO), scored(ONE)])
    assert found.output.decode() == f"{start}{written}{end}"
    assert len(json.loads(found.output.decode("utf-8-sig"))) == 3


def test_white_space_before_rejects_leaves_with_them() -> None:
    found = passed(f"[ {ONE} , 5 , {ONE} , 6 ]")
    assert [raw for _, _, raw in reasons(found)] == [b"5", b"6"]
    assert found.output.decode() == f"[ {scored(ONE)} , {scored(ONE)} ]"


@pytest.mark.parametrize("file", ["[]", " [ ]\n", "[\n\n]"])
def test_an_array_may_be_empty(file: str) -> None:
    found = passed(file)
    assert (found.texts, found.rejects) == ([], [])
    assert json.loads(found.output) == []


def test_objects_without_members_get_no_comma() -> None:
    found = passed('[{}, {\n}, {"text": null}]')
    assert [next(iter(row)) for row in json.loads(found.output)] == [
        "predicted_sentiment", "predicted_sentiment", "text",
    ]  # fmt: skip


EMPTY = "a value is missing between two commas, or between a comma and a bracket"
CUT_OFF = "the file ends within this record, or no ] closes the array; is it cut off?"
UNREAD = ": from here on, the file is not read"
AFTER_ARRAY = "after the ] that follows record 1"


@pytest.mark.parametrize(
    ("file", "texts", "rejects"),
    [
        (f"[5, {ONE}]", ["a"], [(1, "expected a JSON object, found a number", "5")]),
        (f'["a,]" , {ONE}]', ["a"], [(1, "expected a JSON object, found a string", '"a,]"')]),
        (f"[{ONE}, [{ONE}]]", ["a"], [(2, "expected a JSON object, found an array", f"[{ONE}]")]),
        (f"[{ONE} {ONE}, {TWO}]", ['b"]'], [(1, "invalid JSON: Extra data", f"{ONE} {ONE}")]),
        (f"[{ONE}, {{text: 1}} ,{TWO}]", ["a", 'b"]'], [(2, "invalid JSON: ", "{text: 1}")]),
        (f'[{ONE}, {{"x": NaN}}]', ["a"], [(2, "invalid JSON: NaN is not", '{"x": NaN}')]),
        (f'[{{"text": 1}}\n,{ONE}]', ["a"], [(1, "expected a string as 'text'", '{"text": 1}')]),
        (f"[{ONE},,{TWO},]", ["a", 'b"]'], [(2, EMPTY, ""), (4, EMPTY, "")]),
        (f"[{ONE},, ,{TWO}]", ["a", 'b"]'], [(2, EMPTY, ""), (3, EMPTY, "")]),
        (f"[,{ONE}]", ["a"], [(1, EMPTY, "")]),
        (f"[{ONE}", [], [(1, CUT_OFF, ONE)]),
        (f"[{ONE},\n", ["a"], [(2, CUT_OFF, "")]),
        ("[", [], [(1, CUT_OFF, "")]),
        (f'[{ONE},{{"text": "b', ["a"], [(2, CUT_OFF, '{"text": "b')]),
        (f"[{ONE}] x {TWO}\n", ["a"], [(2, f"'x' {AFTER_ARRAY}{UNREAD}", None)]),
        (f"[{ONE}}}, {TWO}]", ["a"], [(2, f"'}}' that closes nothing{UNREAD}", None)]),
        # A quote that is never closed costs its record alone, where lines end behind it.
        (f'[\n{{"text": "b,\n"x": 1}},\n{ONE}]', ["a"], [(1, "invalid JSON: Invalid", None)]),
    ],
)  # fmt: skip
def test_what_is_left_of_an_array_is_one(
    file: str, texts: list[str], rejects: list[tuple[int, str, str | None]]
) -> None:
    found = passed(file)
    assert found.texts == texts
    for (number, reason, raw), (expected, begins, bad) in zip(reasons(found), rejects, strict=True):
        assert (number, reason[: len(begins)]) == (expected, begins)
        assert raw is not None
        assert raw.decode() == bad if bad is not None else raw
    assert [row["text"] for row in json.loads(found.output)] == texts


@pytest.mark.parametrize("between", ["\n", "\n\n", "", " \r\n"])
def test_objects_over_several_lines_stay_as_they_are(between: str) -> None:
    found = passed(between.join([TWO, ONE, TWO]) + "\n")
    assert (found.texts, found.rejects) == (['b"]', "a", 'b"]'], [])
    assert found.output.decode() == between.join([scored(TWO), scored(ONE), scored(TWO)]) + "\n"


def test_one_object_over_several_lines_is_a_record() -> None:
    found = passed(TWO)
    assert (found.texts, found.output.decode()) == (['b"]'], scored(TWO))
    broken = passed(f"{TWO}\nx {TWO}\n{TWO}]{ONE}")
    assert broken.texts == ['b"]', 'b"]']
    assert [reject.number for reject in broken.rejects] == [2, 4]
    cut = passed(f'{TWO}\n{{"text": "b')
    assert reasons(cut) == [(2, CUT_OFF, b'{"text": "b')]


@pytest.mark.parametrize(
    "first", [ONE, "{}", '{"text": "cut', '{"text": {"cut": 1', "  {}", "\n\r\n{}", "5", "bad"]
)
def test_other_files_are_json_lines(first: str) -> None:
    data = f'{first}\n\n{{"text": "b"}}\n'.encode()
    assert pass_through(data, ".json") == pass_through(data, ".jsonl")


@pytest.mark.parametrize(
    ("file", "found"),
    [
        (f'{{"reviews": [{ONE}, {ONE}]}}', r"member 'reviews' is the array.*jq '\.reviews' FILE"),
        (f'{{\n"n": 1,\n"my reviews":\n[\n{TWO}\n]}}', r"""jq '\.\["my reviews"\]' FILE"""),
        ('{"reviews": [' + f"{ONE},\n" * 9000, "member 'reviews'"),
        ('{"reviews": [' + f"{ONE}," * 200_000, "member 'reviews'"),
        ('["a", "b"]', r"an array of strings, expected .* jq 'map\(\{text: \.\}\)'"),
        ("[1, 2]", "an array of numbers, expected an array of objects"),
        ("[[", "an array of arrays"),
        ("[abc]", "an array whose first element begins with 'a'"),
    ],
)
def test_what_has_no_records_is_refused(file: str, found: str) -> None:
    with pytest.raises(InputError, match=found):
        pass_through(file.encode(), ".json")


def test_an_array_within_a_record_is_none_of_them() -> None:
    for file in (
        '{"tags": [{"a": 1}], "text": "b"}\n',
        '{"tags": [{"a": 1}]}\n{"text": "b"}\n',
        '{\n"tags": [{"a": 1}],\n"text": "b"}\n',
        '{\n"tags": [{"a": 1}]}\n{"text": "b"}\n',
    ):
        assert passed(file).texts[-1] == "b"


def test_columns_of_an_array() -> None:
    found = passed(f"[{TWO}]", columns=Columns("id", sentiment="s", probability="p"))
    assert [reject.number for reject in found.rejects] == [1]
    with pytest.raises(UsageError, match=r"no column 'body' \(found: id, text\)"):
        passed(f"[{TWO}]", columns=Columns("body"))
    with pytest.raises(UsageError, match="already has a column 'id'"):
        passed(f"[{TWO}]", columns=Columns(sentiment="id"))


def test_json_stays_json_in_files_of_other_endings() -> None:
    array = f"[\n  {ONE} ,\n  {TWO}\n]\n"
    lines = passed(array, to=".jsonl")
    one_line = '{ "id": 1.50, "text": "b\\"]"}'
    assert lines.output.decode() == f"{scored(ONE)}\n{scored(one_line)}\n"
    back = pass_through(lines.output, ".jsonl", Columns(sentiment="s", probability="p"), to=".json")
    assert [row["id"] for row in json.loads(back.output)[1:]] == [1.5]
    for size in (1, 1000):
        text = b"text,id\na\nb,1\nc\n,2\n"
        table = pass_through(text, ".csv", block_bytes=size, to=".json")
        assert [row["id"] for row in json.loads(table.output)] == ["1", "2"]
    assert json.loads(pass_through(b"text\n", ".csv", to=".json").output) == []
    assert passed(array, to=".csv").output.decode().splitlines()[0] == (
        "text,x,é,id,predicted_sentiment,positive_probability"
    )


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ("", "")])
def test_a_record_that_is_too_long_ends_what_is_read(
    start: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (lines, json_array):
        monkeypatch.setattr(module, "RECORD_BYTES_LIMIT", 1 << 20)
    comma = "," if start else "\n"
    long = '{"text": "' + '\\"],}{' * (1 << 19) + '"}'
    found = passed(f"{start}{TWO}{comma}{long}{comma}{TWO}{end}")
    assert found.texts == ['b"]']
    (reject,) = found.rejects
    assert (reject.number, reject.raw) == (2, None)
    assert reject.reason.startswith("longer than 1 MiB, or never closed: from here on")
    assert reject.length == len(f"{long}{comma}{TWO}{end}".encode())


pieces = st.sampled_from(
    ['{"text": "a"}', '{"text": "\\\\\\"", "x": [{}]}',
     ",", ",", " ", "\n", "[", "]", "{", "}", '"',
     "\\", "5", '"],"', "{}", ":", '{\n"text": "b"\n}']
)  # fmt: skip


@given(st.lists(pieces, max_size=25).map("".join), st.sampled_from(["[", '[{"text": "x"},', "{\n"]))
def test_the_output_of_an_array_is_one_whatever_is_in_it(body: str, start: str) -> None:
    """And what Python reads is read."""
    try:
        found = passed(start + body)
    except ToolkitError:
        return
    if start.startswith("["):
        written = json.loads(found.output)
        assert [row.get("text") for row in written] == found.texts
    try:
        rows = json.loads(start + body)
    except ValueError:
        return
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        assert [row.get("text") for row in rows] == found.texts


@given(st.lists(pieces, max_size=12).map("".join), st.booleans())
def test_the_end_of_a_value_does_not_depend_on_who_finds_it(body: str, in_array: bool) -> None:
    """Python's decoder, or brackets and strings where it fails."""
    data = body.encode()
    found = json_scan.find_values(data, in_array=in_array)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_scan, "_decode", lambda text, at: json.loads(""))
        other = json_scan.find_values(data, in_array=in_array)
    for one, another in (
        (found.starts, other.starts),
        (found.stops, other.stops),
        (found.ends, other.ends),
    ):
        assert one.tolist() == another.tolist()
    assert found.closing == other.closing


def test_an_array_of_real_reviews_has_the_scores_of_its_lines(tmp_path: Path) -> None:
    everyday = Path(__file__).parents[1] / "everyday_reviews.jsonl"
    rows = [json.loads(line) for line in everyday.read_text("utf-8").splitlines()]
    columns = Columns(sentiment="s", probability="p")
    options = ScoringOptions(reading=ReadOptions(columns, block_bytes=5000))
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (tmp_path / "a.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False), "utf-8")
    (tmp_path / "b.json").write_text(json.dumps(rows), "utf-8")
    summaries = [
        score_file(shipped_scorer(), tmp_path / name, tmp_path / f"scored-{name}", options)
        for name in ("a.jsonl", "a.json", "b.json")
    ]
    assert {summary.records for summary in summaries} == {len(rows)}
    lines = (tmp_path / "scored-a.jsonl").read_text("utf-8").splitlines()
    for name in ("a.json", "b.json"):
        assert json.loads((tmp_path / f"scored-{name}").read_text("utf-8")) == [
            json.loads(line) for line in lines
        ]


def test_public_files() -> None:
    """Valid ones are read, or refused for having no records; no other one passes as valid."""
    files = sorted((shared_data("torture/JSONTestSuite") / "test_parsing").glob("*.json"))
    assert len(files) > 300
    for file in files:
        data = file.read_bytes()
        message, rejects = "", []
        try:
            rejects = [*pass_through(data, ".json", Columns("a")).rejects]
        except ToolkitError as error:
            message = str(error)
        if file.name.startswith("n_"):
            assert message or rejects or not data.strip(b"\xef\xbb\xbf "), file.name
        elif file.name.startswith("y_") and message:
            assert "expected an array" in message or "no column 'a'" in message
        elif file.name.startswith("y_"):
            assert all(reject.reason.startswith("expected a") for reject in rejects), file.name
