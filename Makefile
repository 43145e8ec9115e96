# Every command that people and CI run. `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
VENV := .venv
BIN := $(VENV)/bin
LOCKS := dev extraction transformation load file_drop exports delta query security emulator
SECURITY := .venv-security
EMULATOR := .venv-emulator
# Which deployment is meant: make deploy ENV=prod PROJECT=projects/shop
ENV = dev
PROJECT = projects/totesys
ARCH = x86_64
CLOUD := $(BIN)/python -m local.cloud
# $(call install,environment,lock): of all that pip says, what shows that it is getting on; its complaints if it fails.
install = $(1)/bin/python -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r $(2) 2>$(1)/pip.log \
	| awk '/^(Collecting|Processing)/ && ++n % 25 == 0 { print "    found " n " packages"; fflush() } \
		/^Installing/ { print "    installing all " NF - 3; fflush() }' || { cat $(1)/pip.log >&2; exit 1; }
# A value as one word of the shell, whatever is in it; `value` keeps make itself from reading a dollar sign.
quoted = '$(subst ','\'',$(value $(1)))'
THIS = --environment $(call quoted,ENV) --project $(call quoted,PROJECT)

.PHONY: help setup demo demo-delivery test test-unit test-integration test-terraform torture check lint types imports bench build \
	security coverage release-notes configure plan plan-comment deploy secrets invoke logs destroy lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## create .venv with everything pinned and the starlift command in it

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Starlift needs Python 3.11 or newer; found none. Install it, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "==> Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing (on Debian: apt-get install python3-venv)"; exit 1; }
	@echo "==> Installing the pinned packages of requirements/dev.txt (a minute or two, once)"
	@$(call install,$(VENV),requirements/dev.txt)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

demo: setup ## run the main job on this machine: seed, lift, edit, lift again, verify (ORDERS=1000000 for a larger one)
	@$(BIN)/python -m local.demo $(ORDERS)

demo-delivery: setup ## take records in by POST, query them, deliver them to an endpoint that fails for a while (READINGS=3000)
	@$(BIN)/python -m local.delivery.demo $(READINGS)

test: setup ## run every test but those of test-terraform
	@$(BIN)/python -m pytest -n 2 --dist worksteal --timeout 300 --ignore tests/terraform --cov --cov-report=term

test-unit: setup ## run the tests that need neither network nor database
	@$(BIN)/python -m pytest tests/unit

test-integration: setup ## run the tests against the real PostgreSQL and the emulated AWS
	@$(BIN)/python -m pytest -n 2 --dist worksteal --timeout 300 tests/integration tests/acceptance

test-terraform: setup $(EMULATOR)/.installed ## check the Terraform configuration and deploy it to the emulated AWS
	@$(BIN)/python -m pytest -n 2 --dist loadfile --timeout 900 tests/terraform

torture: setup ## random histories of writers and runs until MINUTES are over (SEED=n plays one round again)
	@$(BIN)/python -m tests.torture $(or $(MINUTES),10) $(SEED)

check: lint types imports test ## everything CI runs

lint: setup ## check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

security: setup $(SECURITY)/.installed ## look for weak spots in code, dependencies, Terraform, workflows and secrets
	@$(BIN)/python -m local.security $(SECURITY)/bin

$(SECURITY)/.installed: requirements/security.txt
	@echo "==> Installing the security tools into $(SECURITY) (a minute, once)"
	@$(BIN)/python -m venv $(SECURITY)
	@$(call install,$(SECURITY),requirements/security.txt)
	@touch $@

$(EMULATOR)/.installed: requirements/emulator.txt
	@echo "==> Installing the second AWS emulator into $(EMULATOR) (once)"
	@$(BIN)/python -m venv $(EMULATOR)
	@$(EMULATOR)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/emulator.txt
	@touch $@

coverage: setup ## show what the last test run covered, as Markdown
	@$(BIN)/python -m coverage report --format=markdown

types: setup ## check types
	@$(BIN)/mypy

imports: setup ## check that imports follow the architecture
	@$(BIN)/lint-imports

bench: setup ## measure what docs/performance.md quotes, as ratios on this machine
	@$(BIN)/python -m benchmarks

build: setup ## write the Lambda functions and layers into build/ (PROJECT=projects/shop, ARCH=arm64)
	@$(BIN)/python -m local.packaging.packages --arch $(call quoted,ARCH) --project $(call quoted,PROJECT)

configure: setup ## ask what a deployment needs and keep the answers (ENV=dev, PROJECT=projects/totesys)
	@$(CLOUD) configure $(THIS)

plan: setup ## show what deploy would change, and change nothing
	@$(CLOUD) plan $(THIS)

plan-comment: setup ## print the last plan as a pull request's comment
	@$(BIN)/python -m local.cloud.plan_comment $(notdir $(PROJECT))-$(ENV) build/plan.txt

deploy: setup ## build, plan, ask, apply (AUTO_APPROVE=1 does not ask)
	@$(CLOUD) deploy $(THIS) $(if $(filter 1,$(AUTO_APPROVE)),--yes)

secrets: setup ## ask for the databases' logins and the endpoint, without echo, and put them where the functions read them
	@$(CLOUD) secrets $(THIS)

invoke: setup ## start a run on AWS and follow it (INPUT='{"resync": true}')
	@$(CLOUD) invoke $(THIS) $(if $(value INPUT),--input $(call quoted,INPUT))

logs: setup ## show what the functions on AWS logged (SINCE=1h, FOLLOW=1)
	@$(CLOUD) logs $(THIS) $(if $(value SINCE),--since $(call quoted,SINCE)) $(if $(FOLLOW),--follow)

destroy: setup ## take a deployment down; refuses while data would be lost, unless GIVE_UP names it
	@$(CLOUD) destroy $(THIS) $(if $(filter 1,$(AUTO_APPROVE)),--yes) --give-up $(call quoted,GIVE_UP)

release-notes: setup ## print what CHANGELOG.md says of VERSION
	@$(BIN)/python -m local.release_notes $(call quoted,VERSION)

lock: setup ## pin every dependency again, with hashes and without index addresses
	@for lock in $(LOCKS); do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
			--no-annotate $$(case $$lock in dev | security | emulator) ;; *) echo --constraints requirements/dev.txt ;; esac) requirements/$$lock.in \
			--output-file requirements/$$lock.txt; done

clean: ## remove what the other commands made
	@rm -rf $(VENV) $(SECURITY) $(EMULATOR) build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
