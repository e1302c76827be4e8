"""The command in a process of its own: exit codes, signals, terminals, full disks."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import COMMAND, Command, Ran, in_its_own_process, write_long
from tests.models import CONV1D
from tests.waiting import PATIENCE
from toolkit import __version__
from toolkit.cli.console import progress_of
from toolkit.native import core_name
from toolkit.scoring import Progress

# What scoring a file of comma-separated values has no use for.
UNUSED = [
    "onnx",
    "pydantic",
    "rich",
    "toolkit.cli.evaluate",
    "toolkit.cli.train",
    "toolkit.model.explain",
    "toolkit.model.run_folder",
    "toolkit.records.parquet",
    "toolkit.model.sentences",
]
# Of object stores and of clusters.
LATE = ["obstore", "boto3", "ray", "concurrent.futures.process"]
HEAVY = ["numpy", "pyarrow", "onnx", "onnxruntime", "tensorflow", "keras", "matplotlib", "sklearn"]


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough for a second or more of scoring."""
    return write_long(tmp_path_factory.mktemp("large") / "reviews.csv", times=50)


def test_nothing_is_left_in_the_home_folder(tmp_path: Path) -> None:
    """ONNX Runtime keeps a number of the device and a database of what it will send."""
    (tmp_path / "a.csv").write_text("text\na fine film\n", encoding="utf-8")
    home = tmp_path / "home"
    home.mkdir()
    known = {k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY", "CI")}
    environment = {k: v for k, v in known.items() if not k.startswith("XDG_")}
    in_its_own_process("score", "a.csv", cwd=tmp_path, env={**environment, "HOME": str(home)})
    assert (tmp_path / "a.scored.csv").exists()
    assert list(home.rglob("*")) == []


def test_standard_output_is_a_device(large_file: Path) -> None:
    assert large_file.stat().st_size > 16 << 20  # else nothing is brought to the disk meanwhile
    with Path(os.devnull).open("wb") as nowhere:
        command = [*COMMAND, "score", str(large_file), "-o", "-", "-q"]
        ran = subprocess.run(command, stdout=nowhere, stderr=subprocess.PIPE, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")


def run_main(app: str, folder: Path) -> Ran:
    """Run `main` with another body for the command."""
    code = f"import os, signal\nfrom toolkit.cli import app as module\n{app}\nmodule.main()"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_an_import(number: signal.Signals, tmp_path: Path) -> None:
    # As modules in C do it: whatever is raised in them becomes an ImportError.
    (tmp_path / "heavy.py").write_text(
        f"import os\ntry: os.kill(os.getpid(), {int(number)})\n"
        "except BaseException: raise ImportError\n",
        encoding="utf-8",
    )
    ran = run_main("module.app = lambda **_: __import__('heavy')", tmp_path)
    ran.failed_with("error: interrupted\n", 128 + number)


_SIGNAL = "os.kill(os.getpid(), signal.SIGTERM)"
WINDOWS = {
    "while an error is reported": f"""
from toolkit.errors import UsageError
def app(**_): raise UsageError('wrong')
def of(error, real=module.Failure.of):
    if isinstance(error, UsageError): {_SIGNAL}
    return real(error)
module.app, module.Failure.of = app, of""",
    "before the exit code": f"""
class Code(int):
    def __bool__(self): {_SIGNAL}
module.app = lambda **_: Code(0)""",
    "in a destructor": f"""
class Dropped:
    def __del__(self): {_SIGNAL}
def app(**_): Dropped(); print('not stopped')
module.app = app""",
}


@pytest.mark.parametrize("window", WINDOWS)
def test_a_signal_is_never_a_traceback(window: str, tmp_path: Path) -> None:
    ran = run_main(WINDOWS[window], tmp_path)
    assert ran == Ran(143, "", "error: interrupted\n")


def test_a_signal_after_the_command(tmp_path: Path) -> None:
    code = f"""
import os, signal, sys
from toolkit.cli import app as module
def main():
    signal.signal(signal.SIGTERM, module._interrupt)
    try: sys.exit(0)
    finally: {_SIGNAL}
module.main = main
module.run()"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (143, "error: interrupted\n")


def test_a_second_signal_does_not_stop_the_cleaning(tmp_path: Path) -> None:
    body = (
        "def app(**_):\n"
        "    try: os.kill(os.getpid(), signal.SIGTERM)\n"
        "    finally:\n"
        "        for number in (signal.SIGINT, signal.SIGTERM): os.kill(os.getpid(), number)\n"
        "        print('cleaned')\n"
        "module.app = app"
    )
    assert run_main(body, tmp_path) == Ran(143, "cleaned\n", "error: interrupted\n")


COMMON = [
    "--output",
    "b.csv",
    "--model",
    "reviews-small",
    "--text-column",
    "text",
    "--workers",
    "2",
]


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["--help"], [*HEAVY, *LATE]),
        (["train", "--help"], HEAVY),
        (["score", "--help"], LATE),
        (
            ["score", "a.csv", *COMMON, "--log-format", "text", "--report", "r.json"],
            [*UNUSED, *LATE],
        ),
        (["score", "-", "--format", "csv", "-q"], LATE),
        (["score", "a.csv", "-o", "b.csv", "--shard", "0/1"], ["ray", "obstore"]),
        (["info", str(CONV1D)], ["tensorflow", "keras", "h5py", "onnxruntime"]),
        # Wrong labels are reported first.
        (["train", "topics.csv", "--from", "reviews-small"], ["tensorflow", "keras"]),
    ],
    ids=lambda names: " ".join(names[:2]),
)
def test_a_command_imports_only_what_it_uses(
    arguments: list[str], unused: list[str], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("text\na fine film\n", encoding="utf-8")
    topics = "text,label\na bill,billing\nno login,login\n"
    (tmp_path / "topics.csv").write_text(topics, encoding="utf-8")
    code = (
        "import sys; from toolkit.cli.app import main; sys.argv = ['toolkit', *sys.argv[1:]]\n"
        "try: main()\n"
        f"finally: print('loaded:', [name for name in {unused} if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, input="text\na fine film\n",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == ("topics.csv" in arguments), ran.stderr
    assert ran.stdout.endswith("loaded: []\n")


def test_a_scorer_imports_only_what_it_uses() -> None:
    code = (
        "import sys; from toolkit import Scorer; print(Scorer('reviews-small').score(['fine']))\n"
        f"print('loaded:', [name for name in {[*UNUSED, 'typer']} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("[Score(sentiment='positive'")
    assert ran.stdout.endswith("loaded: []\n")


@pytest.mark.parametrize("name", ["train", "export", "score"])
def test_every_help_has_an_example(command: Command, name: str) -> None:
    ran = command(name, "--help")
    assert (ran.exit_code, ran.err) == (0, "")
    assert "Example" in ran.out
    assert f"toolkit {name} " in ran.out.split("Example")[1]
    assert name in command("--help").out


def test_the_version(command: Command) -> None:
    ran = command("--version")
    said = f"toolkit {__version__}, core: {core_name()}\n"
    assert (ran.exit_code, ran.out, ran.err) == (0, said, "")


def test_an_unknown_command_is_a_usage_error(command: Command) -> None:
    ran = command("scroe", "a.csv")
    assert (ran.exit_code, ran.out) == (2, "")
    assert "No such command 'scroe'" in ran.err


def test_progress_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr("toolkit.cli.console.time.perf_counter", lambda: now)
    with progress_of(Path("a.csv"), quiet=False) as update:
        assert update is not None
        for now, records in ((101.0, 10), (109.0, 90), (110.0, 1000), (119.0, 1900), (120.0, 2000)):  # noqa: B007
            update(Progress(records, records * 2, 8000))
    assert capsys.readouterr().err == (
        "a.csv: 25%, 1,000 reviews, 100/s, 30 s left\na.csv: 50%, 2,000 reviews, 100/s, 20 s left\n"
    )


def test_a_bar_on_a_terminal(tmp_path: Path, large_file: Path) -> None:
    # Brackets in the name are no markup for the bar.
    (tmp_path / "[red]a.csv").write_bytes(large_file.read_bytes()[:5_000_000].rpartition(b"\n")[0])
    written = _on_a_terminal(tmp_path, "score", "[red]a.csv", "-o", "b.csv")
    assert "[red]a.csv" in written
    assert "━" in written
    assert "reviews/s" in written.split("b.csv\x1b")[0]
    assert " records " in written.split("\x1b[2K")[-1]


def _on_a_terminal(folder: Path, *arguments: str) -> str:
    """Run a command that succeeds; give what it writes."""
    outside, inside = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stderr=inside,
        stdout=inside,
        cwd=folder,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(inside)
    shown = b""
    while True:
        try:
            shown += os.read(outside, 4096)
        except OSError:  # the other end was closed
            break
    os.close(outside)
    assert process.wait(timeout=PATIENCE) == 0
    assert "Traceback" not in shown.decode()
    return shown.decode()
