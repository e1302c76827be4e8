"""What a process of the command sets up before it imports the large packages."""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import sys

# Of mallopt(3) in glibc.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_PACKAGES_BYTES = 400 << 20  # of addresses: about what the score of one review takes in all
_LARGEST_THRESHOLD = 32 << 20  # that glibc takes for M_MMAP_THRESHOLD, on 64 bits


def prepare_process() -> None:
    """Start quickly, and keep freed memory; only for a process that runs the toolkit alone.

    Ten reviews are scored in 0.25 s instead of 0.4 s. Nothing here uses the threads that NumPy's
    linear algebra starts. Most objects that imports leave to the garbage collector are no garbage.
    Where pandas is installed, pyarrow would import it (0.14 s) to see that no value is from pandas.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(100_000, 50)
    sys.meta_path.insert(0, _WithoutPandas())
    _keep_freed_memory()


def check_memory() -> None:
    """Raise `MemoryError` if a limit of the shell leaves no room for the packages that score.

    Some of them end the process without a message that helps, such as OpenBLAS.
    """
    try:
        import resource  # not on Windows

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    except (ImportError, OSError):
        return
    if limit == resource.RLIM_INFINITY:
        return
    try:
        mmap.mmap(-1, _PACKAGES_BYTES).close()
    except OSError as error:
        raise MemoryError from error


class _WithoutPandas:
    @staticmethod
    def find_spec(fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("the toolkit does not use pandas", name=fullname)


def _keep_freed_memory() -> None:
    """Keep freed memory for the next arrays, if the C library is glibc.

    glibc would return every array of some hundred kilobytes to the system, and fetch new pages for
    the next one: 70,000 more page faults on 100,000 reviews, at which threads wait for each other,
    and 5 to 10 % more time. Records of more than 32 MiB are still returned.

    Arrow then shares this memory. Its own allocator would keep freed memory too, which takes 280 MB
    instead of 205, at the same speed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # Windows, macOS, musl
        return
    if mallopt(_M_MMAP_THRESHOLD, _LARGEST_THRESHOLD) and mallopt(_M_TRIM_THRESHOLD, 1 << 30):
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
