# What people type. Each target says what it does in `make help`.
.DEFAULT_GOAL := help
.PHONY: help dev lint test test-fast

help: ## Lists the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

dev: ## Runs the whole platform in one process on localhost:3000, without a cluster
	@scripts/dev.sh

lint: ## Checks format, lints, licences, scripts and generated files
	@scripts/lint.sh

test: ## Runs every test, the node's included
	@scripts/test.sh all

test-fast: ## Runs the tests that need no cluster
	@scripts/test.sh fast
