# Every command of the house; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := $(INSTALL) --require-hashes --requirement
ITSELF := $(INSTALL) --no-deps --no-build-isolation --editable .
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
ML_STAMP := $(VENV)/.installed-ml
WORKERS ?= 2
ARGS ?=

.PHONY: help run stop test test-ml check demo bench bench-extractive bench-retrieval bench-classifier bench-cascade bench-ner bench-router bench-learning bench-admin faults survive screenshots mutate format build lock clean static

help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN_STAMP) ## Install what is needed and serve on http://127.0.0.1:8000/v1 (ARGS="--port 9000")
	@$(BIN)/thalamus serve $(ARGS)

stop: $(RUN_STAMP) ## Stop the gateway that `make run` started
	@$(BIN)/thalamus stop $(ARGS)

test: $(DEV_STAMP) ## Everything that must hold before a change lands; sets itself up, PostgreSQL and Chromium included
	@tests/bin/ensure-postgres
	@tests/bin/ensure-chromium
	@$(MAKE) --no-print-directory static
	@THALAMUS_REQUIRE_POSTGRES=1 THALAMUS_REQUIRE_CHROMIUM=1 WORKERS=$(WORKERS) $(BIN)/python tests/bin/run_parts.py $(ARGS)
	@$(BIN)/python tests/bin/coverage_floor.py

test-ml: $(ML_STAMP) ## Tests that need PyTorch; installs the extra ml (`make test` runs them only where it is there)
	@$(BIN)/python -m pytest -q -m ml tests/classifier tests/retrieval $(ARGS)

check: $(DEV_STAMP) ## The fast part of `make test`: format, lint, types, floors, quick tests without a database server or a browser
	@$(MAKE) --no-print-directory static
	@$(BIN)/python -m pytest -q -n $(WORKERS) -m "not slow and not postgres and not browser" $(ARGS)

static: $(DEV_STAMP)
	@$(BIN)/ruff format --check . || { echo "run: make format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/pyright --warnings
	@$(BIN)/lint-imports --no-cache

survive: $(DEV_STAMP) ## Kill, stop, leave and soak the real server in full numbers, and write docs/reports/survival.md
	@rm -rf .pytest_cache/survival
	@THALAMUS_SURVIVAL=full THALAMUS_SURVIVAL_INTO=.pytest_cache/survival $(BIN)/python -m pytest -q --timeout 1200 -o faulthandler_timeout=1500 tests/survival $(ARGS)
	@THALAMUS_SURVIVAL_INTO=.pytest_cache/survival $(BIN)/python -m tests.survival.report

screenshots: $(DEV_STAMP) ## Take pictures of every page of the dashboard into docs/images/
	@tests/bin/ensure-chromium
	@mkdir -p docs/images
	@THALAMUS_REQUIRE_CHROMIUM=1 THALAMUS_SCREENSHOTS=$(CURDIR)/docs/images $(BIN)/python -m pytest -q tests/browser/screenshots.py $(ARGS)

mutate: $(DEV_STAMP) ## Mutate the attempt loop, balancer, breaker and SSE parser, and write docs/reports/mutation.md
	@$(INSTALL) 'mutmut>=3.8,<4'
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/mutmut run --max-children $(WORKERS) $(ARGS)
	@$(BIN)/python -m tests.mutation.report mutants

format: $(DEV_STAMP) ## Format the code and mend what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

demo: $(DEV_STAMP) ## Live through a bad day of four scripted upstreams, without any key, with a dashboard (ARGS="--seconds 30 --port 3200")
	@$(BIN)/python -m tests.demo.run $(ARGS)

bench: $(DEV_STAMP) ## Measure what the gateway adds to a request
	@$(BIN)/python tests/bench/run.py $(ARGS)

bench-extractive: $(DEV_STAMP) ## Measure the embedded model on DATA=folder of documents.jsonl and questions.jsonl
	@test -n "$(DATA)" || { echo "say where the questions are: make bench-extractive DATA=folder" >&2; exit 2; }
	@$(BIN)/python -m retrieval.evaluate $(DATA) --report docs/reports/extractive.md $(ARGS)

bench-retrieval: $(DEV_STAMP) ## Measure hybrid search on DATA=folder of en, zh and zh_hant; writes docs/reports/retrieval.md
	@test -n "$(DATA)" || { echo "say where the questions are: make bench-retrieval DATA=folder" >&2; exit 2; }
	@$(BIN)/python -m retrieval.bench $(DATA) --report docs/reports/retrieval.md $(ARGS)
	@$(BIN)/python -m tests.bench.names $(DATA) --report docs/reports/retrieval.md
	@$(BIN)/python -m tests.bench.services --report docs/reports/services.md

bench-classifier: $(DEV_STAMP) ## Measure micro-models on the public sets in DATA=folder; writes docs/reports/classifier.md
	@test -n "$(DATA)" || { echo "say where the sets are: make bench-classifier DATA=folder" >&2; exit 2; }
	@$(BIN)/python -m classifier.foundry.public $(DATA) --report docs/reports/classifier.md $(ARGS)

bench-cascade: $(DEV_STAMP) ## Measure what reading a request for what it asks adds to it; writes docs/reports/cascade.md
	@$(BIN)/python -m tests.bench.cascade $(ARGS)

bench-ner: $(DEV_STAMP) ## Measure the finding of names on the public sets in DATA=folder; writes docs/reports/ner.md
	@test -n "$(DATA)" || { echo "say where the sets are: make bench-ner DATA=folder" >&2; exit 2; }
	@$(BIN)/python -m classifier.ner.bench --data $(DATA) --report docs/reports/ner.md $(ARGS)

bench-router: $(DEV_STAMP) ## Measure the learned policy on labelled prompts in DATA=folder; writes docs/reports/routing.md
	@test -n "$(DATA)" || { echo "say where the prompts are: make bench-router DATA=folder" >&2; exit 2; }
	@$(BIN)/python -m router.policy.bench $(DATA) --report docs/reports/routing.md $(ARGS)

bench-learning: $(DEV_STAMP) ## Play simulated traffic whose truth is known; writes docs/reports/learning.md
	@$(BIN)/python -m router.simulation.bench --report docs/reports/learning.md $(ARGS)

bench-admin: $(DEV_STAMP) ## Open every page of the dashboard on a million decisions; writes docs/reports/admin.md (ARGS="--decisions 100000")
	@$(BIN)/python -m tests.bench.admin_pages $(ARGS)

faults: $(DEV_STAMP) ## Write docs/faults.md anew from what the fault tests see
	@rm -rf .pytest_cache/faults
	@THALAMUS_FAULTS_INTO=.pytest_cache/faults $(BIN)/python -m pytest -q -n $(WORKERS) tests/faults --ignore tests/faults/test_published.py $(ARGS)
	@$(BIN)/python -m tests.faults.publish .pytest_cache/faults

build: $(DEV_STAMP) ## Build the wheel and the source archive into dist/
	@$(BIN)/python -m build

lock: ## Resolve every dependency anew; write constraints.txt and the requirements*.lock with their hashes
	@tests/bin/lock

clean: ## Remove what was built and cached; keeps .venv and .thalamus
	@rm -rf dist build htmlcov .coverage .coverage.* .pytest_cache .ruff_cache .hypothesis .import_linter_cache .schemathesis
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(RUN_STAMP): pyproject.toml requirements.lock
	@tests/bin/make-venv $(VENV)
	@echo "Installing Thalamus into $(VENV) ..."
	@$(LOCKED) requirements.lock
	@$(ITSELF)
	@touch $@

$(ML_STAMP): $(DEV_STAMP) constraints.txt
	@echo "Installing the extra ml into $(VENV) ..."
	@$(INSTALL) --constraint constraints.txt --no-build-isolation --editable '.[ml]'
	@touch $@

$(DEV_STAMP): pyproject.toml requirements-dev.lock
	@tests/bin/make-venv $(VENV)
	@echo "Installing Thalamus and its tools into $(VENV) ..."
	@$(LOCKED) requirements-dev.lock
	@$(ITSELF)
	@touch $@ $(RUN_STAMP)
