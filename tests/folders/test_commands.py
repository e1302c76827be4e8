"""The commands with a classifier folder: the same bytes however a file is cut."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from tests.cli.running import Command
from tests.folders.making import EMOTIONS, PLAIN, SENTENCES, STARS, Folder
from tests.shards.running import score_shards
from toolkit import Scorer
from toolkit.errors import UsageError
from toolkit.scoring.block_loop import SelectedBlock
from toolkit.scoring.block_scorer import BlockScorer, ScoredBlock
from toolkit.service.rows import Wanted, rows_of

ROWS = 3000


@pytest.fixture
def source(command: Command, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of several blocks, and the folder `mine` beside it."""
    monkeypatch.setattr("toolkit.records.lines.BLOCK_RECORDS", 500)
    chosen = random.Random(1)
    words = " ".join(SENTENCES).split()
    Folder().write(command.folder / "mine")
    with (command.folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(ROWS):
            text = " ".join(chosen.choices(words, k=chosen.randint(0, 40)))
            writer.writerow([text, ("negative", "positive")[number % 2]])
    return command.folder / "a.csv"


def test_bytes_do_not_depend_on_workers_and_shards(command: Command, source: Path) -> None:
    ran = command("score", source, "-m", "mine", "-o", "one.csv", "--workers", "1")
    assert ran.exit_code == 0, ran.err
    assert "the model reads the first 24 tokens" in ran.err
    expected = Path("one.csv").read_bytes()
    assert command("score", source, "-m", "mine", "-o", "two.csv", "--workers", "3").exit_code == 0
    assert Path("two.csv").read_bytes() == expected
    # Each row alone, in a file of its own, has the same number.
    lines = expected.decode().splitlines()
    for line in random.Random(2).sample(lines[1:], 5):
        Path("b.csv").write_text(f"text,label\n{line.rpartition(',')[0].rpartition(',')[0]}\n")
        assert command("score", "b.csv", "-m", "mine", "-o", "c.csv", "--force").exit_code == 0
        assert Path("c.csv").read_text(encoding="utf-8").splitlines()[1] == line
    done = score_shards(command, 3, "a.csv", "-m", "mine", "-o", "three.csv")
    assert [each.exit_code for each in done] == [0, 0, 0]
    assert command("finish", "three.csv").exit_code == 0
    assert Path("three.csv").read_bytes() == expected


def test_a_resumed_run_has_the_same_bytes(
    command: Command, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("score", source, "-m", "mine", "--workers", "1", "--checkpoint-seconds", "0")
    score = BlockScorer.score
    scored: list[object] = []

    def counted(self: object, block: object) -> object:
        scored.append(block)
        return score(self, block)  # type: ignore[arg-type]

    monkeypatch.setattr(BlockScorer, "score", counted)
    assert command(*arguments, "-o", "one.csv").exit_code == 0
    blocks = len(scored)

    def stopped(self: object, block: object) -> object:
        if getattr(block, "number", 0) == 3:
            raise KeyboardInterrupt
        return score(self, block)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(BlockScorer, "score", stopped)
        assert command(*arguments, "-o", "two.csv", "--resume").exit_code != 0
    assert not Path("two.csv").exists()
    scored.clear()
    ran = command(*arguments, "-o", "two.csv", "--resume")
    assert ran.exit_code == 0, ran.err
    assert 0 < len(scored) < blocks
    assert Path("two.csv").read_bytes() == Path("one.csv").read_bytes()


def test_blocks_are_small_so_that_threads_share_a_file(
    command: Command, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.records.lines.BLOCK_RECORDS", 1 << 15)
    assert source.stat().st_size > 300_000
    score = BlockScorer.score
    scored: list[SelectedBlock] = []

    def counted(self: BlockScorer, block: SelectedBlock) -> ScoredBlock:
        scored.append(block)
        return score(self, block)

    monkeypatch.setattr(BlockScorer, "score", counted)
    assert command("score", source, "-m", "mine", "-o", "one.csv").exit_code == 0
    assert 5 <= len(scored) <= 10
    scored.clear()
    assert command("score", source, "-m", "mine", "--dry-run").exit_code == 0
    assert scored
    assert max(each.block.size for each in scored) < 1 << 17
    scored.clear()
    assert command("score", source, "-m", "conv1d", "-o", "two.csv").exit_code == 0
    assert len(scored) <= 2


def test_other_commands_know_a_folder(command: Command, source: Path) -> None:
    ran = command("info", "mine")
    assert ran.exit_code == 0
    assert "labels        NEGATIVE, POSITIVE" in ran.out
    found = json.loads(command("info", "mine", "--json").out)
    assert found["kind"] == "classifier folder"
    assert (found["reads"], found["max_tokens"], found["one_by_one"]) == ("start", 24, False)
    assert (
        command("score", source, "-m", "mine", "-o", "b.csv", "--names", "model=m").exit_code == 0
    )
    with Path("b.csv").open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    assert row["m"] == f"mine transformers-5.0.0 sha256-{found['sha256'][:16]}"
    ran = command("evaluate", "mine", "reviews-small", "a.csv", "--json")
    assert ran.exit_code == 0, ran.err
    names = [each["name"] for each in json.loads(ran.out)["models"]]
    assert sorted(names) == ["mine", "reviews-small"]
    ran = command("diff", "reviews-small", "mine", "a.csv")
    assert ran.exit_code == 0, ran.err
    ran = command("summarize", "b.csv", "--json")
    assert ran.exit_code == 0, ran.err
    command("summarize", "b.csv", "-m", "mine").failed_with(
        "toolkit summarize --model: for models", 2
    )
    command("explain", "A fine film.", "-m", "mine").failed_with(
        "toolkit explain: for models of", 2
    )


def test_stars_and_classes_become_columns(command: Command, source: Path) -> None:
    Folder("xlm-roberta", STARS, inputs=PLAIN).write(command.folder / "stars")
    assert command("score", source, "-m", "stars", "--stars", "-o", "b.csv").exit_code == 0
    header = Path("b.csv").read_text(encoding="utf-8").partition("\n")[0]
    assert header == "text,label,predicted_sentiment,positive_probability,predicted_stars"
    command("score", source, "-m", "stars", "--prior", "0.3", "-o", "c.csv").failed_with(
        "--prior: the labels of stars are stars", 2
    )
    Folder("roberta", EMOTIONS, inputs=PLAIN).write(command.folder / "emotions")
    ran = command("score", source, "-m", "emotions", "--probabilities", "-o", "d.csv")
    assert ran.exit_code == 0, ran.err
    header = Path("d.csv").read_text(encoding="utf-8").partition("\n")[0]
    assert header.endswith("probability_anger,probability_joy,probability_fear")


def test_a_service_answers_as_the_scorer(command: Command) -> None:
    scorer = Scorer(Folder().write(command.folder / "mine"))
    rows = rows_of(scorer, [*SENTENCES[:3], None], Wanted(), lambda: True)
    assert [row and row["sentiment"] for row in rows] == [
        each.sentiment for each in scorer.score([*SENTENCES[:3], None])
    ]
    with pytest.raises(UsageError, match="by-sentence: for models of this toolkit"):
        scorer.with_labels(by_sentence=True)
