"""What the Hugging Face Hub expects of a model repository, as far as a folder alone can show it.

From https://huggingface.co/docs/hub/model-cards and the specification of model cards in the
repository huggingface/hub-docs, `modelcard.md`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

# Those of https://huggingface.co/docs/hub/repositories-licenses that SPDX has, too, in the spelling
# of the error message of the Hub (huggingface/huggingface_hub, issue 4218).
LICENCES = {
    *("apache-2.0", "mit", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd-2-clause", "bsd-3-clause"),
    *("bsd-3-clause-clear", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0"),
    *("cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0"),
    *("cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0"),
    *("cc-by-nc-sa-4.0", "cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0"),
    *("wtfpl", "ecl-2.0", "epl-1.0", "epl-2.0", "eupl-1.1", "eupl-1.2", "agpl-3.0", "gpl-2.0"),
    *("gpl-3.0", "lgpl-2.1", "lgpl-3.0", "isc", "lppl-1.3c", "ms-pl", "mpl-2.0", "odc-by", "odbl"),
    *("osl-3.0", "postgresql", "ofl-1.1", "ncsa", "unlicense", "zlib", "pddl", "other"),
}
KEYS = {
    *("language", "license", "license_name", "license_link", "library_name", "inference"),
    *("pipeline_tag", "tags", "datasets", "metrics", "model-index"),
}
# From these, the Hub guesses a library, and offers its code and a widget.
GUESSED_FROM = {"config.json", "tokenizer.json", "tokenizer_config.json", "pytorch_model.bin"}


def metadata_in(card: Path) -> dict[str, Any]:
    """Parse the YAML at the start of a card."""
    found = re.match(r"---\n(.*?)\n---\n", card.read_text(encoding="utf-8"), re.S)
    assert found is not None
    metadata = yaml.safe_load(found[1])
    assert isinstance(metadata, dict)
    return metadata


def check_folder(folder: Path) -> dict[str, Any]:
    """Check the layout and the card; give the metadata of the card."""
    names = {path.name for path in folder.iterdir()}
    assert not names & GUESSED_FROM
    assert "*.onnx filter=lfs diff=lfs merge=lfs -text" in (folder / ".gitattributes").read_text(
        "ascii"
    ).split("\n")
    for path in folder.iterdir():  # larger files have to be in LFS
        assert path.suffix == ".onnx" or path.stat().st_size < 10_000_000
    metadata = metadata_in(folder / "README.md")
    check_metadata(metadata)
    return metadata


def check_metadata(metadata: dict[str, Any]) -> None:
    """Check the values of a card."""
    assert metadata.keys() <= KEYS
    # Not `transformers`, for which the Hub would show code that fails.
    assert metadata["library_name"] == "onnx"
    assert metadata["inference"] is False
    assert metadata["pipeline_tag"] == "text-classification"
    assert all(re.fullmatch(r"[a-z0-9-]+", tag) for tag in metadata["tags"])
    assert len(set(metadata["tags"])) == len(metadata["tags"])
    assert all(re.fullmatch("[a-z]{2,3}", code) for code in metadata.get("language", []))
    if "license" in metadata:
        assert metadata["license"] in LICENCES
        assert (metadata["license"] == "other") == ("license_name" in metadata)
        assert re.fullmatch(r"[a-z0-9().:+-]+", metadata.get("license_name", "x"))
    for name in metadata.get("datasets", []):
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", name)
    assert set(metadata.get("metrics", [])) <= {"accuracy"}
    for model in metadata.get("model-index", []):
        assert isinstance(model["name"], str)
        assert model["results"]
        for result in model["results"]:
            check_result(result)


def check_result(result: dict[str, Any]) -> None:
    """Check one result of a model index."""
    assert result["task"]["type"] == "text-classification"
    assert isinstance(result["dataset"]["type"], str)
    assert isinstance(result["dataset"]["name"], str)
    assert result["metrics"]
    for metric in result["metrics"]:
        assert isinstance(metric["type"], str)
        assert isinstance(metric["value"], int | float)
