#!/bin/sh
# Tests of the numerical packages, and one evaluation of a reference frame, as an
# arm64 program under qemu's emulation of its instructions: some twenty times
# slower than the processor, so a chosen few. Go fuses x·y+z there, so the last
# bits differ from amd64's.
set -eu
cd "$(dirname "$0")/.."
go=${GO:-go}
export GOOS=linux GOARCH=arm64 CGO_ENABLED=0
# The program opens MPI at run time, so it wants arm64's libc (Debian: libc6-arm64-cross).
export QEMU_LD_PREFIX="${QEMU_LD_PREFIX:-/usr/aarch64-linux-gnu}"
# Emulated threads are not quite right: in qemu 7.2 a program of Go's with several of them crashes or
# stands still once in a while. So one at a time, no signals between them, and a second try.
one="${QEMU:-qemu-aarch64} -E GOMAXPROCS=1 -E GODEBUG=asyncpreemptoff=1"
try() { "$go" test -short -timeout 3m -exec "$one" "$@"; }
run() { try "$@" || try "$@"; }

run ./internal/kernel ./o3 ./potential/mpnn
run -run 'TestTinyCheckpoints/(linear-l3|parity-nequip|five-layers)|TestShortEdges' ./potential/nequip
run -run 'TestEvalOneFrame' ./cmd/wigner
