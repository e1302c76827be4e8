"""The hooks of hatchling: compile the native core for a wheel, list what is in it, describe it.

``TOOLKIT_BUILD_NATIVE=0`` leaves it out, ``require`` fails without it. Otherwise a wheel is made in
any case: ``py3-none-PLATFORM`` with the core, or ``py3-none-any`` and a warning if there is no C
compiler or if it fails. An editable install has the core in the source tree.

``CC``, ``CFLAGS``, ``LDFLAGS``, and for macOS ``ARCHFLAGS`` and ``MACOSX_DEPLOYMENT_TARGET`` mean
what they mean elsewhere.

The wheel has a bill of materials, as PEP 770 describes: the core and the models, with their sums.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import posixpath
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface
from packaging.tags import platform_tags

_NATIVE = "toolkit/native"
_SOURCE = f"{_NATIVE}/core.c"
_FILE_NAME = "_core" + {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")
# Without -ffp-contract=off, a product and a sum may become one operation, with other bits.
_FLAGS = ("-std=c11", "-O3", "-ffp-contract=off", "-shared", "-fPIC", "-fvisibility=hidden")
_CHECK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from toolkit.errors import ToolkitError
from toolkit.native import load_core
try:
    load_core(Path(sys.argv[2]))
except ToolkitError as error:
    sys.exit(str(error))
"""


class NotCompiledError(Exception):
    """Why there is no native core."""


class Target(NamedTuple):
    """What is compiled for."""

    tag: str  # the platform of the wheel, such as linux_x86_64
    flags: tuple[str, ...]  # of the compiler
    runs_here: bool  # whether this machine can load the library

    @classmethod
    def of_build(cls, environment: Mapping[str, str]) -> Target:
        """Give the platform of the Python that builds, or what the environment says instead."""
        if sys.platform == "darwin":
            return cls.of_macos(sysconfig.get_platform(), platform.machine(), environment)
        # The plain tag, such as linux_x86_64: nothing was done to fit an older system, too.
        tags = (tag for tag in platform_tags() if not tag.startswith(("manylinux", "musllinux")))
        host = environment.get("_PYTHON_HOST_PLATFORM")  # set by tools that compile for others
        return cls(next(tags), (), host is None or host.endswith(platform.machine()))

    @classmethod
    def of_macos(cls, python: str, machine: str, environment: Mapping[str, str]) -> Target:
        """Give the architectures of ARCHFLAGS, or that of this machine.

        Python may be for two, macosx-10.9-universal2, where the compiler makes one.
        """
        _, version, architecture = python.split("-")
        default = machine if architecture == "universal2" else architecture
        found = re.findall(r"-arch\s+(\S+)", environment.get("ARCHFLAGS", "")) or [default]
        if len({*found}) > 1:
            if {*found} != {"arm64", "x86_64"}:
                raise NotCompiledError(f"no platform tag is known for {' and '.join(found)}")
            name = "universal2"
        else:
            (name,) = {*found}
        version = environment.get("MACOSX_DEPLOYMENT_TARGET") or version
        major, minor = (*map(int, version.split(".")[:2]), 0)[:2]
        if name == "arm64":
            major = max(major, 11)
        if major >= 11:
            minor = 0  # as pip expects it
        flags = [flag for each in dict.fromkeys(found) for flag in ("-arch", each)]
        flags.append(f"-mmacosx-version-min={major}.{minor}")
        flags.append(f"-Wl,-install_name,@rpath/{_FILE_NAME}")
        return cls(f"macosx_{major}_{minor}_{name}", tuple(flags), machine in found)


def compiler_of(environment: Mapping[str, str]) -> list[str]:
    """Give the command of the C compiler; raise `NotCompiledError` if there is none."""
    if chosen := environment.get("CC", "").strip():
        return shlex.split(chosen)
    names = ("gcc", "clang") if sys.platform == "win32" else ("cc", "gcc", "clang")
    for name in names:
        if found := shutil.which(name, path=environment.get("PATH", "")):
            return [found]
    raise NotCompiledError(f"no C compiler ({', '.join(names)}) in PATH, and CC is not set")


def compile_core(root: Path, library: Path, target: Target) -> None:
    """Compile the source below `root`, and load the library in a process of its own."""
    command = [
        *compiler_of(os.environ),
        *_FLAGS,
        *target.flags,
        f"-fdebug-prefix-map={root}=.",  # with -g, no path of this machine is inside
        *shlex.split(os.environ.get("CFLAGS", "")),
        _SOURCE,
        *("-o", str(library)),
        *shlex.split(os.environ.get("LDFLAGS", "")),
    ]
    _run("the C compiler", command, root)
    if target.runs_here:
        check = [sys.executable, "-I", "-B", "-c", _CHECK, str(root), str(library)]
        _run("the compiled library", check, root)


def _run(name: str, command: list[str], root: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise NotCompiledError(f"{name} {command[0]} cannot be run: {error.strerror}") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise NotCompiledError(
            f"{name} failed with {done.returncode}: {shlex.join(command)}\n{said}"
        )


def bill_of_materials(name: str, version: str, files: Mapping[str, Path]) -> dict[str, Any]:
    """List the models and the core in a wheel, by their paths in it, in CycloneDX."""
    package = {"name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}"}
    sums = {inside: hashlib.sha256(path.read_bytes()).hexdigest() for inside, path in files.items()}
    parts = [
        {
            "type": "machine-learning-model" if inside.endswith(".onnx") else "library",
            "name": inside,
            "licenses": [{"license": {"id": "MIT"}}],
            "hashes": [{"alg": "SHA-256", "content": sums[inside]}],
        }
        for inside in sorted(files)
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", **package}},
        "components": parts,
    }


def absolute_links(page: str, repository: str, folder: str = "") -> str:
    """Make the links of a page in a folder of the project lead to its repository."""

    def absolute(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, link[1]))
        raw = "?raw=true" if path.endswith(".svg") else ""
        return f"]({repository}/blob/main/{path}{raw})"

    return re.sub(r"\]\((?![a-z]+:|#)([^)\s]+)\)", absolute, page)


class Description(MetadataHookInterface):
    """Gives the metadata the page of the project; at an index, its links would lead nowhere."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the description."""
        page = Path(self.root, "README.md").read_text(encoding="utf-8")
        text = absolute_links(page, metadata["urls"]["Repository"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


class NativeCore(BuildHookInterface[BuilderConfig]):
    """Compiles before a wheel is made, and cleans up after it."""

    _folder: TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the library into the wheel; of an editable install, into the source tree."""
        choice = os.environ.get("TOOLKIT_BUILD_NATIVE") or "1"
        if choice not in {"0", "1", "require"}:
            self.app.abort(f"TOOLKIT_BUILD_NATIVE={choice}: expected 1, 0 or require")
        in_tree = Path(self.root, _NATIVE, _FILE_NAME)
        if version == "editable":
            in_tree.unlink(missing_ok=True)  # an old one would be used
        self._folder = TemporaryDirectory(prefix="toolkit-core-")
        library = Path(self._folder.name, _FILE_NAME)
        target = None if choice == "0" else self._compile(library, choice)
        if version == "editable":
            if target is not None:
                shutil.move(library, in_tree)
            return
        if target is not None:
            build_data["force_include"][str(library)] = f"{_NATIVE}/{_FILE_NAME}"
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{target.tag}"
        build_data["sbom_files"].append(str(self._write_bill(build_data["force_include"])))

    def _compile(self, library: Path, choice: str) -> Target | None:
        try:
            target = Target.of_build(os.environ)
            compile_core(Path(self.root), library, target)
        except NotCompiledError as error:
            message = f"The native core was not compiled: {error}"
            if choice == "require":
                self.app.abort(message)
            self.app.display_warning(f"{message}\nThe toolkit works without it, more slowly.")
            return None
        return target

    def _write_bill(self, compiled: Mapping[str, str]) -> Path:
        assert self._folder is not None
        forced = self.build_config.force_include.items()
        models = {path: inside for path, inside in forced if inside.endswith(".onnx")}
        included = {**models, **compiled}
        core = self.metadata.core
        files = {inside: Path(self.root, path) for path, inside in included.items()}
        bill = bill_of_materials(core.name, self.metadata.version, files)
        path = Path(self._folder.name, f"{core.name}.cdx.json")
        path.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
        return path

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what is not needed any more."""
        if self._folder is not None:
            self._folder.cleanup()
        _remove_bytecode()


def _remove_bytecode() -> None:
    """Remove what Python has kept of this file when hatchling imported it."""
    with suppress(OSError):
        cached = Path(cache_from_source(__file__))
        cached.unlink()
        cached.parent.rmdir()  # fails if there is more in it
