from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from toolkit.errors import InputError
from toolkit.networks import import_keras
from toolkit.records.options import ReadOptions
from toolkit.training.sources import load

WORD_INDEX = {"film": 3, "the": 1, "fine": 2, "åge": 4, "rarest": 5}
TRAIN = [([1, 2, 3], 1), ([1, 4, 5], 0), ([], 0)]
TEST = [([3, 2], 1), ([5], 0)]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files in the form of the real ones, in place of the download."""
    arrays = {}
    for part, rows in (("train", TRAIN), ("test", TEST)):
        arrays[f"x_{part}"] = np.array([None, *(ranks for ranks, _ in rows)], object)[1:]
        arrays[f"y_{part}"] = np.array([label for _, label in rows])
    np.savez(tmp_path / "imdb.npz", allow_pickle=True, **arrays)
    (tmp_path / "imdb_word_index.json").write_text(json.dumps(WORD_INDEX))
    import_keras()
    monkeypatch.setattr(
        "keras.src.datasets.imdb.get_file", lambda fname, **_: str(tmp_path / fname)
    )
    return tmp_path


def test_ranks_become_words_again(stand_in: Path) -> None:
    """Keras shuffles the reviews; the rarest word is not lost, and an empty review is none."""
    reviews = load("imdb", ReadOptions())
    found = zip(reviews.texts.to_pylist(), reviews.labels.tolist(), strict=True)
    assert sorted(found) == [("the fine film", 1), ("the åge rarest", 0)]
    assert reviews.without_text == 1
    assert reviews.labels.dtype == np.int8


def test_the_test_part(stand_in: Path) -> None:
    assert sorted(load("imdb", ReadOptions(), "test").texts.to_pylist()) == ["film fine", "rarest"]


def test_a_failed_download_names_the_other_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fname: str, **_: object) -> str:
        raise Exception(f"URL fetch failure on {fname}")

    import_keras()
    monkeypatch.setattr("keras.src.datasets.imdb.get_file", fail)
    with pytest.raises(InputError, match=r"imdb: .*URL fetch failure.*CSV, JSONL or Parquet.*aclI"):
        load("imdb", ReadOptions())
