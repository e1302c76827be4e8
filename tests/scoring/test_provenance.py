"""What a Parquet output says of the model that has scored it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.models import CONV1D, MODEL, many_texts, shipped_scorer
from tests.scoring.kinds import WRITERS
from tests.scoring.reviews import write_csv
from toolkit import __version__
from toolkit.model import Scorer
from toolkit.records import Columns, ReadOptions
from toolkit.scoring import Job, Jobs, ScoringOptions, score_file, score_files
from toolkit.scoring.identity import metadata_of

TEXTS = many_texts(40)
KEYS = {
    *("toolkit.version", "toolkit.model", "toolkit.model_version", "toolkit.model_sha256"),
    *("toolkit.threshold", "toolkit.by_sentence", "toolkit.job_id"),
}


def metadata(path: Path) -> dict[str, str]:
    """What the toolkit says in a file."""
    found = pq.read_schema(path).metadata or {}
    assert found.items() <= (pq.read_metadata(path).metadata or {}).items()
    return {key.decode(): value.decode() for key, value in found.items() if key[:8] == b"toolkit."}


def scored(folder: Path, scorer: Scorer, name: str = "b.parquet", **options: Any) -> Path:
    source = write_csv(folder / "a.csv", ["a fine film", "", "bad"])
    score_file(scorer, source, folder / name, ScoringOptions(**options))
    return folder / name


@pytest.mark.parametrize("ending", WRITERS)
def test_a_parquet_file_says_which_model_has_scored_it(ending: str, tmp_path: Path) -> None:
    source, output = tmp_path / f"a{ending}", tmp_path / "b.parquet"
    WRITERS[ending](source, TEXTS)
    jobs = Jobs([Job.of(source, output, None)], is_single=True)
    (result,) = score_files(shipped_scorer(), jobs)
    found = metadata(output)
    assert found.keys() == KEYS
    assert found["toolkit.version"] == __version__
    assert found["toolkit.model"] == "reviews"
    assert found["toolkit.model_version"] == shipped_scorer().facts.version
    assert found["toolkit.model_sha256"] == shipped_scorer().sha256
    assert (found["toolkit.threshold"], found["toolkit.by_sentence"]) == ("0.5", "false")
    assert found["toolkit.job_id"] == result.job_id
    assert UUID(result.job_id).version == 5


def test_labels_that_are_made_otherwise_are_said(tmp_path: Path) -> None:
    scorer = Scorer(MODEL, 0.55, (0.5, 0.6), by_sentence=True)
    found = metadata(scored(tmp_path, scorer))
    assert found["toolkit.threshold"] == "0.55"
    assert found["toolkit.neutral_range"] == "0.5:0.6"
    assert found["toolkit.by_sentence"] == "true"


def test_a_shard_is_named() -> None:
    assert metadata_of(shipped_scorer(), "id").keys() == KEYS
    assert metadata_of(shipped_scorer(), "id", "3/16")["toolkit.shard"] == "3/16"


def test_an_empty_file_in_a_folder_says_it_too(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    job = replace(Job.of(tmp_path / "a.csv", tmp_path / "b" / "a.parquet", None), is_named=False)
    score_files(shipped_scorer(), Jobs([job], folder=tmp_path / "b"))
    assert metadata(tmp_path / "b" / "a.parquet").keys() == KEYS


def test_a_second_scoring_replaces_what_the_first_has_said(tmp_path: Path) -> None:
    first = scored(tmp_path, Scorer(MODEL, neutral=True))
    columns = Columns(sentiment="s", probability="p")
    options = ScoringOptions(reading=ReadOptions(columns))
    second = tmp_path / "c.parquet"
    score_file(Scorer(CONV1D), first, second, options)
    assert "toolkit.neutral_range" in metadata(first)
    found = metadata(second)
    assert found.keys() == KEYS
    assert found["toolkit.model"] == "conv1d"
    assert found["toolkit.job_id"] != metadata(first)["toolkit.job_id"]


@pytest.mark.parametrize("store_schema", [True, False])
def test_other_metadata_stay(store_schema: bool, tmp_path: Path) -> None:
    schema = pa.schema([("text", pa.string())], {"owner": "é", "toolkit.old": "x"})
    table = pa.table({"text": ["a fine film"]}, schema=schema)
    pq.write_table(table, tmp_path / "a.parquet", store_schema=store_schema)
    if not store_schema:
        with pq.ParquetWriter(tmp_path / "a.parquet", schema, store_schema=False) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({"owner": "é", "toolkit.old": "x"})
    assert metadata(tmp_path / "a.parquet") == {"toolkit.old": "x"}
    score_file(shipped_scorer(), tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert pq.read_schema(tmp_path / "b.parquet").metadata[b"owner"] == "é".encode()
    assert metadata(tmp_path / "b.parquet").keys() == KEYS


@pytest.mark.tools
def test_an_index_of_pandas_stays(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas", reason="needs the extra 'dev-all'")
    frame = pd.DataFrame({"text": ["a fine film", "bad"]}, index=pd.Index([7, 9], name="key"))
    frame.to_parquet(tmp_path / "a.parquet")
    score_file(shipped_scorer(), tmp_path / "a.parquet", tmp_path / "b.parquet")
    found = pd.read_parquet(tmp_path / "b.parquet")
    assert found.index.equals(frame.index)
    assert found[["text"]].equals(frame.astype(found.dtypes[["text"]]))
    assert list(found["predicted_sentiment"]) == ["positive", "negative"]
    found.to_parquet(tmp_path / "c.parquet")
    assert pd.read_parquet(tmp_path / "c.parquet").equals(found)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_the_folder_the_run_and_the_workers_change_no_byte(ending: str, tmp_path: Path) -> None:
    outputs = []
    for number, workers in enumerate([1, 2, 3]):
        folder = tmp_path / str(number)
        folder.mkdir()
        source = folder / f"a{ending}"
        WRITERS[ending](source, TEXTS)
        reading = ReadOptions(block_bytes=4000)
        options = ScoringOptions(reading=reading, workers=workers)
        score_file(shipped_scorer(), source, folder / "b.parquet", options)
        outputs.append((folder / "b.parquet").read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


def _other_name(folder: Path) -> Path:
    return (folder / "a.csv").rename(folder / "other.csv")


def _other_size(folder: Path) -> Path:
    return write_csv(folder / "a.csv", ["a fine film", "", "bad", "bad"])


@pytest.mark.parametrize("change", [_other_name, _other_size])
def test_the_id_of_a_job_is_that_of_its_input(
    change: Callable[[Path], Path], tmp_path: Path
) -> None:
    first = metadata(scored(tmp_path, shipped_scorer()))
    score_file(shipped_scorer(), change(tmp_path), tmp_path / "c.parquet")
    second = metadata(tmp_path / "c.parquet")
    assert {key for key in KEYS if first[key] != second[key]} == {"toolkit.job_id"}


def test_the_id_of_a_job_is_that_of_its_settings(tmp_path: Path) -> None:
    renamed = shutil.copy(MODEL, tmp_path / "renamed.onnx")
    columns = Columns(sentiment="s")
    ids = {
        metadata(scored(tmp_path, scorer, f"{number}.parquet", **options))["toolkit.job_id"]
        for number, (scorer, options) in enumerate(
            [
                (shipped_scorer(), {}),
                (Scorer(MODEL, 0.6), {}),
                (Scorer(CONV1D), {}),
                (Scorer(renamed), {}),
                (shipped_scorer(), {"reading": ReadOptions(columns)}),
                (shipped_scorer(), {"reading": ReadOptions(null_words=("-",))}),
                (shipped_scorer(), {"reading": ReadOptions(quote_is_sure=True)}),
            ]
        )
    }
    assert len(ids) == 7


def test_a_model_of_any_name_has_one(tmp_path: Path) -> None:
    name = b'm\xff, "1".onnx'.decode("utf-8", "surrogateescape")
    scorer = Scorer(shutil.copy(MODEL, tmp_path / name))
    assert scorer.model == f"m_1_ {scorer.facts.version} sha256-{scorer.sha256[:16]}"
    found = metadata(scored(tmp_path, scorer))
    assert found["toolkit.model"] == 'm\\udcff, "1"'
