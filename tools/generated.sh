#!/bin/sh
# Makes every generated file again, elsewhere, and compares: what is committed
# must be exactly what the generators make. With --write the files are written
# into the tree instead.
set -eu
cd "$(dirname "$0")/.."
GO=${GO:-go}

if [ "${1:-}" = --write ]; then
	rm -f internal/kernel/zasm_*
	$GO generate ./internal/kernel
	exec $GO run ./tools/readme
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT INT TERM

# The generator of the kernels writes into the folder above its own.
cp -R internal/kernel/_gen "$tmp/_gen"
(cd "$tmp/_gen" && $GO run .)
for f in "$tmp"/zasm_*; do
	if ! cmp -s "$f" "internal/kernel/${f##*/}"; then
		echo "internal/kernel/${f##*/} is not what internal/kernel/_gen makes: make generate" >&2
		exit 1
	fi
done
for f in internal/kernel/zasm_*; do
	if [ ! -e "$tmp/${f##*/}" ]; then
		echo "$f is made by no generator: make generate" >&2
		exit 1
	fi
done

$GO run ./tools/readme -check
