#!/usr/bin/env python3
"""Steps of ASE's optimisers and of `wigner relax` from the same start: 216 atoms of silicon as disordered as a glass
(displaced by 0.25 Å) or those of a file, SevenNet-0, to 0.01 eV/Å in a fixed cell. ASE's are driven by wigner's forces (`[ipi]`), so
that only the optimisers differ. Needs ase; not run by any test:

    make build models && python tools/golden/ase_relax.py [cells along each axis, default 3; 5 are 1,000 atoms | FILE of atoms]
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile

import ase.build
import ase.io
import ase.optimize
from ase.calculators.socketio import SocketIOCalculator

WIGNER = os.path.abspath('bin/wigner')


CLIENT = """
[structure]
file = "%(dir)s/start.extxyz"
[potential]
model = "sevennet-0"
[ipi]
unix = "%(name)s"
"""


@contextlib.contextmanager
def wigner(d):
    """A calculator that is wigner behind a socket."""
    name = 'relax%d' % os.getpid()
    with open(d + '/ipi.toml', 'w') as w:
        w.write(CLIENT % {'dir': d, 'name': name})
    with SocketIOCalculator(unixsocket=name) as calc:
        client = subprocess.Popen([WIGNER, 'run', d + '/ipi.toml', '--ranks', '1', '-q'])
        yield calc
    client.wait()


def main():
    what = sys.argv[1] if len(sys.argv) > 1 else '3'
    if what.isdigit():
        start = ase.build.bulk('Si', 'diamond', a=5.43, cubic=True).repeat(int(what))
        start.rattle(0.25, seed=1)
    else:
        start = ase.io.read(what)
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
        with wigner(d) as calc:
            atoms.calc = calc
            o = method(atoms, logfile=None)
            done = o.run(fmax=0.01, steps=3000)
            print('ase    %-6s %d steps, E = %.4f eV (converged %s)' % (name, o.nsteps, atoms.get_potential_energy(), done), flush=True)


if __name__ == '__main__':
    main()
