# EmberOne's commands; `make` alone lists them. Nothing but Python ≥ 3.11, pip and make is assumed.
# Paths are relative throughout, so the checkout may lie in a folder with a space.

.DEFAULT_GOAL := help
.PHONY: help install run test chaos mutants mutants-sql replay pages check format bench lock clean translations wheel

# The newest Python that we support, unless PYTHON names one.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-input
ARGS ?=
SECONDS ?= 60
PICTURES ?= docs/screenshots

help: ## List the commands.
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

install: .venv/dev.stamp ## Make the locked environment in .venv, with the developers' tools.

run: .venv/run.stamp ## Run everything on this machine, with demo data (ARGS=--no-demo: without).
	@exec $(BIN)/python app.py $(ARGS)

test: .venv/dev.stamp ## Run the tests (ARGS="-k assignment": some of them).
	$(BIN)/python -m pytest -n 2 $(ARGS)

pages: .venv/dev.stamp ## Look at every page in Chromium and photograph it (PICTURES=folder; EMBERONE_PAGES_ONLY=ticket: some).
	EMBERONE_PAGES_PICTURES="$(PICTURES)" $(BIN)/python -m pytest -n 2 tests/pages $(ARGS)

wheel: .venv/dev.stamp ## Build the wheel, install it away from the checkout, run the whole product from it.
	$(BIN)/python -m pytest tests/wheel $(ARGS)

chaos: .venv/dev.stamp ## Kill, freeze and wipe the real processes under load, and print what was lost (SECONDS=60 SEED=1).
	$(BIN)/python -m tests.workers.chaos $(SECONDS) $(SEED)

mutants: .venv/mutants.stamp ## Change each expression of the rules in turn; a test must turn red (ARGS="emberone.domain.sla*": some).
	$(BIN)/python -m tests.mutants $(ARGS)

mutants-sql: .venv/dev.stamp ## Take each guard out of the database in turn; a test must miss it (ARGS="--kind policy").
	$(BIN)/python -m tests.database.mutants $(ARGS)

replay: .venv/dev.stamp ## Live through 500 real incidents, each event at its own time, and print how promises were kept (LOG=file).
	$(BIN)/python -m tests.replay $(LOG)

check: .venv/dev.stamp ## Check format, lint, types, import contracts, templates, and what breaks at merges.
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(BIN)/python -m djlint --lint --quiet templates emberone/web
	$(BIN)/python -m pytest -qq --tb=line tests/architecture

format: .venv/dev.stamp ## Let ruff format the code and mend what it can.
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

bench: .venv/dev.stamp ## Measure beside the floors and stock Flask-Admin, write docs/benchmarks.md (SIZE=1000: the quick one).
	$(BIN)/python -m benchmarks $(SIZE)

lock: | .venv/bin/python ## Choose the newest allowed requirements anew, for every supported Python.
	$(PIP) uv
	$(call compile,build,--group build)
	$(call compile,run,pyproject.toml --extra embedded --group build)
	$(call compile,dev,pyproject.toml --extra embedded --group build --group dev)
	$(call compile,mutants,--group mutants --constraint requirements/dev.txt)

include emberone/web/theme/vendor.mk

translations: .venv/dev.stamp ## Gather the texts, bring every catalogue up to date, compile those that are complete (NEW=de: begin one).
	$(BIN)/python -m emberone.translations $(NEW)

clean: ## Remove the environment and what tools left behind; data in var/ stays.
	rm -rf .venv mutants build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# $(call compile,NAME,WHAT): checked that no address of a package index gets into the file.
define compile
	$(BIN)/python -m uv --quiet pip compile $(2) --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
		--custom-compile-command "make lock" --output-file requirements/$(1).txt
	@! grep -nE '://|--(extra-)?index-url|--find-links' requirements/$(1).txt
endef

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "EmberOne needs Python 3.11 to 3.14: set PYTHON to one." >&2; exit 2; }
	@echo "Making the environment in .venv, once; this takes about half a minute."
	$(PYTHON) -m venv .venv

# What a stamp stands for is installed whole, or the stamp is not there.
.venv/run.stamp: requirements/build.txt requirements/run.txt pyproject.toml | .venv/bin/python
	$(PIP) --require-hashes --requirement requirements/build.txt
	$(PIP) --require-hashes --no-build-isolation --requirement requirements/run.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: requirements/dev.txt .venv/run.stamp
	$(PIP) --require-hashes --no-build-isolation --requirement requirements/dev.txt
	@touch $@

.venv/mutants.stamp: requirements/mutants.txt .venv/dev.stamp
	$(PIP) --require-hashes --no-build-isolation --requirement requirements/mutants.txt
	@touch $@
