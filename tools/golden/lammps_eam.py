#!/usr/bin/env python3
"""Make potential/eam/testdata: analytic EAM tables of our own, and what LAMMPS says of a structure with them.

Writes ab.eam.alloy, ab.eam.fs, a.eam, b.eam and lammps.toml. The functions are not fitted to anything: they
are smooth, two elements are unlike, and the Finnis-Sinclair densities are unlike for every ordered pair.
Needs LAMMPS (Debian: apt-get install lammps) and Python's standard library. Not run by any test:

    python3 tools/golden/lammps_eam.py potential/eam/testdata
"""

import datetime
import math
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

NRHO, NR, DRHO, DR, CUTOFF = 240, 240, 0.15, 0.025, 5.8
SYMBOLS, Z, MASS, LATTICE = ['Al', 'Cu'], [13, 29], [26.98, 63.55], [4.05, 3.61]
BOX = [[11.2, 0, 0], [1.3, 10.9, 0], [-0.8, 1.7, 10.6]]  # rows: lattice vectors, Å
ATOMS = 84


def smooth(r, width=1.5):
    """1 below CUTOFF - width, 0 from CUTOFF on, two derivatives continuous."""
    t = min(max((CUTOFF - r) / width, 0), 1)
    return t ** 3 * (10 - 15 * t + 6 * t * t)


def density(a, b, r):
    """Given by a to a site of b."""
    return [[1.0, 1.25], [0.8, 1.4]][a][b] * math.exp(-[1.1, 1.5][a] * (r - 2.6)) * smooth(r)


def alloy_density(a, r):
    return density(a, 0, r)


def morse(a, b, r):
    d, alpha, r0 = {0: (0.12, 1.3, 2.9), 1: (0.16, 1.5, 2.7), 2: (0.2, 1.7, 2.5)}[a + b]
    e = math.exp(-alpha * (r - r0))
    return d * (e * e - 2 * e) * smooth(r)


def embedding(a, rho):
    return -[0.9, 1.2][a] * (math.sqrt(rho + 0.5) - math.sqrt(0.5)) + [0.02, 0.03][a] * rho


def charge(a, r):
    """Of a funcfl file: a screened nucleus, going to zero at the cutoff."""
    return [3.0, 4.0][a] * math.exp(-[0.55, 0.6][a] * r) * smooth(r)


def block(values):
    return ''.join(' '.join('%.16e' % v for v in values[i:i + 5]) + '\n' for i in range(0, len(values), 5))


def at_r(f):
    return block([f(i * DR) for i in range(NR)])


def setfl(path, fs):
    with open(path, 'w') as f:
        f.write('Analytic functions, fitted to nothing: tools/golden/lammps_eam.py\nUNITS: metal\n\n')
        f.write('%d %s\n%d %r %d %r %r\n' % (len(SYMBOLS), ' '.join(SYMBOLS), NRHO, DRHO, NR, DR, CUTOFF))
        for a in range(2):
            f.write('%d %r %r fcc\n' % (Z[a], MASS[a], LATTICE[a]))
            f.write(block([embedding(a, i * DRHO) for i in range(NRHO)]))
            for b in range(2) if fs else [None]:
                f.write(at_r(lambda r: density(a, b, r) if fs else alloy_density(a, r)))
        for a in range(2):
            for b in range(a + 1):
                f.write(at_r(lambda r: r * morse(a, b, r)))


def funcfl(path, a):
    # Unlike grids, so that joining two files must interpolate.
    drho, dr, cut = DRHO * (1 + 0.1 * a), DR * (1 + 0.04 * a), CUTOFF - 0.1 * a
    with open(path, 'w') as f:
        f.write('Analytic functions, fitted to nothing: tools/golden/lammps_eam.py\n%d %r %r FCC\n' % (Z[a], MASS[a], LATTICE[a]))
        f.write('%d %r %d %r %r\n' % (NRHO, drho, NR, dr, cut))
        f.write(block([embedding(a, i * drho) for i in range(NRHO)]))
        f.write(block([charge(a, i * dr) for i in range(NR)]))
        f.write(block([alloy_density(a, i * dr) for i in range(NR)]))


def structure():
    """Positions at least 2.05 Å apart, images included, of two elements in turn."""
    rng, x = random.Random(20261126), []
    images = [[sum(n[k] * BOX[k][d] for k in range(3)) for d in range(3)]
              for n in [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]]
    while len(x) < ATOMS:
        s = [rng.random() for _ in range(3)]
        p = [sum(s[k] * BOX[k][d] for k in range(3)) for d in range(3)]
        if all(math.dist(p, [q[d] + m[d] for d in range(3)]) > 2.05 for q in x for m in images):
            x.append([round(c, 9) for c in p])
    return x


INPUT = '''
units metal
atom_style atomic
boundary p p p
read_data start.data
{style}
neighbor 1.0 bin
thermo_style custom step pe pxx pyy pzz pxy pxz pyz
thermo_modify format float %20.15g norm no
compute e all pe/atom
dump 1 all custom 1 out.dump id fx fy fz c_e
dump_modify 1 sort id format float %20.15g
run 0
'''


def lammps(folder, x, style):
    with open(folder / 'start.data', 'w') as f:
        f.write('eam\n\n%d atoms\n2 atom types\n\n' % len(x))
        for d, n in enumerate('xyz'):
            f.write('0 %r %slo %shi\n' % (BOX[d][d], n, n))
        f.write('%r %r %r xy xz yz\n\nMasses\n\n1 %r\n2 %r\n\nAtoms # atomic\n\n' % (BOX[1][0], BOX[2][0], BOX[2][1], *MASS))
        for i, p in enumerate(x):
            f.write('%d %d %r %r %r\n' % (i + 1, i % 2 + 1, *p))
    (folder / 'in').write_text(INPUT.format(style=style))
    run = subprocess.run(['lmp', '-in', 'in', '-log', 'none'], cwd=folder, capture_output=True, text=True)
    if run.returncode:
        sys.exit(run.stdout + run.stderr)
    lines = run.stdout.splitlines()
    at = next(i for i, l in enumerate(lines) if l.startswith('Step '))
    thermo = [float(w) for w in lines[at + 1].split()]
    rows = [[float(w) for w in l.split()[1:]] for l in (folder / 'out.dump').read_text().splitlines()[9:]]
    return re.search(r'LAMMPS \((.*)\)', run.stdout)[1], thermo, rows


def rows(a):
    return '[\n' + ''.join('  [%s],\n' % ', '.join(repr(float(c)) for c in r) for r in a) + ']'


def main(out):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    setfl(out / 'ab.eam.alloy', False)
    setfl(out / 'ab.eam.fs', True)
    funcfl(out / 'a.eam', 0)
    funcfl(out / 'b.eam', 1)
    x = structure()
    here = out.resolve()
    nktv2p = 1.6021765e6  # LAMMPS, units metal: bar per eV/Å³
    volume = BOX[0][0] * BOX[1][1] * BOX[2][2]
    cases = [('alloy', ['ab.eam.alloy'], 'pair_style eam/alloy\npair_coeff * * %s/ab.eam.alloy Al Cu' % here),
             ('finnis-sinclair', ['ab.eam.fs'], 'pair_style eam/fs\npair_coeff * * %s/ab.eam.fs Al Cu' % here),
             ('funcfl', ['a.eam', 'b.eam'], 'pair_style eam\npair_coeff 1 1 %s/a.eam\npair_coeff 2 2 %s/b.eam' % (here, here)),
             ('alloy and zbl', ['ab.eam.alloy'], 'pair_style hybrid/overlay eam/alloy zbl 1.5 3.0\npair_coeff * * eam/alloy %s/ab.eam.alloy Al Cu\n'
              'pair_coeff 1 1 zbl 13 13\npair_coeff 1 2 zbl 13 29\npair_coeff 2 2 zbl 29 29' % here)]
    with open(out / 'lammps.toml', 'w') as f:
        with tempfile.TemporaryDirectory() as tmp:
            results = [lammps(Path(tmp), x, style) for _, _, style in cases]
        f.write('''# Embedded atoms by LAMMPS. Made by tools/golden/lammps_eam.py; do not edit by hand.
program = "LAMMPS (%s)"
command = "python3 tools/golden/lammps_eam.py potential/eam/testdata"
date = %s
tolerance = "1e-9 relative: both work in float64 on the same interpolation, and differ in the order of sums"
# Virial W in eV, positive under compression: LAMMPS's pressures times volume over its nktv2p = 1.6021765e6.
cell = %s # rows: lattice vectors, Å
# Atoms 1, 3, 5 … are Al, the others Cu.
positions_A = %s
''' % (results[0][0], datetime.date.today().isoformat(), [[float(c) for c in r] for r in BOX], rows(x)))
        for (name, files, _), (_, thermo, per_atom) in zip(cases, results):
            w = [p * volume / nktv2p for p in thermo[2:]]
            f.write('\n[[case]]\nname = "%s"\nfiles = %s\nenergy_eV = %r\nvirial_eV = %s # xx, yy, zz, xy, xz, yz\nforces_eV_A = %s\nenergies_eV = %s\n' % (
                name, str(files).replace("'", '"'), thermo[1], w, rows([r[:3] for r in per_atom]), [r[3] for r in per_atom]))
    print([r[1][1] for r in results])


if __name__ == '__main__':
    main(sys.argv[1])
