# The tasks of this repository; `make` alone lists them.
# Works with GNU make 3.81, which macOS ships.
.DEFAULT_GOAL := help
.PHONY: help env reproduce new-experiment paper test lint lock book pdf data bench clean

# Some containers forbid Python to save bytecode; every process would then compile torch again.
unexport PYTHONDONTWRITEBYTECODE

STARTED := $(shell date +%s)
UV := $(shell command -v uv 2>/dev/null)
VENV := .venv
BIN := $(VENV)/bin
# DVC and the tests call `eigenprune` by name, so its folder comes first on their PATH.
IN_ENV := PATH="$(CURDIR)/$(BIN):$$PATH"

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' Makefile

env: $(VENV)/.package ## Make the environment in .venv (PYTHON=python3.12 chooses its Python)

reproduce: env ## Run the whole pipeline (dvc repro) and build the book
	@begun=$$(date +%s) && $(IN_ENV) dvc repro && ended=$$(date +%s) && \
	echo "The book is build/book/html/index.html." && \
	echo "Time: environment $$((begun - $(STARTED))) s, pipeline $$((ended - begun)) s." && \
	$(IN_ENV) eigenprune verify --quick

ifeq ($(MAKECMDGOALS)$(NAME),new-experiment)
$(error new-experiment needs a name, as in `make new-experiment NAME=my-idea`)
endif
new-experiment: env ## Start an experiment of your own, NAME=my-idea: notebook, study, stage, page
	$(IN_ENV) eigenprune new-experiment "$(NAME)"

paper: env ## Compute all paper studies, or what is left of them, and record them (needs the data)
	$(IN_ENV) eigenprune run --paper
	$(IN_ENV) eigenprune record

test: lint ## Check the code (see lint) and run all tests
	$(IN_ENV) pytest --numprocesses auto

lint: env ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: ## Make requirements.lock again from pyproject.toml (needs uv)
	$(if $(UV),,$(error make lock needs uv on PATH: https://docs.astral.sh/uv says how to install it))
	"$(UV)" pip compile --universal --python-version 3.11 --generate-hashes --extra dev \
		--no-header --no-emit-package eigenprune pyproject.toml -o requirements.lock

book: env ## Build only the book, from the existing results
	$(IN_ENV) dvc repro --single-item book

pdf: env ## Build the book as one PDF (needs LaTeX; the README names the packages)
	$(IN_ENV) eigenprune book --pdf

data: env ## Fetch MNIST and Fashion-MNIST into data/
	$(IN_ENV) eigenprune data fetch

bench: env ## Time training and inference on this machine (needs the data)
	$(IN_ENV) eigenprune bench

clean: ## Remove what was built, but not the environment, the data and the finished runs
	rm -rf build results/chapters results/experiments results/own results/quick .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# --- the environment --------------------------------------------------------------------------

PYTHONS = $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11)
# Prints the base interpreter of an active virtual environment, which itself may be replaced below.
SUITABLE = import os, sys; (3, 11) <= sys.version_info[:2] <= (3, 13) or sys.exit(1); \
	print(os.path.join(sys.base_prefix, "bin", "python%d.%d" % sys.version_info[:2]))
FOUND = $(shell for p in $(PYTHONS); do "$$p" -c '$(SUITABLE)' 2>/dev/null && break; done)

NO_GIT = git is not on PATH, and DVC needs it: install git first
NO_REPOSITORY = this folder is not a Git repository (a ZIP download?), and DVC needs one: \
	use `git clone`, or run `git init && git add -A && git commit -m start` here
NO_PYTHON = no Python 3.11, 3.12 or 3.13 found (tried: $(PYTHONS)): \
	install one, or name it as in `make env PYTHON=/path/to/python3.12`
NO_VENV = $(FOUND) lacks its venv module: install it (Debian, Ubuntu: python3-venv), or install uv

# An environment works only in the folder where it was made, so one in a moved or copied folder is
# made again. So is one whose Python is not the one that PYTHON names.
MOVED := $(shell test "$$(cat $(VENV)/.requirements 2>/dev/null)" = "$(CURDIR)" || echo yes)
ifneq ($(PYTHON),)
OTHER := $(shell test "$$($(BIN)/python -V 2>&1)" = "$$("$(PYTHON)" -V 2>&1)" || echo yes)
endif
ifneq ($(MOVED)$(OTHER),)
.PHONY: $(VENV)/.requirements
endif

# Make expands all lines before it runs the first, so nothing is touched when a check fails.
# The stamp is removed first and written last, so an interrupted build leaves none.
$(VENV)/.requirements: requirements.lock
	$(if $(shell command -v git 2>/dev/null),,$(error $(NO_GIT)))
	$(if $(wildcard .git),,$(error $(NO_REPOSITORY)))
	$(if $(FOUND),,$(error $(NO_PYTHON)))
	$(if $(UV),,$(if $(shell "$(FOUND)" -c 'import ensurepip, venv' 2>&1),$(error $(NO_VENV))))
	@rm -f $@ && rm -rf $(VENV)
ifneq ($(UV),)
	"$(UV)" venv --quiet --seed --python "$(FOUND)" $(VENV)
	"$(UV)" pip install --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
else
	"$(FOUND)" -m venv $(VENV)
	$(BIN)/python -m pip install --require-hashes -r requirements.lock
endif
	@echo "$(CURDIR)" > $@

# If only pyproject.toml has changed, the package itself is installed again, and nothing else.
INSTALL := $(if $(UV),"$(UV)" pip install --python $(BIN)/python,$(BIN)/python -m pip install)
$(VENV)/.package: pyproject.toml $(VENV)/.requirements
	$(INSTALL) --quiet --no-deps --no-build-isolation --editable .
	@touch $@
