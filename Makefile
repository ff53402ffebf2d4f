# `make run` and `make test` set up all they need; Python 3.11+ and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help run test check setup lint format types imports content quick-content lock screenshots install image-steps clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: $(VENV)/.run ## start the bot: in Telegram with BOT_TOKEN, else in a page on this machine
	@exec $(BIN)/optout-bot run

test: $(VENV)/.dev ## all tests
	@$(BIN)/python -m pytest -n auto

check: $(VENV)/.dev lint types imports quick-content ## lint, types, imports, content and the quick tests
	@$(BIN)/python -m pytest -q -n auto -m "not slow" --hypothesis-profile=quick

setup: $(VENV)/.dev ## prepare .venv for work on the project

lint: $(VENV)/.dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

format: $(VENV)/.dev ## mend what ruff can mend
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

types: $(VENV)/.dev
	@$(BIN)/mypy

imports: $(VENV)/.dev
	@$(BIN)/lint-imports

content: $(VENV)/.run ## check faq/ and locales/
	@$(BIN)/optout-bot check

quick-content: $(VENV)/.run
	@$(BIN)/optout-bot check --quick

lock: $(VENV)/.dev ## renew requirements*.txt from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
		pyproject.toml --group build --output-file requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
		pyproject.toml --group dev --constraint requirements.txt --output-file requirements-dev.txt

screenshots: $(VENV)/.dev ## take the pictures of docs/ anew (needs Chromium)
	@$(BIN)/python docs/screenshots.py

install: $(VENV)/.run ## set up .venv and start nothing, for a server where the bot itself may not write
	@$(BIN)/python -m compileall -q bot
	@$(BIN)/optout-bot ask --json warm-up >/dev/null

image-steps: ## carry out the Dockerfile without Docker, and try the result (as root, with bubblewrap)
	@$(PYTHON) deploy/check_image.py

clean: ## remove .venv and caches
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; say which with: make PYTHON=python3.12 run" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "Python's venv is missing; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }

$(VENV)/.run: requirements.txt pyproject.toml build_hook.py | $(VENV)/bin/python
	@echo "Setting up $(VENV) (once; about a minute) ..."
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/optout-bot ask --json warm-up >/dev/null 2>&1 || true # builds the index once, here
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	@echo "Setting up the tools for tests (once) ..."
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@
