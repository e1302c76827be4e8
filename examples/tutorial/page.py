"""Make the page README.md and its plots of the notebook; with --run, run the notebook first.

    python examples/tutorial/page.py --run

The notebook is the source: change it in Jupyter, then run this.
"""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
NOTEBOOK = FOLDER / "tutorial.ipynb"
PAGE = FOLDER / "README.md"
PLOTS = "plots"
NOTE = "<!-- Made of tutorial.ipynb by page.py. Change the notebook instead. -->"

Notebook = dict[str, Any]


def read(path: Path = NOTEBOOK) -> Notebook:
    """Read a notebook, which is JSON."""
    found: Notebook = json.loads(path.read_text(encoding="utf-8"))
    return found


def run(path: Path = NOTEBOOK) -> Notebook:
    """Run a notebook in its folder, and give it with its outputs."""
    import nbformat  # noqa: PLC0415 (only this needs it)
    from nbclient import NotebookClient  # noqa: PLC0415

    untyped: Any = nbformat
    notebook = untyped.read(path, as_version=4)
    NotebookClient(notebook, timeout=3600, resources={"metadata": {"path": path.parent}}).execute()
    found: Notebook = json.loads(untyped.writes(notebook))
    return found


def clean(notebook: Notebook) -> Notebook:
    """Leave out what differs from run to run, or from one machine to the next."""
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook["cells"], 1):
        cell["id"] = f"cell-{number}"
        cell["metadata"] = {}
        if cell["cell_type"] == "code":
            cell["outputs"] = _joined(each for each in cell["outputs"] if not _is_empty(each))
    return notebook


def _is_empty(output: dict[str, Any]) -> bool:
    """Whether it is what Keras gives to a notebook when its summary of a network goes elsewhere."""
    return output["output_type"] == "display_data" and not output["data"]["text/plain"]


def _joined(outputs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join what was printed in several parts, which depends on the time."""
    found: list[dict[str, Any]] = []
    for output in outputs:
        if found and "name" in output and output["name"] == found[-1].get("name"):
            found[-1]["text"] = [*found[-1]["text"], *output["text"]]
        else:
            found.append(output)
    return found


def page(notebook: Notebook) -> tuple[str, dict[str, bytes]]:
    """Give the Markdown, and the plots by the names of their files."""
    plots: dict[str, bytes] = {}
    parts = [NOTE]
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            if output["output_type"] == "stream":
                text = "".join(output["text"]).rstrip()
                parts.append(f"```text\n{text}\n```")
            elif image := output.get("data", {}).get("image/png"):
                name = f"{PLOTS}/{len(plots) + 1}.png"
                plots[name] = base64.b64decode("".join(image))
                parts.append(f"![{_shown(source)}]({name})")
    return "\n\n".join(parts) + "\n", plots


def _shown(source: str) -> str:
    """Give what a plot shows, in words, by the comment of its cell."""
    mark = "# Plot: "
    lines = [line for line in source.splitlines() if line.startswith(mark)]
    if len(lines) != 1:
        raise ValueError(f"a cell with a plot has {len(lines)} comments '{mark}…', expected 1")
    return lines[0].removeprefix(mark)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", action="store_true", help="run the notebook first")
    if parser.parse_args().run:
        found = clean(run())
        content = json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True)
        NOTEBOOK.write_text(f"{content}\n", encoding="utf-8")
    text, plots = page(read())
    PAGE.write_text(text, encoding="utf-8")
    (FOLDER / PLOTS).mkdir(exist_ok=True)
    for name, plot in plots.items():
        (FOLDER / name).write_bytes(plot)


if __name__ == "__main__":
    main()
