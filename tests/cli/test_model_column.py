"""`toolkit score --names model=NAME`: which model has scored a row."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.running import Command, write
from tests.data import PROJECT
from tests.models import CONV1D, MODEL, OLD_MODELS, shipped_scorer
from toolkit.errors import UsageError
from toolkit.model import Scorer

FROZEN = PROJECT / "tests" / "frozen_files"
VERSION = shipped_scorer().facts.version
VALUE = f"reviews {VERSION} sha256-{hashlib.sha256(MODEL.read_bytes()).hexdigest()[:16]}"
# With a text, without one, and without a word that the model knows.
CSV = "id,text\n1,a superb film\n2,\n3,qqqqq\n"


def rows(name: str) -> list[dict[str, Any]]:
    data = Path(name).read_bytes()
    if name.endswith(".parquet"):
        return list(pq.read_table(io.BytesIO(data)).to_pylist())
    if name.endswith(".json"):
        return list(json.loads(data))
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in data.splitlines()]
    delimiter = "\t" if name.endswith(".tsv") else ","
    return list(csv.DictReader(io.StringIO(data.decode()), delimiter=delimiter))


@pytest.mark.parametrize("source", ["a.csv", "a.jsonl", "a.json", "a.tsv", "a.parquet"])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "json", "tsv", "parquet"])
def test_every_row_has_the_model(command: Command, source: str, ending: str) -> None:
    write("first.csv", CSV)
    # Made by the toolkit, so that its columns have the type of strings.
    first = ("--names", "sentiment=s,probability=p")
    assert command("score", "first.csv", "-o", source, *first).exit_code == 0
    assert command("score", source, "-o", f"b.{ending}", "--names", "model=m").exit_code == 0
    found = rows(f"b.{ending}")
    assert [row["m"] for row in found] == [VALUE] * 3
    assert list(found[0])[-3:] == ["predicted_sentiment", "positive_probability", "m"]
    assert [row["predicted_sentiment"] or None for row in found] == ["positive", None, None]


def test_it_is_a_string_and_the_last_column(command: Command) -> None:
    write("a.csv", CSV)
    added = ("--stars", "--by-sentence", "--names", "model=model")
    assert command("score", "a.csv", "-o", "b.parquet", *added).exit_code == 0
    schema = pq.read_schema("b.parquet")
    assert schema.names[-1] == "model"
    assert schema.field("model").type == pa.string()


@pytest.mark.parametrize("mark", [" ", ":", "|", ";"])
def test_the_value_is_one_field_with_any_delimiter(command: Command, mark: str) -> None:
    write("a.csv", CSV.replace("a superb film", '"a superb film"').replace(",", mark))
    ran = command("score", "a.csv", "--delimiter", mark, "--names", "model=m", "-o", "b.csv")
    assert ran.exit_code == 0
    with Path("b.csv").open(encoding="utf-8", newline="") as file:
        assert [row["m"] for row in csv.DictReader(file, delimiter=mark)] == [VALUE] * 3


@pytest.mark.parametrize("source", ["a.csv", "a.parquet"])
def test_a_name_that_is_taken(command: Command, source: str) -> None:
    write("a.csv", CSV)
    pq.write_table(pa.table({"id": [1], "text": ["a superb film"]}), "a.parquet")
    ran = command("score", source, "--names", "model=id")
    ran.failed_with(f"{source}: has a column 'id' already. Choose other names", 2)
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


def test_a_dry_run_takes_it(command: Command) -> None:
    write("a.csv", CSV)
    assert command("score", "a.csv", "--names", "model=m", "--dry-run").exit_code == 0
    ran = command("score", "a.csv", "--names", "model=id", "--dry-run")
    ran.failed_with("has a column 'id' already", 2)


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
