#!/usr/bin/env python3
"""Lattice and elastic constants of SevenNet-0 by ASE, for cmd/wigner's tests: testdata/golden/sevennet-elastic.json.

The environment is that of sevennet_tiny.py (sevenn 0.10.4, ase, torch); not run by any test:

    make models
    TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 /tmp/venv/bin/python tools/golden/sevennet_elastic.py testdata/golden/sevennet-elastic.json

Procedure, that of `wigner elastic`: relax cell and positions of the conventional cell to 1e-5 eV/Å and 1e-3 GPa; for each
of the six strains ±0.005 (shears: engineering, half of it on either side of the diagonal) relax the positions to 1e-5 eV/Å
and take the stress; C_ij = (σ_i(+) − σ_i(−))/(2·0.005), made symmetric. sevenn's network is evaluated in float64, as in
sevennet_tiny.py; the same with its own calculator in float32 stands beside.
"""

import datetime
import json
import os
import sys

import ase
import ase.build
import ase.filters
import ase.optimize
import numpy as np
import sevenn
import torch
from ase.calculators.calculator import Calculator, all_changes
from ase.units import GPa

import sevennet_tiny as tiny

DELTA = 0.005
FMAX = 1e-5
CRYSTALS = {
    'Si': lambda: ase.build.bulk('Si', 'diamond', a=5.43, cubic=True),
    'Cu': lambda: ase.build.bulk('Cu', 'fcc', a=3.61, cubic=True),
    'NaCl': lambda: ase.build.bulk('NaCl', 'rocksalt', a=5.64, cubic=True),
    'MgO': lambda: ase.build.bulk('MgO', 'rocksalt', a=4.21, cubic=True),
}


class Double(Calculator):
    """sevenn's network in float64."""
    implemented_properties = ['energy', 'free_energy', 'forces', 'stress']

    def __init__(self, path):
        super().__init__()
        self.net, self.cutoff, _ = tiny.load_double(torch.load(path, map_location='cpu', weights_only=False))

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        e, _, f, s, _ = tiny.evaluate(self.net, self.cutoff, atoms)
        s = np.asarray(s).reshape(3, 3)
        self.results = {'energy': float(e), 'free_energy': float(e), 'forces': np.asarray(f),
                        'stress': np.array([s[0, 0], s[1, 1], s[2, 2], s[1, 2], s[0, 2], s[0, 1]])}


def elastic(atoms, fmax):
    flat = ase.filters.FrechetCellFilter(atoms)
    ase.optimize.LBFGS(flat, logfile=None).run(fmax=fmax / 10, steps=300)
    a = atoms.cell.lengths()
    base = atoms.copy()
    c = np.zeros((6, 6))
    for j, (k, l) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        sigma = []
        for sign in (1, -1):
            eps = np.zeros((3, 3))
            eps[k, l] += sign * DELTA / 2
            eps[l, k] += sign * DELTA / 2
            s = base.copy()
            s.calc = atoms.calc
            s.set_cell(base.cell[:] @ (np.eye(3) + eps), scale_atoms=True)
            ase.optimize.LBFGS(s, logfile=None).run(fmax=fmax, steps=300)
            sigma.append(s.get_stress() / GPa)
        c[:, j] = (sigma[0] - sigma[1]) / (2 * DELTA)
    return a, (c + c.T) / 2, atoms.get_potential_energy() / len(atoms)


def main(out):
    path = 'models/sevennet-0.pth'
    result = {'program': 'sevenn %s, ase %s, torch %s' % (sevenn.__version__, ase.__version__, torch.__version__.split('+')[0]),
              'command': 'tools/golden/sevennet_elastic.py', 'date': str(datetime.date.today()), 'model': os.path.basename(path),
              'delta': DELTA, 'fmax_eV_A': FMAX, 'crystals': {}}
    from sevenn.calculator import SevenNetCalculator
    double, single = Double(path), SevenNetCalculator(path, device='cpu')
    for name, make in CRYSTALS.items():
        row = {}
        for kind, calc, fmax in [('float64', double, FMAX), ('float32', single, 1e-3)]:
            atoms = make()
            atoms.calc = calc
            a, c, e = elastic(atoms, fmax)
            row[kind] = {'a_A': float(a.mean()), 'C_GPa': c.tolist(), 'energy_eV_atom': float(e)}
            print(name, kind, 'a = %.6f' % a.mean(), 'C11 %.3f C12 %.3f C44 %.3f' % (c[0, 0], c[0, 1], c[3, 3]), flush=True)
        result['crystals'][name] = row
        with open(out, 'w') as w:
            json.dump(result, w, indent=1)
            w.write('\n')


if __name__ == '__main__':
    main(sys.argv[1])
