# Every command that people and CI run. `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
VENV := .venv
BIN := $(VENV)/bin
LOCKS := dev extraction transformation load

.PHONY: help setup demo test test-unit test-integration torture check lint types imports bench build lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## create .venv with everything pinned and the starlift command in it

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Starlift needs Python 3.11 or newer; found none. Install it, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "==> Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing (on Debian: apt-get install python3-venv)"; exit 1; }
	@echo "==> Installing the pinned packages of requirements/dev.txt (a minute or two, once)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

demo: setup ## run the main job on this machine: seed, lift, edit, lift again, verify (ORDERS=1000000 for a larger one)
	@$(BIN)/python -m local.demo $(ORDERS)

test: setup ## run every test
	@$(BIN)/python -m pytest -n 2 --dist worksteal --timeout 300 --cov --cov-report=term

test-unit: setup ## run the tests that need neither network nor database
	@$(BIN)/python -m pytest tests/unit

test-integration: setup ## run the tests against the real PostgreSQL and the emulated AWS
	@$(BIN)/python -m pytest -n 2 --dist worksteal --timeout 300 tests/integration tests/acceptance

torture: setup ## random histories of writers and runs until MINUTES are over (SEED=n plays one round again)
	@$(BIN)/python -m tests.torture $(or $(MINUTES),10) $(SEED)

check: lint types imports test ## everything CI runs

lint: setup ## check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## check types
	@$(BIN)/mypy

imports: setup ## check that imports follow the architecture
	@$(BIN)/lint-imports

bench: setup ## measure what docs/performance.md quotes, as ratios on this machine
	@$(BIN)/python -m benchmarks

build: setup ## write the Lambda zips into build/
	@$(BIN)/python -m local.packages

lock: setup ## pin every dependency again, with hashes and without index addresses
	@for lock in $(LOCKS); do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
			--no-annotate $$([ $$lock = dev ] || echo --constraints requirements/dev.txt) requirements/$$lock.in \
			--output-file requirements/$$lock.txt; done

clean: ## remove what the other commands made
	@rm -rf $(VENV) build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
