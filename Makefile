# Two commands for a fresh machine: `make demo` and `make test`. Both set everything up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo-lab

.PHONY: setup setup-dev demo test lint check bench lock clean

setup: $(VENV)/.base
$(VENV)/.base: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Assay needs Python 3.11 or newer (try: make setup PYTHON=python3.11)"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

setup-dev: $(VENV)/.dev
$(VENV)/.dev: $(VENV)/.base requirements-dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; \
	  else echo "The page tests need Chromium: apt-get install chromium"; exit 1; fi; }
	@touch $@

demo: setup
	$(BIN)/assay demo $(DEMO)

test: setup-dev  # what is compiled is kept: the processes that tests start would each compile it again
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: setup-dev
	$(BIN)/ruff check src tests bench tools
	$(BIN)/ruff format --check src tests bench tools
	$(BIN)/mypy
	MYPYPATH=src:bench $(BIN)/mypy --ignore-missing-imports bench tools
	$(BIN)/lint-imports

check: lint test

# A benchmark that is named as a module of Python stands in a folder of that name, so that it hides nothing from the others.
bench: setup-dev
	$(BIN)/python $(firstword $(wildcard bench/$(NAME).py bench/$(NAME)/run.py) bench/$(NAME).py)

lock:
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
	  pyproject.toml requirements-build.in -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 --extra dev \
	  -c requirements.lock pyproject.toml requirements-build.in -o requirements-dev.lock

clean:
	rm -rf $(VENV) $(DEMO) build dist
