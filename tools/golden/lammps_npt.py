#!/usr/bin/env python3
"""Make testdata/golden/argon-npt-lammps.toml: mean volume and energy of solid Lennard-Jones argon at 70 K and 1000 bar, by
LAMMPS's fix npt, 108 atoms, 0.6 ns. Needs LAMMPS (Debian: apt-get install lammps). Not run by any test:

    python3 tools/golden/lammps_npt.py testdata/golden/argon-npt-lammps.toml
"""

import datetime
import re
import subprocess
import sys
import tempfile
from pathlib import Path

INPUT = """
units metal
atom_style atomic
lattice fcc 5.4
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 39.948
pair_style lj/cut 7.0
pair_coeff 1 1 0.0104 3.405
pair_modify shift yes
neighbor 1.0 bin
neigh_modify every 1 delay 0 check yes
velocity all create 70 4711 mom yes
timestep 0.004
fix 1 all npt temp 70 70 0.1 iso 1000 1000 1.0
run 12500
thermo_style custom step vol pe
thermo_modify format float %20.15g norm no
thermo 25
run 150000
"""
BLOCKS = 25


def mean(x):
    """Mean and its standard error, from blocks."""
    n = len(x) // BLOCKS
    b = [sum(x[i * n:(i + 1) * n]) / n for i in range(BLOCKS)]
    m = sum(b) / BLOCKS
    return m, (sum((y - m) ** 2 for y in b) / (BLOCKS - 1) / BLOCKS) ** 0.5


def main(out):
    with tempfile.TemporaryDirectory() as d:
        Path(d, 'in').write_text(INPUT)
        log = subprocess.run(['lmp', '-in', 'in', '-log', 'none'], cwd=d, check=True, capture_output=True, text=True).stdout
    version = re.search(r'LAMMPS \(([^)]*)\)', log).group(1)
    rows = [[float(w) for w in l.split()] for l in log[log.index('Step Volume'):].split('Loop time')[0].splitlines()[1:]]
    v, ve = mean([r[1] for r in rows[1:]])
    e, ee = mean([r[2] for r in rows[1:]])
    Path(out).write_text('''# Solid Lennard-Jones argon under pressure by LAMMPS. Made by tools/golden/lammps_npt.py; do not edit by hand.
program = "LAMMPS (%s)"
command = "python3 tools/golden/lammps_npt.py testdata/golden/argon-npt-lammps.toml"
date = %s
tolerance = "two standard errors of the difference"

# 108 atoms, 70 K, 1000 bar, epsilon 0.0104 eV, sigma 3.405 Å, cutoff 7 Å, shifted; 0.6 ns at 4 fs.
volume_A3 = %.10g
volume_error_A3 = %.3g
potential_eV = %.10g
potential_error_eV = %.3g
''' % (version, datetime.date.today(), v, ve, e, ee))
    print(open(out).read(), len(rows))


if __name__ == '__main__':
    main(sys.argv[1])
