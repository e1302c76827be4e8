"""The example programs, built as their pages say, and run as a user would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np

from tests.data import PROJECT
from tests.examples.golden import Answers

EXAMPLES = PROJECT / "examples"
BUILD = PROJECT / "build" / "examples"  # ignored by git
ENVIRONMENT = os.environ | {"ORT_DISABLE_TELEMETRY": "1"}


_C_PARTS = ("sentiment", "text", "file")


class MissingError(Exception):
    """A runtime cannot be tried here; the message says what it lacks."""


@cache
def python() -> tuple[str, ...]:
    """The command of the Python program."""
    return sys.executable, str(EXAMPLES / "python" / "embed.py")


@cache
def node() -> tuple[str, ...]:
    """The command of the Node program, with its packages installed from the lock file."""
    _need("node", "npm")
    folder = _copy("node", "package.json", "package-lock.json", ".npmrc", "embed.js")
    lock, installed = folder / "package-lock.json", folder / "node_modules" / "of-lock.json"
    if not installed.is_file() or installed.read_bytes() != lock.read_bytes():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--fetch-retries=1"]
        done = _run(command, folder)
        if done.returncode != 0:
            raise MissingError(f"npm cannot install onnxruntime-node: {_last_line(done.stderr)}")
        shutil.copy(lock, installed)
    return "node", str(folder / "embed.js")


@cache
def c() -> tuple[str, ...]:
    """The command of the C program, compiled with warnings as errors."""
    folder = c_library()
    return (str(folder / "embed"),)


@cache
def c_library() -> Path:
    """Build the C program and its library; give their folder."""
    _need("cc", "make", "pkg-config")
    if _run(["pkg-config", "--exists", "libonnxruntime"], EXAMPLES).returncode != 0:
        raise MissingError("pkg-config finds no libonnxruntime")
    folder = _copy(
        "c", "Makefile", *(f"{name}.{end}" for name in _C_PARTS for end in "ch"), "embed.c"
    )
    _build(["make", "CFLAGS=-O2 -g -Werror"], folder)
    return folder


@cache
def cpp() -> tuple[str, ...]:
    """The command of the C++ program."""
    _need("c++")
    c_library()
    folder = _copy("cpp", "Makefile", "embed.cpp", "sentiment.hpp")
    _build(["make", "CXXFLAGS=-O2 -Werror"], folder)
    return (str(folder / "embed"),)


@cache
def go() -> tuple[str, ...]:
    """The command of the Go program."""
    _need("go")
    c_library()
    folder = _copy("go", "go.mod", "embed.go", "sentiment/sentiment.go")
    _build(["go", "build", "-o", "embed", "."], folder)
    return (str(folder / "embed"),)


@cache
def rust() -> tuple[str, ...]:
    """The command of the Rust program."""
    _need("rustc")
    c_library()
    folder = _copy("rust", "Makefile", "embed.rs", "sentiment.rs")
    _build(["make", "RUSTFLAGS=-O -D warnings"], folder)
    return (str(folder / "embed"),)


@cache
def java() -> tuple[str, ...]:
    """The command of the Java program, compiled."""
    folder = java_sources()
    _build(
        [str(Path(_java_22()).with_name("javac")), "-Xlint:all", "-Werror", "Embed.java"], folder
    )
    return (*java_with_library(), "-cp", str(folder), "Embed")


@cache
def java_sources() -> Path:
    """The folder with a copy of the Java sources."""
    return _copy("java", "Sentiment.java", "Embed.java")


def java_with_library() -> tuple[str, ...]:
    """The command that starts Java, which may call the C library."""
    library = f"-Djava.library.path={c_library()}"
    return _java_22(), "--enable-native-access=ALL-UNNAMED", library


@cache
def csharp() -> tuple[str, ...]:
    """The command of the C# program, compiled for Mono."""
    _need("mcs", "mono")
    library = c_library()
    folder = _copy("csharp", "Sentiment.cs", "Embed.cs")
    _build(
        ["mcs", "-warnaserror", "-optimize", "-out:embed.exe", "Sentiment.cs", "Embed.cs"], folder
    )
    return "env", f"LD_LIBRARY_PATH={library}", "mono", str(folder / "embed.exe")


# By language. To add a program, add an entry.
PROGRAMS = {
    "Python": python,
    "Node": node,
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
    pairs = [line.rsplit(" ", 1) for line in printed]
    return Answers(
        labels=[None if label == "unknown" else label for label, _ in pairs],
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


def _need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            raise MissingError(f"{program} is not installed")


@cache
def _java_22() -> str:
    """A Java that can call C without JNI, and start a program of several sources."""
    found = [shutil.which("java") or "", *map(str, Path("/usr/lib/jvm").glob("*/bin/java"))]
    for program in map(os.path.realpath, filter(shutil.which, found)):
        version = re.search(r'version "(\d+)', _run([program, "-version"], EXAMPLES).stderr)
        has_compiler = "jdk.compiler" in _run([program, "--list-modules"], EXAMPLES).stdout
        if version and int(version[1]) >= 22 and has_compiler:
            return program
    raise MissingError("needs the JDK of Java 22 or newer")


def _copy(name: str, *files: str) -> Path:
    """Copy an example to where it is built; what was built there before stays."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True)
        shutil.copy2(EXAMPLES / name / file, folder / file)
    return folder


def _build(command: list[str], folder: Path) -> None:
    done = _run(command, folder)
    assert done.returncode == 0, done.stderr


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=ENVIRONMENT, check=False
    )


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
