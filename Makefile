# Every command of the project, once. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# One process a core, but each holds torch and more: four at most. Who has nothing left to do takes from the others.
PARALLEL := --numprocesses logical --maxprocesses 4 --dist worksteal

.PHONY: help demo test test-fast test-frameworks test-trainer smoke check format generate fuzz bench study study-smoke wheel clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

.venv/.core: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/.dev: .venv/.core constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,testing,torch,sam2,peers]'
	$(BIN)/python -m pip install --quiet --no-deps xgrammar==0.2.8
	SAM2_BUILD_CUDA=0 $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation sam2==1.1.0
	@touch $@

# Peers whose dependencies are too heavy for a test run: tests read single functions out of these files, and benchmarks
# import those that can do without.
.venv/.peers: .venv/.dev requirements/peers.txt
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target .venv/peers --requirement requirements/peers.txt
	@touch $@

# The frameworks that adapters are tested with, in sets that can be installed together: requirements/<set>.txt has exact
# versions, requirements/<set>-alone.txt those whose own requirements would not fit a CPU.
FRAMEWORKS := trl swift verl loops

.venv/frameworks/%/.ready: requirements/%.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv/frameworks/$*
	.venv/frameworks/$*/bin/python -m pip install --quiet --upgrade pip
	.venv/frameworks/$*/bin/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	.venv/frameworks/$*/bin/python -m pip install --quiet --constraint constraints.txt --requirement $< --editable .
	test ! -e requirements/$*-alone.txt || \
	    .venv/frameworks/$*/bin/python -m pip install --quiet --no-deps --requirement requirements/$*-alone.txt
	@touch $@

# The trainer runs on a CPU with what tests/trainer/run/cpu/ adds: it is for that run alone.
CPU_SHIMS := tests/trainer/run/cpu
.venv/frameworks/trainer/.shims: .venv/frameworks/trainer/.ready $(wildcard $(CPU_SHIMS)/*/*)
	.venv/frameworks/trainer/bin/python -m pip install --quiet --no-deps --force-reinstall $(CPU_SHIMS)/vllm $(CPU_SHIMS)/shims
	@touch $@

demo: .venv/.core  ## set up, then score the examples that ship with the package
	$(BIN)/onethinker-rewards demo

test: .venv/.dev .venv/.peers check  ## set up, then run every check, and every test of the library and its command line
	$(PYTEST) $(PARALLEL) --cov --cov-report=term
# Every branch below the command line is tested.
	$(BIN)/coverage report --omit='*/cli/*,*/__main__.py' --fail-under=100

test-fast: .venv/.dev .venv/.peers  ## the tests that take less than ten seconds each
	$(PYTEST) $(PARALLEL) -m 'not slow'

test-frameworks: $(FRAMEWORKS:%=.venv/frameworks/%/.ready)  ## the adapters, each inside the framework it is for
	set -e; for set in $(FRAMEWORKS); do .venv/frameworks/$$set/bin/python -m pytest \
	    tests/adapters tests/trainer/test_verl_dataset.py tests/trainer/test_compose.py; done

test-trainer: .venv/frameworks/trainer/.shims  ## the trainer inside verl with vLLM, on a CPU, killed and resumed
	.venv/frameworks/trainer/bin/python -m pytest tests/trainer/run

smoke: .venv/frameworks/trainer/.shims  ## both configurations for a CPU from end to end, on a tiny model that it makes
	.venv/frameworks/trainer/bin/python -m tests.trainer.run.smoke

check: .venv/.dev  ## lint, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports

format: .venv/.dev  ## rewrite the code in the project's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

generate: .venv/.dev .venv/.peers  ## rewrite what is generated: JSON Schemas, what tricks earn, tables in the docs
	$(BIN)/python -m scripts.hacks
	$(BIN)/python -m scripts.generate

# atheris takes 130 MB with its sanitizers, and nothing else needs it.
.venv/fuzz/.ready: requirements/fuzz.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv/fuzz
	.venv/fuzz/bin/python -m pip install --quiet --constraint constraints.txt --requirement $< --editable .
	@touch $@

SECONDS ?= 60
fuzz: .venv/fuzz/.ready  ## fuzz reading and scoring for SECONDS each (60), keep what reaches something new for the tests
	set -e; for target in read_response read_answer score; do \
	    .venv/fuzz/bin/python -m tests.fuzz $$target --seconds $(SECONDS); done

bench: .venv/.dev .venv/.peers  ## measure speed beside the peers and the floor, into docs/benchmarks.md
	$(BIN)/python -m benchmarks --out docs/benchmarks.md

JOBS ?= 2
study: .venv/.dev  ## compare estimators by training a small policy, JOBS processes (2); goes on where it was stopped
	$(BIN)/python -m benchmarks.study run --jobs $(JOBS)
	$(BIN)/python -m benchmarks.study report

study-smoke: .venv/.dev  ## one short run of the study, in seconds
	$(BIN)/python -m benchmarks.study run --smoke

wheel: .venv/.dev  ## build the wheel into dist/
	$(BIN)/python -m build --wheel --outdir dist

clean:  ## remove the environment and everything built
	rm -rf .venv dist build .pytest_cache .ruff_cache .hypothesis .coverage
