"""Files and objects in stores: check what exists, and write outputs that appear complete.

`place` is the only way to put a finished file at its path, on this machine or in a store.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from toolkit.errors import OutputError, UsageError, held_back
from toolkit.stores.location import location_of
from toolkit.stores.paths import StorePath, is_in_store
from toolkit.stores.write import Content


def resolved(path: Path) -> Path:
    """Follow links as far as they lead, so that writing replaces the target and keeps the link.

    Before Python 3.13, `Path.resolve` raises RuntimeError for a link that leads to itself.
    """
    return path if isinstance(path, StorePath) else Path(os.path.realpath(path))


def is_there(path: Path) -> bool:
    """Whether there is a file, a folder or an object; `Path.exists` raises if a name is too long.

    A prefix of objects does not count: an object may have the same name, and a check is a request.
    """
    return is_a_file(path) if isinstance(path, StorePath) else _mode(path) != 0


def is_a_file(path: Path) -> bool:
    """Whether there is a file; `Path.is_file` raises if a name is too long."""
    if isinstance(path, StorePath):
        with suppress(PermissionError):
            return path.is_file()
        return False
    return stat.S_ISREG(_mode(path))


def is_a_folder(path: Path) -> bool:
    """Whether there is a folder; `Path.is_dir` raises if permission is denied."""
    return stat.S_ISDIR(_mode(path))


def read_small(path: Path, most: int, expected: str, option: str) -> bytes:
    """Read a file, or a pipe, of at most `most` bytes in bounded memory: a device has no end.

    Raises `UsageError`, with what is expected after the option, if it is larger.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UsageError(f"{option} {path}: is larger than {most >> 10} KiB, expected {expected}.")
    return content


def is_link_or_there(path: Path) -> bool:
    """Whether anything has the name, also a link that leads nowhere."""
    return is_there(path) if isinstance(path, StorePath) else os.path.lexists(path)


def check_kept(path: Path, *, is_folder: bool = False) -> None:
    """Raise `UsageError` if a path for progress is not a plain file; it may be missing.

    Somebody who can write beside an output could put a link there, so that another file would be
    written, or a pipe, whose reading never ends. With `is_folder`, a plain folder is expected. A
    store has neither links nor pipes.
    """
    if isinstance(path, StorePath):
        return
    with suppress(OSError):  # such as a missing file, or a name that is too long
        mode = path.lstat().st_mode
        is_plain = stat.S_ISDIR(mode) if is_folder else stat.S_ISREG(mode)
        if not is_plain:
            found = "a link" if stat.S_ISLNK(mode) else "a pipe, a device or a folder"
            found = "a file" if stat.S_ISREG(mode) else found
            raise UsageError(
                f"{path}: is {found}, expected the toolkit's own file of progress. Remove it."
            )


def for_arrow(path: Path) -> Any:
    """Return the argument for Arrow's open functions: the path, or a reader of an object."""
    if not isinstance(path, StorePath):
        return path
    from toolkit.stores.read import MANY_BLOCKS, ObjectReader

    return ObjectReader(path.location, MANY_BLOCKS)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):  # ValueError: a name with a null byte
        return 0


# Errors of file systems without hard links.
_NO_LINKS = {errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}

_PARTIAL = ".partial"

_unfinished: set[Path] = set()


def place(
    what: Path | bytes | Content,
    target: Path,
    *,
    force: bool = False,
    follow: bool = True,
    folder: Path | None = None,
    on_upload: Callable[[], None] = lambda: None,
) -> None:
    """Put a complete file at its path or object, so that nobody sees an incomplete file.

    If the content is a path, it is a complete file of this machine: it is moved, and stays after a
    failure. Other content is first written to ``folder``, by default beside the target. A link at
    the target is followed, unless ``follow`` is false: then the link is replaced. The folder of the
    target must exist. ``on_upload`` is called after a file is uploaded, before it is removed from
    this machine.

    Raises `FileExistsError` if other content is there, even if it has just been written, and
    ``force`` is false. The same bytes are never an error, as an earlier attempt may have been
    killed after it placed them. Raises `StoreError` if the store cannot be reached, and another
    `OSError` if the target cannot be written, such as on a full disk.
    """
    target = resolved(target) if follow else target
    try:
        if isinstance(target, StorePath):
            from toolkit.stores.write import upload

            upload(Content.of(what), target.location, force=force)
        elif isinstance(what, Path):
            _move(what, target, force=force)
        else:
            if not force:
                _check_absent(target)  # before the work
            with temporary_file(target, folder) as partial:
                _write(Content.of(what), partial)
                _move(partial, target, force=force)
    except FileExistsError:
        if not is_same(what, target):
            raise
    if isinstance(target, StorePath):
        on_upload()
    if isinstance(what, Path):
        what.unlink(missing_ok=True)


def is_same(what: Path | bytes | Content, target: Path) -> bool:
    """Whether a file or an object holds the same bytes; it is read only if the sizes agree."""
    content = Content.of(what)
    if isinstance(target, StorePath):
        from toolkit.stores.write import is_same as is_same_object

        return is_same_object(content, target.location)
    try:
        if content.local is not None and target.samefile(content.local):
            return True
        facts = target.stat()
        if facts.st_size != content.size or not stat.S_ISREG(facts.st_mode):
            return False
        with target.open("rb") as file:
            return content.is_read_from(file)
    except FileNotFoundError:
        return False


def _move(source: Path, target: Path, *, force: bool) -> None:
    """Rename a file, or copy it to another file system."""
    try:
        with held_back():
            _rename(source, target, force=force)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        place(Content.of(source), target, force=force)


def _check_absent(target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def _rename(source: Path, target: Path, *, force: bool) -> None:
    """Rename a file; without force, raise `FileExistsError` if the target exists.

    Without force, a file that appears at the same moment is not replaced either, except on file
    systems without hard links.
    """
    if force:
        source.replace(target)
        return
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _check_absent(target)
        source.rename(target)
        return
    source.unlink()


def _write(content: Content, partial: Path) -> None:
    """Put content into an empty file; a complete file gets a second name instead, if possible."""
    if content.local is not None:
        linked = partial.with_suffix(".linked")
        with suppress(OSError):
            os.link(content.local, linked)
            linked.replace(partial)
            return
    _copy(content, partial)


def _copy(content: Content, partial: Path) -> None:
    with partial.open("wb") as file:  # `shutil.copyfile` blames the source for a full disk
        for data in content.read():
            file.write(data)
    make_ready(partial, content.rights)


@contextmanager
def temporary_file(target: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yield an empty hidden file, beside a target or in a folder; remove it at the end."""
    handle, name = tempfile.mkstemp(_PARTIAL, _prefix_of(target), folder or target.parent)
    os.close(handle)
    with _removed(Path(name)) as partial:
        yield partial


@contextmanager
def temporary_folder(target: Path | None = None) -> Iterator[Path]:
    """Yield a folder with a hidden name, beside a target or anywhere; remove it at the end."""
    beside = () if target is None else (_PARTIAL, _prefix_of(target), target.parent)
    with _removed(Path(tempfile.mkdtemp(*beside))) as partial:
        yield partial


@contextmanager
def _removed(partial: Path) -> Iterator[Path]:
    _unfinished.add(partial)
    try:
        yield partial
    finally:
        remove_tree(partial)
        _unfinished.discard(partial)


def _prefix_of(path: Path) -> str:
    # A name has at most 255 bytes, a character up to 4; the random part and the suffix have 16.
    return f".{path.name[:50]}."


def hidden_beside(path: Path, ending: str) -> Path:
    """Return a hidden name beside a path, shortened to the 255 bytes that a name may have."""
    digest = zlib.crc32(path.name.encode("utf-8", "surrogateescape"))
    return path.parent / f".{path.name[:50]}.{digest:08x}.{ending}"


def remove_unfinished() -> None:
    """Remove the temporary files and folders, for a process that ends without cleaning up."""
    for partial in _unfinished:
        remove_tree(partial)


def remove_tree(path: Path) -> None:
    """Remove a file, a folder with all that is in it, or all objects under a prefix.

    Nothing happens if nothing is there.
    """
    if isinstance(path, StorePath):
        path.unlink(missing_ok=True)
        for each in path.objects():
            each.unlink(missing_ok=True)
    elif path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    elif is_link_or_there(path):
        path.unlink(missing_ok=True)


def make_ready(partial: Path, rights: int = 0o666) -> None:
    """Set the usual permissions of a file, and wait until its content is on the disk."""
    partial.chmod(rights & 0o666 & ~umask())
    flush_to_disk(partial)


def limit_rights(path: Path, source: Path) -> None:
    """Remove the permissions of a file that the file it was made from does not have."""
    if is_in_store(path) or is_in_store(source):
        return
    mode = _mode(source)  # read again: rights may have been removed since the file was found
    if stat.S_ISREG(mode):
        own = _mode(path)
        limit = mode | 0o600
        if own & ~limit & 0o777:
            path.chmod(own & limit & 0o777)


def flush_to_disk(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def umask() -> int:
    """Return the permissions that new files do not have."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextmanager
def atomic_files(*paths: Path, force: bool = False) -> Iterator[tuple[Path, ...]]:
    """Yield a temporary file for each path, and place them when the block succeeds.

    The temporary files are beside their paths, under hidden names, so that each rename stays within
    one file system. An interruption comes before all renames or after them. If the block raises
    (Ctrl-C included), the temporary files are removed, and the paths stay as they were. Files for
    objects in a store are in the work folder, and are uploaded before the others are renamed.
    """
    for path in paths:
        check_output_file(path, force=force)
    with reporting_failures(*paths), ExitStack() as files:
        partials = tuple(
            files.enter_context(
                temporary_file(resolved(path), work_folder() if is_in_store(path) else None)
            )
            for path in paths
        )
        yield partials
        for partial in partials:
            make_ready(partial)
        made = [*zip(partials, paths, strict=True)]
        for partial, path in made:
            if is_in_store(path):
                place(partial, path, force=force)
        with held_back():
            for partial, path in made:
                if not is_in_store(path):  # a file may have come in the meantime
                    place(partial, path, force=force)


def write_texts(texts: Mapping[Path, str], *, force: bool = False) -> None:
    """Write texts to their paths in UTF-8, all or none; half surrogate pairs become ``?``."""
    if not texts:
        return
    with atomic_files(*texts, force=force) as partials:
        for text, partial in zip(texts.values(), partials, strict=True):
            partial.write_text(text, encoding="utf-8", errors="replace")


@contextmanager
def atomic_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield one temporary file, as `atomic_files` does."""
    with atomic_files(path, force=force) as (partial,):
        yield partial


@contextmanager
def atomic_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a temporary folder, and rename it to ``path`` when the block succeeds.

    With ``force``, an existing folder is replaced only when the new one is complete.
    """
    if isinstance(path, StorePath):
        raise UsageError(
            f"{path}: this output is a folder, so it has to be on this machine. Name a local folder"
        )
    check_output(path, force=force)
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path}: is a file, expected a folder. Choose another with --output.")
    target = resolved(path)
    with reporting_failures(path), temporary_folder(target) as partial:
        yield partial
        partial.chmod(0o777 & ~umask())
        with held_back():
            _replace_folder(target, partial)


def _replace_folder(target: Path, partial: Path) -> None:
    if not target.exists():
        partial.rename(target)
        return
    replaced = partial.with_suffix(".replaced")
    target.rename(replaced)
    try:
        partial.rename(target)
    except BaseException:
        replaced.rename(target)
        raise
    shutil.rmtree(replaced)


def check_output(
    path: Path, *, force: bool, option: str = "--output", may_skip: bool = False
) -> None:
    """Raise `UsageError` if an output at ``path`` exists (without ``force``) or cannot be made.

    Call it before long work, so that the work does not fail at its end.
    """
    remedy = f"Choose another with {option}"
    if isinstance(path, StorePath) and not path.name:
        raise UsageError(f"{path}: is a bucket, expected an object. {remedy}.")
    with reporting_failures(path):  # such as a name that is too long
        is_taken = is_there(path) if isinstance(path, StorePath) else _is_taken(path, remedy)
    if is_taken and not force:
        check_leads_somewhere(path, remedy)
        replace = "replace it with --force"
        keep = "keep it with --skip-existing"
        others = f"{replace}, or {keep}" if may_skip else f"or {replace}"
        raise UsageError(f"{path}: exists already. {remedy}, {others}.")
    if isinstance(path, StorePath):
        return  # without the right to check it, writing reports the problem
    folder = resolved(path).parent if path.is_symlink() else path.parent
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise UsageError(
            f"{path}: the folder {folder} {found}. Create it, or choose another with {option}."
        )
    try:
        tempfile.TemporaryFile(dir=resolved(path).parent).close()
    except OSError as error:
        raise UsageError(
            f"{path}: cannot create a file in {folder}: {error.strerror}. {remedy}."
        ) from None


def check_leads_somewhere(path: Path, remedy: str) -> None:
    """Raise `UsageError` for a link to a missing file, which writing would create."""
    if not isinstance(path, StorePath) and path.is_symlink() and not is_there(path):
        raise UsageError(
            f"{path}: is a link to a file that does not exist. {remedy}, or write that file with "
            "--force."
        )


def _is_taken(path: Path, remedy: str) -> bool:
    """Whether anything is at a path of this machine; raise `UsageError` for a special file."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UsageError(f"{path}: is a link that leads to itself. {remedy}.") from None
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise
        mode = 0
    is_special = mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    if is_special or path.absolute().parent == Path("/dev"):
        raise UsageError(f"{path}: is a device or a pipe, expected a file. {remedy}.")
    return mode != 0 or path.is_symlink()


def check_is_no_input(path: Path, inputs: Iterable[Path], option: str = "--output") -> None:
    """Raise `UsageError` if an output is one of the inputs; inputs may be missing."""
    for source in inputs:
        with suppress(OSError):
            if path.samefile(source):
                raise UsageError(f"{path}: is an input. Choose another with {option}.")


def check_output_file(
    path: Path, *, force: bool, option: str = "--output", may_skip: bool = False
) -> None:
    """Raise `UsageError` as `check_output` does, and if ``path`` is a folder."""
    if not isinstance(path, StorePath) and is_a_folder(path):
        raise UsageError(f"{path}: is a folder, expected a file. Choose another with {option}.")
    check_output(path, force=force, option=option, may_skip=may_skip)


@contextmanager
def reporting_failures(path: Path, *others: Path) -> Iterator[None]:
    """Turn an `OSError` into an `OutputError` that names the output, by default the first one."""
    try:
        yield
    except OSError as error:
        name = error.filename
        if name is not None and not any(_is_of(each, str(name)) for each in (path, *others)):
            raise
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _is_of(path: Path, name: str) -> bool:
    """Check whether a failure at a path concerns an output, or one of its temporary files."""
    if isinstance(path, StorePath):
        return name == str(path) or _is_in(work_folder(), name)
    return location_of(name) is None and _is_in(path.parent, name)


def _is_in(folder: Path, name: str) -> bool:
    return resolved(folder) in resolved(Path(name).parent).joinpath("_").parents


_LASTING = Path("/var/tmp")  # noqa: S108 (checked below); it outlives a restart, as progress should


def work_folder() -> Path:
    """Return the work folder, which belongs to this user alone; else raise `UsageError`.

    It is in the folder that TOOLKIT_WORK_FOLDER or TMPDIR names, by default in /var/tmp, or in the
    system's folder for temporary files if /var/tmp is not writable.
    """
    remedy = "Name another folder with TOOLKIT_WORK_FOLDER"
    named = os.environ.get("TOOLKIT_WORK_FOLDER") or os.environ.get("TMPDIR")
    is_lasting = _LASTING.is_dir() and os.access(_LASTING, os.W_OK)
    base = Path(named or (_LASTING if is_lasting else tempfile.gettempdir()))
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = base / f"toolkit-{user}"
    try:
        folder.mkdir(mode=0o700, parents=bool(named), exist_ok=True)
        facts = folder.lstat()
    except OSError as error:
        raise OutputError(
            f"{folder}: the folder for unfinished outputs cannot be created: {error.strerror}. "
            f"{remedy}"
        ) from None
    is_own = not hasattr(os, "getuid") or facts.st_uid == os.getuid()
    if not stat.S_ISDIR(facts.st_mode) or not is_own:
        raise UsageError(f"{folder}: is not a folder that this user owns. {remedy}")
    if hasattr(os, "getuid") and stat.S_IMODE(facts.st_mode) != 0o700:
        folder.chmod(0o700)
    return folder


CHECKSUMS = "SHA256SUMS"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    import hashlib  # late: it takes 3 ms

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checksums(folder: Path, files: Iterable[Path]) -> Path:
    """Write the checksums of the files in a folder, sorted by name, and return the path."""
    path = folder / CHECKSUMS
    lines = [f"{sha256_of(each)}  {each.name}\n" for each in sorted(files, key=lambda f: f.name)]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")
    return path
