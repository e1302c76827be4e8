"""A second model that is a folder: the same bytes however a file is cut, and what is refused."""

from __future__ import annotations

import csv
import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import COMMAND, Command
from tests.folders.making import EMOTIONS, PLAIN, SENTENCES, STARS, Folder
from tests.models import many_texts
from tests.shards.running import score_shards
from toolkit import Scorer
from toolkit.errors import ModelError, UsageError
from toolkit.scoring.block_loop import SelectedBlock
from toolkit.scoring.block_scorer import BlockScorer, ScoredBlock

RANGE = ("--unsure", "0.1:0.9")
SECOND = ("--second", "mine", *RANGE, "--answered-by")
ROWS = 3000


@pytest.fixture
def source(command: Command, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of several blocks, and the folder `mine` beside it."""
    monkeypatch.setattr("toolkit.records.lines.BLOCK_RECORDS", 500)
    Folder().write(command.folder / "mine")
    chosen = random.Random(1)
    texts = [*SENTENCES, *many_texts(100), "", "Una película muy buena para toda la familia"]
    with (command.folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text"])
        writer.writerows([chosen.choice(texts)[:200]] for _ in range(ROWS))
    return command.folder / "a.csv"


def test_bytes_do_not_depend_on_workers_and_shards(command: Command, source: Path) -> None:
    ran = command(
        "score", source, *SECOND, "-o", "one.csv", "--workers", "1", "--report", "one.json"
    )
    assert ran.exit_code == 0, ran.err
    expected = Path("one.csv").read_bytes()
    with Path("one.csv").open(encoding="utf-8", newline="") as file:
        answered = [row["answered_by"] for row in csv.DictReader(file)]
    by_second = answered.count("second")
    assert by_second > 100
    assert answered.count("first") > 100
    assert answered.count("") > 0
    report = json.loads(Path("one.json").read_text(encoding="utf-8"))
    assert report["answered_by_second"] == by_second
    assert report["model"]["second"]["name"] == "mine"
    assert report["model"]["second"]["unsure"] == [0.1, 0.9]
    assert f"second model  mine: {by_second:,} (" in ran.err
    assert command("score", source, *SECOND, "-o", "two.csv", "--workers", "3").exit_code == 0
    assert Path("two.csv").read_bytes() == expected
    done = score_shards(command, 3, "a.csv", *SECOND, "-o", "three.csv")
    assert [each.exit_code for each in done] == [0, 0, 0]
    finished = command("finish", "three.csv")
    assert finished.exit_code == 0
    assert f"second model  mine: {by_second:,} (" in finished.err
    assert Path("three.csv").read_bytes() == expected
    with source.open("rb") as content:  # in blocks of the usual size
        piped = subprocess.run(
            [*COMMAND, "score", "-", "--format", "csv", *SECOND, "-o", "-"],
            stdin=content,
            capture_output=True,
            cwd=command.folder,
            check=True,
        )
    assert piped.stdout == expected


def test_a_resumed_run_has_the_same_bytes(
    command: Command, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = (*SECOND, "--workers", "1", "--checkpoint-seconds", "0")
    assert command("score", source, *options, "-o", "whole.csv").exit_code == 0
    score = BlockScorer.score

    def score_until_killed(self: BlockScorer, block: SelectedBlock) -> ScoredBlock:
        if block.number == 3:
            raise KeyboardInterrupt
        return score(self, block)

    with monkeypatch.context() as killing:
        killing.setattr(BlockScorer, "score", score_until_killed)
        assert command("score", source, *options, "-o", "part.csv").exit_code == 130
    for other in (
        (),
        ("--second", "mine", "--unsure", "0.2:0.8"),
        ("--second", "reviews-small", *RANGE),
        (*SECOND, "--second-mean"),
    ):
        ran = command("score", source, *other, "-o", "part.csv", "--resume")
        assert ran.exit_code == 2, other
        assert "second model" in ran.err or "mean of both models" in ran.err
    ran = command("score", source, *options, "-o", "part.csv", "--resume")
    assert ran.exit_code == 0, ran.err
    assert Path("part.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_a_finished_output_is_outdated_without_the_second(command: Command, source: Path) -> None:
    called = ("score", source, "-o", "done.csv", "--skip-existing")
    assert command(*called, *SECOND[:-1]).exit_code == 0
    assert "skipped" in command(*called, *SECOND[:-1]).err
    ran = command(*called)
    assert ran.exit_code == 2
    assert "the range of the second model" in ran.err


def test_a_folder_of_stars_is_a_second_and_a_first(tmp_path: Path) -> None:
    stars = Folder(labels=STARS).write(tmp_path / "stars")
    plain = Folder().write(tmp_path / "plain")
    own = Scorer(stars).stars(SENTENCES)
    assert Scorer(second=stars, unsure=(0, 1)).stars(SENTENCES) == own
    by_scale = Scorer(second=plain, unsure=(0, 1)).stars(SENTENCES)
    assert all(each is not None and 1 <= each <= 5 for each in by_scale)
    for scorer in (
        Scorer(stars, second="reviews", unsure=(0, 1), second_mean=True),
        Scorer(stars, second=plain, unsure=(0, 1)),
    ):
        assert scorer.score(SENTENCES)
        with pytest.raises(UsageError, match=r"^--stars: the stars of stars are its labels"):
            scorer.stars(SENTENCES)


def test_models_of_classes_have_no_second(tmp_path: Path) -> None:
    emotions = Folder(labels=EMOTIONS).write(tmp_path / "emotions")
    with pytest.raises(UsageError, match=r"^--second: the model emotions has 3 classes"):
        Scorer(second=emotions, unsure=(0, 1))
    with pytest.raises(UsageError, match=r"^--second, --unsure: only for models of negative"):
        Scorer(emotions, second="reviews", unsure=(0, 1))


def test_the_output_cannot_be_the_second_model(command: Command, source: Path) -> None:
    Path("m.onnx").write_bytes(Path("mine/model.onnx").read_bytes())
    network = "mine/model.onnx"
    given = ("--second", network, *RANGE, "-o", network, "--output-format", "csv", "--force")
    ran = command("score", source, *given)
    assert ran.exit_code == 2
    assert "as it is also the model" in ran.err


@pytest.fixture
def labelled(command: Command) -> Path:
    """Write reviews that the folder `mine` has right, and the first model often has not."""
    mine = Folder().write(command.folder / "mine")
    texts = [f"{text} {number}" for number, text in enumerate(many_texts(400))]
    rows = [
        (text, int(score.sentiment == "positive"))
        for text, score in zip(texts, Scorer(mine).score(texts), strict=True)
        if score.sentiment is not None
    ]
    with (command.folder / "labelled.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return command.folder / "labelled.csv"


def test_a_written_range_is_used_without_unsure(command: Command, labelled: Path) -> None:
    given = ("evaluate", "reviews-small", labelled, "--second", "mine", "--write-range")
    ran = command(*given)
    assert ran.exit_code == 0, ran.err
    beside = Path("mine/second-opinion.json")
    assert f"Written to {beside}" in ran.out
    found = json.loads(beside.read_text(encoding="utf-8"))
    low, high = found["unsure"]
    assert (found["first"], low < 0.5 < high) == ("reviews-small", True)
    assert found["threshold"] == 0.5
    ran = command(*given)
    assert ran.exit_code == 2
    assert f"{beside}: --write-range has a range there. Replace it with --force." in ran.err
    assert command(*given, "--force").exit_code == 0
    called = ("score", labelled, "-m", "reviews-small", "--second", "mine", "-q", "-o")
    assert command(*called, "alone.csv").exit_code == 0
    mean = ("--second-mean",) if found["mean"] else ()
    assert command(*called, "named.csv", "--unsure", f"{low}:{high}", *mean).exit_code == 0
    assert Path("alone.csv").read_bytes() == Path("named.csv").read_bytes()
    assert command(*called, "alone.csv", "--unsure", "0.1:0.9", "--resume").exit_code == 2
    scorer = Scorer("reviews-small", second="mine")
    assert scorer.identity() == Scorer(**vars_of(scorer)).identity()
    ran = command("score", labelled, "--second", "mine", "-o", "other.csv")
    assert ran.exit_code == 2
    assert "was chosen for another first model, reviews-small" in ran.err
    for content, reason in (('{"first": 1}', "first is 1"), ("[]", r"the content is \[\]")):
        beside.write_text(content, encoding="utf-8")
        with pytest.raises(ModelError, match=f"not a range of a second model: {reason}"):
            Scorer("reviews-small", second="mine")
    beside.unlink()
    advised = "keep the best one .* `toolkit evaluate DATA --second mine --write-range`"
    with pytest.raises(UsageError, match=advised):
        Scorer("reviews-small", second="mine")


def test_a_written_range_is_of_one_threshold(command: Command, labelled: Path) -> None:
    given = ("evaluate", "reviews-small", labelled, "--second", "mine", "--write-range")
    ran = command(*given, "--threshold", "0.6")
    assert ran.exit_code == 0, ran.err
    assert "toolkit score … --model reviews-small --threshold 0.6 --second mine" in ran.out
    beside = Path("mine/second-opinion.json")
    assert json.loads(beside.read_text(encoding="utf-8"))["threshold"] == 0.6
    called = ("score", labelled, "-m", "reviews-small", "--second", "mine", "-o", "a.csv")
    ran = command(*called)
    assert ran.exit_code == 2
    assert (
        f"the range in {beside} was chosen for the threshold 0.6, and the threshold here is 0.5. "
        "Use --threshold 0.6, or name a range with --unsure."
    ) in ran.err
    assert command(*called, "--threshold", "0.6").exit_code == 0
    assert command(*called, "--unsure", "0.3:0.7", "--force").exit_code == 0
    stated = json.loads(beside.read_text(encoding="utf-8"))
    del stated["threshold"]  # as older versions wrote it
    beside.write_text(json.dumps(stated), encoding="utf-8")
    assert command(*called, "--force").exit_code == 0


@pytest.mark.parametrize("option", ["--report", "--doubtful"])
def test_the_range_has_a_file_of_its_own(command: Command, labelled: Path, option: str) -> None:
    """What another option writes is not replaced by the range."""
    given = ("evaluate", "reviews-small", labelled, "--second", "mine", "--write-range", "--force")
    name = "mine/second-opinion.json"
    ran = command(*given, option, f"mine/../{name}")
    assert ran.exit_code == 2
    assert f"{name}: is the file of --write-range. Choose another with --report" in ran.err
    assert not Path(name).exists()


def vars_of(scorer: Scorer) -> dict[str, Any]:
    """Return the models and the range of a scorer as arguments."""
    found = scorer.options
    return {
        "model": found.model,
        "second": found.second,
        "unsure": found.unsure,
        "second_mean": found.second_mean,
    }


def test_no_range_is_written_where_it_does_not_help(command: Command, labelled: Path) -> None:
    given = ("evaluate", "mine", labelled, "--write-range")
    Folder("distilbert", inputs=PLAIN).write(command.folder / "other")
    ran = command(*given, "--second", "other")
    assert ran.exit_code == 2
    assert "The second model does not help here" in ran.out
    assert "No range is written" in ran.err
    assert "older" not in ran.err
    older = Path("other/second-opinion.json")
    assert not older.exists()
    older.write_text("{}", encoding="utf-8")
    ran = command(*given, "--second", "other", "--force")
    assert ran.exit_code == 2
    assert f"The older range in {older} stays, and is used until you delete it." in ran.err
    assert older.read_text(encoding="utf-8") == "{}"
    assert "--write-range: needs a second model" in command(*given).err
    assert "reviews is not in a folder of yours" in command(*given, "--second", "reviews").err
