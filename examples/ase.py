#!/usr/bin/env python3
"""ASE drives wigner through a socket: relax a crystal and its cell, then run it.

Needs ASE and the program `wigner` (on PATH, in bin/, or named by WIGNER). The potential is any that wigner
knows: MODEL may be "sevennet-0" or another path. RANKS sets the ranks of the client.

    python3 examples/ase.py
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.pop(0)  # this folder, where `import ase` would find this file

import ase.io
import numpy as np
from ase import units
from ase.build import bulk
from ase.calculators.socketio import SocketIOCalculator
from ase.filters import FrechetCellFilter
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS

here = Path(__file__).resolve().parent
wigner = os.environ.get('WIGNER') or shutil.which('wigner') or str(here.parent / 'bin/wigner')
model = os.environ.get('MODEL') or str(here.parent / 'configs/copper.eam.alloy')
ranks = os.environ.get('RANKS', '2')

CONFIG = '''
[structure]
file = "start.extxyz"   # elements, number of atoms, first cell

[potential]
model = "%s"

[ipi]
unix = "%s"             # of /tmp/ipi_NAME, as ASE has it
'''


def main():
    atoms = bulk('Cu', 'fcc', a=3.7, cubic=True) * (4, 4, 4)
    atoms.rattle(0.05, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        socket = 'wigner_%d' % os.getpid()
        ase.io.write(folder / 'start.extxyz', atoms)
        (folder / 'client.toml').write_text(CONFIG % (model, socket))
        with SocketIOCalculator(unixsocket=socket, timeout=60) as calc:
            client = subprocess.Popen([wigner, 'run', 'client.toml', '--ranks', ranks], cwd=folder)
            atoms.calc = calc
            drive(atoms)
            same_as_eval(atoms, folder)
        client.wait(timeout=30)


def drive(atoms):
    print('%d atoms, %.4f eV/atom' % (len(atoms), atoms.get_potential_energy() / len(atoms)))
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.001, steps=200)
    a = np.cbrt(atoms.get_volume() / len(atoms) * 4)
    print('relaxed: a = %.4f Å, %.4f eV/atom' % (a, atoms.get_potential_energy() / len(atoms)))
    MaxwellBoltzmannDistribution(atoms, temperature_K=600, rng=np.random.default_rng(1))
    first = atoms.get_total_energy()
    steps, start = 200, time.perf_counter()
    VelocityVerlet(atoms, 2 * units.fs).run(steps)
    spent = (time.perf_counter() - start) / steps
    drift = (atoms.get_total_energy() - first) / len(atoms)
    print('%d steps: %.0f K, total energy moved by %.1e eV/atom, %.2f ms per call' % (steps, atoms.get_temperature(), drift, 1e3 * spent))


def same_as_eval(atoms, folder):
    """What came through the socket is what `wigner eval` writes."""
    e, f, s = atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()
    with open(folder / 'last.xyz', 'w') as out:  # all digits: ASE's own extxyz has eight
        cell = ' '.join('%.17g' % x for x in atoms.cell.array.ravel())
        out.write('%d\nLattice="%s" Properties=species:S:1:pos:R:3 pbc="T T T"\n' % (len(atoms), cell))
        for symbol, x in zip(atoms.symbols, atoms.positions):
            out.write('%s %.17g %.17g %.17g\n' % (symbol, *x))
    said = subprocess.run([wigner, 'eval', 'last.xyz', '-m', model, '-o', 'out.extxyz', '--ranks', '1'], cwd=folder,
                          check=True, stderr=subprocess.PIPE, text=True).stderr
    ref = ase.io.read(folder / 'out.extxyz')
    de = abs(e - ref.get_potential_energy()) / len(atoms)
    df, ds = abs(f - ref.get_forces()).max(), abs(s - ref.get_stress()).max()
    print('socket and eval differ by %.0e eV/atom, %.0e eV/Å, %.0e eV/Å³' % (de, df, ds))
    single = ' in float32 ' in said  # of the last line: the model and its precision
    most = (2e-6, 1e-4, 2e-6) if single else (1e-10, 1e-8, 1e-10)
    assert de < most[0] and df < most[1] and ds < most[2], 'socket and eval differ by more than rounding'


if __name__ == '__main__':
    main()
