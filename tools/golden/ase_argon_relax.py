#!/usr/bin/env python3
"""Make testdata/golden/argon-relax.extxyz: 108 atoms of Lennard-Jones argon displaced by 0.4 Å, and how many steps ASE's
LBFGS and FIRE need to 1e-3 eV/Å from there. Needs ase; not run by any test:

    python3 tools/golden/ase_argon_relax.py testdata/golden/argon-relax.extxyz
"""

import datetime
import sys

import ase
import ase.build
import ase.io
import ase.optimize
from ase.calculators.lj import LennardJones


def main(out):
    start = ase.build.bulk('Ar', 'fcc', a=5.4, cubic=True).repeat(3)
    start.rattle(0.4, seed=1)
    start.positions = start.positions.round(8)
    info = {'program': 'ase ' + ase.__version__, 'command': 'tools/golden/ase_argon_relax.py', 'date': str(datetime.date.today())}
    for method in 'LBFGS', 'FIRE':
        a = start.copy()
        a.calc = LennardJones(sigma=3.4, epsilon=0.0103, rc=8.5)
        o = getattr(ase.optimize, method)(a, logfile=None)
        assert o.run(fmax=1e-3, steps=3000)
        info[method + '_steps'], info[method + '_energy'] = o.nsteps, a.get_potential_energy()
    start.info.update(info)
    ase.io.write(out, start, format='extxyz')
    print(info)


if __name__ == '__main__':
    main(sys.argv[1])
