"""The inputs of the fuzzers, and some seconds of fuzzing; `tests.native.fuzzing` does more."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data import PROJECT
from tests.native import fuzz_core, fuzz_networks, fuzz_records
from tests.native.fuzzing import WARNINGS, Fuzzer
from tests.tools import need
from toolkit.text import RULES

pytestmark = pytest.mark.tools

CORE = PROJECT / "toolkit" / "native" / "core.c"

PLAIN = Path(__file__).with_name("plain_tokens.h")

FUZZERS = (fuzz_core.FUZZER, fuzz_records.FUZZER, fuzz_networks.FUZZER)

each_fuzzer = pytest.mark.parametrize("fuzzer", FUZZERS, ids=lambda fuzzer: fuzzer.name)
posix = pytest.mark.skipif(sys.platform == "win32", reason="written for POSIX")


def test_the_plain_loop_has_the_separators_of_the_rule() -> None:
    for version in (2, 3):
        wide = re.search(rf"wide_of_rule_{version}\[\] = {{(.*?)}}", PLAIN.read_text(), re.DOTALL)
        assert wide is not None
        characters = {chr(int(code, 16)) for code in re.findall(r"0x(\w+)", wide.group(1))}
        assert characters == {*RULES[version].separators} - {*RULES[version - 1].separators}


@posix
@each_fuzzer
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_warnings_and_what_plain_loops_give(
    fuzzer: Fuzzer, compiler: str, tmp_path: Path
) -> None:
    need(compiler)
    command = [compiler, "-std=c11", "-O3", *WARNINGS, "-fsyntax-only", str(CORE)]
    subprocess.run(command, check=True)
    program = tmp_path / "run"
    fuzzer.compile(program, [compiler, "-D", "WITH_MAIN"])
    fuzzer.write_seeds(tmp_path / "seeds")
    inputs = sorted((tmp_path / "seeds").iterdir())
    done = subprocess.run([program, *inputs], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"; {len(list(fuzzer.seeds()))} inputs\n")


@posix
@each_fuzzer
def test_some_seconds_of_fuzzing(fuzzer: Fuzzer, tmp_path: Path) -> None:
    need("clang")
    program = tmp_path / fuzzer.name
    try:
        fuzzer.compile_with_libfuzzer(program)
    except subprocess.CalledProcessError as error:
        if "libclang_rt" not in error.stderr:
            raise
        pytest.skip("needs the sanitizers and libFuzzer of clang")
    with fuzzer.start(program, 4, tmp_path) as running:
        _, said = running.communicate()
    found = list(tmp_path.glob("found-*"))
    assert running.returncode == 0, f"{shlex.join(map(str, found))}\n{said}"
    assert "stat::number_of_executed_units" in said
