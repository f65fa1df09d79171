# One vocabulary for people, hooks and CI. Needs git, make and Python 3.11 or newer; the rest
# installs itself into the checkout.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := $(UV) run --locked --no-sync
ARGS ?=
TESTS ?= tests
RUNS ?= 1000000
# Processes that tests run in.
WORKERS ?= auto
# What more to install: make setup EXTRAS="--extra dlib"
EXTRAS ?=

# Without bytecode every import costs twice: packages bring none, and some machines forbid Python
# to write any.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run pretrain verify compare score forget test lint types tests test-faults soak fuzz licences sbom vulnerabilities test-ui test-long format ui audit bias doctor bench accuracy clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'
	@echo '  Parameters go through: make run ARGS="--top 6 --images-per-person 75 --seed 0"'

.tools/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Installing uv into .tools …" >&2
	@$(PYTHON) -m venv .tools >&2
	@.tools/bin/pip install --quiet --disable-pip-version-check uv >&2

.venv/.synced: pyproject.toml uv.lock $(filter .tools/bin/uv,$(UV))
	@echo "Installing the locked environment into .venv …" >&2
	@$(UV) sync --locked --quiet --inexact $(EXTRAS) >&2
	@touch $@

setup: .venv/.synced ## Install the locked environment into .venv (EXTRAS="--extra dlib" adds that)
	@test -z "$(EXTRAS)" || $(UV) sync --locked --quiet --inexact $(EXTRAS) >&2

run: setup ## Run the main job: train and test on Labeled Faces in the Wild
	@$(RUN) lfw train $(ARGS)

pretrain: setup ## Train a face embedding on everybody except the people to be recognised
	@$(RUN) lfw pretrain $(ARGS)

verify: setup ## Decide whether two images show the same person, by the data set's own protocol
	@$(RUN) lfw verify $(ARGS)

compare: setup ## Train and test models on the same splits, and test them in pairs
	@$(RUN) lfw compare $(ARGS)

score: setup ## Identify who is in new images: make score ARGS="photos/ more.zip face.jpg"
	@$(RUN) lfw score $(ARGS)

forget: setup ## Remove people's images on request: make forget ARGS="A_Name Another"
	@$(RUN) lfw forget $(ARGS)

audit: setup ## Check every list and image of the data set
	@$(RUN) lfw audit $(ARGS)

bias: setup ## Report who is in the data set, and whom a selection leaves out
	@$(RUN) lfw bias $(ARGS)

ui: setup ## Serve the Prefect UI, the MLflow UI and the deployments until Ctrl-C
	@$(RUN) lfw ui

doctor: setup ## Check that everything is in place
	@$(RUN) lfw doctor $(ARGS)

test: lint types tests ## Lint, check types, run the tests (LFW_SOURCE adds the real data set)

bench: setup ## Measure speed and memory against what a user would pick instead (45 minutes)
	@$(RUN) python -m benchmarks $(ARGS)

accuracy: setup ## Measure every model's accuracy (hours); ARGS="--table" prints what is known
	@$(RUN) python -m benchmarks.accuracy $(ARGS)

lint: setup
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: setup
	$(RUN) mypy lfw tasks flows infra benchmarks tests

tests: setup
	$(RUN) pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 12 -m "not faults and not long" $(TESTS)

soak: setup ## 200 runs in a row: memory, files, threads, disk and the time of a run stay flat
	@$(RUN) python -m benchmarks.soak $(ARGS)

test-ui: setup ## Run the tests of the web pages alone, in Chromium
	$(RUN) pytest -m browser tests/browser

test-long: setup ## Run the tests that take long, and are not among those of make test
	$(RUN) pytest -m long --durations 12 $(TESTS)

test-faults: setup ## Inject the faults that take long: damaged data, killed processes, dead servers
	$(RUN) pytest -m faults --durations 12 $(TESTS)

fuzz: setup ## Fuzz the reading of archives and lists, RUNS=1000000 times each
	$(UV) run --locked --group fuzz python -m tests.fuzz.lists -runs=$(RUNS)
	$(UV) run --locked --group fuzz python -m tests.fuzz.archive -runs=$(RUNS)

licences: setup ## Write the table of licences, docs/licences.md
	@UV=$(UV) .ci/licences

sbom: $(filter .tools/bin/uv,$(UV)) ## Write a bill of materials of the lock file, sbom.json (CycloneDX)
	@$(UV) export --locked --quiet --no-dev --all-extras --format cyclonedx1.5 --output-file sbom.json
	@echo sbom.json

vulnerabilities: setup ## Look up the locked packages among the known vulnerabilities
	@UV=$(UV) .ci/vulnerabilities

format: setup ## Format the code and fix what the linter can
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

clean: ## Remove the environment and caches; data/ stays
	rm -rf .venv .tools .mypy_cache .pytest_cache .ruff_cache
