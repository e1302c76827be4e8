"""`toolkit score --prior`: scores adjusted to the share of positive reviews of each file."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from tests.cli.running import Command
from tests.models import shipped_scorer
from tests.scoring.reviews import write_csv
from tests.scoring.test_resume import Stopped, stop_after
from tests.shards.running import score_shards
from toolkit.records import ReadOptions
from toolkit.scoring import Job, ScoringOptions, score_file
from toolkit.scoring.file_prior import FIRST_RECORDS, FilePrior, prior_of_file
from toolkit.scoring.journal import Journal

PRAISE = "good", "great", "lovely", "superb", "fine", "excellent", "perfect", "nice", "okay"
BLAME = "bad", "awful", "horrible", "terrible", "dull", "poor", "useless", "the worst", "so so"
SUBJECTS = "the room", "the staff", "our dinner", "the film", "my phone", "the app", "the hotel"


def reviews(count: int, share: float, seed: int = 1, *, is_sorted: bool = False) -> list[str]:
    """Short reviews, of which a share is positive."""
    draw = random.Random(seed)
    labels = [place < share * count for place in range(count)]
    if not is_sorted:
        draw.shuffle(labels)
    return [
        f"{draw.choice(SUBJECTS)} was {draw.choice(words)}, really {draw.choice(words)}"
        for words in (PRAISE if label else BLAME for label in labels)
    ]


def write(path: Path, *arguments: Any, **options: Any) -> Path:
    write_csv(path, reviews(*arguments, **options))
    return path


def run(command: Command, *arguments: str | Path) -> dict[str, Any]:
    """Score, and give the report."""
    ran = command("score", *arguments, "--report", "report.json", "--force", "-q")
    assert (ran.exit_code, ran.err) == (0, "")
    found: dict[str, Any] = json.loads(Path("report.json").read_text("utf-8"))
    return found


def test_auto_is_the_share_that_it_finds(command: Command) -> None:
    write(command.folder / "a.csv", 600, 0.9)
    found = run(command, "a.csv", "--prior", "auto", "-o", "auto.csv", "--stars")
    (file,) = found["files"]
    share = file["prior"]["share"]
    assert share == pytest.approx(0.9, abs=0.07)
    assert (file["prior"]["scores"], file["prior"]["problem"]) == (600, None)
    assert found["adjusted_share"] == pytest.approx(0.9, abs=0.1)
    assert found["prior"] is None
    found = run(command, "a.csv", "--prior", str(share), "-o", "named.csv", "--stars")
    assert Path("auto.csv").read_bytes() == Path("named.csv").read_bytes()
    assert (found["prior"], found["files"][0]["prior"]) == (share, None)
    plain = run(command, "a.csv", "-o", "plain.csv", "--stars")
    assert plain["adjusted_share"] == found["adjusted_share"]
    columns = [pc.read_csv(f"{name}.csv") for name in ("auto", "plain")]
    for name in ("positive_probability", "predicted_stars"):
        before, after = (each[name].to_numpy() for each in columns[::-1])
        assert (after > before).all()


def test_workers_blocks_resumed_runs_and_shards_give_the_same(command: Command) -> None:
    source = write(command.folder / "a.csv", FIRST_RECORDS + 500, 0.85)
    run(command, "a.csv", "--prior", "auto", "-o", "one.csv")
    expected = Path("one.csv").read_bytes()
    reading = ReadOptions(block_bytes=3_000)
    for workers in (1, 3):
        options = ScoringOptions(reading=reading, workers=workers, estimates_prior=True, force=True)
        score_file(shipped_scorer(), source, Path("other.csv"), options)
        assert Path("other.csv").read_bytes() == expected
    options = ScoringOptions(
        reading=reading, workers=1, estimates_prior=True, resume=True, checkpoint_seconds=0
    )
    with pytest.raises(Stopped):
        score_file(shipped_scorer(), source, Path("again.csv"), options, stop_after(20))
    journal = Journal(Job.of(source, Path("again.csv")))
    journal.open()
    assert journal.checkpoint is not None
    assert journal.checkpoint.prior == prior_of_file(
        shipped_scorer(), Job.of(source, Path("again.csv")), ReadOptions(), 1
    )
    journal.close()
    score_file(shipped_scorer(), source, Path("again.csv"), options)
    assert Path("again.csv").read_bytes() == expected
    score_shards(command, 3, "a.csv", "--prior", "auto", "-o", "many/")
    command("finish", "many/", "--report", "many.json", "-q")
    assert Path("many/a.csv").read_bytes() == expected
    files = [
        json.loads(Path(f"{name}.json").read_text())["files"][0] for name in ("report", "many")
    ]
    assert files[0]["prior"] == files[1]["prior"]
    assert files[0]["positive"] == files[1]["positive"]
    run(command, "a.csv", "--prior", "auto", "--limit", "100", "-o", "first.csv")
    assert expected.startswith(Path("first.csv").read_bytes())


def test_files_of_a_run_have_priors_of_their_own(command: Command) -> None:
    for name, share in (("a.csv", 0.9), ("b.csv", 0.1)):
        write(command.folder / name, 300, share)
    found = run(command, "a.csv", "b.csv", "--prior", "auto", "-o", "all/")
    shares = [file["prior"]["share"] for file in found["files"]]
    assert shares == pytest.approx([0.9, 0.1], abs=0.08)
    ran = command("score", "a.csv", "b.csv", "--prior", "auto", "-o", "all/", "--force")
    low, high = (f"{100 * share:.1f}%" for share in sorted(shares))
    assert f"prior         {low} to {high} positive, by the first 2,000 records" in ran.err
    alone = run(command, "b.csv", "--prior", "auto", "-o", "b.out.csv")
    assert alone["files"][0]["prior"] == found["files"][1]["prior"]
    assert Path("b.out.csv").read_bytes() == Path("all/b.csv").read_bytes()


def test_too_few_scores_adjust_nothing(command: Command) -> None:
    write(command.folder / "a.csv", 15, 0.8)
    run(command, "a.csv", "-o", "plain.csv")
    ran = command("score", "a.csv", "--prior", "auto", "-o", "auto.csv")
    assert ran.err.startswith("warning: a.csv: --prior auto adjusts nothing here: ")
    assert "15 scores are too few, or too unsure. If you know the share" in ran.err
    assert "prior         none: it cannot be estimated" in ran.err
    assert "adjusted" not in ran.err
    assert Path("auto.csv").read_bytes() == Path("plain.csv").read_bytes()
    write_csv(command.folder / "b.csv", ["", "  "] + ["qxzv"] * 3)
    ran = command("score", "b.csv", "--prior", "auto", "-o", "b.out.csv")
    assert "none of them has a score" in ran.err


def test_a_sorted_file_is_told(command: Command) -> None:
    write(command.folder / "a.csv", FIRST_RECORDS + 1_000, 0.5, is_sorted=True)
    ran = command("score", "a.csv", "--prior", "auto", "-o", "auto.csv")
    assert "warning: a.csv: by their scores, " in ran.err
    assert "The file may be sorted" in ran.err
    assert re.search(r"Score it again with --prior 0\.4[89]\d\.", ran.err)
    score_shards(command, 2, "a.csv", "--prior", "auto", "-o", "many/")
    assert "The file may be sorted" in command("finish", "many/").err
    write(command.folder / "b.csv", FIRST_RECORDS + 1_000, 0.5)
    assert "sorted" not in command("score", "b.csv", "--prior", "auto").err


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_file_of_one_label(command: Command, share: float) -> None:
    write(command.folder / "a.csv", 300, share)
    found = run(command, "a.csv", "--prior", "auto", "-o", "auto.csv")
    plain = run(command, "a.csv", "-o", "plain.csv")
    right = found["positive"] if share else found["scored"] - found["positive"]
    before = plain["positive"] if share else plain["scored"] - plain["positive"]
    assert 300 >= right >= before
    assert abs(found["adjusted_share"] - share) < 0.08


def test_parquet_says_which_prior(command: Command) -> None:
    write(command.folder / "a.csv", 300, 0.9)
    found = run(command, "a.csv", "--prior", "auto", "-o", "a.parquet")
    metadata = pq.read_schema("a.parquet").metadata
    assert float(metadata[b"toolkit.prior"]) == pytest.approx(found["files"][0]["prior"]["share"])
    run(command, "a.csv", "-o", "b.parquet")
    assert b"toolkit.prior" not in pq.read_schema("b.parquet").metadata


@pytest.mark.parametrize("other", [[], ["--prior", "0.9"]])
def test_another_prior_is_another_output(command: Command, other: list[str]) -> None:
    write(command.folder / "a.csv", 300, 0.9)
    skipped = ["score", "a.csv", "-o", "b.csv", "--skip-existing", "-q"]
    assert command(*skipped, "--prior", "auto").exit_code == 0
    assert command(*skipped, "--prior", "auto").exit_code == 0
    command(*skipped, *other).failed_with("prior. Replace it with", 2)


@pytest.mark.parametrize("prior", ["1e-7", "0", "1", "nan", "x", "90%"])
def test_a_wrong_prior_is_one_line(command: Command, prior: str) -> None:
    write(command.folder / "a.csv", 3, 0.9)
    command("score", "a.csv", "--prior", prior).failed_with("error: --prior: expected ", 2)


def test_standard_input_cannot_be_read_twice(command: Command) -> None:
    ran = command("score", "-", "--format", "csv", "--prior", "auto")
    ran.failed_with("--prior auto: reads the first records of a file twice", 2)


def test_summaries_say_the_adjusted_share(command: Command) -> None:
    write(command.folder / "a.csv", 600, 0.9)
    ran = command("score", "a.csv", "-o", "plain.csv", "--log-format", "json")
    told = json.loads(ran.err.splitlines()[-1])
    assert command("score", "a.csv", "-o", "b.csv").err.count("positive, by all scores") == 1
    ran = command("summarize", "plain.csv", "--json")
    assert json.loads(ran.out)["adjusted"] == pytest.approx(told["adjusted_share"], abs=1e-3)
    assert "positive, adjusted" in command("summarize", "plain.csv").out
    ran = command("score", "a.csv", "-o", "c.csv", "--prior", "auto", "--page", "page.html")
    assert "adjusted by all scores" not in Path("page.html").read_text("utf-8")
    ran = command("score", "a.csv", "-o", "d.csv", "--page", "page.html", "--force")
    assert "adjusted by all scores" in Path("page.html").read_text("utf-8")


def test_a_warning_has_reasons() -> None:
    assert FilePrior(0.9, 0.01, 500).warning is None
    assert FilePrior.of(None).problem == "none of them has a score"
