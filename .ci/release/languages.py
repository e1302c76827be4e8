"""The packages for other languages, each made from its folder of `examples`.

Only an account of each registry is missing. What cannot be tried on this machine is named.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from hashlib import md5, sha1
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatch_build import absolute_links
from release.packages import PROJECT, run
from toolkit import __version__

EXAMPLES = PROJECT / "examples"
NAME = "review-sentiment-toolkit"
# Where a version is written down beside `toolkit/__init__.py`; a test compares them.
VERSIONS = {
    "CITATION.cff": r"^version: (\S+)$",
    "examples/npm/package.json": r'^  "version": "(.*)",$',
    "examples/c/CMakeLists.txt": r"^project\(sentiment VERSION (\S+) ",
    "examples/rust/Cargo.toml": r'^version = "(.*)"$',
    "examples/java/pom.xml": r"^  <version>(.*)</version>$",
    "examples/extension/manifest.json": r'^  "version": "(.*)",$',
}
_C = ("sentiment.c", "sentiment.h", "text.c", "text.h", "file.c", "file.h")
_TRIED = "reviews-small"
_TOLERANCE = 1e-5
_DATE = (
    "1980-01-02T00:00:00Z"  # of all files in an archive, so that it has the same bytes each time
)


def repository() -> str:
    """Give the address of the project, as pyproject.toml has it."""
    found = re.search(
        r'^Repository = "(.*)"$', (PROJECT / "pyproject.toml").read_text("utf-8"), re.M
    )
    assert found is not None
    return found[1]


def copy(to: Path, example: str, *names: str) -> None:
    """Copy files of an example; the links of a page lead to the repository."""
    for name in names:
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(EXAMPLES / example / name, to / name)
    if "README.md" in names:
        page = (to / "README.md").read_text("utf-8")
        (to / "README.md").write_text(
            absolute_links(page, repository(), f"examples/{example}"), "utf-8"
        )
    shutil.copy(PROJECT / "LICENSE", to)


def npm(out: Path, work: Path) -> None:
    """Pack the npm package, and try it in an app of its own."""
    run("node", EXAMPLES / "npm" / "build.mjs", "--out", work / "npm")
    run("npm", "pack", "--silent", "--pack-destination", out, work / "npm")
    app = work / "app"
    app.mkdir()
    copy(app, "node", "embed.js")
    (app / "package.json").write_text('{"type": "module"}\n', "utf-8")
    (package,) = out.glob("*.tgz")
    version = json.loads((EXAMPLES / "node" / "package.json").read_bytes())["dependencies"]
    runtime = f"onnxruntime-node@{version['onnxruntime-node']}"
    options = ("--silent", "--ignore-scripts", "--prefix", app)
    run("npm", "install", *options, package, runtime, ONNXRUNTIME_NODE_INSTALL="skip")
    check("node", app / "embed.js")


def c(out: Path, work: Path) -> None:
    """Pack the C library; build and install it with CMake, and a program with what is installed."""
    source = work / f"sentiment-{__version__}"
    copy(source, "c", *_C, "embed.c", "CMakeLists.txt", "Makefile", "sentiment.pc.in", "README.md")
    archive(out / f"{source.name}-c.zip", source)
    built = ("-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_INSTALL_LIBDIR=lib")
    run("cmake", "-S", source, "-B", work / "c", *built, f"-DCMAKE_INSTALL_PREFIX={work / 'usr'}")
    run("cmake", "--build", work / "c")
    run("cmake", "--install", work / "c")
    app = work / "with_cmake"
    copy(app, "c", "embed.c")
    (app / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.22)\nproject(app C)\n"
        f"find_package(sentiment {__version__} EXACT REQUIRED)\n"
        "add_executable(app embed.c)\ntarget_link_libraries(app sentiment::sentiment)\n",
        "utf-8",
    )
    run("cmake", "-S", app, "-B", app / "build", f"-DCMAKE_PREFIX_PATH={work / 'usr'}")
    run("cmake", "--build", app / "build")
    check(app / "build" / "app")
    lib = work / "usr" / "lib"
    path = {"PKG_CONFIG_PATH": f"{lib / 'pkgconfig'}"}
    flags = run("pkg-config", "--cflags", "--libs", f"sentiment = {__version__}", **path).split()
    run("cc", app / "embed.c", "-o", work / "with_pkg_config", *flags)
    check(work / "with_pkg_config", LD_LIBRARY_PATH=str(lib))


def rust(out: Path, work: Path) -> None:
    """Pack the crate with the C sources; cargo builds it from what is packed."""
    source = work / "crate"
    copy(source, "rust", "Cargo.toml", "README.md", "build.rs", "sentiment.rs", "embed.rs")
    copy(source / "c", "c", *_C)
    target = {"CARGO_TARGET_DIR": str(work / "target")}
    manifest = ("--manifest-path", source / "Cargo.toml", "--offline")
    run("cargo", "package", "--quiet", "--allow-dirty", *manifest, **target)
    shutil.copy(work / "target" / "package" / f"{NAME}-{__version__}.crate", out)
    run("cargo", "build", "--quiet", "--example", "embed", *manifest, **target)
    check(work / "target" / "debug" / "examples" / "embed")


def go(out: Path, work: Path) -> None:
    """Pack the Go module with the C sources, as a proxy of modules does; build its program."""
    module = f"{repository().partition('//')[2]}-go"
    source = work / "go"
    copy(source, "go", "go.mod", "README.md", "embed.go", "sentiment/sentiment.go")
    copy(source / "sentiment", "c", *_C)
    wrapper, program = source / "sentiment" / "sentiment.go", source / "embed.go"
    flags = "#cgo CFLAGS: -std=c11 -D_POSIX_C_SOURCE=200809L -O2"
    lines = re.sub(
        r"^#cgo CFLAGS: .*\n#cgo LDFLAGS: .*$", flags, wrapper.read_text("utf-8"), flags=re.M
    )
    wrapper.write_text(lines, "utf-8")
    for path in (program, source / "go.mod"):
        path.write_text(path.read_text("utf-8").replace("example.com/sentiment", module), "utf-8")
    archive(out / f"{NAME}-go-{__version__}.zip", source, f"{module}@v{__version__}")
    run("go", "build", "-C", source, "-o", work / "go_embed", ".")
    check(work / "go_embed")


def java(out: Path, work: Path) -> None:
    """Pack unsigned jars and the pom as a Maven repository has them; run a program with the jar."""
    programs = next(iter(_jdks()), None)
    if programs is None:
        print("Java: no package, there is no JDK of Java 22 or newer", file=sys.stderr)
        return
    copy(work / "java", "java", "pom.xml", "README.md", "Sentiment.java", "Embed.java")
    pom = (work / "java" / "pom.xml").read_text("utf-8")
    group = re.findall(r"<groupId>(.*?)</groupId>", pom)[0]
    inside = Path(work / "java" / "src" / "main" / "java" / "sentiment" / "Sentiment.java")
    inside.parent.mkdir(parents=True)
    wrapper = (work / "java" / "Sentiment.java").read_text("utf-8")
    inside.write_text(f"package sentiment;\n\n{wrapper}", "utf-8")
    folder = work / "maven" / group.replace(".", "/") / NAME / __version__
    folder.mkdir(parents=True)
    jar = folder / f"{NAME}-{__version__}.jar"
    run(programs / "javac", "--release", "22", "-d", work / "classes", inside)
    run(programs / "javadoc", "-quiet", "-Xdoclint:none", "-d", work / "javadoc", inside)
    for ending, content in (
        ("", work / "classes"),
        ("-sources", inside.parent.parent),
        ("-javadoc", work / "javadoc"),
    ):
        run(
            programs / "jar",
            "--create",
            f"--date={_DATE}",
            "--file",
            folder / f"{NAME}-{__version__}{ending}.jar",
            "-C",
            content,
            ".",
        )
    jar.with_suffix(".pom").write_text(pom, "utf-8")
    for path in sorted(folder.iterdir()):
        for name, hashed in (("md5", md5), ("sha1", sha1)):  # that Maven asks for
            digest = hashed(path.read_bytes(), usedforsecurity=False).hexdigest()
            path.with_name(f"{path.name}.{name}").write_text(digest, "utf-8")
    archive(out / f"{NAME}-maven-{__version__}.zip", work / "maven", "")
    program = work / "Embed.java"
    call = (EXAMPLES / "java" / "Embed.java").read_text("utf-8")
    program.write_text(f"import sentiment.Sentiment;\n{call}", "utf-8")
    library = f"-Djava.library.path={work / 'usr' / 'lib'}"
    check(programs / "java", "--enable-native-access=ALL-UNNAMED", library, "-cp", jar, program)


def _jdks() -> Iterable[Path]:
    """Find the programs of JDKs that are new enough."""
    homes = [Path(home, "bin", "javac") for name, home in os.environ.items() if "JAVA_HOME" in name]
    found = [
        shutil.which("javac") or "",
        *map(str, filter(Path.is_file, homes)),
        *map(str, Path("/usr/lib/jvm").glob("*/bin/javac")),
    ]
    for path in map(Path, filter(None, found)):
        version = re.search(r"javac (\d+)", run(path, "--version"))
        if version and int(version[1]) >= 22:
            yield path.resolve().parent


def archive(path: Path, folder: Path, inside: str | None = None) -> None:
    """Write a zip archive with the same bytes each time."""
    top = folder.name if inside is None else inside
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for each in sorted(each for each in folder.rglob("*") if each.is_file()):
            name = posixpath.join(top, each.relative_to(folder).as_posix())
            file.writestr(zipfile.ZipInfo(name), each.read_bytes(), zipfile.ZIP_DEFLATED)


def check(*command: str | Path, **variables: str) -> None:
    """Compare a program with the golden vectors that are lines; exit if it gives other answers."""
    lines = (PROJECT / "exported" / "golden.jsonl").read_text("utf-8").splitlines()
    golden = [each for each in map(json.loads, lines) if "\n" not in each["text"]]
    ran = subprocess.run(
        [*command, PROJECT / "exported" / f"{_TRIED}.onnx"],
        input="\n".join(each["text"] for each in golden).encode("utf-8", "replace"),
        env=os.environ | {"ORT_DISABLE_TELEMETRY": "1"} | variables,
        capture_output=True,
        check=False,
    )
    found = ran.stdout.decode().splitlines()
    wrong = [
        each["name"]
        for each, line in zip(golden, found, strict=False)
        if not _agrees(line, each["models"][_TRIED])
    ]
    if ran.returncode or wrong or len(found) != len(golden):
        sys.exit(
            f"error: {command[0]} gives other answers: {wrong[:5]} {ran.stderr.decode()[-2000:]}"
        )
    print(f"{command[0]}: works, {len(found)} golden vectors", file=sys.stderr)


def _agrees(line: str, wanted: dict[str, Any]) -> bool:
    """Whether a program printed a label and a probability, or "unknown" alone."""
    if not wanted["known_tokens"]:
        return line == "unknown"
    label, _, probability = line.rpartition(" ")
    difference = abs(float(probability) - float(wanted["probability"]))
    return label == str(wanted["label"]) and difference <= _TOLERANCE


# What each needs besides; Java's try needs the C library, which comes before.
LANGUAGES: dict[str, tuple[Callable[[Path, Path], None], tuple[str, ...]]] = {
    "npm": (npm, ("node", "npm")),
    "C": (c, ("cmake", "cc", "pkg-config")),
    "Rust": (rust, ("cargo", "cc", "pkg-config")),
    "Go": (go, ("go", "cc", "pkg-config")),
    "Java": (java, ("javac", "cc", "pkg-config")),
}


def make_languages(out: Path) -> None:
    """Make and try the packages for other languages; say which cannot be made here, and why."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with TemporaryDirectory() as work:
        for name, (make, programs) in LANGUAGES.items():
            if missing := why_not(programs):
                print(f"{name}: no package, {missing}", file=sys.stderr)
            else:
                make(out.resolve(), Path(work))


def why_not(programs: Iterable[str]) -> str | None:
    """Say what is missing to make and try a package."""
    for program in programs:
        if shutil.which(program) is None:
            return f"{program} is not installed"
        # rustup has a cargo that does not work before a toolchain was chosen.
        if program == "cargo" and subprocess.run([program, "-V"], check=False).returncode:
            return "cargo does not work"
        asked = [program, "--exists", "libonnxruntime"]
        if program == "pkg-config" and subprocess.run(asked, check=False).returncode:
            return "pkg-config finds no libonnxruntime"
    return None
