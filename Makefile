# The commands of the house. Everything that they need is installed by `make install`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install run test lint types docs bench bench-quick clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Neve needs Python 3.11 or newer; $(PYTHON) is older. Try: make install PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=$(CURDIR)/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install -q -e '.[dev]'
	@touch $(STAMP)

run: install
	$(BIN)/neve dev examples

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

test: lint types
	$(BIN)/pytest -n 3

docs: install
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/draw.py

# make bench BENCH="warm cold --rounds 5"; see docs/benchmarks.md
bench: install
	$(BIN)/python -m bench $(BENCH)

bench-quick: install
	$(BIN)/python -m bench quick

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .cache
