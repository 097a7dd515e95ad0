# Lonja. `make help` says what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN  := bin/lonja
ADDR ?= 127.0.0.1:8080
DATA ?= demo-data
PKGS := ./...

export GOFLAGS ?= -buildvcs=false
export GOTOOLCHAIN ?= local

.PHONY: help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## the one binary, pure Go, in bin/
	CGO_ENABLED=0 go build -trimpath -o $(BIN) ./cmd/lonja

.PHONY: run
run: build ## the portal with its demo account, on the embedded stores
	$(BIN) demo --data $(DATA) --addr $(ADDR)

.PHONY: deps
deps: ## what the tests need besides Go (a Chromium, PostgreSQL; Debian's packages, if there are none)
	@scripts/ensure-deps

# The race detector looks at everything but SQLite itself, C that was translated (docs/decisions/0032).
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

.PHONY: test
test: deps ## every test, with the race detector, and the browser tests
	go test $(RACE) -timeout 20m $(PKGS)

.PHONY: screenshots
screenshots: deps ## docs/screenshots anew: every page, on desktop and phone, light and dark
	rm -rf artefacts/screenshots
	go test -count=1 -run 'TestPortal/pages$$' ./e2e/browser
	rm -rf docs/screenshots
	install -m 644 -D -t docs/screenshots artefacts/screenshots/*

.PHONY: check
check: format vet generated lint test ## what CI runs: format, vet, generated files, linters, import rules, tests

.PHONY: format
format: ## fails where gofmt would change a file
	@out=$$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l); \
	 [ -z "$$out" ] || { echo "not formatted (run gofmt -w):"; echo "$$out"; exit 1; }

.PHONY: vet
vet:
	go vet $(PKGS)

.PHONY: lint
lint: ## the linters, at the version that tools/go.mod pins
	@mkdir -p bin
	@[ bin/golangci-lint -nt tools/go.mod ] || go build -C tools -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	GOLANGCI_LINT_CACHE=$(CURDIR)/bin/lint-cache bin/golangci-lint run $(PKGS)

.PHONY: generate
generate: ## writes the generated files anew (templates, docs/events.md)
	go tool templ generate -path adapters/web -log-level warn
	go generate ./domain/...

.PHONY: generated
generated: ## fails where a generated file is not what its source says
	@scripts/check-generated

.PHONY: bench
bench: ## every figure against its bar, each beside its reference (some 7 minutes; artefacts/figures.txt)
	scripts/bench

.PHONY: bench-lists
bench-lists: ## a contact's lists with 100, 10,000 and 100,000 documents, for each order, filter and search
	go run ./bench/lists

.PHONY: bench-pages
bench-pages: build ## how long the server takes for each page of the demo account, as a share of 100 ms
	go run ./bench/pages

.PHONY: bench-documents
bench-documents: ## a document's preview and PDFs with 5, 50 and 500 lines, against their bars
	go run ./bench/documents

.PHONY: bench-scale
bench-scale: ## PostgreSQL and EventStoreDB (its stand-in), each figure against its bar
	go run ./bench/scale

.PHONY: client-tests
client-tests: ## the EventStoreDB client's own tests, against the protocol stand-in
	scripts/esdb-client-tests

.PHONY: clean
clean: ## removes binaries, the demo account and test artefacts
	rm -rf bin $(DATA) artefacts
