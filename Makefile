# Two commands do everything on a fresh machine with Python 3.11+ and make:
#   make demo    see it work          make test    run all tests
# PYTHON=... chooses the interpreter, VENV=... the environment's folder, ARGS=... goes to pytest,
# WORKERS=0 runs the tests in one process.

SHELL  := /bin/sh
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# The exports name the whole closure; without --no-deps some releases of pip look for a newer
# `coverage[toml]` than the pinned `coverage` and refuse it for want of a hash.
PINNED := $(PIP) --no-deps --require-hashes --requirement
ARGS   ?=
# Tests wait more than they compute: one worker more than there are cores.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

# A name may be there and not work (version managers leave such): each is tried by running it.
SUITS   := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c '$(SUITS)' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-live check test test-all faults mutants bench docs lock clean

help:
	@echo "make setup     the environment in $(VENV); nothing to do if nothing changed"
	@echo "make demo      setup, then both directions on samples, shown as tables"
	@echo "make demo-live the service with three customers who change things, and its dashboard"
	@echo "make check     formatting, lint, types, layers, size budget, lock"
	@echo "make test      setup, then all tests on a real mongod (ARGS=... for pytest)"
	@echo "make test-all  the same on each of Python 3.11, 3.12 and 3.13 found here"
	@echo "make faults    what takes long: each fault there is, all stories; about forty minutes"
	@echo "make mutants   the pure core with one mistake at a time: which would no test see"
	@echo "make bench     speed and memory, with the baseline in the same run"
	@echo "make docs      the documentation as pages in site/"
	@echo "make lock      poetry.lock and its exports anew (needs Poetry)"
	@echo "make clean     remove environments, caches and build results; data/ stays"

setup: $(STAMP)

$(STAMP): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found: install one, or say make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c '$(SUITS)' || { echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make environments: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }
	@"$(BIN)/python" -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear "$(VENV)"
	@echo "Installing into $(VENV) (the first time downloads about 150 MB)"
	@$(PINNED) requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@echo '*' > "$(VENV)/.gitignore"
	@touch "$@"

demo: setup
	@"$(BIN)/tracbridge" demo

demo-live: setup
	@"$(BIN)/tracbridge" demo --live

check: setup
	"$(BIN)/ruff" format --check .
	"$(BIN)/ruff" check .
	"$(BIN)/mypy"
	"$(BIN)/lint-imports"
	"$(BIN)/python" scripts/size_budget.py
	"$(BIN)/python" scripts/check_lock.py

test: setup
	"$(BIN)/python" -m pytest --numprocesses $(WORKERS) --dist worksteal $(ARGS)

test-all:
	@ran=0; for v in 3.11 3.12 3.13; do \
	  found=; \
	  for p in "python$$v" "$$HOME/.pyenv/versions/$$v".*/bin/python3; do \
	    "$$p" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "'$$v'")' >/dev/null 2>&1 && { found="$$p"; break; }; \
	  done; \
	  if [ -z "$$found" ]; then echo "== Python $$v: not on this machine"; continue; fi; \
	  echo "== Python $$v: $$found"; ran=1; \
	  $(MAKE) --no-print-directory test PYTHON="$$found" VENV=".venv-$$v" || exit 1; \
	done; test $$ran = 1

faults: setup
	"$(BIN)/python" -m pytest tests/faults -m "faults or not faults" $(ARGS)
	"$(BIN)/python" -m pytest tests -m faults --ignore tests/faults $(ARGS)

bench: setup
	@$(PINNED) requirements/bench.txt
	"$(BIN)/python" -m benchmarks $(ARGS)

mutants: setup
	@$(PINNED) requirements/mutants.txt
	"$(BIN)/mutmut" run $(ARGS)

docs: setup
	@$(PINNED) requirements/docs.txt
	"$(BIN)/zensical" build --clean

POETRY ?= poetry
EXPORT  = $(POETRY) export --format requirements.txt --output

# Needs poetry-plugin-export. Where the registry answers the simple index only, also
# poetry-plugin-pypi-mirror with its address in the environment; none is ever written to a file.
lock:
	$(POETRY) lock
	$(EXPORT) requirements/run.txt --only main --extras serve
	$(EXPORT) requirements/dev.txt --with dev,build
	$(EXPORT) requirements/build.txt --only build
	$(EXPORT) requirements/bench.txt --only bench
	$(EXPORT) requirements/docs.txt --only docs
	$(EXPORT) requirements/mutants.txt --only mutants
	"$(PYTHON)" scripts/check_lock.py

clean:
	rm -rf .venv .venv-3.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf mutants .coverage .coverage.* htmlcov dist build site src/*.egg-info
	find src tests scripts benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +
