# Every command of the project, once. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# One process a core, but each holds torch and more: four at most. Who has nothing left to do takes from the others.
PARALLEL := --numprocesses logical --maxprocesses 4 --dist worksteal

.PHONY: help demo test test-fast test-frameworks test-trainer test-oldest test-wheel smoke check check-tag format generate fuzz \
    bench study study-smoke wheel docs docs-serve docs-deploy clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

.venv/.core: pyproject.toml
	@echo "Installing the package and what it requires into .venv: about a minute"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/.dev: .venv/.core constraints.txt
	@echo "Installing torch and the tools of development into .venv: some minutes"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,docs,testing,torch,sam2,peers]'
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
	    tests/adapters tests/trainer/test_verl_dataset.py tests/trainer/test_compose.py \
	    tests/examples/test_trl_vlm.py tests/examples/test_verl.py tests/examples/test_ms_swift.py; done

test-trainer: .venv/frameworks/trainer/.shims  ## the trainer inside verl with vLLM, on a CPU, killed and resumed
	.venv/frameworks/trainer/bin/python -m pytest tests/trainer/run

.venv/oldest/.ready: requirements/oldest.txt scripts/oldest.py pyproject.toml
	$(PYTHON) -m venv .venv/oldest
	.venv/oldest/bin/python scripts/oldest.py > .venv/oldest/versions.txt
	.venv/oldest/bin/python -m pip install --quiet --only-binary :all: \
	    --requirement .venv/oldest/versions.txt --requirement requirements/oldest.txt
	.venv/oldest/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@

test-oldest: .venv/oldest/.ready  ## the core with the oldest dependencies that it allows, without torch; Python 3.11
	.venv/oldest/bin/python -m pytest $(PARALLEL) -m 'not slow and not peer' \
	    tests/answers/test_schemas.py tests/answers/test_read.py tests/metrics tests/tasks tests/rewards

smoke: .venv/frameworks/trainer/.shims  ## both configurations for a CPU from end to end, on a tiny model that it makes
	.venv/frameworks/trainer/bin/python -m tests.trainer.run.smoke

check: .venv/.dev docs  ## lint, types, layers, and the site of the docs with all of its links
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports

check-tag:  ## check that TAG, as v1.2.3, is the version in the code
	grep -qxF '__version__ = "$(TAG:v%=%)"' src/onethinker_rewards/__init__.py || { echo "TAG is not the version"; exit 1; }

format: .venv/.dev  ## rewrite the code in the project's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

generate: .venv/.dev .venv/.peers  ## rewrite what is generated: JSON Schemas, what tricks earn, tables and figures in the docs, notebooks
	$(BIN)/python -m scripts.hacks
	$(BIN)/python -m scripts.generate
	$(BIN)/python -m scripts.plot_advantage
	$(BIN)/python -m scripts.plot_masks
	$(BIN)/python -m scripts.notebooks

# atheris takes 130 MB with its sanitizers, and nothing else needs it.
.venv/fuzz/.ready: requirements/fuzz.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv/fuzz
	.venv/fuzz/bin/python -m pip install --quiet --constraint constraints.txt --requirement $< --editable .
	@touch $@

SECONDS ?= 60
fuzz: .venv/fuzz/.ready  ## fuzz reading and scoring for SECONDS each (60), keep what reaches something new for the tests
	set -e; for target in read_response read_answer score; do \
	    .venv/fuzz/bin/python -m tests.fuzz $$target --seconds $(SECONDS); done

bench: .venv/.dev .venv/.peers  ## measure speed beside the peers and the floor, into docs/internals/benchmarks.md
	$(BIN)/python -m benchmarks --out docs/internals/benchmarks.md

JOBS ?= 2
study: .venv/.dev  ## compare estimators by training a small policy, JOBS processes (2); goes on where it was stopped
	$(BIN)/python -m benchmarks.study run --jobs $(JOBS)
	$(BIN)/python -m benchmarks.study report

study-smoke: .venv/.dev  ## one short run of the study, in seconds
	$(BIN)/python -m benchmarks.study run --smoke

wheel: .venv/.dev  ## build the source archive, and from it the wheel, into dist/
	rm -rf dist
	$(BIN)/python -m build --outdir dist

test-wheel: wheel  ## install the wheel alone, run its demo, check what an index shows of it
	$(BIN)/python -m twine check --strict dist/*
	DIST=dist $(PYTEST) tests/test_wheel.py

# Material for MkDocs announces the end of MkDocs 1 at every build.
MKDOCS := NO_MKDOCS_2_WARNING=true PATH="$(CURDIR)/$(BIN):$$PATH"

docs: .venv/.dev  ## build the site of the docs into build/site; a link that leads nowhere is an error
	$(MKDOCS) mkdocs build

docs-serve: .venv/.dev  ## show the docs in a browser while you write them
	$(MKDOCS) mkdocs serve

docs-deploy: .venv/.dev  ## publish the docs as VERSION, the latest one, on the branch gh-pages
	test -n "$(VERSION)" || { echo "say which: make docs-deploy VERSION=0.1"; exit 1; }
	$(MKDOCS) mike deploy --push --update-aliases $(VERSION) latest
	$(MKDOCS) mike set-default --push latest

clean:  ## remove the environment and everything built
	rm -rf .venv dist build .pytest_cache .ruff_cache .hypothesis .coverage
