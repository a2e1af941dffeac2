# make demo   install what a user needs and run the main job
# make test   install what a developer needs and run the tests
# make check  formatting, lint and types
# make slow   the tests that take longer than a minute
# make docs   build the documentation to docs/_build/html; needs Python 3.11

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test slow check format docs benchmark clean

demo: $(VENV)/.user
	$(BIN)/attribot demo

test: $(VENV)/.developer
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

slow: $(VENV)/.developer
	$(BIN)/python -m pytest -m "slow and not gpu"

check: $(VENV)/.developer
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.developer
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.developer
	$(BIN)/python -m sphinx -b html -j auto -n -W --keep-going -d docs/_build/doctrees docs docs/_build/html

benchmark: $(VENV)/.developer
	$(BIN)/python -m benchmarks --quick

clean:
	rm -rf $(VENV)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.user: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[langchain]"
	touch $@

$(VENV)/.developer: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@ $(VENV)/.user
