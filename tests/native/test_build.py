"""Wheels with the native core, and without it; libraries that cannot be used."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.data import PROJECT
from tests.native.building import LIBRARY, SOURCE, Built, NotBuiltError, build, copy_project
from tests.native.conftest import Compile, stub
from tests.tools import needs
from toolkit import __version__
from toolkit import native as library
from toolkit.errors import ToolkitError, UsageError
from toolkit.native import CORE_VERSION, FILE_NAME, core, core_name

for _module in ("hatchling", "editables"):
    pytest.importorskip(_module, reason="needs the extra 'dev'")
needs_compiler = needs("cc")
QUICK = {"CFLAGS": "-O0"}  # where it does not matter how fast the core is


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path / "project")


def exported(code: str) -> str:
    """Let a library have all functions, as EXPORT does."""
    return f"#pragma GCC visibility push(default)\n{code}"


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def core_of(folder: Path) -> str:
    """Ask the toolkit in the folder which core it runs."""
    ran = subprocess.run(
        [sys.executable, "-m", "toolkit", "--version"],
        env={"PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip().partition(", core: ")[2]


def unpacked(wheel: Built, folder: Path) -> Path:
    shutil.unpack_archive(wheel.path, folder, "zip")
    return folder


@needs_compiler
def test_a_wheel_with_the_core(project: Path, tmp_path: Path) -> None:
    before = tree(project)
    wheel = build(project)
    assert not wheel.is_pure()
    assert tree(project) == before
    assert "not compiled" not in wheel.said
    assert core_of(unpacked(wheel, tmp_path / "installed")).startswith("native (")
    files = wheel.files()
    assert SOURCE in files
    assert "hatch_build.py" not in files


@needs_compiler
@pytest.mark.slow
def test_a_wheel_is_the_same_wherever_it_is_built(project: Path, tmp_path: Path) -> None:
    """With symbols for a debugger, too, which have the folder of the build."""
    wheels = [build(each, CFLAGS="-O0 -g") for each in (project, copy_project(tmp_path / "other"))]
    first, second = (wheel.path.read_bytes() for wheel in wheels)
    assert first == second
    assert os.fsencode(tmp_path) not in wheels[0].files()[LIBRARY]


def without_compiler(project: Path) -> dict[str, str]:
    return {"PATH": str(project.with_name("empty"))}


def with_wrong_source(project: Path) -> dict[str, str]:
    (project / SOURCE).write_text("int core_version(void) { return }\n", encoding="utf-8")
    return {}


def with_another_version(project: Path) -> dict[str, str]:
    (project / SOURCE).write_text(exported(stub(1000)), encoding="utf-8")
    return {}


def with_nothing_exported(project: Path) -> dict[str, str]:
    (project / SOURCE).write_text(stub(), encoding="utf-8")
    return {}


FAILURES = {
    "no compiler": (without_compiler, "no C compiler (cc, gcc, clang) in PATH"),
    "a failing compiler": (lambda _: {"CC": "false"}, "the C compiler failed with 1: false "),
    "a missing compiler": (lambda _: {"CC": "/no/cc -x"}, "/no/cc cannot be run: No such file"),
    "a flag that is unknown": (lambda _: {"CFLAGS": "--none"}, "the C compiler failed with 1: "),
    "a wrong source": (with_wrong_source, "core.c:1:"),
    "another version": (with_another_version, "the native core has version 1000, not "),
    "nothing exported": (with_nothing_exported, "cannot be loaded: "),
}


@pytest.mark.slow
@needs_compiler
@pytest.mark.skipif(sys.platform == "win32", reason="other compilers")
@pytest.mark.parametrize("failure", FAILURES)
def test_what_cannot_be_compiled_is_left_out(failure: str, project: Path, tmp_path: Path) -> None:
    change, reason = FAILURES[failure]
    environment = change(project)
    before = tree(project)
    wheel = build(project, **environment)
    assert wheel.is_pure()
    assert wheel.said.startswith("The native core was not compiled: ")
    assert reason in wheel.said
    assert "The toolkit works without it" in wheel.said
    assert tree(project) == before
    assert core_of(unpacked(wheel, tmp_path / "installed")) == "Arrow (not compiled)"
    with pytest.raises(NotBuiltError) as raised:
        build(project, **environment, TOOLKIT_BUILD_NATIVE="require")
    assert reason in str(raised.value)


def test_the_core_can_be_left_out(project: Path) -> None:
    wheel = build(project, TOOLKIT_BUILD_NATIVE="0", CC="false")
    assert wheel.is_pure()
    assert wheel.said == ""


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("choice", ["", "1", "require"])
def test_the_core_can_be_asked_for(choice: str, project: Path) -> None:
    assert not build(project, TOOLKIT_BUILD_NATIVE=choice, **QUICK).is_pure()


def test_other_values_are_refused(project: Path) -> None:
    with pytest.raises(NotBuiltError, match="TOOLKIT_BUILD_NATIVE=no: expected 1, 0 or require"):
        build(project, TOOLKIT_BUILD_NATIVE="no")


@pytest.mark.slow
@needs_compiler
def test_flags_of_the_compiler_are_taken(project: Path) -> None:
    (project / SOURCE).write_text(f"#ifdef WANTED\n{exported(stub())}#endif\n", encoding="utf-8")
    assert build(project).is_pure()
    assert not build(project, CFLAGS="-DWANTED -O1", CC="cc -Wall").is_pure()
    assert build(project, CFLAGS="-DWANTED", LDFLAGS="-l-none-").is_pure()


@pytest.mark.slow
@needs_compiler
def test_the_source_distribution_gives_the_same_wheel(project: Path, tmp_path: Path) -> None:
    build(project, "editable", **QUICK)  # its library must not get into the source distribution
    sdist = build(project, "sdist")
    with tarfile.open(sdist.path) as archive:
        archive.extractall(tmp_path / "from", filter="data")
    (source,) = (tmp_path / "from").iterdir()
    assert {SOURCE, "hatch_build.py", "pyproject.toml"} <= {*tree(source)}
    assert [name for name in tree(source) if "_core." in name] == []
    wheel = build(source, **QUICK)
    assert not wheel.is_pure()
    assert wheel.path.read_bytes() == build(project, **QUICK).path.read_bytes()
    assert build(source, TOOLKIT_BUILD_NATIVE="0").is_pure()


@pytest.mark.slow
@needs_compiler
def test_an_editable_install_has_the_core_in_the_tree(project: Path) -> None:
    assert build(project, "editable", **QUICK).tag == "any"
    first = (project / LIBRARY).read_bytes()
    assert core_of(project).startswith("native (")
    (project / SOURCE).write_text(exported(stub(instructions="changed")), encoding="utf-8")
    build(project, "editable")
    assert (project / LIBRARY).read_bytes() != first
    assert core_of(project) == "native (changed)"
    assert build(project, CC="false").is_pure()  # the library of the tree is not packaged
    build(project, "editable", CC="false")  # an old library would be used
    assert core_of(project) == "Arrow (not compiled)"


def test_the_library_of_the_tree_is_ignored_by_git() -> None:
    ran = subprocess.run(
        ["git", "check-ignore", "-q", LIBRARY], cwd=PROJECT, capture_output=True, check=False
    )
    if ran.returncode == 128:
        pytest.skip("not a checkout")
    assert ran.returncode == 0


@pytest.mark.parametrize(
    ("python", "machine", "environment", "tag", "architectures"),
    [
        ("macosx-11.0-arm64", "arm64", {}, "macosx_11_0_arm64", ["arm64"]),
        ("macosx-10.9-universal2", "arm64", {}, "macosx_11_0_arm64", ["arm64"]),
        ("macosx-10.13-universal2", "x86_64", {}, "macosx_10_13_x86_64", ["x86_64"]),
        ("macosx-10.9-x86_64", "x86_64", {}, "macosx_10_9_x86_64", ["x86_64"]),
        (
            "macosx-10.9-universal2",
            "arm64",
            {"ARCHFLAGS": "-arch arm64 -arch x86_64"},
            "macosx_10_9_universal2",
            ["arm64", "x86_64"],
        ),
        (
            "macosx-11.0-arm64",
            "arm64",
            {"ARCHFLAGS": "-arch x86_64", "MACOSX_DEPLOYMENT_TARGET": "12.3"},
            "macosx_12_0_x86_64",
            ["x86_64"],
        ),
        ("macosx-14-arm64", "arm64", {"ARCHFLAGS": ""}, "macosx_14_0_arm64", ["arm64"]),
    ],
)
def test_the_platform_on_macos(
    python: str, machine: str, environment: dict[str, str], tag: str, architectures: list[str]
) -> None:
    from hatch_build import Target

    target = Target.of_macos(python, machine, environment)
    assert target.tag == tag
    flags = list(target.flags)
    named = [flags[place + 1] for place, flag in enumerate(flags) if flag == "-arch"]
    assert named == architectures
    assert target.runs_here == (machine in architectures)
    assert f"-mmacosx-version-min={'.'.join(tag.split('_')[1:3])}" in flags


def test_architectures_without_a_tag() -> None:
    from hatch_build import NotCompiledError, Target

    flags = {"ARCHFLAGS": "-arch ppc -arch i386"}
    with pytest.raises(NotCompiledError, match="no platform tag is known for ppc and i386"):
        Target.of_macos("macosx-11.0-arm64", "arm64", flags)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tags of Linux")
@pytest.mark.parametrize(("host", "runs_here"), [("linux-none", False), (None, True)])
def test_the_platform_on_linux(
    host: str | None, runs_here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hatch_build import Target

    monkeypatch.delenv("_PYTHON_HOST_PLATFORM", raising=False)
    if host is not None:
        monkeypatch.setenv("_PYTHON_HOST_PLATFORM", host)
    target = Target.of_build(os.environ)
    assert target.runs_here == runs_here
    if host is not None:
        assert target.tag == "linux_none"
    else:
        assert target.tag.startswith("linux_")


@needs_compiler
def test_a_wheel_lists_its_models_and_its_core(project: Path) -> None:
    """In the place that PEP 770 gives."""
    files = build(project, **QUICK).files()
    (name,) = (name for name in files if "/sboms/" in name)
    assert name.endswith(".dist-info/sboms/review-sentiment-toolkit.cdx.json")
    bill = json.loads(files[name])
    package = bill["metadata"]["component"]
    assert package["purl"] == f"pkg:pypi/review-sentiment-toolkit@{__version__}"
    binary = {LIBRARY, *(name for name in files if name.endswith(".onnx"))}
    assert {each["name"]: each["hashes"][0]["content"] for each in bill["components"]} == {
        name: hashlib.sha256(files[name]).hexdigest() for name in binary
    }
    assert {each["type"] for each in bill["components"]} == {"library", "machine-learning-model"}


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
def test_other_values_are_refused_of_library(
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
