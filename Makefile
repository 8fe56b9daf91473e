# Every target works on all modules of the workspace (go.work), so a new module needs no line
# here. The comparison with peers, bench, is outside of it: its requirements are nobody else's.
# "make" alone lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Targets print as they go and share the build cache: in parallel they would only be unreadable.
.NOTPARALLEL:

GO ?= go
# One fuzz target runs this long in "make fuzz".
FUZZTIME ?= 30s
# What "make gobench" runs (a regular expression) and how.
BENCH ?= .
BENCHFLAGS ?= -benchmem
# More flags for "make bench", such as -run 'echo/0B' or -json FILE.
BENCHARGS ?=
# How long "make soak" takes.
SOAK ?= 10m
# Systems that the code is vetted for without being run on: other kernels, 32 bits, another CPU.
CROSS ?= windows/386 windows/arm64 darwin/arm64 linux/386

# The folders of the workspace's modules, and the same as package patterns.
MODULES = $(shell $(GO) list -m -f '{{.Dir}}')
PACKAGES = $(addsuffix /...,$(MODULES))

# Runs a command in the module of the comparison, which is outside of the workspace.
in-bench = cd bench; GOWORK=off $(1)
# Runs a command in each module of tests against other frameworks that is outside of the workspace, too.
OUTSIDE = conformance/dubbo conformance/motan conformance/rpcx
in-outside = for module in $(OUTSIDE); do (cd $$module; export GOWORK=off; $(1)); done

# Tells the conformance tests where the peers are, and whether one that is missing is an error.
PEERS_ENV = peers="$$(scripts/peers.sh --env)"; eval "$$peers";

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | \
		while IFS=$$'\t' read -r target text; do printf '  %-12s %s\n' "$$target" "$$text"; done

.PHONY: build
build: ## Compile everything; the command line program goes to bin/
	$(GO) build $(PACKAGES)
	$(call in-bench,$(GO) build ./...)
	@if ls cmd/thriftkit/*.go >/dev/null 2>&1; then set -x; $(GO) build -o bin/ ./cmd/thriftkit; fi

# Needs only Go and make: without cgo there is no need of a C compiler. -short leaves out what takes minutes.
.PHONY: test
test: export CGO_ENABLED = 0
test: fmt-check vet ## Everything that needs nothing but Go (a few minutes the first time)
	$(GO) test -short $(PACKAGES)

# Tests come last, so that the closing lines say what ran.
.PHONY: test-all
test-all: peers lint cross bench-once vsix test-race ## Everything that a change must pass: also peers in other languages, race detector, linters

# The tests with peers are many times the same client and server: with the race detector, which other packages run under at length,
# only those that make calls side by side are run again.
CONFORMANCE = $(filter %/conformance,$(MODULES))
RACED = TestServer|TestBurst|TestOnePort|TestKitex|TestRestart|TestPipelining

# Without the test cache: it does not see changes of the peers' programs. Go's own limit of 10
# minutes for a package would be near on a slow machine.
.PHONY: test-race
test-race: peers # All tests, with the race detector and the peers
	$(PEERS_ENV) $(GO) test -race -count=1 -timeout 60m $(filter-out $(CONFORMANCE)/...,$(PACKAGES))
	$(PEERS_ENV) $(GO) test -count=1 -timeout 60m $(CONFORMANCE)
	$(PEERS_ENV) $(GO) test -race -count=1 -timeout 60m -run '$(RACED)' $(CONFORMANCE)
	$(call in-bench,$(GO) test -count=1 ./...)
	$(PEERS_ENV) $(call in-outside,$(GO) test -count=1 ./...)

.PHONY: test-32bit
test-32bit: ## Unit tests as a 32-bit program (on amd64)
	CGO_ENABLED=0 GOARCH=386 $(GO) test $(PACKAGES)

.PHONY: lint
lint: fmt-check vet vet-bench staticcheck actionlint ## Formatting, go vet, staticcheck and the workflows

.PHONY: fmt
fmt: ## Format all Go files
	@$(GO_FILES) | xargs -0 $(GOFMT) -l -w

.PHONY: fmt-check
fmt-check: # Fail if a file is not formatted
	@files=$$($(GO_FILES) | xargs -0 $(GOFMT) -l); \
	if [ -n "$$files" ]; then printf 'not formatted (run "make fmt"):\n%s\n' "$$files"; exit 1; fi

.PHONY: vet
vet: # Run go vet
	$(GO) vet $(PACKAGES)

.PHONY: vet-bench
vet-bench: # Run go vet in the modules outside of the workspace
	$(call in-bench,$(GO) vet ./...)
	$(call in-outside,$(GO) vet ./...)
	cd tools/release; GOWORK=off $(GO) vet ./...

# Its module is outside of the workspace: its requirements are nobody else's. Building it
# when it is built already takes no time.
.PHONY: staticcheck
staticcheck: # Run staticcheck as pinned in tools/go.mod
	GOWORK=off $(GO) build -C tools -o ../bin/ honnef.co/go/tools/cmd/staticcheck
	bin/staticcheck $(PACKAGES)
	$(call in-bench,../bin/staticcheck ./...)
	$(call in-outside,../../bin/staticcheck ./...)

.PHONY: actionlint
actionlint: # Check .github/workflows
	GOWORK=off $(GO) build -C tools -o ../bin/ github.com/rhysd/actionlint/cmd/actionlint
	bin/actionlint -no-color -shellcheck= -pyflakes= .github/workflows/*.yml

.PHONY: cross
cross: ## Vet for other systems
	@for target in $(CROSS); do \
		echo "GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) vet"; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) vet $(PACKAGES); \
	done

.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZTIME (30s)
	FUZZTIME=$(FUZZTIME) scripts/fuzz.sh $(MODULES)

# "make test-all" runs the short form of the suites below.
.PHONY: attack
attack: ## Hostile input against a server and clients; ATTACK=-peers does the same to other libraries
	$(PEERS_ENV) $(GO) run ./hardening attack $(ATTACK)

.PHONY: faults
faults: ## Fail networks and servers, and check what callers see
	$(GO) run ./hardening faults $(FAULTS)

.PHONY: soak
soak: ## Mixed load for SOAK (10m), with a fault every few seconds
	$(GO) run ./hardening soak -duration $(SOAK)

.PHONY: bench
bench: ## Benchmarks against peers and theoretical limits (10 minutes)
	$(call in-bench,$(GO) build -o ../bin/bench . && cd .. && bin/bench -source bench -go $(GO) $(BENCHARGS))

.PHONY: bench-quick
bench-quick: ## The same in 3 minutes, with more noise
	$(call in-bench,$(GO) build -o ../bin/bench . && cd .. && bin/bench -source bench -go $(GO) -quick $(BENCHARGS))

.PHONY: gobench
gobench: ## Go's benchmarks; BENCH='Encode' selects
	$(GO) test -run '^$$' -bench '$(BENCH)' $(BENCHFLAGS) $(PACKAGES)

.PHONY: bench-once
bench-once: ## Run each of Go's benchmarks once, so that they keep working
	$(PEERS_ENV) $(GO) test -run '^$$' -bench . -benchtime 1x $(PACKAGES)

.PHONY: peers
peers: ## Set up the peers of conformance tests (part of "make test-all")
	@scripts/peers.sh

.PHONY: vsix
vsix: ## The extension for Visual Studio Code, in dist/ (needs Node.js)
	@if command -v npm >/dev/null || [ "$${CI:-false}" != false ]; then scripts/vsix.sh dist/thriftkit.vsix; \
		else echo "vsix: no npm on this machine: the extension is not packaged" >&2; fi

.PHONY: tree-sitter
tree-sitter: ## The grammar for tree-sitter with its generated parser, in dist/tree-sitter-thrift (needs Rust, Node.js and a C compiler)
	scripts/peers/treesitter.sh
	rm -rf dist/tree-sitter-thrift
	mkdir -p dist
	cp -r editors/tree-sitter-thrift dist
	eval "$$(scripts/peers/treesitter.sh --env)"; cp -r "$$THRIFTKIT_TREESITTER/src" dist/tree-sitter-thrift

.PHONY: generate
generate: ## Generate the walkers of wire/, the man pages and the reference of commands
	$(GO) generate ./wire ./cmd/thriftkit/...

.PHONY: release
release: ## Archives and packages of the program for each system, with checksums, in dist/; VERSION=v1.2.3
	GOWORK=off $(GO) build -C tools/release -o ../../bin/release .
	bin/release $(if $(VERSION),-version $(VERSION)) dist

.PHONY: clean
clean: ## Remove what was built here
	rm -rf bin dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

GOFMT = "$$($(GO) env GOROOT)/bin/gofmt"
GO_FILES = find . -name testdata -prune -o -name .git -prune -o -name '*.go' -print0
