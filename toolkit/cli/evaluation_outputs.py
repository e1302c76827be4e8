"""The files of `toolkit evaluate`: what goes in, and what comes out."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.evaluation import Evaluation
from toolkit.evaluation.evaluate_models import check_extra
from toolkit.evaluation.page import check_page_extra, page
from toolkit.files import atomic_files, check_output_file, resolved

_PAGE, _JSON = (".html", ".htm"), (".json",)


def split_files(files: Sequence[Path], named: Path | None) -> tuple[list[Path], Path]:
    """Separate the models from the data, which is the last file; `UsageError` if it is a model."""
    *models, data = files
    if models and named is not None:
        raise UsageError(
            f"--model {named}: there are models before {data}, too. Name all of them there."
        )
    if data.suffix.lower() == ".onnx":
        raise UsageError(f"{data}: is a model. Give the labelled reviews after the models.")
    if models and (str(data) == "-" or data.suffix.lower() in _JSON):
        raise UsageError(
            f"{data}: expected labelled reviews. --json takes no file: it prints on standard "
            "output. To write a file, use --report FILE.json."
        )
    return models if named is None else [named], data


@dataclass(frozen=True)
class Outputs:
    """Where an evaluation is written."""

    reports: tuple[Path, ...]
    json: bool  # on standard output
    force: bool

    def check(self, inputs: Sequence[Path]) -> None:
        """Raise `ToolkitError` for what would otherwise only show at the end."""
        check_extra()
        if any(path.suffix.lower() in _PAGE for path in self.reports):
            check_page_extra()
        for path in self.reports:
            if path.suffix.lower() not in (*_PAGE, *_JSON):
                raise UsageError(
                    f"--report {path}: expected a name that ends in .html (a page) or .json."
                )
            for source in inputs:
                with suppress(OSError):  # one of them is missing
                    if path.samefile(source):
                        raise UsageError(f"{path}: is an input. Choose another with --report.")
            check_output_file(path, force=self.force, option="--report")
        if len({resolved(path) for path in self.reports}) < len(self.reports):
            raise UsageError(f"--report {self.reports[-1]}: was given twice.")

    def write(self, evaluation: Evaluation) -> None:
        """Write all of them, or none if one fails."""
        from toolkit.evaluation.json_report import as_dict

        as_json = json.dumps(as_dict(evaluation), indent=2) + "\n"
        contents = [
            as_json if path.suffix.lower() in _JSON else page(evaluation) for path in self.reports
        ]
        if self.reports:
            with atomic_files(*self.reports, force=self.force) as partials:
                for content, partial in zip(contents, partials, strict=True):
                    partial.write_text(content, encoding="utf-8", errors="replace")
        if self.json:
            sys.stdout.write(as_json)
