from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import InputError
from toolkit.records.options import ReadOptions
from toolkit.training.sources import load

FILES = {
    "train/pos/0_9.txt": "first good",
    "train/pos/2_10.txt": "second good",
    "train/pos/10_7.txt": "third good",
    "train/neg/0_1.txt": "first bad",
    "train/neg/1_4.txt": "  ",
    "train/neg/2_3.txt": "second bad",
    "train/unsup/0_0.txt": "without label",
    "test/pos/0_10.txt": "tested good",
    "test/neg/0_2.txt": "tested bad",
}


def url(film: int) -> str:
    return f"http://www.imdb.com/title/tt{film:07}/usercomments\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def test_reviews_are_ordered_by_label_and_number(folder: Path) -> None:
    reviews = load(str(folder), ReadOptions())
    assert reviews.texts.to_pylist() == [
        "first bad",
        "second bad",
        "first good",
        "second good",
        "third good",
    ]
    assert reviews.labels.tolist() == [0, 0, 1, 1, 1]
    assert reviews.without_text == 1
    assert reviews.groups is None


def test_the_name_of_the_current_folder_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert load(".", ReadOptions()).name == f"{folder.name}/train"


def test_the_test_part(folder: Path) -> None:
    reviews = load(str(folder), ReadOptions(), "test")
    assert reviews.texts.to_pylist() == ["tested bad", "tested good"]


def test_films_are_the_groups(folder: Path) -> None:
    """Line i belongs to the file with the id i; a film has reviews of both labels."""
    (folder / "train/urls_pos.txt").write_text(
        "".join(url(film) for film in [1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1]), "utf-8"
    )
    (folder / "train/urls_neg.txt").write_text("".join(map(url, [2, 0, 1])), "utf-8")
    groups = load(str(folder), ReadOptions()).groups
    assert groups is not None
    first_bad, second_bad, first_good, second_good, third_good = groups.tolist()
    assert first_bad == second_good
    assert second_bad == first_good == third_good
    assert first_bad != first_good


@pytest.mark.parametrize("missing", ["train/pos", "train/neg"])
def test_another_folder_is_refused(folder: Path, missing: str) -> None:
    (folder / missing).rename(folder / "elsewhere")
    with pytest.raises(InputError, match=r"expected the folders train/pos and.*found: elsewhere"):
        load(str(folder), ReadOptions())


def test_an_unexpected_file_name_is_refused(folder: Path) -> None:
    (folder / "train/neg/notes.txt").write_text("x", "utf-8")
    with pytest.raises(InputError, match=r"notes\.txt: expected a name like 123_8\.txt"):
        load(str(folder), ReadOptions())


def test_a_review_that_is_no_utf8_is_named(folder: Path) -> None:
    (folder / "train/neg/2_3.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"2_3\.txt: not valid UTF-8 at byte 3"):
        load(str(folder), ReadOptions())
