# wigner: `make help` lists the targets. Only Go is needed to build and run;
# `make models` wants Python's pip, `make test` also the packages that
# tools/testdeps.sh names.

GO      ?= go
RANKS   ?= 2
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# The program is built without cgo on every machine: MPI is opened at run time.
BUILD   := CGO_ENABLED=0 $(GO) build -buildvcs=false -trimpath -ldflags '-X main.version=$(VERSION)'
# Tests that need a model or an MPI fail without one here, where both are
# fetched first; a bare `go test ./...` skips them.
REQUIRE := WIGNER_REQUIRE_MODELS=1 WIGNER_REQUIRE_MPI=1 WIGNER_MODELS=$(CURDIR)/models
RACE    := ./comm/... ./halo/... ./potential/mpnn/... ./md/... ./observe/... ./train/...
MODELS  := models/sevennet-0.pth models/sevennet-0-22may2024.pth models/sevennet-l3i5.pth

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help build models run test test-deps test-deps-long test-long check generate readme bench bench-peers clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | while IFS="$$(printf '\t')" read -r t d; do printf '  make %-12s %s\n' "$$t" "$$d"; done

build: ## compile bin/wigner
	@mkdir -p bin
	$(BUILD) -o bin/wigner ./cmd/wigner

models: ## fetch the published SevenNet models into models/ (pip)
	$(GO) run -buildvcs=false ./tools/models -o models

run: build ## molecular dynamics of silicon with a model on board (RANKS=2)
	bin/wigner run configs/silicon.toml --force --ranks $(RANKS)

test-deps: ## install (Debian, root) or name what the tests need
	tools/testdeps.sh

test-deps-long: ## the same for the long tests: also LAMMPS, chromium, Python's venv
	tools/testdeps.sh --long

# The order is from the quick special runs to the whole suite, which needs
# minutes. The race detector is the only thing here that needs cgo.
test: test-deps models build ## all tests, with both MPIs and the race detector
	python3 -m unittest discover -s bench/peers
	$(REQUIRE) $(GO) test -tags noasm ./internal/kernel/...
	$(REQUIRE) tools/arm64.sh
	$(REQUIRE) $(GO) test -tags invariants -short ./halo/... ./potential/... ./md/...
	$(REQUIRE) CGO_ENABLED=1 $(GO) test -race -short -timeout 20m $(RACE)
	$(REQUIRE) $(GO) test -timeout 25m ./...

test-long: test-deps-long models build ## the tests that need hours
	$(REQUIRE) WIGNER_LONG=1 $(GO) test -count=1 -timeout 12h ./...

check: ## format, vet, staticcheck, house rules, generated files
	@bad="$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go' 2>/dev/null || find . -name '*.go'))"; \
	  if [ -n "$$bad" ]; then echo "not formatted (gofmt -w):"; echo "$$bad"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags noasm ./internal/kernel/...
	$(GO) vet -tags invariants ./...
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	tools/generated.sh
	$(GO) test ./internal/lint

generate: ## make the generated files anew: kernels and the README's table
	tools/generated.sh --write

bench: build models ## speed of SevenNet-0 on this machine
	bin/wigner bench -m sevennet-0 --structure si --atoms 512,4096 --steps 10 --ranks 1

bench-peers: build models ## side by side with other programs (PEERS=--help)
	python3 bench/peers $(PEERS)

clean: ## remove what was built and run; models stay
	rm -rf bin runs .cache
