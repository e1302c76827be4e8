"""The example programs, built as their pages say, each in a folder of its own that git ignores."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.data import PROJECT
from tests.examples.golden import Answers
from tests.tools import last_line, need, why_missing

EXAMPLES = PROJECT / "examples"
# Ignored by git. Processes of pytest-xdist that run at once have folders of their own.
BUILD = PROJECT / "build" / "examples" / os.environ.get("PYTEST_XDIST_WORKER", "")
ENVIRONMENT = os.environ | {"ORT_DISABLE_TELEMETRY": "1"}


def copy(name: str, *files: str) -> Path:
    """Copy an example to where it is built; what was built there before stays."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True)
        shutil.copy2(EXAMPLES / name / file, folder / file)
    return folder


def build(command: list[str], folder: Path) -> None:
    """Run a command that has to succeed in a folder."""
    done = execute(command, folder)
    assert done.returncode == 0, done.stderr


def execute(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, whatever comes of it."""
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=ENVIRONMENT, check=False
    )


@cache
def node() -> tuple[str, ...]:
    """The command of the Node program, with its packages installed from the lock file."""
    need("node")
    return "node", str(_node_folder() / "embed.js")


@cache
def bun() -> tuple[str, ...]:
    """The command of the Node program in Bun."""
    return own_or_of_npm("bun", "@oven/bun-*/bin/bun"), str(_node_folder() / "embed.js")


@cache
def deno() -> tuple[str, ...]:
    """The command of the Node program in Deno."""
    program = own_or_of_npm("deno", "@deno/*/deno")
    return program, "run", "--allow-all", str(_node_folder() / "embed.js")


@cache
def npm_package() -> Path:
    """Put the npm package into a folder."""
    need("node")
    build(["node", "build.mjs", "--out", str(BUILD / "npm" / "dist")], EXAMPLES / "npm")
    return BUILD / "npm" / "dist"


@cache
def _node_folder() -> Path:
    npm_package()
    folder = copy("node", "package.json", "package-lock.json", ".npmrc", "embed.js")
    install(folder)
    return folder


def own_or_of_npm(name: str, place: str) -> str:
    """Find a program on this machine, or in the npm packages that the tests list."""
    if why_missing(name) is None:
        return name
    folder = BUILD / "javascript"
    shutil.copytree(Path(__file__).with_name("npm"), folder, dirs_exist_ok=True)
    install(folder)
    found = sorted((folder / "node_modules").glob(place))
    if not found:
        pytest.skip(f"npm has no {name} for this machine")
    return str(found[0])


def install(folder: Path) -> None:
    """Install the npm packages of a folder from its lock file, unless they are there."""
    need("npm")
    lock, installed = folder / "package-lock.json", folder / "node_modules" / "of-lock.json"
    ours = folder / "node_modules" / "review-sentiment-toolkit"
    if installed.is_file() and installed.read_bytes() == lock.read_bytes():
        if ours.is_dir():  # it may have changed
            shutil.copytree(npm_package(), ours, dirs_exist_ok=True)
        return
    done = execute(["npm", "ci", "--no-audit", "--no-fund", "--fetch-retries=1"], folder)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {folder.name}: {last_line(done.stderr)}")
    shutil.copy(lock, installed)


_C_PARTS = ("sentiment", "text", "file")


@cache
def python() -> tuple[str, ...]:
    """The command of the Python program."""
    return sys.executable, str(EXAMPLES / "python" / "embed.py")


@cache
def c() -> tuple[str, ...]:
    """The command of the C program, compiled with warnings as errors."""
    folder = c_library()
    return (str(folder / "embed"),)


@cache
def c_library() -> Path:
    """Build the C program and its library; give their folder."""
    need("cc", "make", "pkg-config")
    if execute(["pkg-config", "--exists", "libonnxruntime"], EXAMPLES).returncode != 0:
        pytest.skip("pkg-config finds no libonnxruntime")
    folder = copy(
        *("c", "Makefile", "CMakeLists.txt", "sentiment.pc.in", "embed.c"),
        *(f"{name}.{end}" for name in _C_PARTS for end in "ch"),
    )
    build(["make", "CFLAGS=-O2 -g -Werror"], folder)
    return folder


@cache
def cpp() -> tuple[str, ...]:
    """The command of the C++ program."""
    need("c++")
    c_library()
    folder = copy("cpp", "Makefile", "embed.cpp", "sentiment.hpp")
    build(["make", "CXXFLAGS=-O2 -Werror"], folder)
    return (str(folder / "embed"),)


@cache
def go() -> tuple[str, ...]:
    """The command of the Go program."""
    need("go")
    c_library()
    folder = copy("go", "go.mod", "embed.go", "sentiment/sentiment.go")
    build(["go", "build", "-o", "embed", "."], folder)
    return (str(folder / "embed"),)


@cache
def rust() -> tuple[str, ...]:
    """The command of the Rust program."""
    need("rustc")
    c_library()
    folder = copy("rust", "Makefile", "embed.rs", "sentiment.rs")
    build(["make", "RUSTFLAGS=-O -D warnings"], folder)
    return (str(folder / "embed"),)


@cache
def java() -> tuple[str, ...]:
    """The command of the Java program, compiled."""
    folder = java_sources()
    build([str(Path(_java_22()).with_name("javac")), "-Xlint:all", "-Werror", "Embed.java"], folder)
    return (*java_with_library(), "-cp", str(folder), "Embed")


@cache
def java_sources() -> Path:
    """The folder with a copy of the Java sources."""
    return copy("java", "Sentiment.java", "Embed.java")


def java_with_library() -> tuple[str, ...]:
    """The command that starts Java, which may call the C library."""
    library = f"-Djava.library.path={c_library()}"
    return _java_22(), "--enable-native-access=ALL-UNNAMED", library


@cache
def csharp() -> tuple[str, ...]:
    """The command of the C# program, compiled for Mono."""
    need("mcs", "mono")
    library = c_library()
    folder = copy("csharp", "Sentiment.cs", "Embed.cs")
    build(
        ["mcs", "-warnaserror", "-optimize", "-out:embed.exe", "Sentiment.cs", "Embed.cs"], folder
    )
    return "env", f"LD_LIBRARY_PATH={library}", "mono", str(folder / "embed.exe")


# By language. To add a program, add an entry.
PROGRAMS = {
    "Python": python,
    "Node": node,
    "Bun": bun,
    "Deno": deno,
    "C": c,
    "C++": cpp,
    "Go": go,
    "Rust": rust,
    "Java": java,
    "C#": csharp,
}


def answers(command: tuple[str, ...], model: Path, texts: list[str]) -> Answers:
    """Give a program all texts: those with line feeds as arguments, the others as lines."""
    as_arguments = [place for place, text in enumerate(texts) if "\n" in text]
    as_lines = [place for place, text in enumerate(texts) if "\n" not in text]
    printed = [""] * len(texts)
    for places, arguments, lines in (
        (as_arguments, [texts[place] for place in as_arguments], b""),
        (as_lines, [], b"".join(f"{texts[place]}\n".encode() for place in as_lines)),
    ):
        if places:
            output = score(command, model, arguments, lines)
            for place, line in zip(places, output, strict=True):
                printed[place] = line
    pairs = [(None, "nan") if line == "unknown" else line.rsplit(" ", 1) for line in printed]
    return Answers(
        labels=[label for label, _ in pairs],
        probabilities=np.array([float(probability) for _, probability in pairs]),
    )


def score(
    command: tuple[str, ...], model: Path, arguments: list[str], lines: bytes = b""
) -> list[str]:
    """Run a program to its end, and give what it printed."""
    done = run(command, model, arguments, lines)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


def run(
    command: tuple[str, ...], model: Path, arguments: list[str], lines: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a program, whatever comes of it."""
    return subprocess.run(
        [*command, str(model), *arguments],
        input=lines,
        capture_output=True,
        env=ENVIRONMENT,
        check=False,
    )


@cache
def _java_22() -> str:
    """A Java that can call C without JNI, and start a program of several sources."""
    found = [shutil.which("java") or "", *map(str, Path("/usr/lib/jvm").glob("*/bin/java"))]
    for program in map(os.path.realpath, filter(shutil.which, found)):
        version = re.search(r'version "(\d+)', execute([program, "-version"], EXAMPLES).stderr)
        has_compiler = "jdk.compiler" in execute([program, "--list-modules"], EXAMPLES).stdout
        if version and int(version[1]) >= 22 and has_compiler:
            return program
    pytest.skip("needs the JDK of Java 22 or newer")
