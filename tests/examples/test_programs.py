"""The example programs: lines, wrong calls, memory, closing, and use in an app of one's own."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.markdown import blocks, shell_lines
from tests.examples import programs
from tests.examples.c_functions import LibraryError
from tests.examples.library import Opened, library
from tests.examples.programs import BUILD, EXAMPLES, build, execute, run, score
from tests.examples.raw_texts import run as run_whole
from tests.models import CONV1D, MODEL, OLD_MODELS, shipped_scorer
from tests.tools import need

pytestmark = pytest.mark.tools

SUPPRESSIONS = Path(__file__).with_name("re2.supp")
# Empty, with what other programs take for the end of a line, with NUL, without an end.
LINES = [
    "",
    "A fine film.\u2028\u0085 Superb\rthroughout.",
    "bad\0 good",
    "Dull, and far too long.",
]
INPUT = "\n".join(LINES).encode()
Build = Callable[[], tuple[str, ...]]


@pytest.fixture(params=programs.PROGRAMS)
def command(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return programs.PROGRAMS[request.param]()


def test_lines_of_standard_input(command: tuple[str, ...]) -> None:
    """NUL cannot be in an argument, and a text ends at it."""
    as_arguments = [line.partition("\0")[0] for line in LINES]
    found = score(command, MODEL, [], INPUT)
    assert found == score(command, MODEL, as_arguments)
    assert found == score(command, MODEL, [], INPUT + b"\n")
    assert len(set(found)) == len(LINES)
    assert score(command, MODEL, [], b"") == []


def test_java_runs_the_source() -> None:
    programs.java()
    command = (*programs.java_with_library(), str(programs.java_sources() / "Embed.java"))
    found = score(command, MODEL, ["A fine film, superbly acted."])
    assert found == score(programs.java(), MODEL, ["A fine film, superbly acted."])


def test_a_missing_model_is_told_of(command: tuple[str, ...]) -> None:
    done = run(command, Path("missing.onnx"), ["A fine film."])
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"missing.onnx" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"    at " not in done.stderr


def test_a_call_without_a_model(command: tuple[str, ...]) -> None:
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode in (1, 2), done.stdout) == (True, b"")
    assert b"usage: " in done.stderr


def test_a_full_disk_is_an_error(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*command, str(MODEL), "A fine film."], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert re.search(b"(?i)no space|ENOSPC|disk full", done.stderr)


@pytest.mark.parametrize("name", programs.PROGRAMS)
def test_what_is_no_unicode(name: str) -> None:
    """Where a string is bytes, that is an error; the others replace it."""
    command = programs.PROGRAMS[name]()
    done = run(command, MODEL, [], b"bad\xff good\n")
    if name in ("C", "C++", "Go"):
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"embed: text 1 is not UTF-8: byte 4 is 0xff" in done.stderr
    else:
        assert done.stdout.decode().splitlines() == score(command, MODEL, ["bad\ufffd good"])


def test_texts_without_a_known_word_are_told_of(command: tuple[str, ...]) -> None:
    found = score(command, MODEL, ["good", "\U0001f994", "\u597d", "zzyzx good", ""])
    assert re.fullmatch(r"positive 0\.\d{7}", found[0])
    assert found == [found[0], "unknown", "unknown", found[3], "unknown"]
    assert found[3].startswith("positive 0.")


def test_models_before_format_3_have_labels_for_all(command: tuple[str, ...]) -> None:
    found = score(command, OLD_MODELS / "conv1d.onnx", ["good", "\U0001f994", ""])
    assert {line.split()[0] for line in found} <= {"positive", "negative"}


@pytest.mark.parametrize(
    ("arguments", "lines", "status"),
    [
        ([], INPUT + b"\n" + b"the " * 10_000, 0),
        (["A fine film.", "", "\n"], b"", 0),
        ([], b"good\nbad\xff\n", 1),
    ],
    ids=["lines", "arguments", "no UTF-8"],
)
def test_memory_of_the_c_program(arguments: list[str], lines: bytes, status: int) -> None:
    need("valgrind")
    watched = ("valgrind", "--quiet", "--leak-check=full", "--error-exitcode=9",
               "--errors-for-leak-kinds=definite,indirect,possible",
               f"--suppressions={SUPPRESSIONS}", *programs.c())  # fmt: skip
    done = run(watched, CONV1D, arguments, lines)
    assert done.returncode == status, done.stderr.decode()


SOURCES = Path(__file__).with_name("closing")
NOT_OPEN = "the model is not open"


def printed(command: list[str]) -> list[str]:
    """What a program prints of the model."""
    return run_whole([*command, str(MODEL)], b"").decode().splitlines()


def test_c() -> None:
    """No model is an error; what is closed must not be used, as ever in C."""
    functions = library().functions
    for texts in (["good"], []):
        with pytest.raises(LibraryError, match=f"^{NOT_OPEN}$"):
            Opened(functions, 0).score(texts)


def test_go() -> None:
    folder = Path(programs.go()[0]).parent
    (folder / "closing").mkdir(exist_ok=True)
    shutil.copy(SOURCES / "closing.go", folder / "closing")
    build(["go", "vet", "./..."], folder)
    build(["go", "build", "-o", "closing/closing", "./closing"], folder)
    found = printed([str(folder / "closing" / "closing")])
    assert found == ["true 0 <nil>", *[NOT_OPEN] * 6]


def test_java() -> None:
    """Also: null is a text without a word, and there may be no texts."""
    command = programs.java()
    classes, compiler = command[-2], str(Path(command[0]).with_name("javac"))
    flags = ["-Xlint:all", "-Werror", "-cp", classes, "-d", classes]
    build([compiler, *flags, str(SOURCES / "Closing.java")], BUILD)
    assert printed([*command[:-1], "Closing"]) == ["true", "[]", *[NOT_OPEN] * 4]


def test_csharp() -> None:
    """Also: null is a text without a word, and there may be no texts."""
    program = Path(programs.csharp()[-1])
    shutil.copy(SOURCES / "Closing.cs", program.parent)
    command = ["mcs", "-warnaserror", "-out:closing.exe", "Sentiment.cs", "Closing.cs"]
    build(command, program.parent)
    found = printed([*programs.csharp()[:-1], str(program.with_name("closing.exe"))])
    assert found == ["True", "0", *["ObjectDisposedException"] * 4]


def installed(folder: Path) -> list[str]:
    """Install the C library; give the start of a command that finds it."""
    programs.c()
    make = ["make", "install", f"PREFIX={folder}", "CFLAGS=-O2 -g -Werror"]
    build(make, programs.c_library())
    return ["env", f"PKG_CONFIG_PATH={folder}/lib/pkgconfig", f"LD_LIBRARY_PATH={folder}/lib"]


def first_block(name: str, language: str) -> str:
    """The first code of a page, for the default model."""
    return blocks(EXAMPLES / name / "README.md", language)[0].replace("reviews.onnx", str(MODEL))


def test_go_in_a_module_of_ones_own(tmp_path: Path) -> None:
    """The package and the change of its lines, as the page has them."""
    programs.go()
    page = EXAMPLES / "go" / "README.md"
    environment = installed(tmp_path / "installed")
    shutil.copytree(EXAMPLES / "go" / "sentiment", tmp_path / "sentiment")
    (change,) = (line for line in shell_lines(page) if line.startswith("sed "))
    build(["sh", "-c", change], tmp_path)
    (tmp_path / "go.mod").write_text("module example.com/own\n\ngo 1.21\n", encoding="utf-8")
    call = first_block("go", "go")
    program = f"""package main
        import ("example.com/own/sentiment"; "fmt")
        func main() {{
            {call}
            fmt.Println(scores[0].Label, err)
        }}
    """
    (tmp_path / "main.go").write_text(program, encoding="utf-8")
    build([*environment, "go", "build", "-o", "own", "."], tmp_path)
    done = execute([*environment, "./own"], tmp_path)
    assert done.stdout == "positive <nil>\n"


def test_cpp_in_a_program_of_ones_own(tmp_path: Path) -> None:
    """The command that the page has."""
    programs.cpp()
    environment = installed(tmp_path)
    shutil.copy(EXAMPLES / "cpp" / "sentiment.hpp", tmp_path)
    program = f"""
        #include <iostream>
        #include "sentiment.hpp"
        int main()
        {{
            sentiment::Model model("{MODEL}");
            std::cout << model.score({{"A fine film."}})[0].label;
        }}
    """
    (tmp_path / "app.cpp").write_text(program, encoding="utf-8")
    page = (EXAMPLES / "cpp" / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`(c\+\+ .*)`", page)
    build([*environment, "sh", "-c", command], tmp_path)
    assert execute([*environment, "./app"], tmp_path).stdout == "positive"


@pytest.mark.parametrize("edition", ["2021", "2024"])
def test_rust_in_a_crate_of_ones_own(tmp_path: Path, edition: str) -> None:
    """With the lines that the page has, in the folder beside it."""
    need("cargo", "cc", "pkg-config")
    page = EXAMPLES / "rust" / "README.md"
    (needs,) = blocks(page, "toml")
    needs = needs.replace("toolkit/examples/rust", str(EXAMPLES / "rust"))
    head = f'[package]\nname = "own"\nedition = "{edition}"\n\n{needs}'
    (tmp_path / "Cargo.toml").write_text(head, encoding="utf-8")
    call = first_block("rust", "rust")
    program = f"""fn main() -> Result<(), sentiment::Error> {{
            {call}
            println!("{{:?}}", scores);
            Ok(())
        }}
    """
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.rs").write_text(program, encoding="utf-8")
    build(["cargo", "build", "--quiet", "--offline"], tmp_path)
    found = execute([str(tmp_path / "target" / "debug" / "own")], tmp_path).stdout
    assert found.startswith('[Score { label: Some("positive"), probability: 0.9')


def test_c_in_a_program_that_cmake_builds(tmp_path: Path) -> None:
    """The command and the lines that the page has."""
    need("cmake")
    folder, page = programs.c_library(), EXAMPLES / "c" / "README.md"
    (install,) = (line for line in shell_lines(page) if line.startswith("cmake "))
    home = ["env", f"HOME={tmp_path}"]
    build([*home, "sh", "-c", re.sub(r"(?<= )build\b", str(tmp_path / "b"), install)], folder)
    (lines,) = blocks(page, "cmake")
    shutil.copy(EXAMPLES / "c" / "embed.c", tmp_path)
    head = "cmake_minimum_required(VERSION 3.22)\nproject(own C)\nadd_executable(app embed.c)\n"
    (tmp_path / "CMakeLists.txt").write_text(head + lines, encoding="utf-8")
    prefix = f"-DCMAKE_PREFIX_PATH={tmp_path / '.local'}"
    build(["cmake", "-S", ".", "-B", "own", prefix], tmp_path)
    build(["cmake", "--build", "own"], tmp_path)
    assert score((str(tmp_path / "own" / "app"),), MODEL, ["good"])[0].startswith("positive ")


def test_java_in_a_jar_of_ones_own(tmp_path: Path) -> None:
    """In a package, with the line of the manifest that the page names."""
    java = programs.java()[0]
    own = tmp_path / "own"
    own.mkdir()
    wrapper = (EXAMPLES / "java" / "Sentiment.java").read_text(encoding="utf-8")
    (own / "Sentiment.java").write_text("package own;\n" + wrapper, encoding="utf-8")
    call = first_block("java", "java").replace(
        "}\n", "System.out.print(scores.get(0).label()); }\n"
    )
    program = f"""package own;
        import java.util.List;
        public class App {{ public static void main(String[] arguments) {{ {call} }} }}
    """
    (own / "App.java").write_text(program, encoding="utf-8")
    build([str(Path(java).with_name("javac")), "own/App.java"], tmp_path)
    page = (EXAMPLES / "java" / "README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"`(Enable-.*?)`", page)
    (tmp_path / "manifest").write_text(f"Main-Class: own.App\n{line}\n", encoding="utf-8")
    build([str(Path(java).with_name("jar")), "cfm", "app.jar", "manifest", "own"], tmp_path)
    done = execute(
        [java, f"-Djava.library.path={programs.c_library()}", "-jar", "app.jar"], tmp_path
    )
    assert done.stdout == "positive"
    assert "WARNING" not in done.stderr


def test_csharp_in_a_program_of_ones_own(tmp_path: Path) -> None:
    """The call that the page shows."""
    environment = programs.csharp()[:2]
    program = (
        f"using System; class App {{ static void Main() {{ {first_block('csharp', 'csharp')} }} }}"
    )
    (tmp_path / "App.cs").write_text(program, encoding="utf-8")
    build(["mcs", "-out:app.exe", "App.cs", str(EXAMPLES / "csharp" / "Sentiment.cs")], tmp_path)
    done = execute([*environment, "mono", "app.exe"], tmp_path)
    assert [line.split(" ")[0] for line in done.stdout.splitlines()] == ["positive", ""]


def test_node_in_an_app_of_ones_own() -> None:
    """The call that the page shows."""
    folder = Path(programs.PROGRAMS["Node"]()[-1]).parent
    (script,) = blocks(EXAMPLES / "node" / "README.md", "js")
    (folder / "own.mjs").write_text(script, encoding="utf-8")
    done = execute(["node", "own.mjs"], folder)
    (fine, none) = (line.split() for line in done.stdout.splitlines())
    score = shipped_scorer().score(["A fine film."])[0]
    assert (fine[0], *none) == ("positive", "unknown", "NaN", "NaN", "0")
    assert len(fine[1]) <= len("0.12345678")  # no double that a float32 happens to be
    assert float(fine[1]) == pytest.approx(score.probability, abs=1e-6)
    assert float(fine[2]) == pytest.approx(shipped_scorer().stars(["A fine film."])[0], abs=0.01)


def test_debian_s_messages_are_as_the_page_says() -> None:
    """If this fails with a newer package, say so on the page."""
    command = programs.c()
    done = programs.run(command, MODEL, ["good"])
    lines = done.stderr.decode().splitlines()
    assert all(line == "" or line.startswith("Schema error") for line in lines)
    page = (EXAMPLES / "c" / "README.md").read_text(encoding="utf-8")
    (quiet,) = re.findall(r"`\./embed … (2> .*)`", page)
    shell = f"'{command[0]}' '{MODEL}' good {quiet}; wait"
    done_quietly = execute(["bash", "-c", shell], EXAMPLES)
    assert done_quietly.stdout.startswith("positive")
    assert done_quietly.stderr == ""
