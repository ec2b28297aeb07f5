# Everything happens in .venv, which the first run makes and later runs reuse.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-ready
DEV := $(VENV)/.dev-ready
BENCH := $(VENV)/.bench-ready
NODE := $(VENV)/.node-ready
NODE_PEER := tests/support/node_peer/package.json
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help demo test check protos format picture bench soak throng clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

demo: $(RUNTIME) ## run the bundled server and the viewer on it
	@$(BIN)/grpctap demo

# Most of them wait for something most of the time, so there may be more of them than processors.
test: $(DEV) $(NODE) ## run the tests, three files at a time; ARGS are pytest's
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(ARGS)

check: $(DEV) ## lint, format, types, import contracts, generated code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python protos/generate.py --check

protos: $(DEV) ## generate the code of the protos anew
	$(BIN)/python protos/generate.py

format: $(DEV) ## format the code, and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

picture: $(DEV) ## take the pictures of the real screen anew, for the README and docs
	$(BIN)/python docs/picture.py

bench: $(BENCH) ## measure the viewer beside its peers; ARGS=--quick takes a minute, not ten
	@$(BIN)/python -m benchmarks $(ARGS)

soak: $(DEV) ## lose and find millions of values through thousands of faults, then throng
	@cd tests && PYTHONPATH=.. ../$(BIN)/python -m support.chaos $(ARGS)
	@$(MAKE) --no-print-directory throng ARGS="$(THRONG)"

throng: $(DEV) ## 200 viewers come and go for an hour; ARGS="--seconds 60" for less
	@cd tests && PYTHONPATH=.. ../$(BIN)/python -m support.throng $(ARGS)

clean: ## remove the private environment and the caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "grpctap needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Making a private environment in $(VENV) (first run only)"
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(RUNTIME): $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing grpctap into $(VENV)"
	@$(INSTALL) --editable .
	@touch $@

$(DEV): $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing grpctap and its development tools into $(VENV)"
	@$(INSTALL) --editable '.[dev]'
	@touch $@ $(RUNTIME)

# Only a few tests want it, and they say so themselves where it is missing.
$(NODE): $(NODE_PEER) | $(VENV)/bin/python
	@if ! command -v node >/dev/null || ! command -v npm >/dev/null; then \
	  echo "Without node and npm the tests of a server in Node.js are skipped (apt-get install nodejs npm)" >&2; \
	else \
	  echo "Installing the packages of the tests' server in Node.js into $(VENV)"; \
	  mkdir -p $(VENV)/node_peer && cp $(NODE_PEER) $(VENV)/node_peer/ && \
	  (cd $(VENV)/node_peer && npm install --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) && \
	  touch $@ || echo "npm cannot install them; the tests of a server in Node.js are skipped" >&2; \
	fi

$(BENCH): $(DEV)
	@echo "Installing the peers to measure with into $(VENV)"
	@$(INSTALL) --editable '.[bench]' || echo "The peers cannot be installed here; their rows will say so" >&2
	@touch $@
