#!/usr/bin/env python3
"""Make io/lammps/testdata and io/poscar/testdata: files as LAMMPS and ASE write them, of one small crystal.

Eight atoms of rock salt (Na, Cl) in a sheared box, displaced and moving. expected.toml has the same numbers
as ASE reads them. Needs LAMMPS (Debian: apt-get install lammps) and ASE. Not run by any test:

    python3 tools/golden/structure_files.py io
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.constraints import FixAtoms

INPUT = '''
units metal
atom_style atomic
boundary p p p
read_data start.data
pair_style lj/cut 2.7
pair_coeff * * 0.01 2.5
mass 1 22.98976928
mass 2 35.45
timestep 0.001
fix 1 all nve
dump 1 all custom 5 skew.dump id type element x y z ix iy iz vx vy vz fx fy fz
dump_modify 1 element Na Cl units yes time yes sort id format float %20.15g
dump 2 all custom 5 scaled.dump id type xs ys zs
run 5
write_data written.data
'''


def crystal():
    rng = np.random.default_rng(7)
    a = bulk('NaCl', 'rocksalt', a=5.64, cubic=True)
    a.set_cell([[5.64, 0, 0], [0.4, 5.7, 0], [-0.3, 0.2, 5.5]], scale_atoms=True)
    a.positions += rng.normal(0, 0.1, (8, 3))
    a.set_velocities(rng.normal(0, 0.01, (8, 3)))
    return a


def toml(x):
    return '[' + ', '.join('[%s]' % ', '.join(repr(float(c)) for c in r) for r in x) + ']'


def main(out):
    out = Path(out)
    a = crystal()
    lmp, vasp = out / 'lammps/testdata', out / 'poscar/testdata'
    for d in (lmp, vasp):
        d.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        ase.io.write(tmp / 'start.data', a, format='lammps-data', specorder=['Na', 'Cl'], velocities=True)
        (tmp / 'in').write_text(INPUT)
        run = subprocess.run(['lmp', '-in', 'in', '-log', 'none'], cwd=tmp, capture_output=True, text=True)
        if run.returncode:
            sys.exit(run.stdout + run.stderr)
        for n in ('skew.dump', 'scaled.dump', 'written.data'):
            (lmp / n).write_text((tmp / n).read_text())
    ase.io.write(lmp / 'ase.data', a, format='lammps-data', specorder=['Na', 'Cl'], velocities=True, masses=True)
    b = a.copy()
    b.set_constraint(FixAtoms([0, 3]))
    ase.io.write(vasp / 'ase.vasp', b, format='vasp', direct=True)
    with open(out / 'lammps/testdata/expected.toml', 'w') as f:
        f.write('# The crystal of tools/golden/structure_files.py, by ASE %s; do not edit by hand.\n' % ase.__version__)
        f.write('numbers = %s\ncell = %s\npositions_A = %s\nvelocities_A_ps = %s\n' % (
            a.numbers.tolist(), toml(a.cell), toml(a.positions), toml(a.get_velocities() * 1000 * units.fs)))
        last = ase.io.read(lmp / 'skew.dump', index=-1, format='lammps-dump-text')
        f.write('last_positions_A = %s # of skew.dump, in the order of the ids\n' % toml(last.positions))


if __name__ == '__main__':
    main(sys.argv[1])
