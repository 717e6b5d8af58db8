# What people type. Each target says what it does in `make help`.
.DEFAULT_GOAL := help
.PHONY: help lint test test-fast

help: ## Lists the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

lint: ## Formatting, clippy with warnings denied
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

test: ## Every test
	@scripts/test.sh all

test-fast: ## What needs no cluster
	@scripts/test.sh fast
