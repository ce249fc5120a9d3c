# One door: `make run`, `make demo`, `make test`. Everything else is a part of these.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PANEL := appliance/panel
RUN_DATA ?= data
# Where `make bench` keeps its raw results.
RUN ?= bench/runs/$(shell date +%F)-$(shell uname -m)-$(shell nproc)-cores
# Anything for the daemon: make run ARGS="--http 0.0.0.0:8080"
ARGS ?=

.PHONY: help run demo fleet-demo test test-full bench panel build boards cross image image-test openapi fuzz clean-data setup-% \
	fmt lint unit e2e

help: ## what there is
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup-%:
	@sh scripts/setup.sh $*

run: setup-run panel ## build everything and start a box here
	@echo "roombox: building the daemon and its worker (the first time takes some minutes)"
	cargo build --release --locked -p roomboxd -p roombox-worker
	target/release/roomboxd --dev --data $(RUN_DATA) $(ARGS)

demo: setup-demo panel ## meet, record and render without anybody: two minutes, one film
	cargo build --release --locked -p roomboxd -p roombox-worker
	python3 tests/demo/demo.py

fleet-demo: setup-demo panel ## a hub and three boxes: one records, another makes the film, a cable is pulled (as root)
	cargo build --release --locked -p roomboxd -p roombox-worker
	python3 tests/demo/fleet.py

panel: $(PANEL)/dist/index.html ## the panel's pages

PANEL_SOURCES := $(shell find $(PANEL) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

$(PANEL)/node_modules/.package-lock.json: $(PANEL)/package-lock.json
	@echo "roombox: fetching the panel's packages"
	cd $(PANEL) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(PANEL)/dist/index.html: $(PANEL)/node_modules/.package-lock.json $(PANEL_SOURCES)
	@echo "roombox: building the panel"
	cd $(PANEL) && npm run --silent build
	@touch $@ appliance/api/build.rs

test: ## everything that a commit must pass
	@bash tests/run.sh

test-full: ## the slow groups too: seeds by the hundred, soak
	@bash tests/run.sh full

# LIVEKIT_SERVER=FILE measures that program beside the box.
bench: setup-demo panel ## measure: ratios first, raw results in bench/runs/
	cargo build --release --locked -p roomboxd -p roombox-worker -p roombox-flash
	cargo bench --locked -p roombox-tests --bench roombox-bench -- --out $(CURDIR)/$(RUN) \
		$(if $(LIVEKIT_SERVER),--livekit-server $(abspath $(LIVEKIT_SERVER)))
	python3 tests/bench/people.py --out $(RUN)
	python3 tests/bench/api.py --out $(RUN)
	python3 tests/bench/panel.py --out $(RUN)
	python3 tests/bench/fleet.py --out $(RUN)
	python3 tests/bench/films.py --out $(RUN)
	python3 tests/bench/flash.py --out $(RUN)
	python3 tests/bench/boot.py --out $(RUN)

image: setup-image panel ## a bootable stand-in of the product's image, in target/image (as root)
	cargo build --release --locked -p roomboxd -p roombox-worker -p roombox-flash
	python3 tests/image/standin.py --bin target/release

image-test: setup-image panel ## boot it in QEMU and look (as root)
	cargo build --locked --workspace
	python3 tests/image/run.py --bin target/debug

boards: ## everything that follows from board-configs/, written to yocto/generated/
	cargo run --locked -q -p roombox-flash --bin boardgen

# PARTS="flash-static" makes one part of it; scripts/cross.sh says which there are.
cross: ## check and test for 64-bit Arm, roomflash as one file, roomflash for Windows and macOS
	@scripts/cross.sh $(PARTS)

# A minute a target, each time from another seed; SECONDS says otherwise.
fuzz: ## strangers' bytes, for longer than a commit waits
	ROOMBOX_FUZZ_SECONDS=$(or $(SECONDS),60) ROOMBOX_FUZZ_SEED=$(or $(SEED),$(shell date +%s)) \
		cargo test --locked -p roombox-tests --test fuzz z

openapi: ## the API's description and the panel's types, from the code
	cargo run --locked -q -p roomboxd -- --openapi > docs/api/openapi.json.new
	mv docs/api/openapi.json.new docs/api/openapi.json
	cargo run --locked -q -p roomboxd -- --permissions > docs/permissions.md.new
	mv docs/permissions.md.new docs/permissions.md
	cd $(PANEL) && npm run --silent types
