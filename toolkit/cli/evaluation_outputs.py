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
from toolkit.evaluation.run import check_extra
from toolkit.files import atomic_files, check_output_file, resolved
from toolkit.records.readers import READERS
from toolkit.records.review_file import STDIN


def parted(files: Sequence[Path]) -> tuple[list[Path], Path]:
    """Part the models from the data, which stands last; `UsageError` if that is a model."""
    *models, data = files
    if data.suffix.lower() == ".onnx":
        raise UsageError(
            f"{data}: is a model by its name. Give the labelled reviews behind the models: a file "
            f"that ends in {', '.join(READERS)}."
        )
    return models, data


@dataclass(frozen=True)
class Outputs:
    """Where an evaluation is written."""

    report: Path | None
    json: Path | None  # STDIN stands for standard output
    force: bool

    @property
    def takes_standard_output(self) -> bool:
        """Whether standard output is for the JSON alone."""
        return self.json == STDIN

    @property
    def written(self) -> list[Path]:
        """The files."""
        return [path for path in (self.report, self.json) if path is not None and path != STDIN]

    def check(self, inputs: Sequence[Path]) -> None:
        """Raise `ToolkitError` for what would otherwise only show when all is done."""
        check_extra()
        if self.report == STDIN:
            raise UsageError("--report: a page cannot go to standard output; name a file.")
        for path, option in ((self.report, "--report"), (self.json, "--json")):
            if path is None or path == STDIN:
                continue
            for source in inputs:
                with suppress(OSError):  # one of them is not there
                    if path.samefile(source):
                        raise UsageError(f"{path}: is an input. Choose another with {option}.")
            check_output_file(path, force=self.force, option=option)
        if len({resolved(path) for path in self.written}) < len(self.written):
            raise UsageError(f"{self.json}: is the report, too. Choose another with --json.")

    def write(self, evaluation: Evaluation) -> None:
        """Write all of them, or none if one fails."""
        from toolkit.evaluation.json_report import as_dict
        from toolkit.evaluation.page import page

        content = {}
        if self.report is not None:
            content[self.report] = page(evaluation)
        if self.json is not None:
            content[self.json] = json.dumps(as_dict(evaluation), indent=2) + "\n"
        if self.written:
            with atomic_files(*self.written, force=self.force) as partials:
                for path, partial in zip(self.written, partials, strict=True):
                    partial.write_text(content[path], encoding="utf-8", errors="replace")
        if self.takes_standard_output:
            sys.stdout.write(content[STDIN])
