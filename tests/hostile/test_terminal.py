"""What a terminal would obey, in names and texts: no command lets it through."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import onnx
import pytest

from tests.cli.running import Command
from tests.models import CONV1D

# Red, a window's title, clear the screen (as one character, too), and turn the line around.
EVIL = "\x1b[31m\x1b]0;title\x07\x9b2J\u202egpj\u2066\u200f\x7f"
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

CSV, BAD, FEW, MODEL, FOLDER = (
    f"{EVIL}{name}" for name in ("a.csv", "bad.csv", "few.csv", "m.onnx", "out")
)
TEXT, LABEL, GROUP = (f"{EVIL}{name}" for name in ("body", "label", "group"))
COLUMNS = ("--text-column", TEXT)
LABELS = (*COLUMNS, "--label-column", LABEL)
NAMES = (*LABELS, "--negative", f"{EVIL}no", "--positive", f"{EVIL}yes")


def make(folder: Path) -> None:
    """Write reviews, a model and reports, with such names and content."""
    rows = [
        f'"{EVIL} a {word} film, no. {number} {EVIL}zzyzx",{EVIL}{label},{EVIL}{number % 3}'
        for number in range(60)
        for word, label in ((("awful", "no"), ("superb", "yes"), ("superb", "no"))[number % 3],)
    ]
    head = f"{TEXT},{LABEL},{GROUP}\n"
    (folder / CSV).write_text(head + "\n".join(rows) + "\n", "utf-8")
    (folder / BAD).write_text(f"{head}{EVIL}\n{rows[0]}\n{rows[1]}\n", "utf-8")
    (folder / FEW).write_text(head + f"{EVIL},{EVIL}maybe,{EVIL}\n", "utf-8")
    (folder / f"{EVIL}damaged.csv.gz").write_bytes(gzip.compress(rows[0].encode())[:-9])
    (folder / f"{EVIL}run").mkdir()
    (folder / f"{EVIL}run" / "config.json").write_text(json.dumps({"preset": EVIL}), "utf-8")
    (folder / f"{EVIL}.toml").write_text(f"{EVIL!r} = 1", "utf-8")
    model = onnx.load(CONV1D)
    stored = {entry.key: entry.value for entry in model.metadata_props}
    for name, facts in ((MODEL, {"preset": EVIL}), (f"{EVIL}2.onnx", {"domain": EVIL})):
        del model.metadata_props[:]
        changed = {key: json.dumps(value) for key, value in facts.items()}
        onnx.helper.set_model_props(model, stored | changed)
        onnx.save(model, folder / name)


CALLS: dict[str, list[str]] = {
    "score": ["score", CSV, *COLUMNS],
    "score, with labels": ["score", CSV, *LABELS, "-m", MODEL, "--report", f"{EVIL}.json"],
    "score, rejects": ["score", BAD, *COLUMNS, "--log-format", "text"],
    "score, stops": ["score", BAD, *COLUMNS, "--on-error", "stop"],
    "score, nothing": ["score", FEW, *COLUMNS],
    "score, several": ["score", CSV, BAD, f"{EVIL}damaged.csv.gz", "-o", FOLDER, *COLUMNS],
    "score, as JSON": ["score", BAD, *COLUMNS, "--log-format", "json"],
    "score, a wrong column": ["score", CSV, "--text-column", f"{EVIL}other"],
    "score, a wrong choice": ["score", CSV, "--log-format", EVIL],
    "score, a wrong number": ["score", CSV, "--workers", EVIL],
    "score, a wrong option": ["score", CSV, f"--{EVIL}"],
    "a wrong command": [EVIL],
    "score, a wrong format": ["score", CSV, "--format", EVIL],
    "score, a wrong delimiter": ["score", CSV, "--delimiter", EVIL],
    "score, no file": ["score", f"{EVIL}/none.csv"],
    "score, no match": ["score", f"{EVIL}*.tsv"],
    "score, dry": ["score", CSV, BAD, "-o", FOLDER, *LABELS, "--dry-run"],
    "score, dry, as JSON": ["score", BAD, *COLUMNS, "--dry-run", "--log-format", "json"],
    "a plan": ["score", CSV, BAD, "-o", FOLDER, *COLUMNS, "--shards", "2"],
    "a shard": ["score", CSV, BAD, "-o", FOLDER, *COLUMNS, "--shard", "0/1"],
    "finish": ["finish", FOLDER],
    "finish, not there": ["finish", f"{EVIL}none"],
    "explain": ["explain", f"{EVIL} a superb\0{EVIL} film", f"--model={MODEL}"],
    "explain a file": ["explain", "--by-sentence", "--file", CSV, *COLUMNS],
    "explain, no word": ["explain", f"!!!{EVIL[-5:]}"],
    "explain, as JSON": ["explain", f"superb {EVIL}", "--json"],
    "info": ["info", MODEL],
    "info, as JSON": ["info", MODEL, "--json"],
    "info, no model": ["info", f"{EVIL}.onnx"],
    "info, a wrong fact": ["info", f"{EVIL}2.onnx"],
    "info, a run": ["info", f"{EVIL}run"],
    "evaluate": ["evaluate", MODEL, "reviews-small", CSV, *NAMES, "--group-column", GROUP],
    "evaluate, a page": ["evaluate", MODEL, CSV, *NAMES, "--report", f"{EVIL}.html"],
    "evaluate, no labels": ["evaluate", MODEL, CSV, *LABELS],
    "evaluate, rejects": ["evaluate", MODEL, BAD, *NAMES],
    "evaluate, the sentences": ["evaluate", MODEL, "--behaviour"],
    "diff": ["diff", MODEL, "reviews-small", CSV, *NAMES, "--group-column", GROUP, "-o", "d.csv"],
    "diff, texts": ["diff", MODEL, "reviews-small"],
    "diff, several": ["diff", MODEL, "reviews-small", CSV, BAD, FEW, *COLUMNS],
    "diff, not a model": ["diff", CSV, MODEL],
    "train": ["train", CSV, *NAMES, "--from", "reviews-small", "-o", f"{EVIL}adapted"],
    "train, no labels": ["train", FEW, *LABELS],
    "train, no file": ["train", f"{EVIL}.csv"],
    "train, a wrong preset": ["train", CSV, "--preset", EVIL],
    "export": ["export", f"{EVIL}run"],
    "export, no run": ["export", f"{EVIL}none"],
    "export, a release": ["export", f"{EVIL}run", "--release", f"{EVIL}.toml"],
}
SLOW = ("train",)
PREPARED = {"finish": "a shard"}  # by what has to run before


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in CALLS]
)
def test_no_command_lets_it_through(name: str, command: Command) -> None:
    make(command.folder)
    if name in PREPARED:
        assert command(*CALLS[PREPARED[name]]).exit_code == 0
    ran = command(*CALLS[name])
    said = ran.out + ran.err
    assert said
    assert "Traceback" not in said
    assert "bug in the toolkit" not in said
    found = [said[max(0, each.start() - 60) : each.end() + 30] for each in OBEYED.finditer(said)]
    assert found == []
