"""Compile and run the fuzzers of the native core, which are C files of this folder.

With clang, under AddressSanitizer and UndefinedBehaviorSanitizer, from the project's folder::

    python -m tests.native.fuzz_core 3600 fuzzed

It runs for an hour in one process. ``fuzzed/`` gets the inputs that reached new code, and is where
the next run starts from; an input that fails is written there, too, as ``found-*``. To see why, run
``fuzzed/fuzz_core fuzzed/found-…``; to keep it as a test, add what it means to `seeds`.

Without libFuzzer, on other processors or under valgrind, the same file is a program that takes
inputs as files. `write_seeds` writes some; the folder of a fuzzing run has more::

    python -c "from tests.native.fuzz_core import *; FUZZER.write_seeds('seeds')"

    gcc -std=c11 -g -O2 -D WITH_MAIN tests/native/fuzz_core.c -o run && valgrind ./run seeds/*

    aarch64-linux-gnu-gcc -std=c11 -O2 -static -D WITH_MAIN tests/native/fuzz_core.c -o run
    qemu-aarch64 ./run seeds/*                                  # the path of NEON

    gcc -m32 -std=c11 -O2 -D WITH_MAIN tests/native/fuzz_core.c -o run && ./run seeds/*

    clang -std=c11 -g -O2 -fsanitize=memory -D WITH_MAIN tests/native/fuzz_core.c -o run
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
# `-Wno-shadow`: of a name in core.c.
_FLAGS = ("-std=c11", "-ffp-contract=off", "-g", "-O2", *WARNINGS, "-Wno-shadow")
_LONGEST_INPUT = 1 << 14


@dataclass(frozen=True)
class Fuzzer:
    """A C file of this folder, and what it starts from."""

    name: str
    seeds: Callable[[], Iterator[bytes]]  # inputs
    words: Sequence[bytes]  # parts of inputs, at least one

    def write_seeds(self, folder: Path | str) -> None:
        """Write each input of `seeds` into a file."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(self.seeds()):
            (Path(folder) / f"seed-{number:03}").write_bytes(seed)

    def compile(self, program: Path, compiler: Sequence[str]) -> None:
        """Compile the file; raises `subprocess.CalledProcessError` on any warning."""
        source = Path(__file__).with_name(f"{self.name}.c")
        command = [*compiler, *_FLAGS, str(source), "-o", str(program)]
        subprocess.run(command, check=True, capture_output=True, text=True)

    def compile_with_libfuzzer(self, program: Path) -> None:
        """Compile it with clang, libFuzzer and the sanitizers; raises as `compile`."""
        stop = "-fno-sanitize-recover=all"
        self.compile(program, ["clang", "-fsanitize=fuzzer,address,undefined", stop])

    def start(self, program: Path, seconds: int, folder: Path) -> subprocess.Popen[str]:
        """Start to fuzz for a time; findings go into the folder, what is said to stderr."""
        words = folder / "dictionary"
        entries = ("".join(f"\\x{byte:02x}" for byte in text) for text in self.words)
        words.write_text("".join(f'"{entry}"\n' for entry in entries))
        inputs = folder / "inputs"
        self.write_seeds(inputs)
        command = [
            *(str(program), str(inputs), f"-max_total_time={seconds}"),
            *(f"-max_len={_LONGEST_INPUT}", f"-dict={words}", "-print_final_stats=1"),
            # The system counts the largest memory of the program that starts this one as its own.
            *("-rss_limit_mb=0", "-malloc_limit_mb=1024", "-timeout=120"),
            f"-artifact_prefix={folder}/found-",
            "-reload=0",
        ]
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace")


def main(fuzzer: Fuzzer) -> int:
    """Fuzz for some seconds in a folder, as the command line says; print what libFuzzer says."""
    seconds, folder = sys.argv[1:]
    where = Path(folder).absolute()
    where.mkdir(parents=True, exist_ok=True)
    program = where / fuzzer.name
    fuzzer.compile_with_libfuzzer(program)
    running = fuzzer.start(program, int(seconds), where)
    for line in running.stderr or ():
        print(line, end="", flush=True)
    return running.wait()
