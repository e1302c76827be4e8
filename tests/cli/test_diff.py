"""`toolkit diff`, as its users see it."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import KEYS, Command, in_its_own_process, write
from tests.models import MODEL, OLD_MODELS
from tests.waiting import PATIENCE

OLD = OLD_MODELS / "ngram-linear.onnx"
CSV = (
    "text,label,kind\n"
    "Not bad at all.,1,negated\n"
    "I had no problem with it.,1,negated\n"
    "dull and awful,0,plain\n"
    "ωωω,1,plain\n"
    ",0,plain\n"
)


def test_without_data_the_fixed_texts_are_compared(command: Command) -> None:
    ran = command("diff", OLD, "reviews", "--show", "2")
    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.out.startswith(f"OLD  ngram-linear 0.1.0, {OLD}\nNEW  reviews ")
    assert " accuracy, test " in ran.out
    assert " words of this model only " in ran.out
    assert re.search(r" data sets +– +\d+: \d+ open, \d+ without terms, \d+ ", ran.out)  # noqa: RUF001
    assert re.search(r" taught by +– +sentence-trans", ran.out)  # noqa: RUF001
    assert "\nFixed texts\n" in ran.out
    assert ran.out.count(" → ") == 2
    same = command("diff", "reviews", "reviews")
    assert "Both models are the same file." in same.out
    assert re.search(r"\b0 of \d{3} labels change", same.out)


def test_data_with_labels(command: Command) -> None:
    write("r.csv", CSV)
    ran = command("diff", OLD, MODEL, "r.csv", "--group-column", "kind", "-o", "changed.csv")
    assert (ran.exit_code, ran.err) == (0, "")
    assert "r.csv: 5 rows\n3 of 4 labels change (75.00%): 2 to positive, 0 to negative, " in ran.out
    assert "1 to no label." in ran.out
    assert re.search(r"no label from either model +1 row, without text or known words", ran.out)
    assert "accuracy of NEW  100.00% of 3 labelled rows" in ran.out
    assert re.search(r"not in the accuracy +2 labelled rows without both scores", ran.out)
    assert "NEW is right on 2 and OLD on 0." in ran.out
    assert "The difference may be chance: +66.7 points" in ran.out
    assert " Group (kind) " in ran.out
    assert "\nr.csv, row 1: negative " in ran.out
    assert "3 changed rows written to changed.csv" in ran.out
    assert Path("changed.csv").read_text(encoding="utf-8").startswith("file,row,text,label,group,")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_tables_fit_the_terminal(
    command: Command, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    write("r.csv", CSV)
    ran = command("diff", OLD, MODEL, "r.csv", "--group-column", "kind", "--show", "0")
    *models, _ = ran.out.partition("\n\n")
    assert len(models[0].splitlines()) == 2
    assert max(map(len, ran.out.splitlines()[2:])) <= width


def test_long_names_of_groups_are_cut(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    write("r.csv", f"text,who\nfine,{'§' * 3000}\n")
    ran = command("diff", OLD, MODEL, "r.csv", "--group-column", "who", "--show", "0")
    assert ran.out.count("§") == 119
    assert "§…" in ran.out


def test_json(command: Command) -> None:
    write("r.csv", CSV)
    ran = command("diff", OLD, MODEL, "r.csv", "--json")
    assert (ran.exit_code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert found["old"]["name"] == "ngram-linear"
    data = found["data"]
    assert (data["changed"], data["labelled"], data["labelled_without_score"]) == (3, 3, 2)
    assert (data["only_old_right"], data["only_new_right"]) == (0, 2)
    assert data["most_changed"][0]["row"] == 1
    assert data["most_changed"][0]["new"]["sentiment"] == "positive"
    assert data["columns"] == {"text": "text", "label": "label"}
    assert found["texts"]["verdict"] is None
    reference = KEYS.read_text(encoding="utf-8")
    keys = [*found, *found["vocabulary"], *data, *data["most_changed"][0], *data["new_accuracy"]]
    keys += data["probability_change"]
    assert [key for key in keys if f"`{key}`" not in reference] == []


def test_checks_for_ci(command: Command) -> None:
    write("r.csv", CSV)
    ran = command("diff", OLD, MODEL, "r.csv", "--max-changed", "50%", "-q")
    ran.failed_with("--max-changed 50%: 3 of 4 labels change (75.00%)")
    assert command("diff", OLD, MODEL, "r.csv", "--max-changed", "3", "-q").exit_code == 0
    assert command("diff", OLD, MODEL, "r.csv", "--max-changed", "2", "-q").exit_code == 1
    assert command("diff", OLD, MODEL, "r.csv", "--max-changed", "002", "-q").exit_code == 1
    assert command("diff", OLD, MODEL, "r.csv", "--max-changed", "9" * 5000, "-q").exit_code == 0
    same = command("diff", MODEL, MODEL, "r.csv", "--max-changed", "0", "--fail-if-worse", "-q")
    assert (same.exit_code, same.out, same.err) == (0, "", "")
    write("many.csv", "text,label\n" + "Not bad at all.,1\n" * 20)
    worse = command("diff", MODEL, OLD, "many.csv", "--fail-if-worse", "-q")
    worse.failed_with("--fail-if-worse: NEW is worse: -100.0 points (95% interval -100.0 to -")
    assert command("diff", OLD, MODEL, "many.csv", "--fail-if-worse", "-q").exit_code == 0
    command("diff", OLD, MODEL, "--max-changed", "1%", "-q").failed_with("--max-changed 1%: ")


def test_records_that_cannot_be_read_are_left_out(command: Command) -> None:
    write("r.csv", CSV + "a,b,c,d\n")
    ran = command("diff", OLD, MODEL, "r.csv")
    assert (ran.exit_code, ran.err) == (3, "")
    assert "cannot be read" in ran.out
    assert "1 record; first: r.csv: line 7:" in ran.out


def test_standard_input_and_folders(command: Command) -> None:
    ran = in_its_own_process(
        "diff", OLD, MODEL, "-", "--format", "csv", "--json", input=CSV, cwd=command.folder
    )
    assert ran.exit_code == 0
    assert json.loads(ran.out)["data"]["most_changed"][0]["file"] == "-"
    Path("reviews").mkdir()
    write("reviews/a.csv", CSV)
    write("reviews/b.jsonl", '{"text": "fine"}\n')
    ran = command("diff", OLD, MODEL, "reviews")
    assert ran.exit_code == 0
    assert "2 files: 6 rows" in ran.out
    assert "\nreviews/a.csv, row 1: negative " in ran.out
    assert " File " in ran.out
    write("reviews/c.csv", "")
    write("reviews/README.md", "")
    Path("reviews/again").symlink_to(".")
    ran = command("diff", OLD, MODEL, "reviews")
    assert re.search(r"ignored +1 file of unknown format", ran.out)
    assert re.search(r"not followed +1 link to folders, such as reviews/again", ran.out)
    assert "Warning: reviews/c.csv: the file is empty." in ran.out


def test_a_file_that_cannot_be_read_does_not_stop_the_others(command: Command) -> None:
    Path("in").mkdir()
    write("in/a.csv", CSV)
    write("in/b.csv", "x,y\n1,2\n")
    Path("in/c.parquet").write_bytes(b"PAR1 damaged")
    half = gzip.compress("".join(f'{{"text": "fine {n}"}}\n' for n in range(200_000)).encode())
    Path("in/d.jsonl.gz").write_bytes(half[: len(half) // 2])
    ran = command("diff", OLD, MODEL, "in", "-o", "changed.csv")
    assert ran.exit_code == 1
    assert re.search(r"left out +3 files that cannot be read to the end", ran.out)
    errors = ran.err.splitlines()
    assert errors[0].startswith("error: in/b.csv: no column 'text' or 'review' (found: x, y).")
    assert errors[1].startswith("error: in/c.parquet: not a Parquet file")
    shown = re.search(r"The ([\d,]+) records before that are compared\.$", errors[2])
    assert shown is not None
    records = int(shown[1].replace(",", ""))
    assert f"2 files: {5 + records:,} rows\n" in ran.out
    assert "in/a.csv,1," in Path("changed.csv").read_text(encoding="utf-8")
    ran = command("diff", OLD, MODEL, "in", "--json")
    data = json.loads(ran.out)["data"]
    assert (ran.exit_code, data["records"]) == (1, 5 + records)
    assert data["files"] == ["in/a.csv", "in/d.jsonl.gz"]
    assert [f"error: {each}" for each in data["failed"]] == errors
    ran = command("diff", OLD, MODEL, "in/b.csv", "in/c.parquet")
    ran.failed_with("in/b.csv: no column 'text'", 2)
    assert "None of the 2 files can be compared." in ran.err
    command("diff", OLD, MODEL, "in/b.csv").failed_with("--text-column.\n", 2)


def test_a_part_of_each_file(command: Command) -> None:
    write("r.csv", CSV + "a,b,c,d\n" + "dull,0,plain\n" * 50)
    ran = command("diff", OLD, MODEL, "r.csv", "--limit", "5")
    assert (ran.exit_code, ran.err) == (0, "")
    assert "r.csv: 5 rows\n" in ran.out
    assert re.search(r"a part +only the first 5 records of a file \(--limit\)", ran.out)
    assert command("diff", OLD, MODEL, "r.csv", "--limit", "6").exit_code == 3
    ran = command("diff", OLD, MODEL, "r.csv", "--sample", "10", "--json")
    data = json.loads(ran.out)["data"]
    assert (data["records"], data["limit"], data["sample"]) == (10, None, 10)
    for arguments, message in (
        (["r.csv", "--limit", "1", "--sample", "1"], "--limit and --sample cannot be combined"),
        (["--limit", "1"], "need files of reviews"),
        (["r.csv", "--limit", "0"], "--limit"),
    ):
        ran = command("diff", OLD, MODEL, *arguments)
        assert ran.exit_code == 2
        assert message in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["r.csv", "conv1d"], "conv1d: is a model. Give two models, and then files of reviews."),
        (["--fail-if-worse"], "--fail-if-worse: needs files of reviews."),
        (["--output", "x.csv"], "--output: needs files of reviews."),
        (["--text-column", "body"], "need files of reviews. Name them after the models."),
        (["r.csv", "--max-changed", "120%"], "--max-changed: expected at most 100%"),
        (["r.csv", "--max-changed", "few"], "--max-changed: expected a number such as 100"),
        (["r.csv", "-o", "r.csv"], "r.csv: is an input. Choose another with --output."),
        (["r.csv", "-o", "x.xlsx"], "--output, such as one that ends in .csv."),
        (["r.csv", "-o", "x.odd"], ".arrow, .feather (and then .gz, .zst, .bz2, .xz)."),
        (["r.csv", "-o", "-"], "--output: cannot go to standard output"),
        (["r.csv", "--text-column", "body"], "r.csv: no column 'body' (found: text, label, kind)"),
        (["r.csv", "--group-column", "x"], "r.csv: no column 'x'"),
        (["r.csv", "--threshold", "2"], "--threshold: expected a probability from 0 to 1"),
        (["-", "r.csv", "--format", "csv"], "standard input cannot be combined"),
        ([""], "an empty name, expected a file of reviews. Write . for this folder."),
        (["n.csv", "--fail-if-worse", "-q"], "--fail-if-worse: no row has a label and a score"),
    ],
)
def test_wrong_calls(command: Command, arguments: list[str], message: str) -> None:
    write("r.csv", CSV)
    write("n.csv", "text\nfine\n")
    command("diff", OLD, MODEL, *arguments).failed_with(message, 2)
    assert command.files() == ["n.csv", "r.csv"]


def test_other_failures(command: Command) -> None:
    write("r.csv", CSV)
    command("diff", "r.csv", MODEL).failed_with("r.csv: ")
    command("diff", OLD, "none.onnx", "r.csv").failed_with("none.onnx: no such model file.")
    command("diff", OLD, MODEL, "none.csv").failed_with("none.csv: no such file")
    write("stars.csv", "text,label\nfine,9\nfine,x\n")
    ran = command("diff", OLD, MODEL, "stars.csv", "--label-column", "label", "-o", "x.csv")
    ran.failed_with("stars.csv: column 'label', row ")
    assert not Path("x.csv").exists()
    write("bad.csv", "text,label\na,b,c\nfine,1\nfine,x\n")
    ran = command("diff", OLD, MODEL, "bad.csv", "--label-column", "label")
    ran.failed_with("bad.csv: column 'label', row 3: found the label 'x', expected ")
    ran = command("diff", OLD, MODEL, "bad.csv", "--fail-if-worse", "-q")
    ran.failed_with("bad.csv: column 'label', row 3: found the label 'x', expected ")
    ran = command("diff", OLD, MODEL, "r.csv", "bad.csv", "--label-column", "label")
    ran.failed_with("bad.csv: column 'label', row 3: found the label 'x', expected ")
    ran = command("diff", OLD, MODEL, "r.csv", "bad.csv", "--label-column", "label", "--limit", "3")
    ran.failed_with("bad.csv: column 'label', row 3: found the label 'x', expected ")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["diff", str(OLD), str(MODEL), "r.csv"], "NEW is right on 2"),
        (
            ["evaluate", "r.csv", "--predictions", "p.csv", "--report", "r.json"],
            "balanced accuracy",
        ),
    ],
)
def test_no_extra_is_needed(command: Command, arguments: list[str], shown: str) -> None:
    """In a process in which the packages of all extras cannot be imported."""
    write("r.csv", CSV)
    write("p.csv", "positive_probability\n0.9\n0.8\n0.2\n0.5\n0.5\n")
    heavy = ("jinja2", "keras", "matplotlib", "scipy", "sklearn", "tensorflow", "tf2onnx")
    code = f"""
import sys
sys.modules.update(dict.fromkeys({heavy}))
sys.argv = ["toolkit", *{arguments}]
from toolkit.cli.app import main
main()
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert shown in ran.stdout
