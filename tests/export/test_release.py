"""`toolkit export --release`: TOML files, good and bad, and what they write into model files."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import onnxruntime as ort
import pytest

from tests.cli.running import Command
from toolkit.errors import UsageError
from toolkit.export import export
from toolkit.export.release_file import chosen_release, load_release
from toolkit.files import CHECKSUMS, write_checksums
from toolkit.model import ModelFile, Release, RunFolder, read_twin
from toolkit.model.release import DataSet, Teacher

WHOLE = """
model_name = "shop-3"
model_version = "3.1"
date = 2026-11-26
language = "en"
domain = "reviews of a shop"
licence = "Apache-2.0 OR LicenseRef-ours"
repository = "https://example.invalid/shop"
intended_use = "For sorting reviews."

[[data_sets]]
name = "café"
terms = "our own"
use = "open"
origin = "the shop"

[[teachers]]
name = "a larger model"
terms = "MIT"
"""
RELEASE = Release(
    "shop-3",
    "3.1",
    "2026-11-26",
    "en",
    "reviews of a shop",
    "Apache-2.0 OR LicenseRef-ours",
    (DataSet("café", "our own", "open", "the shop"),),
    (Teacher("a larger model", "MIT"),),
    "https://example.invalid/shop",
    "For sorting reviews.",
)


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "release.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_attribute_has_a_key(tmp_path: Path, encoding: str, end: str) -> None:
    assert None not in asdict(RELEASE).values()
    content = WHOLE.replace("\n", end).encode(encoding)
    assert load_release(write(tmp_path, content)) == RELEASE


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert load_release(write(tmp_path, "")) == Release()


def test_the_option_goes_before_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, WHOLE)
    assert chosen_release(path, None) == RELEASE
    found = chosen_release(path, "4")
    assert (found.model_version, found.date) == ("4", "2026-11-26")
    assert chosen_release(None, "4") == Release(model_version="4")
    with pytest.raises(UsageError, match=r"^--model-version: model_version is '4 5', expected up"):
        chosen_release(None, "4 5")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a = ", r"not TOML: Invalid value \(at end of document\)"),
        ("\n\ndate == 1", r"not TOML: .* \(at line 3, column 7\)"),
        ("language = 'en'\nlanguage = 'de'", r"not TOML: Cannot overwrite a value \(at"),
        (b"domain = '\xe9'", r"not UTF-8, at byte 10\. Save it as UTF-8\."),
        ("a = " + "[" * 5000, r"not TOML: brackets are nested too deeply"),
        ("a = " + "9" * 5000, r"not TOML: "),
        ("licenze = 'MIT'", r"no key 'licenze', did you mean 'licence'\? There are: model_name, "),
        ("q = 1", r"no key 'q'\. There are: model_name, .*, intended_use$"),
        ("[[data_sets]]\nname = 'a'\nterms = 'b'\n[[data_sets]]\nname = 'a'\ntrems = 'b'",
         r"\[\[data_sets\]\] 2: no key 'trems', did you mean 'terms'\? There are: name, terms,"),
        ("[[data_sets]]\nname = 'a'", r"\[\[data_sets\]\] 1: terms is missing, expected one line"),
        ("[[data_sets]]\nname = 'a'\nterms = 'b'\nuse = 'c'",
         r"\[\[data_sets\]\] 1: use is 'c', expected one of open, none, research"),
        ("[data_sets]\nname = 'a'", r"\[\[data_sets\]\]: is \{'name': 'a'\}, expected tables"),
        ("teachers = ['a']", r"\[\[teachers\]\]: is \['a'\], expected tables"),
        ("[[teachers]]\nname = 'a'\nterms = ''", r"\[\[teachers\]\] 1: terms is '', expected one"),
        ("model_version = 2026.11", r"model_version is 2026\.11, expected .* such as '2026\.11'"),
        ("model_name = 'a b'", r"model_name is 'a b', expected up to 100 letters"),
        ("date = 2026-11-26T00:00:00", r"date is datetime.*, expected a day, such as 2026-11-26"),
        ("date = 'soon'", r"date is 'soon', expected a day"),
        ("licence = 'see the file'", r"licence is 'see the file', expected an SPDX expression"),
        ("language = true", r"language is True, expected a tag such as 'en'"),
        ("repository = 'example.invalid'", r"repository is .*, expected a URL that starts with"),
        ('intended_use = "a\\nb"', r"intended_use is 'a\\nb', expected one line of text"),
        ("intended_use = ['a']", r"intended_use is \['a'\], expected one line of text"),
    ],
)  # fmt: skip
def test_wrong_files(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(UsageError, match=rf"release\.toml: {message}"):
        load_release(write(tmp_path, content))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none: no such file\. Name a TOML file with --release"):
        load_release(tmp_path / "none")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load_release(tmp_path)


def test_both_files_say_it(run: RunFolder) -> None:
    result = export(run.path, release=RELEASE)
    assert ModelFile.load(result.model).facts.release == RELEASE
    assert read_twin(result.twin).facts.release == RELEASE
    for path in (result.model, result.twin):
        found = ort.InferenceSession(str(path)).get_modelmeta()
        assert (found.graph_name, found.version, found.domain) == ("shop-3", 301, "invalid.example")
        assert "data sets: the shop (our own)\n" in found.description
    assert ModelFile.load(result.model).in_one_value.startswith("conv1d 3.1 sha256-")


def test_without_a_release_the_name_is_that_of_the_file(run: RunFolder) -> None:
    result = export(run.path, run.path / "my model (1).onnx")
    facts = ModelFile.load(result.model).facts
    assert facts.release == Release(model_name="my_model_1_")
    assert facts.version == facts.toolkit_version
    assert "model_version" not in facts.as_dict()
    meta = ort.InferenceSession(str(result.model)).get_modelmeta()
    assert (meta.graph_name, meta.description) == ("my_model_1_", "model: my_model_1_")


def test_a_release_does_not_change_the_answers(run: RunFolder, tmp_path: Path) -> None:
    plain = export(run.path, tmp_path / "m.onnx")
    (tmp_path / "r").mkdir()
    other = export(run.path, tmp_path / "r" / "m.onnx", release=RELEASE)
    nodes = [ModelFile.load(each.model).graph.graph.node for each in (plain, other)]
    assert [*nodes[0]] == [*nodes[1]]


def test_command(run: RunFolder, command: Command) -> None:
    toml = write(command.folder, WHOLE)
    assert command("export", run.path, "--release", toml, "--model-version", "3.2").exit_code == 0
    shown = " ".join(command("info", run.path / "conv1d.onnx").out.split())
    for part in (
        "model shop-3 (version 3.2 of 2026-11-26)",
        "domain reviews of a shop language en",
        "licence Apache-2.0 OR LicenseRef-ours (of the weights)",
        "intended use For sorting reviews.",
        "data sets the shop (our own)",
        "taught by a larger model (MIT)",
        "repository https://example.invalid/shop",
    ):
        assert part in shown
    toml.write_text("date = 5", encoding="utf-8")
    command("export", run.path, "--force", "--release", toml).failed_with(
        "release.toml: date is 5, expected a day", exit_code=2
    )


def test_checksums_are_those_of_the_command(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    path = write_checksums(tmp_path, [tmp_path / "b.txt", tmp_path / "a.txt"])
    assert path == tmp_path / CHECKSUMS
    assert [line.split("  ")[1] for line in path.read_text("ascii").splitlines()] == [
        "a.txt",
        "b.txt",
    ]
    if sys.platform == "linux":
        subprocess.run(["sha256sum", "--check", "--strict", path.name], cwd=tmp_path, check=True)
