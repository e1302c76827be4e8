"""`toolkit evaluate`, as its users see it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.cli.running import Command, in_its_own_process
from tests.models import MODEL

CSV = (
    "text,label,film,stars\n"
    '"superb, a delight",1,x,10\n'
    "dull and awful,0,y,2\n"
    "dull and awful,1,y,8\n"
    ",1,x,1\n"
    "no label,,x,1\n"
)


def write(name: str = "r.csv", content: str = CSV) -> Path:
    path = Path(name)
    path.write_text(content, encoding="utf-8")
    return path


def others(name: str = "other.csv") -> Path:
    return write(name, "positive_probability\n0.9\n0.2\n0.7\n\n0.5\n".replace("\n\n", '\n""\n'))


def test_the_tables(command: Command) -> None:
    write()
    ran = command("evaluate", MODEL, "r.csv", "--group-column", "film")
    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.out.startswith(
        "r.csv\n3 reviews (2 positive, 1 negative, 1 row without text left out, 1 row without "
    )
    assert re.search(r"^ accuracy +66\.67%  20\.8–93\.9 *$", ran.out, re.M)  # noqa: RUF001
    assert re.search(
        r"^ threshold 0\.5 +predicted positive +predicted negative +recall", ran.out, re.M
    )
    assert re.search(r"^ positive +1 +1 +50\.00%  9\.5–90\.5", ran.out, re.M)  # noqa: RUF001
    assert re.search(r"^ negative +0 +1 +100\.00%  20\.7–100\.0", ran.out, re.M)  # noqa: RUF001
    assert re.search(r"^ average precision +\d+\.\d\d%  \d", ran.out, re.M)
    assert re.search(r"^ F1, at best threshold +\d+\.\d\d%  at 0\.", ran.out, re.M)
    assert "at least 99%" not in ran.out
    assert "toolkit export --optimize balanced" in " ".join(ran.out.split())
    assert "False negatives (positive, predicted negative): 1 of 1\n" in ran.out
    assert re.search(r"^ under 25 +3 +66\.7% +66\.67%", ran.out, re.M)
    assert re.search(r"^ 5 +1 +100\.0% +100\.00%", ran.out, re.M)
    assert re.search(r"^ y +2 +50\.0% +50\.00% +–", ran.out, re.M)  # noqa: RUF001
    assert re.search(r"^row 3, positive, scored 0\.\d{3}: caused by (awful|dull), ", ran.out, re.M)
    assert command.files() == ["r.csv"]


def test_rows_without_a_label_and_with_a_typo(command: Command) -> None:
    named = write(content=CSV + "more,NA,x,2\nother,posi,x,4\n")
    ran = command("evaluate", MODEL, named, "--positive", "1", "--negative", "0")
    assert "3 reviews (2 positive, 1 negative, 1 row without text" in ran.out
    assert "2 rows without" in ran.out
    ran = command("evaluate", MODEL, named)
    ran.failed_with("r.csv: column 'label', row 7: found the label 'posi', expected")
    assert "--skip-wrong-labels" in ran.err
    ran = command("evaluate", MODEL, named, "--skip-wrong-labels")
    assert "3 reviews (2 positive, 1 negative, 1 row without text" in ran.out
    assert "3 rows without" in ran.out


@pytest.mark.parametrize("width", [80, 120, 40])
def test_the_tables_fit_the_terminal(
    command: Command, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    write()
    more = [f"--predictions={others('long_' * n + f'{n}.csv')}" for n in range(5)]
    ran = command("evaluate", MODEL, "r.csv", *more)
    assert ran.exit_code == 0
    assert max(map(len, ran.out.splitlines())) <= width
    assert ran.out.count("log loss") == {40: 6, 80: 3, 120: 2}[width]
    assert "McNemar" in ran.out.replace("\n", " ")
    assert "Use a threshold with" in " ".join(ran.out.split())  # below the metrics


def test_outputs(command: Command) -> None:
    write()
    outputs = ["--report", "r.html", "--report", "r.json"]
    ran = command("evaluate", MODEL, "r.csv", "--predictions", others(), *outputs)
    assert ran.out.endswith("Written to r.html\nWritten to r.json\n")
    facts = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert [model["name"] for model in facts["models"]] == [MODEL.stem, "other"]
    assert facts["best"] == "other"
    assert Path("r.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    before = Path("r.html").read_bytes()
    again = command("evaluate", MODEL, "r.csv", *outputs)
    again.failed_with("r.html: exists already. Choose another with --report, or", 2)
    assert Path("r.html").read_bytes() == before
    assert command("evaluate", MODEL, "r.csv", *outputs, "--force").exit_code == 0
    assert Path("r.html").read_bytes() != before
    assert command.files() == ["other.csv", "r.csv", "r.html", "r.json"]


def test_json_prints_nothing_else(command: Command) -> None:
    write()
    ran = command("evaluate", MODEL, "r.csv", "--json", "--examples", "0")
    assert (ran.exit_code, ran.err) == (0, "")
    facts = json.loads(ran.out)
    assert facts["data"]["path"] == "r.csv"
    assert facts["models"][0]["mistakes"] == []


def test_rows_without_a_label_are_counted_and_left_out(command: Command) -> None:
    """As in a suite of reviews by kind, in which neutral ones have no label."""
    rows: list[tuple[str, int | None, str]]
    rows = [("superb, a delight", 1, "plain"), ("dull and awful", 0, "plain")] * 5
    rows += [("superb, not bad", 1, "negated"), ("it is a film", None, "neutral")]
    keys = ("text", "label", "kind")
    lines = [json.dumps(dict(zip(keys, row, strict=True))) + "\n" for row in rows]
    write("suite.jsonl", "".join(lines))
    ran = command("evaluate", MODEL, "suite.jsonl", "--group-column", "kind")
    assert (ran.exit_code, ran.err) == (0, "")
    assert "11 reviews (6 positive, 5 negative, 1 row without label left out)" in ran.out
    assert re.search(r"^ kind +reviews +positive +accuracy +balanced +95%", ran.out, re.M)
    assert re.search(r"^ plain +10 +50\.0% +100\.00% +100\.00% +\d\d\.\d–100\.0", ran.out, re.M)  # noqa: RUF001
    assert re.search(r"^ negated +1 +100\.0% +\d+\.\d\d% +–", ran.out, re.M)  # noqa: RUF001
    assert re.search(r"^ mean of 1 group +100\.00% +100\.00%", ran.out, re.M)
    assert not re.search(r"^ neutral ", ran.out, re.M)
    several = command("evaluate", MODEL, "conv1d", "suite.jsonl", "--group-column", "kind")
    assert "Balanced accuracy by group" in several.out
    assert re.search(r"^ plain +10 +50\.0% +100\.00%  \d\d\.\d–100\.0 +\d", several.out, re.M)  # noqa: RUF001


def test_the_coverage_at_chosen_accuracies(command: Command) -> None:
    write()
    ran = command("evaluate", MODEL, "r.csv")
    for target in ("95%", "97%", "99%"):
        assert re.search(rf"^ {target} +(\d|–)", ran.out, re.M)  # noqa: RUF001
    assert "chosen on these reviews" in " ".join(ran.out.split())
    chosen = command(
        "evaluate", MODEL, "r.csv", "--target-accuracy", "0.5", "--target-accuracy", "0.875",
        "--target-accuracy", "0.5", "--json",
    )  # fmt: skip
    found = json.loads(chosen.out)["models"][0]["coverage_at_accuracy"]
    assert [each["target"] for each in found] == [0.5, 0.875]
    assert (found[0]["answered"], found[0]["share"], found[0]["uncertain"]) == (3, 1.0, None)


def test_options_reach_the_evaluation(command: Command) -> None:
    write("a.csv", "body,opinion,rated\nfine,pos,3\ndull,neg,4\n")
    write("p.csv", "p\n0.2\n0.3\n")
    ran = command(
        "evaluate", "a.csv", "--text-column", "body", "--label-column", "opinion",
        "--stars-column", "rated", "--predictions", "p.csv", "--probability-column", "p",
        "--threshold", "0.25", "--json",
    )  # fmt: skip
    facts = json.loads(ran.out)
    assert facts["data"]["columns"] == {"text": "body", "label": "opinion", "stars": "rated"}
    assert [model["threshold"] for model in facts["models"]] == [0.25]
    assert facts["models"][0]["metrics"]["false_positives"] == 1
    assert [part["name"] for part in facts["breakdowns"]["stars"]] == ["3", "4"]


@pytest.mark.parametrize(
    ("arguments", "message", "exit_code"),
    [
        ([MODEL], f"{MODEL.name}: is a model. Give the labelled reviews after the models", 2),
        ([MODEL.stem], f"{MODEL.stem}: is a model. Give the labelled reviews after the models", 2),
        (["r.csv", "run"], "run: is a model. Give the labelled reviews after the models", 2),
        (["missing.onnx", "r.csv"], "missing.onnx: no such model file", 1),
        (["r.csv", "r.csv"], "r.csv: not an ONNX model", 1),
        ([MODEL, "missing.csv"], "missing.csv: no such file", 1),
        ([MODEL, "folder.csv"], "folder.csv: a folder, expected", 1),
        ([MODEL, "r.csv", "--predictions", "folder.csv"], "folder.csv: a folder, expected", 1),
        (
            [MODEL, "r.csv", "--text-column", "label"],
            "the column 'label' is the text column, so",
            2,
        ),
        ([MODEL, "r.txt"], "r.txt: no such file", 1),
        ([MODEL, "r.csv", *["--report", "a.html"] * 2], "--report a.html: is named twice", 2),
        ([MODEL, "r.csv", "--report", "-"], "--report -: expected a name that ends in .html", 2),
        ([], "no labelled reviews given. Name a file, or use --behaviour", 2),
        (["r.csv", "--json", "-"], "--json takes no file: it prints on standard output", 2),
        (["r.csv", "--json", "a.json"], "To write a file, use --report FILE.json", 2),
        (
            [MODEL, "r.csv", "-m", MODEL],
            "is named without --model. Name all models with --model, or none",
            2,
        ),
        ([MODEL, "r.csv", "--report", "a/b.html"], "the folder a does not exist. Create it", 2),
        ([MODEL, "r.csv", "--threshold", "2"], "threshold: expected a probability from 0", 2),
        ([MODEL, "r.csv", "--target-accuracy", "97"], "such as 0.97, received 97.0", 2),
        ([MODEL, "r.csv", "--group-column", "g"], "no column 'g' (found: text, label, film,", 2),
        ([MODEL, "r.csv", "--stars-column", "g"], "no column 'g'", 2),
        ([MODEL, "r.csv", "--predictions", "r.csv"], "no column 'positive_probability'", 2),
    ],
)
def test_wrong_calls_are_refused(
    command: Command, arguments: list[str | Path], message: str, exit_code: int
) -> None:
    write()
    Path("folder.csv").mkdir()
    Path("run").mkdir()
    Path("run/config.json").touch()
    command("evaluate", *arguments).failed_with(message, exit_code)
    assert command.files() == ["folder.csv", "r.csv", "run"]
    assert Path("r.csv").read_text(encoding="utf-8") == CSV


def test_behaviour_needs_no_reviews(command: Command) -> None:
    ran = command("evaluate", "--behaviour", "--report", "r.html", "--examples", "12")
    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.out.startswith(
        "Behaviour on the toolkit's own sentences\n624 sentences (312 positive"
    )
    assert re.search(r"^ plain praise and blame +48 +50\.0% +\d+\.\d\d%", ran.out, re.M)
    assert re.search(r"^ nationality +8( +\d+\.\d+%?){4} *$", ran.out, re.M)
    assert re.search(r"^ capitals +\d\d( +\d+\.\d+%?){3} *$", ran.out, re.M)
    assert len(re.findall(r"^(?:posi|nega)tive, scored 0\.\d{3}: [A-Z]", ran.out, re.M)) == 12
    both = command("evaluate", "--behaviour", "reviews", "conv1d", "--json", "--threshold", "0.25")
    facts = json.loads(both.out)["models"]
    assert [each["name"] for each in facts] == [MODEL.stem, "conv1d"]
    assert [each["threshold"] for each in facts] == [0.25, 0.25]


@pytest.mark.parametrize(
    "argument",
    ["r.csv", "--predictions=r.csv", "--text-column=text", "--group-column=film",
     "--positive=good", "--delimiter=;", "--target-accuracy=0.9"],
)  # fmt: skip
def test_behaviour_takes_models_only(command: Command, argument: str) -> None:
    write()
    ran = command("evaluate", "--behaviour", argument)
    ran.failed_with("--behaviour: uses its own sentences and takes models only", 2)


def test_a_report_does_not_replace_an_input(command: Command) -> None:
    Path("i.html").hardlink_to(write())
    ran = command("evaluate", "r.csv", "--report", "i.html", "--force")
    ran.failed_with("i.html: is an input. Choose another with --report", 2)
    assert Path("i.html").read_text(encoding="utf-8") == CSV


def test_the_model_can_be_an_option(command: Command) -> None:
    write()
    named, first = command("evaluate", "r.csv", "-m", MODEL), command("evaluate", MODEL, "r.csv")
    assert (named.exit_code, named.out) == (0, first.out)
    both = command("evaluate", "r.csv", "-m", MODEL, "-m", "conv1d", "--json")
    assert [model["name"] for model in json.loads(both.out)["models"]] == [MODEL.stem, "conv1d"]


def hide(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a package look as if it is not installed."""

    def find_spec(name: str) -> object:
        return None if name == package else object()

    monkeypatch.setattr("toolkit.errors.find_spec", find_spec)


def test_a_page_names_the_package_that_is_missing(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    hide("jinja2", monkeypatch)
    command("evaluate", MODEL, "r.csv", "--report", "r.html").failed_with(
        "'jinja2', which is not installed. Install it with: pip install jinja2\n"
    )
    assert command("evaluate", MODEL, "r.csv").exit_code == 0


def test_a_terminal_without_unicode(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(CSV, encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ran = in_its_own_process("evaluate", "r.csv", cwd=tmp_path, env=environment)
    assert (ran.exit_code, ran.err) == (0, "")
    assert "66.67%  20.8?93.9" in ran.out


def test_reviews_from_standard_input(tmp_path: Path) -> None:
    arguments = ["evaluate", "-", "--format", "csv", "--report", "r.html", "--report", "r.json"]
    ran = in_its_own_process(*arguments, cwd=tmp_path, input=CSV)
    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.out.startswith("standard input\n3 reviews (2 positive, 1 negative, ")
    assert "<h1>standard input</h1>" in (tmp_path / "r.html").read_text(encoding="utf-8")
    facts = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (facts["data"]["path"], facts["data"]["sha256"]) == ("-", None)
