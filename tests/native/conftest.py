"""Small libraries in the place of the native core."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools import need
from toolkit.native import CORE_VERSION, FILE_NAME

Compile = Callable[[str], Path]


def stub(version: int = CORE_VERSION, instructions: str = "stub") -> str:
    """Give the C code of a library that has only what every core has."""
    return (
        f"int core_version(void) {{ return {version}; }}\n"
        f'const char *core_path(void) {{ return "{instructions}"; }}\n'
    )


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    """Compile C code to a library."""
    need("cc")

    def compile_code(code: str) -> Path:
        (tmp_path / "stub.c").write_text(code, encoding="utf-8")
        library = tmp_path / FILE_NAME
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "stub.c"], check=True)
        return library

    return compile_code
