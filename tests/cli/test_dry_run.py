"""`toolkit score --dry-run`: a look at the files, and nothing is written."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.running import COMMAND, WORDS, Command, rows, write
from tests.models import shipped_scorer
from toolkit.errors import UsageError
from toolkit.records import ReadOptions, open_reviews
from toolkit.scoring import MaxRejected, Progress, ScoringOptions, Subset, score_file
from toolkit.scoring.block_loop import SelectedBlock


def test_a_look_at_a_file_writes_nothing(command: Command) -> None:
    write("a.csv", 'id,label,body\n1,0,"a ""fine"" film"\n2,1\n3,1,\n4,0,bad\n5,0,no\n')
    call = ("score", "a.csv", "--dry-run", "--text-column", "body", "--label-column", "label")
    ran = command(*call, "--report", "r.json")
    assert (ran.exit_code, ran.err) == (3, "")
    for line in (
        "a.csv → a.scored.csv",
        "  format        csv, 60 bytes",
        "  encoding      utf-8",
        "  delimiter     comma",
        '  quote         "',
        "  columns       id, label, body",
        "  text          column 'body'",
        "  label         column 'label'",
        '  record 1      a "fine" film; label 0',
        "  record 2      (empty); label 1",
        "  record 3      bad; label 0",
        "  rejected      line 3: 2 fields, expected 3",
        "  rejects       to a.scored.csv.rejected.jsonl, if any",
        "Nothing is written.",
        "  time          less than 1 s",
    ):
        assert f"{line}\n" in ran.out
    assert "no\n" not in ran.out
    assert command.files() == ["a.csv"]


GOOD, BAD = "1,good\n2,fine\n", "3,x,y\n4,z,y\n"


@pytest.mark.parametrize(
    ("records", "option"), [(GOOD + BAD, ("--limit", "2")), (BAD + GOOD, ("--sample", "1"))]
)
def test_only_rejects_that_the_run_reads_are_shown(
    command: Command, records: str, option: tuple[str, str]
) -> None:
    write("a.csv", f"id,text\n{records}")
    assert command("score", "a.csv", "--dry-run").exit_code == 3
    ran = command("score", "a.csv", "--dry-run", *option)
    assert (ran.exit_code, "  rejected " in ran.out) == (0, False)
    assert command("score", "a.csv", *option).exit_code == 0


def test_an_empty_file_is_shown_as_the_run_writes_it(command: Command) -> None:
    Path("in").mkdir()
    write("in/a.csv", "id,text\n1,good\n")
    write("in/b.csv", "")
    ran = command("score", "in", "-o", "out/", "--dry-run")
    assert (ran.exit_code, ran.err) == (0, "")
    assert (
        "in/b.csv → out/b.csv\n  warning       nothing is in this file, nor in its out" in ran.out
    )
    assert command("score", "in", "-o", "out/").exit_code == 0
    assert Path("out/b.csv").read_bytes() == b""
    command("score", "in/b.csv", "--dry-run").failed_with("the file is empty", 1)


def test_a_look_as_json(command: Command) -> None:
    write("a.csv", "id,text\n1,good\n2\n3,a fine film\n4,x,y\n")
    ran = command("score", "a.csv", "--dry-run", "--log-format", "json")
    assert (ran.exit_code, ran.out) == (3, "")
    preview, estimate = map(json.loads, ran.err.splitlines())
    assert (preview["event"], estimate["event"]) == ("preview", "estimate")
    assert (preview["file"], preview["output"]) == ("a.csv", "a.scored.csv")
    facts = preview["facts"]
    assert facts["text"] == "column 'text'"
    assert facts["record"] == ["good", "a fine film"]
    assert facts["rejected"] == [
        f"line {n}: {m}, expected 2" for n, m in ((3, "1 field"), (5, "3 fields"))
    ]
    assert estimate["facts"]["time"] == "less than 1 s"


def test_a_look_ends_as_the_run_where_records_are_rejected(command: Command) -> None:
    write("a.csv", "id,text\n1,good\n2\n")
    call = ("score", "a.csv", "--force")
    for options, code in (((), 3), (("--max-rejected", "1"), 0), (("--on-error", "stop"), 1)):
        ran = command(*call, *options, "--dry-run")
        assert ran.exit_code == code
        assert command(*call, *options).exit_code == code
    ran.failed_with("a.csv: line 3: 1 field, expected 2.")


def test_a_look_at_a_file_says_which_column_is_read(command: Command) -> None:
    write("a.jsonl", '{"text": "' + "a long review " * 20 + '"}\n')
    out = command("score", "a.jsonl", "--dry-run", "-o", "b.parquet", "--rejected", "none").out
    assert "a.jsonl → b.parquet\n" in out
    assert "  text          column 'text'\n" in out
    assert "  record 1      a long review" in out
    assert "…\n" in out
    assert "  rejects       only counted\n" in out
    write("b.csv", "a fine film\nbad\n")
    out = command("score", "b.csv", "--dry-run", "--no-header").out
    assert "  text          column '1'\n" in out


def test_what_turns_the_direction_of_a_line_is_escaped(command: Command) -> None:
    write("a\u202evsc.csv", "text\na \u2067superb\u200f film\n")
    shown = command("score", "a\u202evsc.csv", "--dry-run").out
    assert r"a\u202evsc.csv → a\u202evsc.scored.csv" in shown
    assert r"a \u2067superb\u200f film" in shown


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["none.csv"], "none.csv: no such file", 1),
        (["a.csv"], "a.scored.csv: exists already", 2),
        (
            ["a.csv", "-o", "a.csv"],
            "a.csv: cannot be the output of a.csv, as it is also an input",
            2,
        ),
        (["a.csv", "-o", "b.txt"], "unknown ending '.txt'", 2),
        (["a.csv", "-o", "b.csv", "--text-column", "body"], "no column 'body'", 2),
        (["a.csv", "-o", "no/b.csv"], "the folder no does not exist", 2),
    ],
)
def test_a_look_finds_the_usual_errors(
    command: Command, arguments: list[str], message: str, code: int
) -> None:
    write("a.csv")
    write("a.scored.csv")
    ran = command("score", *arguments, "--dry-run")
    assert ran.exit_code == code
    assert message in ran.err
    assert command.files() == ["a.csv", "a.scored.csv"]


def test_a_look_at_many_files(command: Command) -> None:
    for number in range(8):
        write(f"{number}.csv")
    write("8.csv", "")
    names = [f"{number}.csv" for number in range(9)]
    ran = command("score", *names, "-o", "out", "--dry-run")
    assert (ran.exit_code, ran.err) == (1, "error: 8.csv: the file is empty, expected reviews\n")
    assert ran.out.count("→") == 5
    assert "and 4 more files (also checked)\n" in ran.out
    assert command.files() == sorted(names)


def test_a_look_estimates_the_time(command: Command) -> None:
    write("a.csv", rows(300_000))
    out = command("score", "a.csv", "--dry-run").out
    whole = out.rpartition("time")[2]
    assert "reviews/s)" in whole or "less than 1 s" in whole
    out = command("score", "a.csv", "--dry-run", "--limit", "10").out
    assert "  time          less than 1 s\n" in out
    assert "  a part        only the first 10 records of a file (--limit)\n" in out


def test_a_look_at_standard_input(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, "score", "-", "--format", "tsv", "--dry-run", "-o", "b.csv"],
        input=b"text\ta\na fine film\tb\n", capture_output=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "standard input → b.csv\n" in ran.stdout.decode()
    assert b"  delimiter     tab\n" in ran.stdout
    assert list(tmp_path.iterdir()) == []


def ids(path: str) -> list[int]:
    lines = Path(path).read_text(encoding="utf-8").splitlines()[1:]
    return [int(line.split(",")[0]) for line in lines]


@pytest.mark.parametrize("limit", [1, 3, 10, 11])
def test_the_first_records(command: Command, limit: int) -> None:
    write("a.csv", rows(10, bad=(2,)))
    ran = command("score", "a.csv", "--limit", str(limit))
    kept = [n for n in range(min(limit, 10)) if n != 2]
    assert ids("a.scored.csv") == kept
    assert Path("a.scored.csv.rejected.jsonl").exists() == (limit > 2)
    assert f"  a part        only the first {limit} records of a file (--limit)\n" in ran.err
    assert f"  records       {min(limit, 10)}\n" in ran.err


def test_a_share_is_exact() -> None:
    for tenths in range(1001):
        limit = MaxRejected.parse(f"{tenths / 10}%")
        assert not limit.is_passed(10 * tenths, 10_000)
        assert limit.is_passed(10 * tenths + 1, 10_000)
    assert not MaxRejected.parse("29%").is_passed(29, 100)  # 0.29 · 100 is less in floats


def test_a_limit_counts_each_file(command: Command) -> None:
    write("a.csv", rows(5))
    write("b.csv", rows(2))
    assert command("score", "a.csv", "b.csv", "-o", "out", "--limit", "3").exit_code == 0
    assert (ids("out/a.csv"), ids("out/b.csv")) == ([0, 1, 2], [0, 1])


def test_a_limit_reads_no_further(command: Command) -> None:
    """What comes after the limit is damaged, and nobody notices."""
    whole = gzip.compress(rows(50_000).encode(), 1)
    write("a.csv.gz", whole[:-1000])
    assert command("score", "a.csv.gz", "--limit", "100", "-o", "b.csv").exit_code == 0
    assert ids("b.csv") == list(range(100))
    assert command("score", "a.csv.gz", "-o", "c.csv").exit_code == 1


def test_a_sample_of_an_archive(command: Command) -> None:
    write("a.csv", rows(1000))
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.write("a.csv")
    for name in ("a.csv", "a.zip"):
        assert command("score", name, "--sample", "30", "-o", f"{name}.csv").exit_code == 0
    assert ids("a.zip.csv") == ids("a.csv.csv")
    assert len(ids("a.zip.csv")) == 30


def test_a_limit_of_standard_input(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, "score", "-", "--format", "csv", "--limit", "2", "-q"],
        input=rows(100).encode(), capture_output=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr, ran.stdout.count(b"\n")) == (0, b"", 3)


def test_a_sample_is_in_order_and_the_same_again(command: Command) -> None:
    write("a.csv", rows(1000, bad=(0, 500, 999)))
    for name in ("b.csv", "c.csv"):
        ran = command("score", "a.csv", "--sample", "300", "-o", name)
        assert "  records       300\n" in ran.err
        assert "  a part        only 300 random records of a file (--sample)\n" in ran.err
    chosen = ids("b.csv")
    assert chosen == ids("c.csv") == sorted(set(chosen))
    assert 100 < sum(n < 500 for n in chosen) < 200
    whole = Path("a.csv").read_text(encoding="utf-8").splitlines()
    for line in Path("b.csv").read_text(encoding="utf-8").splitlines()[1:]:
        assert line.rsplit(",", 2)[0] == whole[int(line.split(",")[0]) + 1]


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".tsv"])
def test_a_sample_in_other_formats(command: Command, ending: str) -> None:
    write("a.csv", rows(50))
    assert command("score", "a.csv", "--sample", "20", "-o", f"b{ending}").exit_code == 0
    table = pa.table({"id": list(range(50)), "text": [WORDS[n % 4] for n in range(50)]})
    pq.write_table(table, "a.parquet", row_group_size=7)
    assert command("score", "a.parquet", "--sample", "20", "-o", f"c{ending}").exit_code == 0
    if ending == ".parquet":
        first, second = (pq.read_table(name).to_pydict() for name in ("b.parquet", "c.parquet"))
        assert [int(n) for n in first["id"]] == second["id"]
        assert len(second["id"]) == 20
        assert first["positive_probability"] == second["positive_probability"]


def test_a_sample_larger_than_the_file_is_the_file(command: Command) -> None:
    write("a.csv", rows(5))
    command("score", "a.csv", "-o", "b.csv")
    command("score", "a.csv", "-o", "c.csv", "--sample", "6")
    assert Path("b.csv").read_bytes() == Path("c.csv").read_bytes()


def test_a_sample_of_a_stream_is_refused(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, "score", "-", "--format", "csv", "--sample", "2"],
        input=rows(9).encode(), capture_output=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert b"error: standard input: --sample reads a file twice" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--limit", "1", "--sample", "1"], "--limit and --sample cannot be combined"),
        (["--max-rejected", "101%"], "--max-rejected: expected at most 100%, received 101%"),
        (["--max-rejected", "1.5"], "--max-rejected: expected a number such as 100, or a share"),
        (["--max-rejected", "-1"], "--max-rejected: expected a number such as 100, or a share"),
    ],
)
def test_wrong_limits(command: Command, arguments: list[str], message: str) -> None:
    write("a.csv", rows(3))
    command("score", "a.csv", *arguments).failed_with(message, 2)
    assert command.files() == ["a.csv"]


@given(
    st.lists(st.sampled_from(["a,b", "a", "", '"a\n\nb",c', "1,2,3", "x,\udcff"]), max_size=30),
    st.integers(1, 60),
    st.randoms(use_true_random=False),
)
def test_positions_are_those_of_the_file(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[str],
    block_bytes: int,
    chance: random.Random,
) -> None:
    """A part, and what is left, have each record once, in order, with the rejects in between."""
    path = tmp_path_factory.mktemp("p") / "a.csv"
    data = "".join(f"{line}\n" for line in ["text,id", *lines]).encode("utf-8", "surrogateescape")
    path.write_bytes(data)
    with open_reviews(path, ReadOptions(block_bytes=block_bytes)) as reviews:
        for block in reviews.blocks():
            parsed = reviews.parse(block)
            count = len(parsed.records) + len(parsed.rejects)
            places = [reject.position for reject in parsed.rejects]
            assert places == sorted(set(places))
            assert all(0 <= place < count for place in places)
            order: list[object] = [None] * count
            for reject in parsed.rejects:
                order[reject.position] = reject
            records = iter(parsed.records.to_pylist())
            order = [next(records) if each is None else each for each in order]
            wanted = sorted(chance.sample(range(count), count // 2))
            kept = SelectedBlock(reviews, block, np.array(wanted, np.int64)).parse()
            expected = [order[n] for n in wanted]
            assert kept.records.to_pylist() == [e for e in expected if isinstance(e, dict)]
            assert list(kept.rejects) == [e for e in expected if not isinstance(e, dict)]
            # Rejects are where the file has them: the records before one end before its line.
            for reject in parsed.rejects:
                before = [e for e in order[: reject.position] if isinstance(e, dict)]
                after = [e for e in order[reject.position + 1 :] if isinstance(e, dict)]
                text = data.split(b"\n", reject.number - 1)
                head = b"\n".join(text[: reject.number - 1])
                assert all(each["record"].strip() in head for each in before)
                assert all(each["record"].strip() in text[reject.number - 1] for each in after)


@pytest.mark.parametrize("part", [Subset(limit=70), Subset(sample=70)])
@pytest.mark.parametrize("ending", [".csv", ".parquet", ".arrow"])
def test_a_part_is_resumed_as_it_was(tmp_path: Path, part: Subset, ending: str) -> None:
    source, output, whole = (tmp_path / name for name in ("a.csv", f"b{ending}", f"c{ending}"))
    source.write_text(rows(100, bad=(3, 50, 51)), encoding="utf-8")
    options = ScoringOptions(
        reading=ReadOptions(block_bytes=200), subset=part, workers=1, checkpoint_seconds=0
    )
    summary = score_file(shipped_scorer(), source, whole, options)
    assert summary.records == 70

    def stop(progress: Progress) -> None:
        if progress.records > 30:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        score_file(shipped_scorer(), source, output, options, stop)
    other = replace(options, subset=replace(part, limit=71, sample=None), resume=True)
    with pytest.raises(UsageError, match="because this has changed: the options"):
        score_file(shipped_scorer(), source, output, other)
    resumed = score_file(shipped_scorer(), source, output, replace(options, resume=True))
    assert resumed.records == 70
    assert output.read_bytes() == whole.read_bytes()
    rejects = [path.with_name(f"{path.name}.rejected.jsonl") for path in (output, whole)]
    assert rejects[0].read_bytes() == rejects[1].read_bytes()


def test_a_look_says_why_it_estimates_no_time(command: Command) -> None:
    write("a.csv", "text\n")
    out = command("score", "a.csv", "--dry-run").out
    assert "  time          nothing to score: the file has no record\n" in out
    write("c.csv", "a,text,and_a_long_header\n")
    out = command("score", "a.csv", "c.csv", "-o", "out", "--dry-run").out
    assert "  time          unknown: the largest file has no record\n" in out
