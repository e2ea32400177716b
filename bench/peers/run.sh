#!/bin/sh
# wigner against SevenNet's own ASE calculator, side by side on one core of this
# machine. Makes its own Python environment (a few GB, once) in .cache/peers, or
# uses the one that WIGNER_PEERS_VENV names. Arguments go to compare.py; --help.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

venv=${WIGNER_PEERS_VENV:-.cache/peers}
if [ ! -x "$venv/bin/python" ]; then
	python3 -m venv "$venv"
fi
if ! "$venv/bin/python" "$here/sevennet.py" --check; then
	"$venv/bin/python" -m pip install --disable-pip-version-check -r "$here/requirements.txt"
fi
exec "$venv/bin/python" "$here/compare.py" "$@"
