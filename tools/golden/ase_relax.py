#!/usr/bin/env python3
"""Steps of ASE's optimisers and of `wigner relax` from the same start: 216 atoms of silicon as disordered as a glass
(displaced by 0.25 Å), SevenNet-0, to 0.01 eV/Å in a fixed cell. ASE's are driven by wigner's forces (`wigner eval`), so
that only the optimisers differ. Needs ase; not run by any test:

    make build models && python tools/golden/ase_relax.py [cells along each axis, default 3; 5 are 1,000 atoms]
"""

import os
import re
import subprocess
import sys
import tempfile

import ase.build
import ase.io
import ase.optimize
from ase.calculators.calculator import Calculator, all_changes

WIGNER = os.path.abspath('bin/wigner')


class Wigner(Calculator):
    implemented_properties = ['energy', 'free_energy', 'forces']
    calls = 0

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.calls += 1
        with tempfile.TemporaryDirectory() as d:
            bare = atoms.copy()
            ase.io.write(d + '/in.extxyz', bare, format='extxyz', write_results=False)
            subprocess.run([WIGNER, 'eval', d + '/in.extxyz', '-m', 'sevennet-0', '-o', d + '/out.extxyz', '--ranks', '1', '-q'], check=True)
            out = ase.io.read(d + '/out.extxyz')
        e = out.get_potential_energy()
        self.results = {'energy': e, 'free_energy': e, 'forces': out.get_forces()}


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    start = ase.build.bulk('Si', 'diamond', a=5.43, cubic=True).repeat(n)
    start.rattle(0.25, seed=1)
    d = tempfile.mkdtemp()
    ase.io.write(d + '/start.extxyz', start)
    start = ase.io.read(d + '/start.extxyz')
    for method in 'lbfgs', 'fire':
        with open(d + '/relax.toml', 'w') as w:
            w.write('[structure]\nfile = "%s/start.extxyz"\n[potential]\nmodel = "sevennet-0"\n[relax]\nmethod = "%s"\nforce_eV_A = 0.01\n'
                    'steps = 3000\n[output]\ndir = "%s/%s"\n' % (d, method, d, method))
        r = subprocess.run([WIGNER, 'relax', d + '/relax.toml', '--ranks', '1'], capture_output=True, text=True)
        steps = re.findall(r'after (\d+) steps', r.stderr)
        e = ase.io.read('%s/%s/relaxed.extxyz' % (d, method)).get_potential_energy()
        print('wigner %-6s %s steps, E = %.4f eV (status %d)' % (method, steps, e, r.returncode), flush=True)
    for name, method in ('LBFGS', ase.optimize.LBFGS), ('FIRE', ase.optimize.FIRE):
        atoms = start.copy()
        atoms.calc = Wigner()
        o = method(atoms, logfile=None)
        done = o.run(fmax=0.01, steps=3000)
        print('ase    %-6s %d steps, %d calls, E = %.4f eV (converged %s)' % (name, o.nsteps, atoms.calc.calls, atoms.get_potential_energy(), done), flush=True)


if __name__ == '__main__':
    main()
