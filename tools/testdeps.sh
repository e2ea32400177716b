#!/bin/sh
# Sees to it that what the tests need beyond Go is there: a C compiler for the
# race detector, both MPI families, a SLURM, Python's pip for the models, and qemu to
# run arm64's programs. With --long also what the long tests compare with: LAMMPS and its
# potentials, a browser, Python's venv. On Debian and its relatives root gets what is missing from
# apt; anyone else is told what to install.
set -eu

missing=
need() { # package, then commands of which one must exist
	package=$1
	shift
	for c; do
		if command -v "$c" >/dev/null 2>&1; then return; fi
	done
	missing="$missing $package"
}

libc() { # the headers that cgo needs
	printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | "${CC:-gcc}" -x c -fsyntax-only - 2>/dev/null
}

need gcc "${CC:-gcc}"
libc || missing="$missing libc6-dev"
need openmpi-bin mpirun.openmpi mpiexec.openmpi
need mpich mpirun.mpich mpiexec.mpich
need git git
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then # tests of slurm/ start one of their own
	need slurm-wlm slurmctld
	need munge munged
	if ! ls /usr/lib/*/pmix2/lib/libpmix.so >/dev/null 2>&1; then missing="$missing libpmix-dev"; fi
fi
need qemu-user "${QEMU:-qemu-aarch64}"
if ! [ -e "${QEMU_LD_PREFIX:-/usr/aarch64-linux-gnu}/lib/ld-linux-aarch64.so.1" ] && [ "$(uname -m)" != aarch64 ]; then missing="$missing libc6-arm64-cross"; fi
if ! { python3 -m pip --version || pip3 --version || pip --version; } >/dev/null 2>&1; then
	missing="$missing python3-pip"
fi
if [ "${1:-}" = --long ]; then
	need lammps lmp
	if ! [ -d /usr/share/lammps/potentials ]; then missing="$missing lammps-data"; fi
	need chromium chromium
	if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then missing="$missing python3-venv"; fi
fi

if [ -z "$missing" ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing$missing"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	# shellcheck disable=SC2086 # a list of words
	apt-get install -y -qq --no-install-recommends $missing >/dev/null
	exit 0
fi
cat >&2 <<END
The tests need more than is installed. On Debian or Ubuntu:

    apt-get install$missing

Elsewhere install the same under your system's names: a C compiler with its
headers (race detector), Open MPI and MPICH side by side (as the commands
mpirun.openmpi and mpirun.mpich on PATH), git, qemu's emulation of arm64 for
programs (qemu-aarch64) with an arm64 libc, and pip (to fetch the models).
Without them, 'go test ./...' runs everything that does not need them.
END
exit 1
