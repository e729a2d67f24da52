# Everything that a person or CI does here is a target; `make help` explains them.
# Needed: Python 3.11 or newer with venv, git, make. No root, no service, nothing outside this folder.

VENV := .venv
BIN := $(VENV)/bin
POETRY_VERSION := 2.5.1
POETRY_MIRROR_VERSION := 0.6.5
POETRY_READY := $(VENV)/poetry/.ready-$(POETRY_VERSION)-$(POETRY_MIRROR_VERSION)
INSTALLED := $(VENV)/.installed
TREES = $(wildcard src tests benchmarks tools)
PY_SPY_VERSION := 0.4.3
PY_SPY := $(VENV)/py-spy/bin/py-spy
FAULTS_SCALE ?= short

export POETRY_VIRTUALENVS_IN_PROJECT := true
export POETRY_NO_INTERACTION := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: install
install: $(INSTALLED) ## set everything up in .venv; does nothing when nothing changed

$(INSTALLED): pyproject.toml poetry.lock $(POETRY_READY)
	$(BIN)/poetry install
	@touch $@

# PYTHON=… chooses the interpreter; otherwise the first that is new enough and has venv.
$(POETRY_READY):
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	    for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	        "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	        python=; \
	    done; \
	    if [ -z "$$python" ]; then \
	        echo "Notefly needs Python 3.11 or newer with venv; on Debian: apt install python3 python3-venv" >&2; \
	        exit 1; \
	    fi; \
	    echo "creating $(VENV) with $$($$python --version)"; \
	    "$$python" -m venv --clear $(VENV); \
	fi
	@rm -rf $(VENV)/poetry
	@$(BIN)/python -m venv --without-pip $(VENV)/poetry
	@echo "installing Poetry $(POETRY_VERSION) into $(VENV)"
	@$(BIN)/python -m pip --python $(VENV)/poetry/bin/python install --quiet \
	    poetry==$(POETRY_VERSION) poetry-plugin-pypi-mirror==$(POETRY_MIRROR_VERSION)
	@ln -sf ../../tools/poetry $(BIN)/poetry
	@touch $@

.PHONY: lock
lock: $(POETRY_READY) ## write poetry.lock anew after a change of dependencies
	$(BIN)/poetry lock

.PHONY: run
run: install ## set up, then start broker, client and workers (stop with Ctrl-C)
	@$(BIN)/notefly up

.PHONY: test
test: install ## set up, then the fast tests (ARGS='-k name' chooses)
	$(BIN)/pytest $(ARGS)

.PHONY: test-browser
test-browser: install ## the pages in Chromium, which it finds, or as root on Debian installs
	@tools/browser pytest tests/browser -m browser $(ARGS)

.PHONY: screenshots
screenshots: install ## the pictures of the pages in docs/images, taken anew
	@tools/browser python -m tools.screenshots $(ARGS)

.PHONY: audit
audit: install ## known vulnerabilities, and the licences of what is shipped
	@$(BIN)/poetry install --quiet --with audit
	@$(BIN)/python -m tools.audit $(ARGS)

.PHONY: coverage
coverage: install ## their own tests reach 100 % of the branches of domain and application
	$(BIN)/pytest tests/domain tests/application --cov --cov-report=term-missing $(ARGS)

.PHONY: lint
lint: install ## formatting, lints, types, direction of imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	@$(MAKE) --no-print-directory types
	$(BIN)/lint-imports --no-logo

.PHONY: types
types: install ## mypy, strict, on everything
	$(BIN)/mypy $(TREES)

.PHONY: format
format: install ## format the code and mend what a machine can mend
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: faults
faults: install ## every fault of the promise, and what was lost by it (FAULTS_SCALE=ci|short|long)
	$(BIN)/python -m tests.faults --scale $(FAULTS_SCALE) $(ARGS)

.PHONY: faults-long
faults-long: ## the same for a night
	@$(MAKE) --no-print-directory faults FAULTS_SCALE=long

.PHONY: machine
machine: install ## store and queue against a model, at random for long (NOTEFLY_MACHINE=2000x50)
	$(BIN)/pytest tests/model -m slow $(ARGS)

.PHONY: test-engines
test-engines: install ## contract suites, the model, stories and faults on real servers, which it starts itself
	$(BIN)/pytest tests -m engines $(ARGS)
	@$(MAKE) --no-print-directory faults-cluster FAULTS_SCALE=ci ARGS=

.PHONY: faults-cluster
faults-cluster: install ## faults of PostgreSQL, NATS, brokers and workers (FAULTS_SCALE=ci|short|long)
	$(BIN)/python -m tests.faults --group cluster --scale $(FAULTS_SCALE) $(ARGS)

.PHONY: bench
bench: install ## measure, print the table, write benchmarks/results/
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-engines
bench-engines: install ## the same of PostgreSQL, NATS and workers, against plain SQL on the same server
	$(BIN)/python -m benchmarks.engines $(ARGS)

# In an environment of its own: only who looks for time that is lost needs it.
.PHONY: profile
profile: install $(PY_SPY) ## flame graphs of the broker at work in benchmarks/profiles/ (ARGS='called publish')
	$(BIN)/python -m benchmarks.profile --py-spy $(PY_SPY) $(ARGS)

$(PY_SPY):
	@$(BIN)/python -m venv $(VENV)/py-spy
	@$(VENV)/py-spy/bin/python -m pip install --quiet py-spy==$(PY_SPY_VERSION)

.PHONY: soak
soak: install ## half an hour of mixed load: nothing grows, and verify finds nothing (ARGS='--minutes 3')
	$(BIN)/python -m benchmarks.soak $(ARGS)

.PHONY: bench-peers
bench-peers: install ## Notefly and what else a team would use, on the same work (ARGS='--only celery')
	$(BIN)/python -m benchmarks.peers $(ARGS)

.PHONY: package
package: install ## `pip install .` into a new environment: it starts, and no file is missing
	rm -rf dist
	$(BIN)/python -m venv dist/venv
	dist/venv/bin/python -m pip install --quiet .
	dist/venv/bin/python -m pip check
	diff -rq --exclude=__pycache__ src/notefly dist/venv/lib/python3*/site-packages/notefly
	cd dist && venv/bin/notefly --help >/dev/null
	cd dist && venv/bin/python -c 'import notefly, importlib.metadata as m; \
	    assert notefly.__version__ == m.version("notefly"), "__version__ is not the one of pyproject.toml"'

.PHONY: first-minute
first-minute: ## from a clean clone to the first delivery on screen: measured, and under a minute
	@python3 tools/first_minute.py

.PHONY: check
check: ## what CI runs: tests, lints, then the slow tiers, bounded
	@bash .ci/run

.PHONY: clean
clean: ## remove the environment, caches and builds; your data stays
	rm -rf $(VENV) build dist .coverage htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(TREES) -type d -name __pycache__ -prune -exec rm -rf {} +
