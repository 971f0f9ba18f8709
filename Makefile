# Each command does its own set-up, which takes no time when nothing changed. `make help` lists them.
# Works with GNU make 3.81, which macOS ships.

PY := .venv/bin/python
APPS := bluefox tenants lists sending campaigns webhooks preferences reputation readiness
LOCK := $(PY) -m uv pip compile --quiet --universal --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header

# What the front end is built from: its own sources, and the pages that use its classes and icons.
PAGES := $(shell find frontend templates $(APPS) \
	\( -name node_modules -o -name dist -o -name __pycache__ \) -prune \
	-o -type f \( -name '*.html' -o -name '*.txt' -o -name '*.py' -o -name '*.js' \
	-o -name '*.css' -o -name '*.json' \) -print 2>/dev/null)

export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo demo-reset test checks smoke chaos hosts bench lint format lock

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: setup ## run everything on this machine with a filled workspace; Ctrl-C stops it
	@$(PY) -m embedded.demo

demo-reset: .venv/installed ## delete the data of the demo
	@$(PY) -m embedded reset --data .data/demo

test: setup ## run every check and every test, in Chromium too
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/lint-imports
	export CHROMIUM && CHROMIUM="$$(scripts/chromium)" && \
	export PLAYWRIGHT_NODEJS_PATH && PLAYWRIGHT_NODEJS_PATH="$$(scripts/node)" && \
	$(PY) -m tests.services $(MAKE) --no-print-directory checks
	$(PY) -m tests.chaos --short --recipients 10000

# The part of `test` that needs settings, PostgreSQL and Valkey.
checks:
	$(PY) -m mypy .
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) -m pytest -n 2 --dist worksteal

smoke: setup ## run the main job through real processes; CSV=file gives the contacts
	@$(PY) -m tests.smoke $(if $(CSV),--csv "$(CSV)")

chaos: setup ## send a campaign while everything dies; RECIPIENTS=n, SEED=n, EVENTS=no
	@$(PY) -m tests.chaos $(if $(RECIPIENTS),--recipients "$(RECIPIENTS)") \
		$(if $(SEED),--seed "$(SEED)") $(if $(filter no,$(EVENTS)),--no-events)

hosts: setup ## three hosts, one cut off in mid-campaign; needs root and network namespaces
	@$(PY) -m tests.chaos --hosts --recipients "$(or $(RECIPIENTS),20000)" \
		$(if $(SEED),--seed "$(SEED)")

bench: setup ## measure speed; ONLY=name takes one measurement
	@$(PY) -m bench $(if $(ONLY),--only "$(ONLY)")

lint: .venv/installed ## look for mistakes in style and in who imports whom
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/lint-imports

format: .venv/installed ## format the code
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

lock: .venv/installed ## write requirements/ anew after a change in pyproject.toml
	$(LOCK) --group pyproject.toml:installer --output-file requirements/uv.txt
	$(LOCK) pyproject.toml --output-file requirements/run.txt
	$(LOCK) pyproject.toml --group dev --output-file requirements/dev.txt

setup: .venv/installed bluefox/static/dist/built locale/built ## install what the other commands need

$(PY):
	@scripts/make-venv

.venv/installed: $(PY) requirements/dev.txt
	@echo "Installing the locked requirements"
	@$(PY) -m uv pip sync --quiet --require-hashes requirements/dev.txt
	@touch $@

frontend/node_modules/installed: frontend/package-lock.json .venv/installed
	@echo "Installing the front end's tools"
	@scripts/npm ci --silent
	@touch $@

locale/built: .venv/installed $(wildcard locale/*/LC_MESSAGES/*.po)
	@.venv/bin/pybabel --quiet compile --directory locale --domain django
	@touch $@

bluefox/static/dist/built: frontend/node_modules/installed $(PAGES)
	@echo "Building the front end"
	@scripts/npm run build --silent
	@touch $@
