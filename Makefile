# What a person types; each target makes what it needs. `make demo` wants Python 3.11+, make and a package index.
# Every path here is relative, because make splits targets at spaces: the checkout itself may stand in a path with one.

VENV := .venv
PY := $(VENV)/bin/python
PEERS := .venv-peers
QLIB := .venv-qlib
# The newest workable of the usual names; a pyenv or conda shim may be on the path without an interpreter behind it.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
# Pinned, so that an install does not change under us; left out of the locks, so that pip can do without it.
UV := uv==0.13.8
# Two, not `auto`: some test files start a database server each, and sixty-four of those help nobody.
WORKERS ?= 2
# In the order of the folders, whose last, the unit tests, are short: files with few tests, which else come last, are the longest.
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
FAST := $(wildcard tests/house tests/unit tests/contract)
# The packages that exist.
CODE := $(patsubst %/__init__.py,%,$(wildcard $(addsuffix /__init__.py,core flows adapters servers agents cli web config tests benchmarks)))

# Without bytecode every start of `twokey` compiles pandas and its friends again.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DELETE_ON_ERROR:
.PHONY: help setup demo test check lint types fmt golden cover mutants soak bench qlib lock clean

help:
	@echo "make setup | demo | check (before each commit) | test (everything) | fmt | golden | cover | mutants | soak | bench | qlib | lock | clean"

# --- installing -------------------------------------------------------------------------------------------------------

# $(call install,ARGUMENTS): the same arguments to uv where it is at hand, else (or should it fail) to pip.
# uv does not read pip's settings, so an index of one's own is passed on.
define install
	@if [ -n "$${PIP_INDEX_URL:-}" ] && [ -z "$${UV_DEFAULT_INDEX:-}" ]; then export UV_DEFAULT_INDEX="$$PIP_INDEX_URL"; fi; \
	{ [ -x $(VENV)/bin/uv ] && $(VENV)/bin/uv pip install --quiet --python $(PY) --compile-bytecode $(1); } || \
	$(PY) -m pip install --quiet --compile $(1)
endef

define install_project
	$(call install,--no-deps --no-build-isolation --editable .)
endef

# The order-only prerequisite: an interpreter is as old as its distribution, which says nothing about this folder.
$(PY):
	@[ -n "$(PYTHON)" ] || { echo "Twokey needs Python 3.11 or newer: make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv $(VENV)
	@[ -n "$(NO_UV)" ] || $(PY) -m pip install --quiet --timeout 15 --retries 1 "$(UV)" || \
		echo "uv is not to be had here; pip does the work, more slowly" >&2

$(VENV)/.installed-run: requirements.lock pyproject.toml | $(PY)
	@echo "installing what Twokey runs on"
	$(call install,--require-hashes -r requirements.lock)
	$(install_project)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml | $(PY)
	@echo "installing what Twokey runs on and is tested with"
	$(call install,--require-hashes -r requirements-dev.lock)
	$(install_project)
	@touch $@ $(VENV)/.installed-run

# Machine code of the kernels, kept in __pycache__ beside their sources: no command waits for the compiler.
$(VENV)/.compiled: $(VENV)/.installed-dev $(wildcard core/indicators/*.py core/quant/*.py)
	@echo "compiling the kernels"
	@$(PY) -m core.quant.kernels
	@touch $@

setup: $(VENV)/.installed-dev $(VENV)/.compiled

# --- using ------------------------------------------------------------------------------------------------------------

demo: $(VENV)/.installed-run
	@$(VENV)/bin/twokey demo

# --- proving ----------------------------------------------------------------------------------------------------------

# The import contracts run inside tests/house/test_imports.py; `.venv/bin/lint-imports` shows them alone.
test: setup lint types
	$(PYTEST)

check: setup lint types
	$(PYTEST) -m "not slow and not soak" $(FAST)

lint: setup
	$(PY) -m ruff format --check --quiet $(CODE)
	$(PY) -m ruff check --quiet $(CODE)

types: setup
	$(PY) -m mypy $(CODE)

fmt: setup
	$(PY) -m ruff check --fix --exit-zero --quiet $(CODE)
	$(PY) -m ruff format --quiet $(CODE)

# Writes the golden files anew from what the code gives now; their diff is part of the review.
golden: setup
	$(PY) -m pytest --golden

# Every branch of what judges money, by the tests that need no database: below 100 % it fails and names the lines.
COVERED := core/riskguard core/ticketing
cover: setup
	$(PY) -m pytest -n $(WORKERS) -q tests/unit/riskguard tests/unit/ticketing tests/unit/core tests/unit/flows --no-header \
		$(addprefix --cov=,$(COVERED)) --cov-branch --cov-fail-under=100 --cov-report=term-missing:skip-covered

# Each guard of what judges money deleted or inverted in turn, and the tests that must turn red.
mutants: setup
	$(PY) -m pytest -n 0 -q -s -m soak tests/mutator

soak: setup
	$(PY) -m pytest -m soak

# What the peers need stands in an environment of its own; SHARED names the folder with the recorded market data.
$(PEERS)/.installed: benchmarks/peers.txt | $(PY)
	@"$(PYTHON)" -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet -r benchmarks/peers.txt
	@touch $@

$(QLIB)/.installed-caches: benchmarks/peers-qlib.txt $(QLIB)/.installed
	@$(QLIB)/bin/python -m pip install --quiet -r benchmarks/peers-qlib.txt
	@touch $@

bench: setup $(PEERS)/.installed $(QLIB)/.installed-caches
	$(PY) -m benchmarks --peers $(PEERS)/bin/python --qlib $(QLIB)/bin/python $(if $(SHARED),--shared "$(SHARED)")

# Qlib wants an older pyarrow than the locks hold; its version stands once, in pyproject.toml.
ASK_QLIB := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["qlib"])

$(QLIB)/.installed: pyproject.toml | $(PY)
	@"$(PYTHON)" -m venv $(QLIB)
	@$(QLIB)/bin/python -m pip install --quiet $$($(PY) -c '$(ASK_QLIB)')
	@touch $@

qlib: $(QLIB)/.installed

# --- keeping ----------------------------------------------------------------------------------------------------------

# `make lock UPGRADE=--upgrade` moves to the newest versions; without it only what pyproject.toml forces changes.
# No address and no local path may stand in a lock: whoever installs brings an index of their own.
COMPILE := $(VENV)/bin/uv --no-config pip compile pyproject.toml --group build --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --quiet $(UPGRADE)

lock: | $(PY)
	@[ -x $(VENV)/bin/uv ] || $(PY) -m pip install --quiet "$(UV)"
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --extra dev --constraints requirements.lock --output-file requirements-dev.lock
	@! grep -nE '://|file:|^ *-(-find-links|-index-url|-extra-index-url|f|i)' requirements.lock requirements-dev.lock

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +
