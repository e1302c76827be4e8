"""`toolkit export --hub`: the folder, its card, and what is in it already."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exported.hub import write_hub_folder
from tests.cli.running import Command
from tests.export.hub_conventions import LICENCES, check_folder, check_metadata, metadata_in
from tests.models import CONV1D
from tests.waiting import PATIENCE
from toolkit import Scorer
from toolkit.errors import MissingExtraError, ModelError, UsageError
from toolkit.export import export_to_hub
from toolkit.export.hub import LICENCES as NAMED
from toolkit.export.hub import card_data, filled_folder, hub_card
from toolkit.model import ModelFacts, Release, RunFolder
from toolkit.model.release import DataSet
from toolkit.model.training_facts import (
    Adaptation,
    CandidateScores,
    Folds,
    RunMetrics,
    Scores,
    Spread,
)

FILES = [
    *(".gitattributes", "README.md", "SHA256SUMS", "model.golden.jsonl", "model.ids.onnx"),
    *("model.onnx", "model.tokens.json", "model.vocabulary.txt"),
]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def golden_in(folder: Path) -> list[dict[str, Any]]:
    return [*map(json.loads, (folder / "model.golden.jsonl").read_text("ascii").splitlines())]


def facts_of(**more: Any) -> ModelFacts:
    return replace(Scorer(CONV1D).facts, **more)


def metadata_of(facts: ModelFacts) -> dict[str, Any]:
    found: dict[str, Any] = card_data(facts).to_dict()
    return found


@pytest.fixture
def folder(run: RunFolder, tmp_path: Path) -> Path:
    """The folder of the small model."""
    export_to_hub(run.path, tmp_path / "films", release=Release(licence="MIT", language="en-GB"))
    return tmp_path / "films"


def test_the_folder_follows_the_conventions(folder: Path) -> None:
    assert names_in(folder) == FILES
    metadata = check_folder(folder)
    assert (metadata["license"], metadata["language"]) == ("mit", ["en"])
    ((result,),) = [each["results"] for each in metadata["model-index"]]
    assert metadata["model-index"][0]["name"] == "films"
    assert result["metrics"] == [{"type": "accuracy", "name": "Accuracy", "value": 0.5}]
    card = (folder / "README.md").read_text("utf-8")
    for name in set(FILES) - {"README.md", ".gitattributes"}:
        assert f"| `{name}` | " in card


def test_the_snippet_of_the_card_runs_in_the_folder(folder: Path) -> None:
    card = (folder / "README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", card, re.S)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    texts = ["A fine film, superbly acted.", "Dull, and a waste of time."]
    shown = re.fullmatch(r"\['(\w+)', '(\w+)'\] \[([\d.]+) +([\d.]+) *\]\n", ran.stdout)
    assert shown is not None
    for score, label, probability in zip(
        Scorer(folder / "model.onnx").score(texts), shown.groups(), shown.groups()[2:], strict=False
    ):
        if score.probability is not None:  # the small model knows few words
            assert score.sentiment == label
            assert score.probability == pytest.approx(float(probability), abs=1e-3)


def test_checksums_and_golden_vectors_are_of_these_files(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text("ascii").splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert [*sums] == [*FILES[3:]]
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    scorer = Scorer(folder / "model.onnx")
    golden = golden_in(folder)
    assert len(golden) > 200
    for entry in golden[:60]:
        (score,) = scorer.score([entry["text"]])
        expected = entry["models"]["model"]
        if score.probability is not None:
            assert score.probability == pytest.approx(expected["probability"], abs=1e-6)


def test_a_folder_that_exists_keeps_what_is_not_replaced(run: RunFolder, tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (folder / "LICENSE").write_text("ours", encoding="utf-8")
    export_to_hub(run.path, folder)
    assert names_in(folder) == sorted([*FILES, ".git", "LICENSE"])
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    with pytest.raises(UsageError, match=r"model\.onnx: exists already. .*--hub, or .* --force"):
        export_to_hub(run.path, folder)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    (folder / "README.md").write_text("old", encoding="utf-8")
    own = (folder / ".gitattributes").read_text("utf-8")
    more = "*.parquet filter=lfs diff=lfs merge=lfs -text\n"
    (folder / ".gitattributes").write_text(f"*.txt text\n{more}{own}", encoding="utf-8")
    for _ in range(2):
        export_to_hub(run.path, folder, force=True)
        found = (folder / ".gitattributes").read_text("utf-8")
        assert found == f"*.txt text\n{more}{own}"  # the last line about a file holds
    assert (folder / "LICENSE").read_text("utf-8") == "ours"
    assert (folder / ".git" / "HEAD").is_file()
    assert "# clone\n" in (folder / "README.md").read_text("utf-8")


def test_a_failure_leaves_nothing(run: RunFolder, tmp_path: Path) -> None:
    run.vocabulary.write_text("other\n", encoding="utf-8")
    with pytest.raises(ModelError, match=r"vocabulary.txt changed after the training"):
        export_to_hub(run.path, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"--hub .*file: is a file, expected a folder"):
        export_to_hub(run.path, tmp_path / "file")
    before = names_in(run.path)
    with pytest.raises(UsageError, match=r"has a config\.json, by which the Hub"):
        export_to_hub(run.path, run.path, force=True)
    assert names_in(run.path) == before
    with pytest.raises(UsageError, match=r"the folder .* does not exist"):
        export_to_hub(run.path, tmp_path / "a" / "b")
    with pytest.raises(UsageError, match="has to be on this machine"):
        export_to_hub(run.path, "s3://bucket/folder")


def test_all_files_appear_or_none(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a").write_text("old", encoding="utf-8")
    for name in ("old", "new"):
        with (
            pytest.raises(FileNotFoundError, match="/b'"),
            filled_folder(tmp_path / name, ["a", "b"], force=True) as made,
        ):
            (made / "a").write_text("new", encoding="utf-8")
    assert names_in(tmp_path / "new") == []
    assert names_in(tmp_path / "old") == ["a"]
    assert (tmp_path / "old" / "a").read_text("utf-8") == "old"


def test_the_command(run: RunFolder, command: Command) -> None:
    ran = command("export", run.path, "--hub", "out", "--model-version", "1.0")
    assert (ran.exit_code, ran.err) == (0, "")
    assert "The card states no licence of the weights" in ran.out
    assert "out/README.md  " in ran.out
    assert ran.out.endswith("Upload it with: hf upload OWNER/NAME out\n")
    assert Scorer("out/model.onnx").facts.version == "1.0"
    for more, message in (
        (["-o", "x.onnx"], "--output: cannot be combined with --hub, which names its own files."),
        ([], "out/model.onnx: exists already. Choose another with --hub"),
    ):
        command("export", run.path, "--hub", "out", *more).failed_with(message, 2)


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("MIT", {"license": "mit"}),
        ("GPL-3.0-or-later", {"license": "gpl-3.0"}),
        ("GPL-3.0", {"license": "gpl-3.0"}),
        ("CC-BY-NC-4.0", {"license": "cc-by-nc-4.0"}),
        ("ODbL-1.0", {"license": "odbl"}),
        ("CDLA-Permissive-2.0", {"license": "cdla-permissive-2.0"}),
        ("MIT OR LicenseRef-ours", {"license": "other", "license_name": "mit-or-licenseref-ours"}),
        (None, {}),
    ],
)
def test_licences_have_the_names_of_the_hub(licence: str | None, expected: dict[str, str]) -> None:
    metadata = metadata_of(facts_of(release=Release(licence=licence)))
    check_metadata(metadata)
    assert {key: metadata[key] for key in metadata if key.startswith("license")} == expected


def test_all_licences_of_the_hub_have_their_names() -> None:
    assert NAMED | {"other"} == LICENCES


def test_only_ids_of_the_hub_are_data_sets() -> None:
    data_sets = (DataSet("stanfordnlp/imdb", "research"), DataSet("our shop", "our own | all"))
    facts = facts_of(release=Release(data_sets=data_sets))
    metadata = metadata_of(facts)
    check_metadata(metadata)
    assert metadata["datasets"] == ["stanfordnlp/imdb"]
    assert "| our shop |  | our own \\| all |" in hub_card(facts)


def test_results_are_those_of_the_metrics() -> None:
    kept = CandidateScores("words", 0.3, 0.9, 0.8)
    metrics = RunMetrics(
        adaptation=Adaptation("words", (CandidateScores("as it is", 1, 0.5), kept), 10, 1.0, 0.0),
        test=Scores(loss=0.25, accuracy=0.91239, reviews=1234),
    )
    metadata = metadata_of(facts_of(metrics=metrics))
    check_metadata(metadata)
    first, second = metadata["model-index"][0]["results"]
    assert [metric["value"] for metric in first["metrics"]] == [0.9, 0.8, 0.3]
    assert first["dataset"]["split"] == "cross-validated"
    assert [metric["value"] for metric in second["metrics"]] == [0.9124, 0.25]
    assert second["dataset"]["name"].startswith("1,234 reviews, test")
    folds = RunMetrics(folds=Folds(Spread(0.5, 0.1), Spread(0.8, 0.1)))
    (result,) = metadata_of(facts_of(metrics=folds))["model-index"][0]["results"]
    assert [metric["value"] for metric in result["metrics"]] == [0.8, 0.5]
    nothing = metadata_of(facts_of(metrics=RunMetrics()))
    check_metadata(nothing)
    assert "model-index" not in nothing


@pytest.mark.parametrize("model", ["conv1d", "reviews-small"])
def test_shipped_models_have_such_a_folder(model: str, tmp_path: Path) -> None:
    folder = tmp_path / model
    write_hub_folder(model, folder)
    assert names_in(folder) == sorted([*FILES, "LICENSE", "SOURCES.md"])
    metadata = check_folder(folder)
    assert metadata["license"] == "mit"
    scores = Scorer(model).facts.metrics.test
    assert scores is not None
    assert scores.accuracy is not None
    *_, test = metadata["model-index"][0]["results"]
    assert test["metrics"][0]["value"] == round(scores.accuracy, 4)
    card = (folder / "README.md").read_text("utf-8")
    assert "| imdb | Large Movie Review Dataset" in card
    assert "\n## Accuracy by kind of review\n" in card
    entry = golden_in(folder)[0]
    assert [*entry["models"]] == ["model"]
    (score,) = Scorer(folder / "model.onnx").score([entry["text"]])
    assert score.probability == pytest.approx(entry["models"]["model"]["probability"], abs=1e-6)
    with pytest.raises(UsageError, match="exists already"):
        write_hub_folder(model, folder)


def test_names_of_any_characters_are_kept(tmp_path: Path) -> None:
    name = "a: 'b' \"c\" é #d"
    facts = facts_of(release=Release(licence=name))
    (tmp_path / "README.md").write_text(hub_card(facts), encoding="utf-8", newline="")
    assert metadata_in(tmp_path / "README.md")["license_name"] == name.lower().replace(" ", "-")


def test_without_the_library_of_the_hub(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.errors.find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"'huggingface_hub', .*: pip install huggingface-hub$"
    ):
        export_to_hub(run.path, tmp_path / "films")
    assert not (tmp_path / "films").exists()
