"""What goes with a release: models, checksums, and the version of the tag."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from release import __main__ as release
from release.notes import release_notes
from release.papers import copy_models, read_sums, write_sums
from release.trial import GOLDEN
from tests.data import PROJECT
from tests.packaging.environments import Environment
from toolkit import __version__
from toolkit.files import CHECKSUMS, sha256_of
from toolkit.model.shipped import SHIPPED


def test_models_are_those_of_the_checksums(tmp_path: Path) -> None:
    copy_models(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names > {f"{name}.onnx" for name in SHIPPED} | {"golden.jsonl"}
    write_sums(tmp_path, *tmp_path.iterdir())
    assert read_sums(tmp_path / CHECKSUMS).keys() == names
    command = ["sha256sum", "--check", "--quiet", CHECKSUMS]
    subprocess.run(command, cwd=tmp_path, check=True)
    (tmp_path / "reviews.onnx").write_bytes(b"another")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 1


def test_a_model_that_was_changed_is_not_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("release.papers.PROJECT", tmp_path)
    (tmp_path / "exported").mkdir()
    golden = tmp_path / "exported" / "golden.jsonl"
    golden.write_text("{}\n", encoding="utf-8")
    (tmp_path / "exported" / CHECKSUMS).write_text(f"{'0' * 64}  golden.jsonl\n", encoding="utf-8")
    assert sha256_of(golden) == "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"
    with pytest.raises(
        SystemExit, match=f"exported/golden.jsonl is not what exported/{CHECKSUMS} says"
    ):
        copy_models(tmp_path / "out")


def test_two_files_of_one_name(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").touch()
    with pytest.raises(SystemExit, match="two files have one name"):
        write_sums(tmp_path, tmp_path / "a" / "x", tmp_path / "b" / "x")


@pytest.mark.slow
def test_the_tag_has_the_version(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "DIST", wheel.parent)
    with pytest.raises(
        SystemExit, match=r"is a placeholder\. Write the address into pyproject\.toml"
    ):
        release.tag(f"v{__version__}")
    monkeypatch.setattr(release, "NO_HOST", "https://other.invalid/")
    release.tag(f"v{__version__}")
    with pytest.raises(SystemExit, match=r"the tag is v0\.0\.1, and the packages have version "):
        release.tag("v0.0.1")


def test_notes_are_those_of_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("release.notes.PROJECT", tmp_path)
    monkeypatch.setenv("GITHUB_REPOSITORY", "shop/toolkit")
    changelog = (
        "# Changelog\n\n## 1.1.0\n\nMore\nof it.\n\n- one\n  line\n- two\n\n## 1.0.0\n\n- first\n"
    )
    (tmp_path / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    notes = release_notes("1.1.0")
    assert notes.startswith("More of it.\n\n- one line\n- two\n\nCheck downloads with ")
    assert notes.endswith("`gh attestation verify FILE --repo shop/toolkit`.\n")
    assert "first" not in notes
    with pytest.raises(SystemExit, match=r"CHANGELOG\.md says nothing of version 1\.2\.0"):
        release_notes("1.2.0")


def test_only_lines_of_a_paragraph_are_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("release.notes.PROJECT", tmp_path)
    code = "```sh\n# a\nb\n\nc\n```"
    others = f"### Head\n\n| a |\n|---|\n| 1 |\n\n{code}\n\n1. one\n2. two\n\n> said\n\n"
    entry = "- see `score\n  --stars`, code\n  3. It is\n  new.\n\n  ```sh\n  d\n  e\n  ```"
    changelog = f"## 1.1.0\n\n{others}{entry}\n"
    (tmp_path / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    joined = entry.replace(
        "score\n  --stars`, code\n  3. It is\n  new", "score --stars`, code 3. It is new"
    )
    assert release_notes("1.1.0").startswith(f"{others}{joined}\n\nCheck downloads ")


@pytest.mark.slow
def test_what_runs_in_the_environment_of_a_package(light: Environment, tmp_path: Path) -> None:
    golden = PROJECT / "exported" / "golden.jsonl"
    ran = light.run("python", "-I", GOLDEN, golden, *SHIPPED, cwd=tmp_path)
    assert (ran.exit_code, ran.err) == (0, "")


@pytest.mark.slow
def test_which_packages_are_tried_here(wheel: Path) -> None:
    assert release.fits(wheel)
    assert release.fits(Path("a-0.1.tar.gz"))
    assert release.fits(Path("a-0.1-py3-none-any.whl"))
    assert not release.fits(Path("a-0.1-py3-none-win_arm64.whl"))
