"""A scorer that is sent to other processes: small, opened once in each, and of one thread."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow as pa
import pytest

from tests.data import PROJECT
from tests.models import BORE, CONV1D, FILM, MODEL, many_texts, shipped_scorer
from toolkit import Scorer
from toolkit.errors import ModelError, UsageError
from toolkit.model import Score
from toolkit.model.scorer import MOST_SCORERS

TEXTS = [FILM, BORE, None, " ", "!!!"]


def sent(scorer: Scorer) -> Scorer:
    found = pickle.loads(pickle.dumps(scorer))
    assert isinstance(found, Scorer)
    return found


SCORERS: dict[str, Callable[[], Scorer]] = {
    "default": Scorer,
    "name": lambda: Scorer("reviews-small"),
    "path": lambda: Scorer(CONV1D),
    "threshold": lambda: Scorer(str(CONV1D), 0.9),
    "neutral": lambda: Scorer("reviews", neutral=(0.3, 0.7)),
    "threshold of the default": lambda: Scorer(threshold=0.9),
    "own range, by sentence": lambda: Scorer("reviews", neutral=True, by_sentence=True),
}


@pytest.mark.parametrize("name", SCORERS)
def test_it_is_pickled_small_and_scores_the_same(name: str) -> None:
    scorer = SCORERS[name]()
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert len(pickle.dumps(scorer, protocol)) < 1000
    again = sent(scorer)
    assert again.score(TEXTS) == scorer.score(TEXTS)
    assert again.identity() == scorer.identity()
    assert (again.neutral, again.by_sentence) == (scorer.neutral, scorer.by_sentence)
    assert sent(scorer) is again
    assert sent(again) is again


@pytest.mark.parametrize("neutral", [None, True, (0.3, 0.7)])
@pytest.mark.parametrize("by_sentence", [False, True])
def test_other_labels_of_a_loaded_model(neutral: Any, by_sentence: bool) -> None:
    """They are those of a scorer that was opened for them, also where it is sent."""
    first = Scorer(threshold=0.6)
    before = first.score(TEXTS)
    labelled = first.with_labels(neutral, by_sentence=by_sentence)
    opened = Scorer(None, 0.6, neutral, by_sentence=by_sentence)
    for each in (
        labelled,
        sent(labelled),
        first.with_labels((0.1, 0.9)).with_labels(neutral, by_sentence=by_sentence),
    ):
        assert each.score(TEXTS) == opened.score(TEXTS)
        assert each.explain(FILM) == opened.explain(FILM)
        assert (each.neutral, each.identity()) == (opened.neutral, opened.identity())
    assert first.score(TEXTS) == before


def test_wrong_labels_of_a_loaded_model() -> None:
    with pytest.raises(UsageError, match="has no neutral range of its own"):
        Scorer("conv1d").with_labels(True)
    with pytest.raises(UsageError, match=r"the threshold 0\.5 is not within"):
        Scorer().with_labels((0.6, 0.7))


def test_other_arguments_are_another_scorer() -> None:
    found = [sent(make()) for make in SCORERS.values()]
    assert len({id(each) for each in found}) == len(found)
    assert [sent(each).identity() for each in found] == [each.identity() for each in found]


def test_a_file_that_was_replaced_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    shutil.copy(MODEL, path)
    scorer = Scorer(path)
    first = sent(scorer)
    shutil.copy(CONV1D, path)
    second = sent(scorer)
    assert second.score(TEXTS) == Scorer(CONV1D).score(TEXTS) != first.score(TEXTS)
    path.unlink()
    with pytest.raises(ModelError, match="no such model file"):
        sent(scorer)
    path.write_bytes(b"")
    with pytest.raises(ModelError, match=r"model\.onnx"):
        sent(scorer)
    shutil.copy(CONV1D, path)  # what failed is tried again
    assert sent(scorer).score(TEXTS) == second.score(TEXTS)


def test_a_relative_path_is_of_the_folder_that_one_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name, model in (("a", MODEL), ("b", CONV1D)):
        (tmp_path / name).mkdir()
        shutil.copy(model, tmp_path / name / "model.onnx")
        monkeypatch.chdir(tmp_path / name)
        found.append(sent(Scorer("model.onnx")).score(TEXTS))
    assert found[0] != found[1]


def test_few_scorers_are_kept() -> None:
    old = sent(Scorer(threshold=0.05))
    kept = [sent(Scorer(threshold=0.1 + number / 10)) for number in range(MOST_SCORERS)]
    assert [sent(each) for each in kept] == kept
    again = sent(old)
    assert again is not old
    assert again.threshold == old.threshold


def test_threads_may_open_it_together(tmp_path: Path) -> None:
    shutil.copy(MODEL, tmp_path / "model.onnx")
    content, together = pickle.dumps(Scorer(tmp_path / "model.onnx")), Barrier(8)

    def scored(_number: int) -> list[Score]:
        together.wait()
        return sent(pickle.loads(content)).score(TEXTS)

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(scored, range(8))] == [shipped_scorer().score(TEXTS)] * 8


def test_a_range_may_be_a_list() -> None:
    scorer = Scorer(neutral=[0.3, 0.7])  # type: ignore[arg-type]
    assert sent(scorer).neutral == scorer.neutral


@pytest.mark.slow
@pytest.mark.parametrize("model", [MODEL, CONV1D], ids=lambda path: path.stem)
def test_it_computes_in_the_thread_that_calls_it(model: Path) -> None:
    """Whatever OMP_NUM_THREADS says, so that an engine can give each task one core."""
    script = (
        "import sys, time, pyarrow as pa; from toolkit import Scorer\n"
        "scorer, texts = Scorer(sys.argv[1]), pa.array(sys.stdin.read().splitlines())\n"
        "scorer.score_array(texts)\n"
        "all_threads, this_one = time.process_time(), time.thread_time()\n"
        "for _ in range(3): scorer.score_array(texts)\n"
        "this_one = time.thread_time() - this_one\n"
        "print(this_one, time.process_time() - all_threads - this_one)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(model)],
        env=os.environ | {"PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "4"},
        input="\n".join(many_texts(20_000)),
        capture_output=True,
        text=True,
        check=True,
    )
    this_one, others = map(float, done.stdout.split())
    assert this_one > 0.1
    assert others < 0.1 * this_one


def test_a_table_is_scored_like_a_batch() -> None:
    batch = pa.RecordBatch.from_pydict({"text": TEXTS})
    table = pa.concat_tables([pa.table(batch), pa.table(batch)])
    found = shipped_scorer().score_batch(table)
    assert found == pa.Table.from_batches([shipped_scorer().score_batch(batch)] * 2)
