# Everything a developer or the CI does with syncd. Needs Python 3.11 or newer and nothing else: the first target that
# needs .venv makes it from the hashed lock. CONTRIBUTING.md tells the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# With -j the output of a check comes in one piece.
MAKEFLAGS += --output-sync=target

BIN := .venv/bin
READY := .venv/.ready
# Processes that share the tests (one more than cores, as some tests wait for other processes); what `make lock` hands
# to uv, such as LOCK_FLAGS=--upgrade; options of the long forms,
# such as CRASHES=--pairs and NEMESIS='--kills 5000 --seed 7'.
JOBS ?= 3
LOCK_FLAGS ?=
CRASHES ?=
N ?= 10000
FROM ?= 1
NEMESIS ?=
SOAK ?=
LOCK := $(BIN)/uv pip compile -q pyproject.toml --extra postgres --extra apprise --universal --generate-hashes \
	--no-header --no-emit-index-url --no-annotate $(LOCK_FLAGS)

.PHONY: help demo test lint types imports unit simulate ablate crashes nemesis soak format lock venv clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY)  ## run syncd against a pretend Zendesk and Jira on this machine
	@$(BIN)/syncd demo

test: lint types imports unit  ## the whole check: everything the CI asks for

lint: $(READY)  ## style, likely mistakes and formatting (ruff)
	@echo "ruff check"; $(BIN)/ruff check -q .
	@echo "ruff format --check"; $(BIN)/ruff format -q --check . || \
		{ echo "Some files are not formatted: run make format." >&2; exit 1; }

types: $(READY)  ## types (mypy --strict)
	@echo "mypy"; $(BIN)/mypy --no-error-summary

imports: $(READY)  ## the direction of imports (import-linter, .importlinter)
	@echo "lint-imports"; out=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$out" >&2; exit 1; }

unit: $(READY)  ## the tests alone (pytest), in JOBS=3 processes
	@echo "pytest"; $(BIN)/pytest -n $(JOBS) --dist worksteal --durations 40

simulate: $(READY)  ## N=10000 histories in a world that goes wrong, from seed FROM=1, in JOBS=3 processes (some hours)
	@$(BIN)/python -m tests.simulation.run $(N) --from $(FROM) --jobs $(JOBS)

ablate: $(READY)  ## take one protection away at a time: the simulation must notice each (docs/ablations.md)
	@$(BIN)/python -m tests.simulation.ablate --jobs $(JOBS) --write

crashes: $(READY)  ## die at every border of every scene, and at every pair of borders of some (some 40 minutes)
	@$(BIN)/python -m tests.crashes $(CRASHES)

nemesis: $(READY)  ## kill, stop and cut off the daemon a thousand times, among people who work (some 30 minutes)
	@$(BIN)/python -m tests.nemesis $(NEMESIS)

soak: $(READY)  ## let the daemon live for 30 simulated days, and see what it takes (an hour and more)
	@$(BIN)/python -m tests.soak $(SOAK)

format: $(READY)  ## format the code and mend what ruff can mend
	@$(BIN)/ruff check -q --fix-only . && $(BIN)/ruff format -q .

lock: $(READY)  ## rebuild both lock files from pyproject.toml (LOCK_FLAGS=--upgrade for newer versions)
	@$(LOCK) --group dev -o requirements.lock
	@$(LOCK) --constraint requirements.lock -o requirements-run.lock

venv: $(READY)  ## make .venv, or bring it up to date with the lock

$(READY): requirements.lock pyproject.toml .ci/venv
	@.ci/venv
	@touch $@

clean:  ## remove .venv, caches and build results; never a database
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
