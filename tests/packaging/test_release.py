"""Releases: models and checksums, the recipe of the image, and the workflows of GitHub."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import product
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from exported.hub import write_hub_folder
from hatch_build import absolute_links
from release import __main__ as release
from release import addresses
from release.languages import LANGUAGES, VERSIONS, why_not
from release.languages import c as make_c
from release.notes import check_changelog, release_notes
from release.papers import copy_models, read_sums, write_sums
from release.trial import GOLDEN as CHECK
from tests.cli.running import Command
from tests.data import PROJECT
from tests.packaging.environments import Environment
from toolkit import __version__
from toolkit.files import CHECKSUMS, sha256_of
from toolkit.model import SHIPPED


def test_models_are_those_of_the_checksums(tmp_path: Path) -> None:
    copy_models(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names > {f"{name}.onnx" for name in SHIPPED} | {"golden.jsonl", "LICENSE", "SOURCES.md"}
    write_sums(tmp_path, *tmp_path.iterdir())
    assert read_sums(tmp_path / CHECKSUMS).keys() == names
    command = ["sha256sum", "--check", "--quiet", CHECKSUMS]
    subprocess.run(command, cwd=tmp_path, check=True)
    (tmp_path / "reviews.onnx").write_bytes(b"another")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 1


def test_a_model_that_was_changed_is_not_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("release.papers.PROJECT", tmp_path)
    (tmp_path / "exported").mkdir()
    (tmp_path / "LICENSE").touch()
    (tmp_path / "exported" / "SOURCES.md").touch()
    golden = tmp_path / "exported" / "golden.jsonl"
    golden.write_text("{}\n", encoding="utf-8")
    (tmp_path / "exported" / CHECKSUMS).write_text(f"{'0' * 64}  golden.jsonl\n", encoding="utf-8")
    assert sha256_of(golden) == "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"
    with pytest.raises(
        SystemExit, match=f"exported/golden.jsonl is not what exported/{CHECKSUMS} says"
    ):
        copy_models(tmp_path / "out")


def test_two_files_of_one_name(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").touch()
    with pytest.raises(SystemExit, match="two files have one name"):
        write_sums(tmp_path, tmp_path / "a" / "x", tmp_path / "b" / "x")


@pytest.mark.slow
def test_the_tag_has_the_version(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "DIST", wheel.parent)
    monkeypatch.setattr(release, "check_changelog", lambda version: None)  # see below
    with pytest.raises(
        SystemExit, match=r"are placeholders\. Write the address into pyproject\.toml"
    ):
        release.tag(f"v{__version__}")
    monkeypatch.setattr(release, "check_addresses", lambda: None)
    monkeypatch.setattr(release, "check_container", lambda: None)
    monkeypatch.setattr("release.notes.PROJECT", tmp_path)
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(f"## Unreleased\n\n## {__version__}\n\n- new\n", encoding="utf-8")
    release.tag(f"v{__version__}")
    with pytest.raises(SystemExit, match=r"the tag is v0\.0\.1, and the packages have version "):
        release.tag("v0.0.1")


def test_all_files_have_the_address_of_the_project() -> None:
    assert [*addresses.differences()] == []


def test_a_release_with_another_address_or_a_placeholder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pyproject.toml", *addresses.FILES):
        text = (PROJECT / name).read_text("utf-8")
        text = text.replace("https://example.invalid/review-sentiment-toolkit", "https://host/a/b")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(addresses, "PROJECT", tmp_path)
    readme = tmp_path / "examples" / "install" / "README.md"
    with pytest.raises(SystemExit, match=r"Write the address into examples/install/README\.md$"):
        release.check_addresses()
    readme.write_text(readme.read_text("utf-8").replace("OWNER/REPOSITORY", "a/c"), "utf-8")
    with pytest.raises(SystemExit, match=r"README\.md: expected --repo a/b$"):
        release.check_addresses()
    readme.write_text(readme.read_text("utf-8").replace("--repo a/c", "--repo a/b"), "utf-8")
    release.check_addresses()


@pytest.fixture
def changelog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A changelog to write, beside the cards of the models."""
    (tmp_path / "exported").mkdir()
    for name in SHIPPED:
        shutil.copy(PROJECT / "exported" / f"{name}.md", tmp_path / "exported")
    for name in ("release.notes.PROJECT", "release.__main__.PROJECT"):
        monkeypatch.setattr(name, tmp_path)
    return tmp_path / "CHANGELOG.md"


def test_notes_are_those_of_the_version(changelog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "shop/toolkit")
    changelog.write_text(
        "# Changelog\n\n## Unreleased\n\n## 1.1.0\n\nMore\nof it.\n\n- one\n  line\n- two\n\n"
        "## 1.0.0\n\n- first\n",
        encoding="utf-8",
    )
    notes = release_notes("1.1.0")
    assert notes.startswith("More of it.\n\n- one line\n- two\n\n**Which model in a company?** ")
    assert "\n- `reviews-open`: 16 of 16 data sets state an open licence\n" in notes
    assert notes.endswith("`gh attestation verify FILE --repo shop/toolkit`.\n")
    assert "- first" not in notes
    check_changelog("1.1.0")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("## 1.1.0\n\n- one", r"CHANGELOG\.md says nothing of version 1\.2\.0: expected '## 1"),
        ("## 1.2.0\n\n## 1.1.0\n\n- one", r"CHANGELOG\.md says nothing of version 1\.2\.0"),
        ("## Unreleased\n\n- a\n- b\n\n## 1.2.0\n\n- one",
         r"'Unreleased' has 2 lines\. Move them to '## 1\.2\.0' before you set the tag"),
        ("## 1.3.0\n\n- two\n\n## 1.2.0\n\n- one", r"newest version is 1\.3\.0, .* says 1\.2\.0"),
    ],
)  # fmt: skip
def test_a_tag_needs_a_changelog_that_ends_there(changelog: Path, text: str, message: str) -> None:
    changelog.write_text(f"# Changelog\n\n{text}\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=message):
        check_changelog("1.2.0")


def test_a_trial_has_the_changes_that_no_version_has(changelog: Path) -> None:
    changelog.write_text("## Unreleased\n\n- new\n\n## 1.1.0\n\n- old\n", encoding="utf-8")
    notes = release_notes("1.1.0")
    assert notes.startswith("Not released: changes after 1.1.0.\n\n- new\n\n")
    assert "old" not in notes


@pytest.mark.parametrize("name", VERSIONS)
def test_a_tag_needs_one_version_everywhere(name: str, changelog: Path) -> None:
    """The packages for other languages, the extension and the citation have that of the toolkit."""
    for each in VERSIONS:
        path = changelog.parent / each
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / each, path)
    release.check_versions(__version__)
    path = changelog.parent / name
    path.write_text(path.read_text("utf-8").replace(__version__, "0.0.9"), encoding="utf-8")
    with pytest.raises(SystemExit, match=rf"{name} has version 0\.0\.9, not {__version__}"):
        release.check_versions(__version__)


def test_packages_have_one_name_and_no_registry() -> None:
    """A lock file works with any registry; ours names none."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    crate = tomllib.loads((PROJECT / "examples/rust/Cargo.toml").read_text("utf-8"))["package"]
    package = json.loads((PROJECT / "examples/npm/package.json").read_bytes())
    pom = (PROJECT / "examples/java/pom.xml").read_text("utf-8")
    names = [crate["name"], package["name"], *re.findall("<artifactId>(.*)</", pom)]
    assert {*names} == {project["name"]}
    assert {crate["license"], package["license"]} == {project["license"]}
    address = project["urls"]["Repository"]
    assert address == crate["repository"] == package["repository"]
    assert f"<url>{address}</url>" in pom
    locks = [*PROJECT.glob("examples/*/package-lock.json"), *PROJECT.glob(".ci/release/*.txt")]
    assert len(locks) >= 5
    for path in locks:
        found = re.findall(r'"resolved": "(?!file:).*|.*https?://.*', path.read_text("utf-8"))
        assert [line for line in found if '"url"' not in line] == [], path


def test_a_release_needs_a_known_container(changelog: Path) -> None:
    workflow = changelog.parent / ".github" / "workflows" / "ci.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("    container: python:3-slim\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="the container python:3-slim has no digest"):
        release.check_container()
    workflow.write_text(f"    container: python:3-slim@sha256:{'0' * 64}\n", encoding="utf-8")
    release.check_container()


def test_links_of_a_page_lead_to_the_repository() -> None:
    page = "[a](../c/README.md#x) [b](https://example.org/) [c](#here) [d](embed.js)"
    start = "https://host/blob/main/examples"
    assert absolute_links(page, "https://host", "examples/go") == (
        f"[a]({start}/c/README.md#x) [b](https://example.org/) [c](#here) [d]({start}/go/embed.js)"
    )


@pytest.mark.tools
@pytest.mark.parametrize("language", LANGUAGES)
def test_packages_for_other_languages(language: str, tmp_path: Path) -> None:
    """They are made and tried as `make release` does; the same files have the same bytes."""
    make, programs = LANGUAGES[language]
    if missing := why_not(programs):
        pytest.skip(missing)
    (tmp_path / "out").mkdir()
    if language == "Java":
        make_c(tmp_path / "out", tmp_path)  # the library that it calls
    make(tmp_path / "out", tmp_path)
    assert [*(tmp_path / "out").iterdir()]


def test_a_company_finds_which_model_it_may_use(command: Command, tmp_path: Path) -> None:
    """On the first page, in the file itself, on the Hub, with the release."""
    free, unclear = "16 of 16 data sets state an open licence", "ask a lawyer first, as 58 of "
    readme = (PROJECT / "README.md").read_text("utf-8")
    assert "\n**In a company: `reviews-open`.** " in readme
    shown = {name: " ".join(command("info", name).out.split()) for name in SHIPPED}
    assert f"in a company {free}" in shown["reviews-open"]
    assert f"in a company {unclear}" in shown["reviews"]
    copy_models(tmp_path / "release")
    for model, line in (("reviews-open", free), ("reviews-small", unclear)):
        folder = tmp_path / model
        write_hub_folder(model, folder)
        assert f"\n| in a company | {line}" in (folder / "README.md").read_text("utf-8")
        for name, path in (("LICENSE", "LICENSE"), ("SOURCES.md", "exported/SOURCES.md")):
            for at in (folder, tmp_path / "release"):
                assert (at / name).read_bytes() == (PROJECT / path).read_bytes()
    notes = release_notes(__version__)
    assert f"\n- `reviews-open`: {free}\n" in notes
    assert f"\n- `reviews`: {unclear}" in notes


@pytest.mark.slow
def test_a_wheel_has_the_terms(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("dist-info/METADATA"))
        head = archive.read(metadata).decode()
        folder = metadata.replace("METADATA", "licenses/")
        for name in ("LICENSE", "exported/SOURCES.md"):
            assert f"\nLicense-File: {name}\n" in head
            assert archive.read(folder + name) == (PROJECT / name).read_bytes()
    assert "\n**In a company: `reviews-open`.** " in head
    assert "[sources](https://example.invalid/review-sentiment-toolkit/blob/main/exported/S" in head
    assert not re.search(r"\]\((?!https://|#)", head)


def test_only_lines_of_a_paragraph_are_joined(changelog: Path) -> None:
    code = "```sh\n# a\nb\n\nc\n```"
    others = f"### Head\n\n| a |\n|---|\n| 1 |\n\n{code}\n\n1. one\n2. two\n\n> said\n\n"
    entry = "- see `score\n  --stars`, code\n  3. It is\n  new.\n\n  ```sh\n  d\n  e\n  ```"
    changelog.write_text(f"## 1.1.0\n\n{others}{entry}\n", encoding="utf-8")
    joined = entry.replace(
        "score\n  --stars`, code\n  3. It is\n  new", "score --stars`, code 3. It is new"
    )
    assert release_notes("1.1.0").startswith(f"{others}{joined}\n\n**Which model ")


@pytest.mark.slow
def test_what_runs_in_the_environment_of_a_package(light: Environment, tmp_path: Path) -> None:
    golden = PROJECT / "exported" / "golden.jsonl"
    ran = light.run("python", "-I", CHECK, golden, *SHIPPED, cwd=tmp_path)
    assert (ran.exit_code, ran.err) == (0, "")


@pytest.mark.slow
def test_which_packages_are_tried_here(wheel: Path) -> None:
    assert release.fits(wheel)
    assert release.fits(Path("a-0.1.tar.gz"))
    assert release.fits(Path("a-0.1-py3-none-any.whl"))
    assert not release.fits(Path("a-0.1-py3-none-win_arm64.whl"))


RECIPE = (PROJECT / "Containerfile").read_text("utf-8")
RECIPE_STEPS = [
    re.sub(r"\s+", " ", line)
    for line in re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", RECIPE, flags=re.M)).splitlines()
    if line
]
LOCKS = [PROJECT / ".ci" / "release" / f"{name}.txt" for name in ("container", "requirements")]
LOCK = LOCKS[0].read_text("utf-8")
GOLDEN = PROJECT / "exported" / "golden.jsonl"


def test_the_page_runs_it_as_the_recipe_says() -> None:
    page = (PROJECT / "examples" / "install" / "README.md").read_text("utf-8")
    shown, said = (
        re.findall(r"podman run .*?score reviews.csv$", text, re.M | re.S)
        for text in (page.replace("\\\n", ""), re.sub(r"\\\n#", "", RECIPE))
    )
    assert len(shown) == 1
    assert shown[0].split() == said[0].split()


def test_stages() -> None:
    assert [step for step in RECIPE_STEPS if step.startswith(("ARG", "FROM"))] == [
        "ARG BASE=python:3.13-slim-trixie",
        "ARG BUILDER=${BASE}",
        "FROM ${BUILDER} AS build",
        "FROM ${BASE}",
    ]
    last = RECIPE_STEPS[RECIPE_STEPS.index("FROM ${BASE}") :]
    assert not [step for step in last if step.startswith(("RUN", "ADD"))]
    assert "USER 65532:65532" in last


def test_files_that_are_copied_exist_and_are_not_ignored() -> None:
    copied = [
        name
        for step in RECIPE_STEPS
        if step.startswith("COPY") and "--from" not in step
        for name in step.split()[1:-1]
    ]
    assert ".ci/release/container.txt" in copied
    assert [n for n in copied if n != "dist/*.whl" and not (PROJECT / n).is_file()] == []
    kept = (PROJECT / ".containerignore").read_text("utf-8").splitlines()
    assert kept == ["*", *sorted(f"!{name}" for name in copied)]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_packages_are_pinned_with_hashes(path: Path) -> None:
    entries = re.split(r"\n(?=\S)", path.read_text("utf-8").strip())
    for entry in entries:
        assert re.match(
            r"[\w.-]+==[\w.]+( ;[^\n]*)? \\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n?)+$", entry
        )


def test_the_tools_of_a_release_are_installed_by_their_hashes() -> None:
    wanted = (PROJECT / ".ci" / "release" / "requirements.in").read_text("utf-8")
    pins = re.findall(r"^([\w-]+==[\w.]+)", wanted, re.M)
    assert len(pins) > 5
    lock = LOCKS[1].read_text("utf-8")
    assert [pin for pin in pins if f"\n{pin} " not in f"\n{lock}"] == []
    for text in (*commands(RELEASE), (PROJECT / "Makefile").read_text("utf-8")):
        for line in text.splitlines():
            if "requirements.txt" in line and "install " in line:
                assert "--require-hashes" in line


@pytest.mark.slow
def test_pinned_packages_are_what_the_toolkit_requires(light: Environment) -> None:
    pins = dict(re.findall(r"^([\w-]+)==([\w.]+)", LOCK, re.M))
    (metadata,) = light.packages.glob("review_sentiment_toolkit-*.dist-info/METADATA")
    required = re.findall(r"^Requires-Dist: (.*)$", metadata.read_text("utf-8"), re.M)
    linux = {"python_version": "3.13", "sys_platform": "linux"}
    for requirement, extra in product(map(Requirement, required), ("", "serve")):
        if requirement.marker is None or requirement.marker.evaluate({**linux, "extra": extra}):
            assert pins[requirement.name] in requirement.specifier
    assert "onnx" not in pins


@pytest.mark.slow
def test_the_check_at_the_start(light: Environment, tmp_path: Path) -> None:
    """It passes with the golden vectors, and fails with others."""
    check = PROJECT / ".ci" / "release" / "golden.py"
    ran = light.run("python", check, GOLDEN, "reviews-small", cwd=tmp_path)
    assert (ran.exit_code, ran.out, ran.err) == (0, "", "")
    lines = [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()[:16]]
    lines[2]["models"]["reviews"]["probability"] += 0.001
    lines[3]["models"]["reviews"]["label"] = "neutral"
    changed = tmp_path / "golden.jsonl"
    changed.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    ran = light.run("python", check, changed, cwd=tmp_path)
    names = f"{lines[2]['name']}, {lines[3]['name']}"
    assert ran.exit_code == 1
    assert ran.err == f"error: the model reviews gives other results for 2 texts: {names}\n"


def test_the_start_of_the_image() -> None:
    """The script that the recipe writes is one that a shell can read."""
    (step,) = (step for step in RECIPE_STEPS if "bin/start" in step and step.startswith("RUN"))
    written = re.search(r"printf '%s\\n' (.*?) > /opt/toolkit/bin/start", step)
    assert written is not None
    lines = re.findall(r"'([^']*)'", written[1])
    assert lines[0] == "#!/bin/sh"
    assert lines[-1] == 'exec toolkit "$@"'
    subprocess.run(["sh", "-n"], input="\n".join(lines), text=True, check=True)


yaml = pytest.importorskip("yaml", reason="needs PyYAML")
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
RELEASE = PROJECT / ".github" / "workflows" / "release.yml"
MAY_SIGN = {"papers", "index"}
PINNED = re.compile(r"^ *- uses: [\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_bytes())["jobs"]
    return found


def commands(path: Path) -> list[str]:
    return [step["run"] for job in jobs(path).values() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = [line for line in path.read_text("utf-8").splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.match(line)] == []


def test_an_action_has_one_commit() -> None:
    lines = "\n".join(path.read_text("utf-8") for path in WORKFLOWS)
    pairs = {*re.findall(r"uses: (\S+)@(\w+) #", lines)}
    assert len(pairs) == len({name for name, _ in pairs})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_shell_can_read_the_commands(path: Path) -> None:
    for command in commands(path):
        assert "${{" not in command  # names of tags and branches are not code
        subprocess.run(["bash", "-n", "-c", command], check=True)


def test_rights_of_the_release() -> None:
    text = RELEASE.read_text("utf-8")
    assert "\npermissions: {}\n" in text
    assert "secrets." not in text
    rights = {name: job["permissions"] for name, job in jobs(RELEASE).items()}
    writing = {
        name: {key for key, value in each.items() if value == "write"}
        for name, each in rights.items()
    }
    assert {name for name, each in writing.items() if "id-token" in each} == MAY_SIGN
    assert {name for name, each in writing.items() if "contents" in each} == {"github"}
    assert jobs(RELEASE)["index"]["environment"] == "pypi"


def test_nothing_is_published_before_it_is_tried() -> None:
    needs = {name: job.get("needs") for name, job in jobs(RELEASE).items()}
    way = ["github"]
    while (before := needs[way[-1]]) is not None:
        way.append(before)
    assert way == ["github", "index", "papers", "test", "wheels", "source"]
    assert [*needs] == way[::-1]


def test_steps_are_those_of_the_makefile() -> None:
    ran = re.findall(r"python -m release (\w+)", "\n".join(commands(RELEASE)))
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    made = re.findall(r"python -m release (\w+)", makefile)
    assert [step for step in ran if step != "tag"] == made == list(release.STEPS)


def test_the_environment_of_the_tests_can_train() -> None:
    """It has the packages of the extra, with the same limits, but TensorFlow without GPUs."""
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    light = [
        each.replace("tensorflow-cpu", "tensorflow").partition(";")[0] for each in extras["dev"]
    ]
    assert {each for each in extras["train"] if "toolkit[" not in each} <= {*light}


def test_tests_that_the_makefile_names_exist() -> None:
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    named = re.search(r"^CORE_TESTS := (.*?)\n\n", makefile, re.M | re.S)
    assert named is not None
    paths = [PROJECT / name for name in re.findall(r"tests/[\w/]+(?:\.py)?(?=[ \n])", named[1])]
    for folder, names in re.findall(r"addprefix (\S+/),([^)]*)\)", named[1]):
        paths += [PROJECT / folder / name for name in names.split()]
    assert len(paths) > 8
    assert [path for path in paths if not path.exists()] == []


def test_a_linter_finds_nothing() -> None:
    folder = Path(sys.executable).parent
    zizmor = shutil.which("zizmor", path=str(folder)) or shutil.which("zizmor")
    if zizmor is None:
        pytest.skip("needs zizmor, of the extra 'dev'")
    example = PROJECT / "examples" / "scheduling" / "workflow.yml"
    ran = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--color=never", *WORKFLOWS, example],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout.startswith("No findings")) == (0, True), ran.stdout


FORMS = sorted((PROJECT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_issue_forms_have_what_github_wants(path: Path) -> None:
    form = yaml.safe_load(path.read_bytes())
    assert form["name"]
    assert form["description"]
    fields = [each for each in form["body"] if each["type"] != "markdown"]
    assert len({each["id"] for each in fields}) == len(fields) > 0
    assert all(each["attributes"]["label"] for each in fields)
