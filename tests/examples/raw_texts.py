"""Texts handed to ONNX Runtime as its bindings do, without any care; skips what is not here."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.data import PROJECT
from tests.examples import programs
from tests.examples.programs import BUILD, ENVIRONMENT, build
from tests.models import MODEL
from tests.tools import need

SOURCES = Path(__file__).with_name("traps")
WEB = PROJECT / "examples" / "web" / "node_modules" / "onnxruntime-web" / "dist"


def modified(how: str, texts: list[str]) -> list[bytes]:
    """The bytes that Java hands over."""
    printed, found = java(how, texts), []
    while printed:
        size, _, printed = printed.partition(b"\n")
        found.append(printed[: int(size)])
        printed = printed[int(size) :]
    return found


def javascript(package: Path, model: Path, batches: list[list[Any]]) -> list[dict[str, Any]]:
    """What a package for JavaScript gives for batches of texts."""
    command = ["node", str(SOURCES / "raw_texts.mjs"), package.as_uri(), str(model)]
    found: list[dict[str, Any]] = json.loads(run(command, json.dumps(batches).encode()))
    return found


def web(name: str) -> Path:
    need("node")
    if not (WEB / name).is_file():
        pytest.skip("needs the packages of examples/web")
    return WEB / name


def java(argument: str, texts: list[str]) -> bytes:
    """What the program for the traps of Java prints."""
    command = programs.java()
    classes = Path(command[-2])
    compiler = str(Path(command[0]).with_name("javac"))
    build([compiler, "-cp", str(classes), "-d", str(classes), str(SOURCES / "Traps.java")], classes)
    units = [utf_16(text) for text in texts]
    parts = [struct.pack(f">i{len(each)}H", len(each), *each) for each in units]
    return run([*command[:-1], "Traps", argument], struct.pack(">i", len(texts)) + b"".join(parts))


def raw_texts(texts: list[bytes], batch: int) -> list[str]:
    """What the C++ API of ONNX Runtime gives for bytes: a line for each text or failed batch."""
    programs.cpp()
    program = BUILD / "raw_texts"
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libonnxruntime"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    source = str(SOURCES / "raw_texts.cpp")
    if not program.is_file() or program.stat().st_mtime < Path(source).stat().st_mtime:
        build(["c++", "-std=c++17", source, "-o", str(program), *flags], BUILD)
    joined = b"".join(b"%d\n%b" % (len(text), text) for text in texts)
    return run([str(program), str(MODEL), str(batch)], joined).decode(errors="replace").splitlines()


def utf_16(text: str) -> tuple[int, ...]:
    content = text.encode("utf-16-le", "surrogatepass")
    return struct.unpack(f"<{len(content) // 2}H", content)


def run(command: list[str], given: bytes) -> bytes:
    done = subprocess.run(command, input=given, capture_output=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, done.stderr[-2000:].decode()
    return done.stdout
