#!/usr/bin/env python3
"""Make testdata/golden/copper-lammps.json: lattice constant, elastic constants, vacancy energy and the mean volume in
NPT of configs/copper.eam.alloy by LAMMPS. Needs LAMMPS (Debian: apt-get install lammps). Not run by any test:

    python3 tools/golden/lammps_copper.py testdata/golden/copper-lammps.json
"""

import datetime
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAD = """
units metal
atom_style atomic
boundary p p p
lattice fcc %(a).15g
region box prism 0 %(n)d 0 %(n)d 0 %(n)d 0 0 0
create_box 1 box
create_atoms 1 box
mass 1 63.546
%(remove)s
pair_style eam/alloy
pair_coeff * * %(file)s Cu
neighbor 1.0 bin
neigh_modify every 1 delay 0 check yes
"""
ORDER = ['xx', 'yy', 'zz', 'yz', 'xz', 'xy']  # Voigt's
GPA = 1e-4  # of a bar


def lammps(text, **v):
    v = dict(dict(a=3.615, n=4, remove='', file=ROOT / 'configs' / 'copper.eam.alloy'), **v)
    with tempfile.TemporaryDirectory() as d:
        Path(d, 'in').write_text((HEAD + text) % v)
        return subprocess.run(['lmp', '-in', 'in', '-log', 'none'], cwd=d, check=True, capture_output=True, text=True).stdout


ROW = """
thermo_style custom step lx pe pxx pyy pzz pyz pxz pxy
thermo_modify format float %%20.15g norm no
run 0
"""


def row(log):
    """What ROW has printed: lx, pe, the six pressures."""
    return [float(w) for w in log[log.rindex('Step Lx'):].splitlines()[1].split()[1:]]


LATTICE = """
fix 1 all box/relax iso 0 vmax 0.001
minimize 0 1e-12 2000 20000
unfix 1
minimize 0 1e-12 2000 20000
""" + ROW

# The strain of a component of either sign; shears are engineering strains.
STRAIN = """
%(change)s
run 0
minimize 0 1e-12 2000 20000
""" + ROW

VACANCY = """
minimize 0 1e-10 10000 100000
""" + ROW

NPT = """
velocity all create 300 4711 mom yes
timestep 0.004
fix 1 all npt temp 300 300 0.1 iso 0 0 1.0
run 5000
thermo_style custom step vol pe
thermo_modify format float %%20.15g norm no
thermo 25
run 60000
"""
BLOCKS = 20


def mean(x):
    n = len(x) // BLOCKS
    b = [sum(x[i * n:(i + 1) * n]) / n for i in range(BLOCKS)]
    m = sum(b) / BLOCKS
    return m, (sum((y - m) ** 2 for y in b) / (BLOCKS - 1) / BLOCKS) ** 0.5


def main(out):
    r = row(lammps(LATTICE))
    a, e = r[0] / 4, r[1] / 256
    s, length = 0.005, 4 * a
    change = {c: lambda x, c=c: f'change_box all {c[0]} scale {1 + x:.15g} remap units box' for c in ('xx', 'yy', 'zz')}
    # ε symmetric needs a rotation in LAMMPS's box; for the stress's first order a tilt by the engineering strain is the same.
    change.update({c: lambda x, c=c: f'change_box all {c} delta {x * length:.15g} remap units box' for c in ('xy', 'xz', 'yz')})
    C = [[0.0] * 6 for _ in range(6)]
    for j, name in enumerate(ORDER):
        both = [row(lammps(STRAIN, a=a, change=change[name](sign * s)))[2:] for sign in (1, -1)]
        for i in range(6):
            C[i][j] = -(both[0][i] - both[1][i]) / (2 * s) * GPA
    n = 4
    box = lammps(VACANCY, a=a, n=n, remove='group gone id 1\ndelete_atoms group gone compress no')
    vacancy = row(box)[1] - (4 * n ** 3 - 1) * e
    log = lammps(NPT, a=a)
    version = re.search(r'LAMMPS \(([^)]*)\)', log).group(1)
    rows = [[float(w) for w in l.split()] for l in log[log.rindex('Step Volume'):].split('Loop time')[0].splitlines()[1:]]
    v, ve = mean([r[1] for r in rows[1:]])
    u, ue = mean([r[2] for r in rows[1:]])
    json.dump({
        'program': 'LAMMPS (%s)' % version, 'command': 'python3 tools/golden/lammps_copper.py testdata/golden/copper-lammps.json',
        'date': str(datetime.date.today()), 'tolerance': '1e-5 Å, 0.1 GPa, 1e-5 eV; the mean volume within two standard errors of the difference',
        'a_A': a, 'energy_eV_atom': e, 'order': ORDER, 'C_GPa': C, 'strain': s,
        'vacancy_eV': vacancy, 'vacancy_atoms': 4 * n ** 3 - 1,
        'npt': {'atoms': 256, 'temperature_K': 300, 'ps': 240, 'volume_A3': v, 'volume_error_A3': ve, 'potential_eV': u, 'potential_error_eV': ue},
    }, open(out, 'w'), indent=1)


main(sys.argv[1])
