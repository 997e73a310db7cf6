# The front door. Each target is one line over a package script; `make` alone prints this list.
.DEFAULT_GOAL := help
CODE := src test bench examples scripts sim
TOOLS := tools/node_modules/.bin
.PHONY: help run-service run-ticket-service run-processor run-ticket-cart ticket-cart docker-up docker-down nats-up nats-down test-nats bench-nats test check proof sim lint format build bench bench-http examples

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

node_modules/.package-lock.json: package-lock.json
	npm ci --ignore-scripts
	@touch $@

# Not `npm ci`: where a registry lacks the binary of some other platform, it refuses the lock.
tools/node_modules/.package-lock.json: tools/package-lock.json
	npm install --ignore-scripts --no-save --prefix tools
	@touch $@

# Compiled when a source is newer: several targets may be started one after the other.
dist/index.js: node_modules/.package-lock.json tsconfig.json tsconfig.build.json package.json scripts/build.ts $(shell find src -name '*.ts')
	npm run --silent build

build: dist/index.js ## Compile src/ into dist/

ticket-cart: build ## The ticket cart, embedded: one process, one folder, one command
	npx --no-install tsx examples/ticket-cart/main.ts

run-service: build ## The greeter service, an app of its own over NATS
	npx --no-install tsx examples/ticket-cart/nats/service.ts

run-ticket-service: build ## The ticket service, an app of its own over NATS
	npx --no-install tsx examples/ticket-cart/nats/ticket-service.ts

run-processor: build ## A node that leads the carts, over NATS
	npx --no-install tsx examples/ticket-cart/nats/processor.ts

run-ticket-cart: build ## The ticket cart, against the three above
	@npx --no-install tsx examples/ticket-cart/nats/client.ts

examples: build ## Every example, one after the other
	@set -e; for e in examples/*/main.ts examples/*/survive.ts; do \
	  printf '\n--- %s\n' "$$e"; npx --no-install tsx "$$e"; \
	done

docker-up: ## Three NATS servers in containers, for a cluster (without Docker: make nats-up)
	@docker info >/dev/null 2>&1 || { echo 'Docker does not answer: start it, or run make nats-up.'; exit 1; }
	docker compose up --detach --wait
	@echo 'nats://127.0.0.1:14222,nats://127.0.0.1:14223,nats://127.0.0.1:14224'

docker-down: ## Ends them; what they hold stays in their volumes
	docker compose down

nats-up: node_modules/.package-lock.json ## Three NATS servers on this machine, for a cluster; data in .nats
	@npx --no-install tsx scripts/nats.ts up

nats-down: node_modules/.package-lock.json ## Ends them; what they hold stays
	@npx --no-install tsx scripts/nats.ts down

# One file after the other: each runs servers of its own.
test-nats: build ## The cluster on real NATS servers, which it starts and kills itself
	NATS_FAULTS=$${NATS_FAULTS:-small} npx --no-install vitest run --no-file-parallelism src/nats test/nats

test: build ## Unit, conformance and scenario tests (FILE=… for one)
	npx --no-install vitest run $(FILE)

check: node_modules/.package-lock.json tools/node_modules/.package-lock.json ## What CI runs
	npx --no-install tsc -p tsconfig.check.json
	$(MAKE) --no-print-directory lint
	NODE24=1 RUNNERS=1 FUZZ=2000 KILLS=30 FILE_CRASH_SCALE=1 $(MAKE) --no-print-directory test
	SEEDS=1000 CLUSTERS=150 npx --no-install tsx sim/main.ts
	MUTANTS=5 SEEDS=2000 npx --no-install tsx test/mutants/main.ts

# Hours, beside the gate and never in its way: what it finds becomes a seed, a test or a planted fault.
proof: build ## The full size of every search; docs/proof.md has the last counts (MINUTES=… of seeds)
	FILE_CRASH_SCALE=20 npx --no-install vitest run src/file/crash.test.ts
	FILE_CORRUPTION_SCALE=30 npx --no-install vitest run src/file/corruption.test.ts
	FUZZ=100000 npx --no-install vitest run test/fuzz
	KILLS=200 EXITS=100 npx --no-install vitest run test/faults/kill.test.ts test/faults/exits.test.ts
	DISK_FAULTS=all TIMERS=100000 npx --no-install vitest run test/faults/disk-errors.test.ts test/faults/clocks.test.ts
	NATS_FAULTS=full npx --no-install vitest run --no-file-parallelism src/nats test/nats
	PRESSURE=100 npx --no-install vitest run test/faults/pressure.test.ts
	npx --no-install tsx test/mutants/main.ts
	MINUTES=$(or $(MINUTES),60) npx --no-install tsx sim/main.ts

sim: node_modules/.package-lock.json ## Simulated worlds (SEED=… repeats one, MINUTES=… searches)
	@npx --no-install tsx sim/main.ts

# After build: the platform is imported by a name that leads into dist/.
coverage: build ## Which branches of the core the tests reach
	npx --no-install vitest run --coverage --coverage.include='src/{partition,replay,file}/**' \
	  --coverage.reporter=text src/partition src/replay src/file src/engine src/sdk src/local \
	  test/scenarios test/properties test/golden test/cluster test/salvage.test.ts

lint: build tools/node_modules/.package-lock.json ## Format, lint, imports, floating promises
	$(TOOLS)/biome check
	$(TOOLS)/depcruise $(CODE)
	PATH="$(CURDIR)/$(TOOLS):$$PATH" oxlint --type-aware $(CODE)

format: tools/node_modules/.package-lock.json ## Format everything, sort imports, mend what mends itself
	$(TOOLS)/biome check --write

bench-nats: build ## The cluster beside bare appends of the same bytes, on servers of its own
	npx --no-install tsx bench/nats.ts

bench: build ## Every target beside its floor, from the same run
	npm run --silent bench

bench-http: build ## The ingress beside Restate's server, which it installs for itself
	npx --no-install tsx bench/http.ts
