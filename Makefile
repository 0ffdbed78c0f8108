# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later

# The front door. Works with GNU make 3.81 and any POSIX shell.
.POSIX:
.DEFAULT_GOAL := help
.PHONY: help setup setup-demo demo demo-clean demo-openwebui lint test stage test-openwebui bench lock artefact

PYTHON ?=
export PYTHON
RUN = .venv/bin/python

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 20

setup: ## Build .venv with everything that playbooks and tests need (PYTHON=/path/to/python to choose one)
	@sh scripts/setup.sh test

setup-demo:
	@sh scripts/setup.sh demo

demo: setup-demo ## Onboard a client here, against a simulated OpenRouter, and show that it works
	@$(RUN) scripts/demo.py

demo-openwebui: setup ## The same with the real Open WebUI
	@$(RUN) scripts/demo.py --openwebui

demo-clean: ## Stop what the demo started and remove its directory
	@sh scripts/demo_clean.sh

lint: setup ## Check style, documentation, licences and packaging
	@$(RUN) scripts/stages.py lint

test: setup ## Run every test and check; figures go to build/report.md
	@$(RUN) scripts/stages.py test

stage: setup ## Run single stages: make stage NAME="unit sanity-2.21"
	@$(RUN) scripts/stages.py $(NAME)

test-openwebui: setup ## Live clients' lives with the real Open WebUI, and repeat the contract tests with it (3 GB)
	@$(RUN) scripts/stages.py openwebui

bench: setup ## Measure keys in bulk, onboarding, fleets, idle clients; figures go to build/report.md (90 minutes)
	@$(RUN) -m tests.bench

lock: setup ## Resolve tests/requirements.in again
	@sh scripts/lock.sh

artefact: setup ## Build the collection as it is published, into build/
	@$(RUN) scripts/tree.py --build build
