"""The steps of a release: ``python -m release STEP``, run by `make release` and by the workflow.

Packages are in `dist`, all that is not for a package index in `build/release`.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from release.addresses import PLACEHOLDERS, differences, placeholders
from release.languages import VERSIONS, make_languages
from release.notes import check_changelog, release_notes
from release.packages import PROJECT, build_sdist, build_wheel, run
from release.papers import copy_models, write_bill_of_materials, write_sums
from release.trial import try_package, try_without_install

DIST = PROJECT / "dist"
LANGUAGES = PROJECT / "build" / "packages"
PAPERS = PROJECT / "build" / "release"
NOTES = "RELEASE_NOTES.md"
MOST_BYTES = 100 * 2**20  # of a file on PyPI, unless more is asked for


def sdist() -> None:
    """Build the source distribution, and the wheel for any machine."""
    shutil.rmtree(DIST, ignore_errors=True)
    build_wheel(build_sdist(DIST), DIST, native=False)


def wheel() -> None:
    """Build the wheel for this kind of machine from the source distribution in `dist`."""
    (source,) = DIST.glob("*.tar.gz")
    build_wheel(source, DIST, native=True)


def check() -> None:
    """Check the metadata and sizes of the packages, and try each that fits this machine."""
    for package in DIST.iterdir():
        if (size := package.stat().st_size) > MOST_BYTES:
            sys.exit(f"error: {package.name}: {size:,} bytes, and PyPI takes {MOST_BYTES:,}")
    run(sys.executable, "-m", "twine", "check", "--strict", *sorted(DIST.iterdir()))
    with TemporaryDirectory() as folder:
        for package in sorted(DIST.iterdir()):
            if fits(package):
                try_package(package, Path(folder, package.name))
        try_without_install(next(each for each in DIST.glob("*.whl") if fits(each)))


def languages() -> None:
    """Make and try the packages for other languages."""
    make_languages(LANGUAGES)


def papers() -> None:
    """Copy models and packages, list what is inside, and write the notes, and all checksums."""
    shutil.rmtree(PAPERS, ignore_errors=True)
    copy_models(PAPERS)
    for package in LANGUAGES.glob("*"):
        shutil.copy(package, PAPERS)
    with TemporaryDirectory() as folder:
        environment = Path(folder, "venv")
        (pure,) = DIST.glob("*-none-any.whl")
        try_package(pure, environment)
        version = pure.name.split("-")[1]
        write_bill_of_materials(pure, environment, PAPERS)
    (PAPERS / NOTES).write_text(release_notes(version), encoding="utf-8")
    write_sums(PAPERS, *DIST.iterdir(), *PAPERS.iterdir())


def tag(name: str) -> None:
    """Compare a tag, such as v1.2.3, with the version of the packages and with the changelog."""
    versions = {path.name.split("-")[1] for path in DIST.glob("*.whl")}
    if versions != {name.removeprefix("v")}:
        sys.exit(f"error: the tag is {name}, and the packages have version {', '.join(versions)}")
    check_changelog(name.removeprefix("v"))
    check_versions(name.removeprefix("v"))
    check_addresses()
    check_container()


def check_versions(version: str) -> None:
    """Stop a release if a package for another language, or CITATION.cff, names another version."""
    for name, pattern in VERSIONS.items():
        found = re.findall(pattern, (PROJECT / name).read_text("utf-8"), re.M)
        if found != [version]:
            sys.exit(f"error: {name} has version {', '.join(found) or 'none'}, not {version}")


def check_container() -> None:
    """Stop a release while the container of the tests is the newest of a name, not a known one."""
    workflow = (PROJECT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    for image in re.findall(r"^ *container: (\S+)", workflow, re.M):
        if not re.search(r"@sha256:[0-9a-f]{64}$", image):
            sys.exit(
                f"error: .github/workflows/ci.yml: the container {image} has no digest. Write "
                f"{image}@sha256:DIGEST, with what `skopeo inspect docker://{image}` prints"
            )


def check_addresses() -> None:
    """Stop a release while the address of the project is a placeholder, or files have others."""
    if found := placeholders():
        sys.exit(
            f"error: {' and '.join(PLACEHOLDERS)} are placeholders. Write the address into "
            f"{', '.join(found)}"
        )
    if others := [*differences()]:
        sys.exit(f"error: these have another address than pyproject.toml: {'; '.join(others)}")


def fits(package: Path) -> bool:
    """Tell whether pip on this machine would take a package."""
    from packaging.tags import sys_tags
    from packaging.utils import parse_wheel_filename

    if package.suffix != ".whl":
        return True
    return not parse_wheel_filename(package.name)[3].isdisjoint(sys_tags())


# In this order.
STEPS = {"sdist": sdist, "wheel": wheel, "check": check, "languages": languages, "papers": papers}


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    for name, step in STEPS.items():
        steps.add_parser(name, help=step.__doc__)
    steps.add_parser("tag", help=tag.__doc__).add_argument("name")
    given = parser.parse_args()
    if given.step == "tag":
        tag(given.name)
    else:
        STEPS[given.step]()


if __name__ == "__main__":
    main()
