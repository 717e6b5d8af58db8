# What people type. Each target says what it does in `make help`.
.DEFAULT_GOAL := help
.PHONY: help up down env status logs dev lint generate test test-fast faults bench mutants

help: ## Lists the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

up: ## Brings up a cluster, the operator and a working platform (CLUSTER=local|kind|current)
	@scripts/up.sh

down: ## Ends the cluster and removes everything of it
	@scripts/down.sh

env: ## Prints export lines for a running platform (PLATFORM=namespace/name): eval "$(make env)"
	@scripts/env.sh

status: ## Shows what runs, and what every platform says of itself
	@scripts/status.sh

logs: ## Shows the last log lines of the operator and of every platform's services
	@scripts/status.sh logs

dev: ## Runs the whole platform in one process on localhost:3000, without a cluster
	@scripts/dev.sh

lint: ## Checks format, lints, licences, scripts and generated files
	@scripts/lint.sh

generate: ## Writes the generated files
	@scripts/generate.sh

test: ## Runs every test, the end-to-end ones in a real cluster included
	@scripts/test.sh all

test-fast: ## Runs the tests that need no cluster
	@scripts/test.sh fast

faults: ## Stops, silences and kills what the services need, for as long as is promised: minutes
	@scripts/faults.sh

bench: ## Measures ShopFlow against other stacks, and builds against each other (scripts/bench.sh says how)
	@scripts/bench.sh

mutants: ## Changes the pure code a little at a time and names the changes that no test notices
	@scripts/mutants.sh
