# make run starts the app, make test checks everything; each sets up all that it needs. make help lists the rest.

PYTHON ?= python3
PORT ?= 8501
ADDRESS ?= 0.0.0.0
PIP_EXTRA ?=
PYTEST ?=

BIN := .venv/bin
APP := .venv/app.stamp
TESTS := .venv/tests.stamp
PIP := $(BIN)/python -m pip install --disable-pip-version-check $(PIP_EXTRA)

.DEFAULT_GOAL := help
.PHONY: help run test check fix gallery shots bench

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(APP) ## install what is missing, start the app, say where it is (PORT=8501, ADDRESS=127.0.0.1 for this computer only)
	@PORT=$(PORT) ADDRESS=$(ADDRESS) sh .ci/serve

test: check ## install test packages, then every check and every test (PYTEST="tests/test_spec.py -q" for a part)
	@sh .ci/system chromium postgresql dataset-fashion-mnist
	$(BIN)/python -m pytest $(PYTEST)

check: $(TESTS) ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(TESTS) ## lint and format, corrected in place
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

gallery: $(TESTS) ## every thumbnail and plot in one page, build/gallery.html
	$(BIN)/python -m tests.gallery build/gallery.html

shots: $(TESTS) ## screenshots of the running app in every state, build/shots/
	@sh .ci/system chromium fonts-noto-cjk
	$(BIN)/python -m tests.browser.shots build/shots

bench: $(TESTS) ## speed, frame rate and latency, as tables; wants an idle machine and some minutes
	@sh .ci/system chromium
	$(BIN)/python -m tests.benchmarks

$(BIN)/python:
	@sh .ci/venv $(PYTHON) .venv

$(APP): requirements.txt | $(BIN)/python
	@echo "Installing the app's packages into .venv (the first time this takes some minutes)."
	$(PIP) -r requirements.txt
	@touch $@

$(TESTS): tests/requirements.txt $(APP)
	$(PIP) -r requirements.txt -r tests/requirements.txt
	@touch $@
