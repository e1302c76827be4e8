# Everyday tasks. `make demo` and `make test` need only Python 3.11 or newer and make.
# No target runs a test of another one again, but `make test-guards`, which runs a part of
# `make test-slow`, and `make test-new`: it tries new examples of the properties. The tests of the
# pages are in `make check`.

PYTHON ?= python3
DEMO := .venv
DEV := .venv-dev
TOOLS := .venv-release
SHIPPED := $(addprefix exported/,reviews.onnx reviews-small.onnx reviews-open.onnx conv1d.onnx)

# Each process takes up to 4 GB. A file stays in one, as its tests share what they train and build.
PROCESSES := 2
AT_ONCE := -n $(PROCESSES) --dist loadfile

# What depends on the core that runs: token ids, scores, and how records are found.
CORE_TESTS := tests/text tests/model tests/examples/test_golden_vectors.py \
	$(addprefix tests/scoring/,test_by_sentence.py test_score_file.py) \
	$(addprefix tests/records/,test_dialects.py test_json_lines.py test_one_reader.py test_quotes.py)

.PHONY: demo test test-slow test-guards test-new test-all test-arrow test-bare check docs models bench release lock format clean help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(DEMO)/installed  ## install the light scorer and score the example reviews
	$(DEMO)/bin/toolkit score examples/reviews.csv -o reviews.scored.csv --force
	@echo
	@$(DEMO)/bin/python examples/show.py reviews.scored.csv

test: $(DEV)/installed  ## run the tests that a change needs, in eight minutes; installs 2.3 GB
	$(DEV)/bin/pytest -q $(AT_ONCE) -m "not slow and not tools" --ignore=tests/docs

test-slow: $(DEV)/installed-all  ## run the slow tests, and those of other languages, browsers and engines; installs 1.7 GB more
	$(DEV)/bin/pytest -v $(AT_ONCE) -m "slow or tools" --ignore=tests/docs

test-guards: $(DEV)/installed-all  ## run those slow tests that guard the data of users: kills, shards, proxies
	$(DEV)/bin/pytest -q $(AT_ONCE) -m guards --ignore=tests/docs

test-new: $(DEV)/installed-all  ## try new examples of the properties
	$(DEV)/bin/pytest -q $(AT_ONCE) -m hypothesis --hypothesis-profile=new --ignore=tests/docs

test-all: test test-slow test-new  ## run all three

test-arrow: $(DEV)/installed  ## run the tests of what the native core does without it
	TOOLKIT_NATIVE=0 $(DEV)/bin/pytest -q $(AT_ONCE) -m "not tools" $(CORE_TESTS)

test-bare: $(DEV)/installed-all  ## run the tests that look for the real data as if it were not there
	TOOLKIT_DATA=$(CURDIR)/no-data $(DEV)/bin/pytest -q $(AT_ONCE) --looks-for-data --ignore=tests/docs

check: $(DEV)/installed  ## check format, types, docstrings and imports, and test the pages
	$(DEV)/bin/ruff check
	$(DEV)/bin/ruff format --check
	$(DEV)/bin/mypy
	$(DEV)/bin/pydoclint --quiet toolkit
	$(DEV)/bin/lint-imports
	$(DEV)/bin/pytest -q tests/docs

format: $(DEV)/installed  ## format the code, and fix what can be fixed automatically
	$(DEV)/bin/ruff check --fix
	$(DEV)/bin/ruff format

docs: $(DEV)/installed-all  ## build the site in build/site, with the references of commands and of Python; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(DEV)/bin/mkdocs build --config-file .ci/docs/mkdocs.yml

models: $(DEV)/installed  ## train and export the shipped models again, and compare them with the shipped files
	$(DEV)/bin/python -m exported.make $(PRESETS)

bench: $(DEV)/installed  ## compare the speed with other tools (a quarter of an hour); or accuracy: PARTS=quality
	$(DEV)/bin/python -m examples.benchmarks $(PARTS)

release: $(TOOLS)/installed  ## build the packages in dist/, try each, list what is inside; nothing is uploaded
	PYTHONPATH=.ci $(TOOLS)/bin/python -m release sdist
	PYTHONPATH=.ci $(TOOLS)/bin/python -m release wheel
	PYTHONPATH=.ci $(TOOLS)/bin/python -m release check
	PYTHONPATH=.ci $(TOOLS)/bin/python -m release languages
	PYTHONPATH=.ci $(TOOLS)/bin/python -m release papers

lock: $(TOOLS)/installed  ## renew the packages of the image, and those that make a release
	$(TOOLS)/bin/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate \
		--universal --python-version 3.11 --output-file .ci/release/requirements.txt .ci/release/requirements.in
	$(TOOLS)/bin/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate \
		--extra serve --python-version 3.13 --python-platform linux --output-file .ci/release/container.txt pyproject.toml

clean:  ## remove the environments, and the files that tools have written
	rm -rf $(DEMO) $(DEV) $(TOOLS) toolkit/native/_core.* build dist runs reviews.scored.csv .hypothesis .mypy_cache .pytest_cache .ruff_cache

# The demo installs the package as users get it; the other environment uses this folder, where the
# native core is compiled again when its source changes.
$(DEMO)/installed: pyproject.toml hatch_build.py $(SHIPPED) \
		review_sentiment_toolkit.py $(shell find toolkit -type f -not -name '*.pyc' -not -name '_core.*')
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/pip install --quiet --no-compile --disable-pip-version-check '.[evaluate,excel]'
	touch $@

$(DEV)/installed: pyproject.toml hatch_build.py $(wildcard toolkit/native/*.[ch])
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/pip install --quiet --no-compile --editable '.[dev]'
	touch $@

$(DEV)/installed-all: $(DEV)/installed
	$(DEV)/bin/pip install --quiet --no-compile --editable '.[dev-all]'
	touch $@

$(TOOLS)/installed: .ci/release/requirements.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --no-compile --require-hashes --requirement .ci/release/requirements.txt
	touch $@
