"""The tools of the larger teacher, as far as they run without its weights."""

from __future__ import annotations

import io
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from examples.teacher.mpnet import answer, texts, weights
from examples.teacher.mpnet.network import distance_buckets
from examples.teacher.mpnet.pieces import equal_batches
from examples.teacher.mpnet.texts import BOTH, Mix, Question, answered_by, examples_of, folds_of
from examples.teacher.reviews.reviews import Reviews
from exported.data import HELD_OUT
from toolkit.errors import InputError
from toolkit.training import fingerprint


def archive_in(folder: Path, pieces: int, files: dict[str, bytes]) -> list[Path]:
    """Packages whose pieces are an archive."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"all-mpnet-base-v2/{name}", content)
    content, paths = whole.getvalue(), []
    size = len(content) // pieces + 1
    for number in range(pieces):
        paths.append(folder / f"part_{number}.whl")
        with zipfile.ZipFile(paths[-1], "w") as package:
            package.writestr("a_package/__init__.py", b"")
            piece = content[number * size : (number + 1) * size]
            package.writestr(f"a_package/input/a.zip.{number:03}", piece)
    return paths


def test_the_parts_are_joined_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = archive_in(tmp_path, 3, {"model.safetensors": b"weights" * 99, "README.md": b"x"})
    names = {weights.WEIGHTS: "0" * 64}
    monkeypatch.setattr(weights, "SHA256", names)
    with weights.joined(packages) as archive:
        with pytest.raises(InputError, match=r"the SHA-256 is [0-9a-f]{64}, expected 0000"):
            weights.unpack(archive, tmp_path / "out")
        names[weights.WEIGHTS] = sha256(b"weights" * 99).hexdigest()
        weights.unpack(archive, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model.safetensors"]
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == b"weights" * 99
    with pytest.raises(InputError, match=r"Run python -m examples\.teacher\.mpnet\.weights first"):
        weights.model_file(tmp_path, weights.WEIGHTS)


def some_reviews() -> Reviews:
    """Short and long reviews of two domains; one text stands in both folds."""
    rows = []
    for number in range(400):
        fold, label = "ABV"[number % 3], number % 2
        domain = "films" if number % 5 == 0 else "hotels"
        text = f"a {'good' if label else 'bad'} place with number {number:03}"
        if domain == "films":
            text = ". ".join([text.capitalize()] * 12) + "."
        rows.append((text, domain, fold, label))
    rows += [("it is good in both folds", "hotels", fold, 1) for fold in "AB"]
    columns = [*zip(*rows, strict=True)]
    return Reviews(
        pa.chunked_array([pa.array(columns[0], pa.large_string())]),
        np.array(columns[1]),
        np.array(columns[2]),
        np.array(columns[3], np.float32),
        np.full(len(rows), np.nan, np.float32),
    )


def test_a_fold_learns_from_its_own_texts_alone() -> None:
    reviews = some_reviews()
    folds = folds_of(reviews)
    assert folds["it is good in both folds"] == BOTH
    mix = Mix(short=20, long=5, sentences=20, opinions=20, neutral=20, beside=20, written=20)
    found = examples_of("A", reviews, mix)
    assert found == examples_of("A", reviews, mix)
    assert found != examples_of("A", reviews, mix, 1)
    assert found != examples_of("B", reviews, mix)
    assert len(found) == 125
    own = [each for each in found if each.text in folds]
    assert {folds[each.text] for each in own} == {"A"}
    assert {each.probability for each in own} <= {texts.SURE, 1 - texts.SURE}
    for each in own:
        assert (each.probability > 0.5) == ("good" in each.text)
    others = {
        text.rstrip(".") for text, fold in folds.items() if fold != "A" and len(text.split()) < 13
    }
    assert not any(text in each.text for each in found for text in others)


def test_a_text_is_answered_by_whom_has_not_seen_its_label() -> None:
    asked = {fold: answered_by(Question("", "", fold)) for fold in ("A", "B", HELD_OUT, BOTH)}
    assert asked == {"A": "B", "B": "A", HELD_OUT: "AB", BOTH: "A"}


def test_batches_have_texts_of_one_length() -> None:
    lengths = np.random.default_rng(1).integers(3, 9, 200)
    found = [*equal_batches(lengths, 40)]
    assert sorted(np.concatenate(found).tolist()) == [*range(200)]
    for rows in found:
        assert len({*lengths[rows].tolist()}) == 1
        assert len(rows) * lengths[rows[0]] <= 40


def test_near_distances_are_exact_and_far_ones_together() -> None:
    found = distance_buckets(160)
    assert found[0, :9].tolist() == [0, 17, 18, 19, 20, 21, 22, 23, 24]  # pieces after it
    assert found[:9, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert (found[0, 130], found[130, 0]) == (31, 15)
    assert (np.diff(found[:, 0]) >= 0).all()


class FakeModels:
    """Models of one fold or both, which say positive of texts with "good"."""

    folds = "A"

    def __init__(self, work: Path) -> None:
        self.work = work

    def logits(self, asked: list[str], folds: list[str]) -> dict[str, np.ndarray]:
        found = np.array([2.0 if "good" in text else -2.0 for text in asked], np.float32)
        return {
            fold: np.where([fold in each for each in folds], found, np.nan) for fold in self.folds
        }


def test_answers_are_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [
        Question(fingerprint(text), text, "ABV"[number % 3])
        for number, text in enumerate(f"{word} {n}" for n in range(50) for word in ("good", "bad"))
    ]
    monkeypatch.setattr(answer, "questions", lambda data, work: asked)
    monkeypatch.setattr(answer, "Models", FakeModels)
    monkeypatch.setattr(answer, "AT_ONCE", 10)
    monkeypatch.setattr(answer, "OF_A_PART", 20)
    (tmp_path / "judged.json").write_text('{"scale": 1.5}', "utf-8")
    folder = tmp_path / "answers"
    call = ["answer", "--work", str(tmp_path), "--answers", str(folder)]
    monkeypatch.setattr(sys, "argv", call)
    answer.main()
    assert "100 short texts, 0 answered already, 33 for the folds A" in capsys.readouterr().out
    assert [path.name for path in sorted(folder.iterdir())] == ["000.parquet", "001.parquet"]
    FakeModels.folds = "AB"
    answer.main()
    FakeModels.folds = "A"
    rows = [row for path in sorted(folder.iterdir()) for row in pq.read_table(path).to_pylist()]
    names = [row["text_sha256"] for row in rows]
    assert sorted(names) == sorted(each.name for each in asked)
    told = {row["text_sha256"]: row["positive_probability"] for row in rows}
    for each in asked:
        assert told[each.name] == pytest.approx(0.953 if "good" in each.text else 0.047, abs=1e-4)
    before = sorted(folder.iterdir())
    answer.main()
    assert sorted(folder.iterdir()) == before
