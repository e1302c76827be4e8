"""The native core is found, checked and loaded, or Arrow does its work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.native.conftest import Compile, stub
from toolkit import native as library
from toolkit.errors import ToolkitError, UsageError
from toolkit.native import CORE_VERSION, FILE_NAME, core, core_name

SOURCES = [*Path(library.__file__).parent.glob("*.[ch]")]


def use(path: Path, choice: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for the library there, with that value of TOOLKIT_NATIVE."""
    monkeypatch.setattr(library, "LIBRARY", path)
    if choice is None:
        monkeypatch.delenv("TOOLKIT_NATIVE", raising=False)
    else:
        monkeypatch.setenv("TOOLKIT_NATIVE", choice)


@pytest.mark.parametrize("choice", [None, "", "1", "require"])
def test_a_core_is_used(
    choice: str | None, compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(compiled(stub(instructions="sse2")), choice, monkeypatch)
    found = core()
    assert found is not None
    assert found.core_version() == CORE_VERSION
    assert core() is found  # it is loaded once
    assert core_name() == "native (sse2)"


def test_a_core_can_be_switched_off(compiled: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    use(compiled(stub()), "0", monkeypatch)
    assert (core(), core_name()) == (None, "Arrow (TOOLKIT_NATIVE=0)")


@pytest.mark.parametrize("choice", ["yes", "2", "Require", " 1", "00"])
def test_other_values_are_refused(
    choice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(tmp_path / FILE_NAME, choice, monkeypatch)
    for function in (core, core_name):
        with pytest.raises(UsageError, match=rf"^TOOLKIT_NATIVE={choice}: expected 1 \(.* require"):
            function()


def check_unusable(path: Path, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for choice in (None, "1"):
        use(path, choice, monkeypatch)
        assert core() is None
        assert core_name().startswith(f"Arrow ({reason}")
        assert str(path.parent) not in core_name()
    use(path, "require", monkeypatch)
    for function in (core, core_name):
        with pytest.raises(ToolkitError) as raised:
            function()
        assert f"the native core cannot be used: {reason}" in str(raised.value)
        assert raised.value.exit_code == 1
    use(path, "0", monkeypatch)
    assert core() is None


def test_a_missing_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_unusable(tmp_path / FILE_NAME, "not compiled", monkeypatch)


@pytest.mark.parametrize("version", [CORE_VERSION + 1, 0, -1])
def test_another_version(version: int, compiled: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    reason = f"the native core has version {version}, not {CORE_VERSION}"
    check_unusable(compiled(stub(version)), reason, monkeypatch)


@pytest.mark.parametrize("code", ["", stub().splitlines()[0]], ids=["nothing", "no path"])
def test_functions_that_are_missing(
    code: str, compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_unusable(compiled(code), "cannot be loaded: ", monkeypatch)


@pytest.mark.parametrize("content", [b"", b"not a library\n"])
def test_a_file_that_is_no_library(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    check_unusable(path, "cannot be loaded: ", monkeypatch)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="changes an ELF header")
def test_a_library_for_another_machine(compiled: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    path = compiled(stub())
    content = bytearray(path.read_bytes())
    content[18] ^= 1  # the number of the machine
    path.write_bytes(content)
    check_unusable(path, f"cannot be loaded: {FILE_NAME}: ", monkeypatch)


def test_the_name_of_its_folder_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hold what a terminal must not get."""
    folder = tmp_path / "a\x1b[31m\nb"
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(b"not a library\n")
    use(folder / FILE_NAME, None, monkeypatch)
    assert core_name().isprintable()


def test_nothing_large_is_imported() -> None:
    code = (
        "import sys; from toolkit.native import core_name; core_name()\n"
        "print({'numpy', 'pyarrow', 'typer', 'rich'} & {*sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_the_library_is_that_of_the_source() -> None:
    """Compile it again with `make .venv-dev/installed` or another editable install."""
    if not library.LIBRARY.exists():
        pytest.skip("the native core was not compiled here")
    compiled = library.LIBRARY.stat().st_mtime
    assert all(source.stat().st_mtime <= compiled for source in SOURCES)
