# The front door. Each target is one line over a package script; `make` alone prints this list.
.DEFAULT_GOAL := help
.PHONY: help ticket-cart test check build bench

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

node_modules/.package-lock.json: package-lock.json
	npm ci --ignore-scripts
	@touch $@

tools/node_modules/.package-lock.json: tools/package-lock.json
	npm ci --ignore-scripts --prefix tools
	@touch $@

build: node_modules/.package-lock.json ## Compile src/ into dist/
	npm run --silent build

ticket-cart: build ## The ticket cart, embedded: one process, one folder, one command
	npx --no-install tsx examples/ticket-cart/main.ts

test: build ## Unit, conformance and scenario tests (FILE=… for one)
	npx --no-install vitest run $(FILE)

check: node_modules/.package-lock.json tools/node_modules/.package-lock.json ## What CI runs
	npx --no-install tsc -p tsconfig.check.json
	$(MAKE) --no-print-directory test

bench: build ## Every target beside its floor, from the same run
	npm run --silent bench
