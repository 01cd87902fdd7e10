# Everything a developer or a first user types. `make help` lists it.
VENV ?= .venv
BIN := $(VENV)/bin
export VENV

.DEFAULT_GOAL := help
.PHONY: help run test lint fmt docs bench clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## broker, engine and connectors with the sample city; Ctrl-C stops everything
	@exec $(BIN)/mutsura serve --config deploy/demo/mutsura.toml

test: $(VENV)/.test ## every test, on a real MongoDB and a real mosquitto
	$(BIN)/python -m pytest

lint: $(VENV)/.test ## ruff, mypy and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(VENV)/.test ## format and mend what can be mended by machine
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.run ## write the pages that are made from the code
	$(BIN)/mutsura settings --markdown > docs/settings.md
	$(BIN)/mutsura routes > docs/api.md

bench: $(VENV)/.test ## measure throughput and latency, with references from the same run
	$(BIN)/python -m tests.performance.bench

clean: ## remove the virtual environment and what tools leave behind; the data stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf .import_linter_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.run: pyproject.toml deploy/prepare.sh
	@deploy/prepare.sh run
	@touch $@

$(VENV)/.test: pyproject.toml deploy/prepare.sh
	@deploy/prepare.sh test
	@touch $@ $(VENV)/.run
