"""Columns that are named on the command line: of texts, of labels, and of the model."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.running import Command, hurry, write
from tests.data import PROJECT
from tests.models import CONV1D, MODEL, OLD_MODELS, shipped_scorer
from toolkit.errors import TrainingError, UsageError
from toolkit.model import Scorer
from toolkit.records import Columns, LabelNames, ReadOptions
from toolkit.training import TrainingObserver, TrainingOptions
from toolkit.training.data import load_training_data

ROWS = [
    {"Title": "Great", "Review Text": "a fine film, superb", "Sentiment": "1"},
    {"Title": "", "Review Text": "dull and boring", "Sentiment": "0"},
    {"Title": "Awful", "Review Text": " ", "Sentiment": "0"},
    {"Title": "", "Review Text": "", "Sentiment": "1"},
]
JOINED = ["Great\na fine film, superb", "dull and boring", "Awful", None]
BOTH = ("--text-column", "title", "--text-column", "review_text")


@pytest.fixture
def data(command: Command) -> Path:
    del command  # which makes the folder
    lines = ["Title,Review Text,Sentiment", *(",".join(map(_quoted, r.values())) for r in ROWS)]
    write("r.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS))
    return write("r.csv", "\n".join(lines) + "\n")


def _quoted(field: str) -> str:
    return f'"{field}"'


@pytest.mark.parametrize("output", ["s.csv", "s.parquet"])
def test_score_joins_texts(command: Command, data: Path, output: str) -> None:
    assert command("score", data, "r.jsonl", "-o", "plain/", *BOTH, "-q").exit_code == 0
    for source in (data, Path("r.jsonl")):
        assert command("score", source, "-o", output, *BOTH, "-q", "--force").exit_code == 0
        assert command("score", output, "-o", "s.jsonl", *BOTH, "-q", "--force").exit_code == 2
        renamed = ("--names", "sentiment=s,probability=p")
        ran = command("score", output, "-o", "s.jsonl", *BOTH, *renamed, "-q", "--force")
        assert ran.exit_code == 0
        rows = [json.loads(line) for line in Path("s.jsonl").read_text("utf-8").splitlines()]
        expected = [score.probability for score in shipped_scorer().score(JOINED)]
        assert [row["p"] for row in rows] == pytest.approx(expected)


def test_a_title_is_a_sentence(command: Command) -> None:
    write("r.csv", "title,body\nTerrible,Superb and wonderful\n")
    texts = ("--text-column", "title", "--text-column", "body")
    assert command("score", "r.csv", *texts, "--by-sentence", "-q").exit_code == 0
    _, row = Path("r.scored.csv").read_text(encoding="utf-8").splitlines()
    assert row.endswith(",1,1")


def test_evaluate_and_explain_join_texts(command: Command, data: Path) -> None:
    assert command("score", data, *BOTH, "-q", "--model", CONV1D).exit_code == 0
    compared = ("--predictions", "r.scored.csv", "--model", CONV1D)
    found = json.loads(command("evaluate", data, *BOTH, *compared, "--json").out)
    assert found["data"]["columns"] == {"text": "Title + Review Text", "label": "Sentiment"}
    assert found["data"]["reviews"] == 3
    first, second = (model["metrics"] for model in found["models"])
    assert first["log_loss"] == pytest.approx(second["log_loss"])
    explained = json.loads(command("explain", "--file", data, "--row", "1", *BOTH, "--json").out)
    assert explained["text"] == JOINED[0]


def test_predictions_of_other_texts_are_refused(command: Command, data: Path) -> None:
    assert command("score", data, *BOTH, "-q").exit_code == 0
    scored = Path("r.scored.csv")
    changed = scored.read_text(encoding="utf-8").replace("Great", "Grand")
    scored.write_text(changed, encoding="utf-8")
    ran = command("evaluate", data, *BOTH, "--predictions", scored, "--model", CONV1D)
    assert "row 1: the text differs" in ran.err


FROZEN = PROJECT / "tests" / "frozen_files"
VERSION = shipped_scorer().facts.version
VALUE = f"reviews {VERSION} sha256-{hashlib.sha256(MODEL.read_bytes()).hexdigest()[:16]}"
# With a text, without one, and without a word that the model knows.
CSV = "id,text\n1,a superb film\n2,\n3,qqqqq\n"


def rows(name: str) -> list[dict[str, Any]]:
    data = Path(name).read_bytes()
    if name.endswith(".parquet"):
        return list(pq.read_table(io.BytesIO(data)).to_pylist())
    if name.endswith(".arrow"):
        return list(pa.ipc.open_file(data).read_all().to_pylist())
    if name.endswith(".json"):
        return list(json.loads(data))
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in data.splitlines()]
    delimiter = "\t" if name.endswith(".tsv") else ","
    return list(csv.DictReader(io.StringIO(data.decode()), delimiter=delimiter))


@pytest.mark.parametrize("source", ["a.csv", "a.jsonl", "a.json", "a.tsv", "a.parquet", "a.arrow"])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "json", "tsv", "parquet", "arrow"])
def test_every_row_has_the_stars_and_the_model(command: Command, source: str, ending: str) -> None:
    write("first.csv", CSV)
    # Made by the toolkit, so that its columns have the type of strings.
    first = ("--names", "sentiment=s,probability=p")
    assert command("score", "first.csv", "-o", source, *first).exit_code == 0
    added = ("--stars", "--names", "model=m")
    assert command("score", source, "-o", f"b.{ending}", *added).exit_code == 0
    found = rows(f"b.{ending}")
    assert [row["m"] for row in found] == [VALUE] * 3
    names = ["predicted_sentiment", "positive_probability", "predicted_stars", "m"]
    assert list(found[0])[-4:] == names
    (stars,) = shipped_scorer().stars(["a superb film"])
    assert [float(row["predicted_stars"] or 0) for row in found] == pytest.approx([stars, 0, 0])
    assert [row["predicted_sentiment"] or None for row in found] == ["positive", None, None]


@pytest.mark.parametrize("source", ["a.csv", "a.parquet"])
def test_a_name_that_is_taken(command: Command, source: str) -> None:
    write("a.csv", CSV)
    pq.write_table(pa.table({"id": [1], "text": ["a superb film"]}), "a.parquet")
    ran = command("score", source, "--names", "model=id")
    ran.failed_with(
        f"{source}: already has a column 'id', which is also the name of an added column. Rename", 2
    )
    assert "--names sentiment=NAME,probability=NAME,model=NAME." in ran.err
    ran = command("score", source, "--names", "model=predicted_sentiment")
    ran.failed_with("two of the added columns are called 'predicted_sentiment'", 2)


def test_a_scored_file_is_scored_by_another_model(command: Command) -> None:
    write("a.csv", CSV)
    assert command("score", "a.csv", "-o", "b.csv", "--names", "model=model").exit_code == 0
    names = ("--names", "sentiment=s,probability=p,model=other")
    assert command("score", "b.csv", "-o", "c.csv", "-m", CONV1D, *names).exit_code == 0
    found = rows("c.csv")
    assert {row["model"] for row in found} == {VALUE}
    assert {row["other"] for row in found} == {Scorer(CONV1D).model}


@pytest.mark.parametrize(
    "model", [FROZEN / "version_1.onnx", *sorted(OLD_MODELS.glob("*.onnx")), CONV1D]
)
def test_models_of_every_version_of_the_format(command: Command, model: Path) -> None:
    write("a.csv", CSV)
    assert command("score", "a.csv", "-m", model, "--names", "model=m").exit_code == 0
    (value,) = {row["m"] for row in rows("a.scored.csv")}
    name, version, digest = value.split(" ")
    assert (name, version) == (model.stem, Scorer(model).facts.version)
    assert hashlib.sha256(model.read_bytes()).hexdigest().startswith(digest.removeprefix("sha256-"))
    assert len(digest) == len("sha256-") + 16


def test_the_report_names_model_and_job(command: Command) -> None:
    write("a.csv", CSV)
    write("broken.parquet", b"PAR1")
    ran = command(
        "score", "a.csv", "broken.parquet", "missing.csv", "-o", "out/",
        "--output-format", "parquet", "--report", "r.json",
    )  # fmt: skip
    assert ran.exit_code == 1
    found = json.loads(Path("r.json").read_text(encoding="utf-8"))
    name, version, digest = VALUE.split(" ")
    model = found["model"]
    assert (model["name"], model["version"]) == (name, version)
    assert f"sha256-{model['sha256']}".startswith(digest)
    done, *others = found["files"]
    metadata = pq.read_schema(done["output"]).metadata
    assert done["job_id"].encode() == metadata[b"toolkit.job_id"]
    assert metadata[b"toolkit.model_sha256"].decode() == model["sha256"]
    assert [other["job_id"] for other in others] == [None] * 2
    # As it is said again by a run that finds the output.
    again = ("-o", "out/", "--output-format", "parquet", "--resume", "--report", "r.json")
    assert command("score", "a.csv", *again).exit_code == 0
    second = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert second["files"][0]["job_id"] == done["job_id"]
    assert second["run_id"] != found["run_id"]


def test_a_batch_gets_the_model_where_it_is_asked_for() -> None:
    batch = pa.RecordBatch.from_pydict({"text": ["Great phone.", None]})
    found = shipped_scorer().score_batch(batch, model_column="model")
    assert found.schema.names[1:] == ["predicted_sentiment", "positive_probability", "model"]
    assert found.column("model").type == pa.string()
    assert found.column("model").to_pylist() == [VALUE] * 2
    assert shipped_scorer().score_batch(batch.slice(0, 0), model_column="m").num_rows == 0
    with pytest.raises(UsageError, match="already; choose another name"):
        shipped_scorer().score_batch(batch, model_column="text")


GOOD, BAD = "superb, a delight, the best", "dull, awful, the worst"
STARS = [(GOOD, 5), (BAD, 1), (GOOD, 4), (BAD, 2), ("it is a film", 3)]


def file_of(path: Path, rows: Sequence[tuple[str, object]]) -> Path:
    lines = [f'"{text} {at}",{label}\n' for at, (text, label) in enumerate(rows)]
    path.write_text("text,label\n" + "".join(lines), encoding="utf-8")
    return path


def test_stars_are_labels(command: Callable[..., Any], tmp_path: Path) -> None:
    data = file_of(tmp_path / "stars.csv", STARS * 3)
    page, numbers = tmp_path / "report.html", tmp_path / "report.json"
    ran = command("evaluate", CONV1D, data, "--report", page, "--report", numbers)
    assert (ran.exit_code, ran.err) == (0, "")
    meaning = "stars, of 5: 1, 2 → negative (6); 3 → neutral, left out (3); 4, 5 → positive (6)"
    assert "12 reviews (6 positive, 6 negative, 3 neutral left out)" in ran.out
    assert f"labels: {meaning}\n" in ran.out
    assert f"<p>Labels: {meaning}.</p>" in page.read_text(encoding="utf-8")
    found = json.loads(numbers.read_text(encoding="utf-8"))["data"]
    assert (found["neutral"], found["label_meaning"]) == (3, meaning)


def test_labels_with_names_of_their_own(command: Callable[..., Any], tmp_path: Path) -> None:
    rows = [(GOOD, "[great]"), (BAD, "poor"), ("it is a film", "[bold]so-so")]
    data = file_of(tmp_path / "names.csv", rows * 4)
    refused = command("evaluate", CONV1D, data)
    assert refused.exit_code == 1
    assert "name labels with --positive and --negative" in refused.err
    ran = command("evaluate", CONV1D, data, "--positive", "[Great]", "--negative", "poor")
    assert (ran.exit_code, ran.err) == (0, "")
    assert re.search(
        r"^labels: as named: poor → negative \(4\); \[bold\]so-so → neu", ran.out, re.M
    )


def read(tmp_path: Path, data: Path, other: Path, names: LabelNames | None = None) -> str:
    reading = ReadOptions(columns=Columns(), labels=names or LabelNames())
    options = TrainingOptions(
        data=str(data), test_data=other, output=tmp_path / "run", reading=reading
    )
    return load_training_data(options, TrainingObserver()).reviews.label_meaning


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            [1, 10, 3, 8],
            [1, 5, 2, 4],
            "labels look like stars, of 5, and the labels of a.csv look like stars, of 1",
        ),
        (
            [-1, 0, 1, 1, -1],
            [0, 1, 0, 1],
            "look like 0 and 1, and the labels of a.csv look like three classes",
        ),
    ],
)
def test_one_number_does_not_mean_two_things(
    first: list[int], second: list[int], message: str, tmp_path: Path
) -> None:
    data, other = (
        file_of(tmp_path / name, [(f"{GOOD} {name}", label) for label in labels * 5])
        for name, labels in (("a.csv", first), ("b.csv", second))
    )
    with pytest.raises(TrainingError, match=message):
        read(tmp_path, data, other)
    if first[0] > 0:
        found = read(tmp_path, data, other, LabelNames(positive_from=4))
        assert found == "positive from 4: 1, 3 → negative (10); 8, 10 → positive (10)"


def test_stars_beside_classes_are_no_contradiction(tmp_path: Path) -> None:
    data = file_of(tmp_path / "a.csv", STARS * 4)
    other = file_of(tmp_path / "b.csv", [(GOOD, 1), (BAD, 0)] * 6)
    assert read(tmp_path, data, other).startswith("stars, of 5")


LABELLED = "text,label\na superb film,1\nthe worst of all,1\ndull,x\n,0\n"


def test_the_accuracy_is_shown(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    write("a.csv", LABELLED)
    ran = command("score", "a.csv", "--label-column", "label", "--report", "r.json")
    assert ran.exit_code == 0
    assert re.search(r"^a\.csv: 100%, 4 reviews, [\d,]+/s, 50\.00% right", ran.err, re.M)
    line = "  accuracy      50.00% of 2 labelled records, 1 without a readable label\n"
    assert line in ran.err
    report = json.loads(Path("r.json").read_text(encoding="utf-8"))
    for facts in (report, report["files"][0]):
        assert (facts["accuracy"], facts["labelled"], facts["unreadable_labels"]) == (0.5, 2, 1)
    written = Path("a.scored.csv").read_bytes()
    plain = command("score", "a.csv", "--force")
    assert "accuracy" not in plain.err
    assert "right" not in plain.err
    assert Path("a.scored.csv").read_bytes() == written


def test_neutral_reviews_are_counted_and_are_not_mistakes(command: Command) -> None:
    write("a.csv", LABELLED)
    ran = command(
        "score", "a.csv", "--label-column", "label", "--neutral-range", "0:1", "--report", "r.json"
    )
    assert "  neutral       3 (100.0% of scored)\n" in ran.err
    assert (
        "  accuracy      of 0 labelled records, 2 scored as neutral left out, 1 without" in ran.err
    )
    report = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert (report["neutral"], report["neutral_range"]) == (3, [0.0, 1.0])
    assert report["accuracy"] is None
    assert Path("a.scored.csv").read_text(encoding="utf-8").count(",neutral,0.") == 3


def test_stars_and_the_models_own_neutral_range(command: Command) -> None:
    write("a.csv", "text\nPerfect! I love it\nAverage stay and average price\nTerrible\n\n")
    ran = command("score", "a.csv", "--stars", "--neutral")
    header, best, middling, worst, *_ = Path("a.scored.csv").read_text(encoding="utf-8").split("\n")
    assert header == "text,predicted_sentiment,positive_probability,predicted_stars"
    assert [line.split(",")[1] for line in (best, middling, worst)] == [
        *("positive", "neutral", "negative")
    ]
    stars = [float(line.rpartition(",")[2]) for line in (best, middling, worst)]
    assert 1 <= stars[2] < 2 < stars[1] < 4 < stars[0] <= 5
    command("score", "a.csv", "--stars", "--names", "stars=told", "-o", "b.jsonl")
    assert '"told": 4.' in Path("b.jsonl").read_text(encoding="utf-8")
    assert "  neutral       1 (33.3% of scored)\n" in ran.err


def test_labels_that_are_stars(command: Command) -> None:
    write("a.csv", "text,Stars\nsuperb,5.0\nawful,1.0\nnothing special,3.0\n")
    ran = command("score", "a.csv", "--label-column", "Stars")
    meaning = "stars, of 5: 1.0 → negative (1); 3.0 → neutral, left out (1); 5.0 → positive (1)"
    assert f"  labels        {meaning}\n" in ran.err
    line = "  accuracy      100.00% of 2 labelled records, 1 with a neutral label left out\n"
    assert line in ran.err


def test_labels_of_other_names_are_for_evaluate(command: Command) -> None:
    write("a.csv", "text,mood\nsuperb,glad\nawful,angry\n")
    ran = command("score", "a.csv", "--label-column", "mood")
    line = "of 0 labelled records, 2 without a readable label (for other labels: toolkit evaluate)"
    assert line in ran.err
    assert "warning: a.csv: column 'mood': found the label 'glad' (1 more with" in ran.err


@pytest.mark.parametrize("column", ["Stars", "label"])
def test_a_column_of_stars_with_ones_alone_is_warned_of(command: Command, column: str) -> None:
    write("a.csv", f"text,{column}\na superb film,1\nit was dull,1\n")
    ran = command("score", "a.csv", "--label-column", column)
    warning = "warning: a.csv: column 'Stars': all labels are 1, which is read as positive. If"
    assert (ran.exit_code, warning in ran.err) == (0, column == "Stars")


WRONG = {
    "5 0": "found the label '5' (5 such rows), expected 0 or 1, ",
    "100 0": "found the label '100' (5 such rows), expected 0 or 1, ",
    "5 negative": "found the label '5' (5 such rows), expected 0 or 1, ",
    "1e400 -1": "found the label '1e400' (5 such rows), expected a label",
    "0 1 2": "the highest label is 2, so these may be two classes or low stars. There",
}


@pytest.mark.parametrize("labels", WRONG)
def test_labels_that_evaluate_refuses_give_no_accuracy(command: Command, labels: str) -> None:
    write("a.csv", "text,l\n" + "".join(f"a superb film,{each}\n" for each in labels.split()) * 5)
    ran = command("score", "a.csv", "--label-column", "l", "--report", "r.json")
    assert f"warning: a.csv: column 'l': {WRONG[labels]}" in ran.err
    assert ". There is no accuracy. toolkit evaluate reads other labels, with" in ran.err
    count = 5 * len(labels.split())
    assert f"  accuracy      of 0 labelled records, {count} without a readable label" in ran.err
    assert json.loads(Path("r.json").read_text(encoding="utf-8"))["accuracy"] is None
    refused = command("evaluate", "a.csv", "--label-column", "l")
    assert (refused.exit_code, WRONG[labels].partition(". ")[0] in refused.err) == (1, True)


def test_a_few_wrong_labels_are_only_counted(command: Command) -> None:
    write("a.csv", "text,l\n" + "a superb film,1\n" * 30 + "a superb film,yes\n")
    ran = command("score", "a.csv", "--label-column", "l")
    assert "  accuracy      100.00% of 30 labelled records, 1 without a readable label" in ran.err
    assert "warning: " not in ran.err


def test_one_accuracy_for_several_files(command: Command) -> None:
    write("a.csv", LABELLED)
    write("b.jsonl", '{"text": "superb", "label": 1}\n{"text": "awful", "label": 0}\n')
    ran = command("score", "a.csv", "b.jsonl", "-o", "out", "--label-column", "label")
    assert "  accuracy      75.00% of 4 labelled records, 1 without a readable label" in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--neutral-range", "0.4"],
            "--neutral-range: expected two probabilities such as 0.4:0.6, rec",
        ),
        (
            ["--neutral-range", "0.6:0.4"],
            "neutral range: expected 0 <= low < high <= 1, received 0.6",
        ),
        (["--neutral-range", "0.6:0.7"], "the threshold 0.5 is not within 0.6 to 0.7. Choose"),
        (["--neutral", "--neutral-range", "0.4:0.6"], "--neutral uses the model's own range"),
        (["--neutral", "-m", "conv1d"], "the model conv1d has no neutral range of its own"),
        (["--stars", "-m", "conv1d"], "the model conv1d has no stars"),
        (["--names", "stars=s"], "the column stars needs --stars. Add it"),
        (["--stars", "--names", "stars=label"], "already has a column 'label'"),
        (["--label-column", "body"], "no column 'body' (found: text, label). Choose one with --l"),
        (["--label-column", "text"], "the column 'text' is the text column, so it cannot also"),
        (["--label-column", "\udcff"], "is not valid UTF-8"),
    ],
)
def test_wrong_ranges_and_labels(command: Command, arguments: list[str], message: str) -> None:
    write("a.csv", LABELLED)
    command("score", "a.csv", *arguments).failed_with(message, 2)
    assert command.files() == ["a.csv"]
