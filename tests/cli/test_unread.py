"""What `toolkit score` says of texts that the model cannot read."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.running import CSV, Command, write
from tests.scoring.foreign import lines_of

SPANISH = "".join(f'"{text}"\n' for text in lines_of("Spanish"))
HEBREW = "".join(f'"{text}"\n' for text in lines_of("Hebrew"))


def test_another_language_is_said(command: Command) -> None:
    write("r.csv", f"Reseña\n{SPANISH}{HEBREW}")
    ran = command("score", "r.csv", "--text-column", "reseña", "--report", "report.json")
    assert ran.exit_code == 0
    warning, *rows = ran.err.splitlines()
    assert [row for row in rows if row.startswith(("  no known", "  few known"))] == [
        "  no known word 5",
        "  few known     16 (the model knows few of their words)",
    ]
    assert warning == (
        "warning: r.csv: the model knows none or few of the words in 91% of the texts of column "
        "'Reseña', first in row 1. Is this the right column (--text-column), and are the reviews "
        "in the language of the model, which is English for the shipped ones?"
    )
    (file,) = json.loads(Path("report.json").read_text("utf-8"))["files"]
    assert [f"warning: r.csv: {each}" for each in file["warnings"]] == [warning]
    assert (file["few_known_words"], file["without_known_words"]) == (16, 5)
    assert file["columns"] == {"text": "Reseña"}


def test_a_warning_is_of_a_file(command: Command) -> None:
    write("a.csv", f"text\n{SPANISH}")
    write("b.csv", CSV)
    ran = command("score", "a.csv", "b.csv", "-o", "out/", "--report", "report.json")
    assert ran.exit_code == 0
    assert ran.err.splitlines()[0].startswith("warning: a.csv: the model knows none or few")
    assert ran.err.count("warning") == 1
    files = json.loads(Path("report.json").read_text("utf-8"))["files"]
    assert [len(file["warnings"]) for file in files] == [1, 0]
    assert command("score", "a.csv", "-o", "again.csv", "--quiet").err == ""


def test_long_texts_are_counted(command: Command) -> None:
    write("r.csv", f"text\n{'fine ' * 512}\n{'fine ' * 513}\n")
    ran = command("score", "r.csv")
    assert "  cut to length 1 (the model reads the last 512 tokens)\n" in ran.err
    assert "warning" not in ran.err
    assert "known" not in ran.err
