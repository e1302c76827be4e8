"""What the pages say of the programs in an app of one's own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.docs.markdown import blocks, shell_lines
from tests.examples import programs
from tests.examples.building import EXAMPLES, build, execute
from tests.examples.raw_texts import needs
from tests.models import MODEL, shipped_scorer


def test_go_in_a_module_of_ones_own(tmp_path: Path) -> None:
    """The package and the change of its lines, as the page has them."""
    needs(programs.go)
    page = EXAMPLES / "go" / "README.md"
    make = ["make", "install", f"PREFIX={tmp_path}/installed", "CFLAGS=-O2 -g -Werror"]
    build(make, programs.c_library())
    shutil.copytree(EXAMPLES / "go" / "sentiment", tmp_path / "sentiment")
    (change,) = (line for line in shell_lines(page) if line.startswith("sed "))
    build(["sh", "-c", change], tmp_path)
    (tmp_path / "go.mod").write_text("module example.com/own\n\ngo 1.21\n", encoding="utf-8")
    call = "\n".join(blocks(page, "go")).replace("reviews.onnx", str(MODEL))
    program = f"""package main
        import ("example.com/own/sentiment"; "fmt")
        func main() {{
            {call}
            fmt.Println(scores[0].Label, err)
        }}
    """
    (tmp_path / "main.go").write_text(program, encoding="utf-8")
    installed = tmp_path / "installed" / "lib"
    environment = [f"PKG_CONFIG_PATH={installed}/pkgconfig", f"LD_LIBRARY_PATH={installed}"]
    build(["env", *environment, "go", "build", "-o", "own", "."], tmp_path)
    done = execute(["env", *environment, "./own"], tmp_path)
    assert done.stdout == "positive <nil>\n"


def test_node_in_an_app_of_ones_own() -> None:
    """The call that the page shows."""
    folder = Path(needs(programs.PROGRAMS["Node"])[-1]).parent
    (script,) = blocks(EXAMPLES / "node" / "README.md", "js")
    (folder / "own.mjs").write_text(script.replace("reviews.onnx", str(MODEL)), encoding="utf-8")
    done = execute(["node", "own.mjs"], folder)
    (fine, none) = (line.split() for line in done.stdout.splitlines())
    score = shipped_scorer().score(["A fine film."])[0]
    assert (fine[0], none[0], none[3]) == ("positive", "unknown", "0")
    assert float(fine[1]) == pytest.approx(score.probability, abs=1e-6)
    assert float(fine[2]) == pytest.approx(shipped_scorer().stars(["A fine film."])[0], abs=0.01)


def test_debian_s_messages_are_as_the_page_says() -> None:
    """If this fails with a newer package, say so on the page."""
    command = needs(programs.c)
    done = programs.run(command, MODEL, ["good"])
    lines = done.stderr.decode().splitlines()
    assert all(line == "" or line.startswith("Schema error") for line in lines)
    page = (EXAMPLES / "c" / "README.md").read_text(encoding="utf-8")
    (quiet,) = re.findall(r"`\./embed … (2> .*)`", page)
    shell = f"'{command[0]}' '{MODEL}' good {quiet}; wait"
    done_quietly = execute(["bash", "-c", shell], EXAMPLES)
    assert done_quietly.stdout.startswith("positive")
    assert done_quietly.stderr == ""
