# Everything here sets itself up; `make demo` and `make test` are all that a newcomer needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test bench lint unit

# The example, deployed by one command and run from its image, on real parts.
demo: .venv/made
	$(BIN)/python -m tests.support.demo

test: lint unit
	$(BIN)/python -m pytest --ignore tests/unit

# Against Prefect's own way and docker's, in the same run.
bench: .venv/made
	$(BIN)/python -m tests.benchmarks.deploys
	$(BIN)/python -m tests.benchmarks.many_deployments
	$(BIN)/python -m tests.benchmarks.contexts
	$(BIN)/python -m tests.benchmarks.registry_race
	$(BIN)/python -m tests.benchmarks.far_repository

lint: .venv/made
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# On every Python that pyproject.toml declares and this machine has.
unit: .venv/made
	$(BIN)/python -m tests.support.every_python

# From the lock alone: pip installs uv by its hashes, uv the rest, and the build backend that
# installs this project is the locked one.
.venv/made: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	awk '/^uv==/, !/\\$$/' requirements.lock > .venv/uv.txt
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r .venv/uv.txt
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@
