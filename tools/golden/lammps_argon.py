#!/usr/bin/env python3
"""Make testdata/golden/argon-lammps.toml: Lennard-Jones argon, 100 steps of NVE, by LAMMPS.

256 atoms, fcc in a slightly sheared box, displaced and moving at random (seeded). Needs LAMMPS (Debian:
apt-get install lammps) and Python's standard library. Not run by any test:

    python3 tools/golden/lammps_argon.py testdata/golden/argon-lammps.toml
"""

import datetime
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

EPSILON, SIGMA, CUTOFF, MASS = 0.0104, 3.405, 8.5, 39.948  # eV, Å, Å, amu
A, CELLS, TEMPERATURE, DT, STEPS = 5.30, 4, 60.0, 0.002, 100  # Å, repeats, K (about), ps, steps
BOX = [[A * CELLS, 0, 0], [0.9, A * CELLS, 0], [-0.6, 0.4, A * CELLS]]  # rows: lattice vectors, Å

INPUT = """
units metal
atom_style atomic
boundary p p p
read_data start.data
pair_style lj/cut {cutoff}
pair_coeff 1 1 {epsilon} {sigma}
pair_modify shift no tail no
neighbor 1.0 bin
neigh_modify every 1 delay 0 check yes
thermo_style custom step temp pe ke etotal press pxx pyy pzz pxy pxz pyz vol
thermo_modify format float %20.15g norm no
thermo 10
timestep {dt}
fix 1 all nve
dump 1 all custom {steps} out.dump id xu yu zu vx vy vz fx fy fz
dump_modify 1 sort id format float %20.15g
run {steps}
"""


def start():
    """Positions (Å) and velocities (Å/ps, no net momentum)."""
    rng = random.Random(20240711)
    x, v = [], []
    for i in range(CELLS):
        for j in range(CELLS):
            for k in range(CELLS):
                for b in ((0, 0, 0), (.5, .5, 0), (.5, 0, .5), (0, .5, .5)):
                    s = [(n + f) / CELLS for n, f in zip((i, j, k), b)]
                    x.append([sum(s[m] * BOX[m][d] for m in range(3)) + rng.gauss(0, 0.08) for d in range(3)])
    width = (8.617343e-5 * TEMPERATURE / MASS / 1.0364269e-4) ** 0.5
    v = [[rng.gauss(0, width) for _ in range(3)] for _ in x]
    for d in range(3):
        mean = sum(w[d] for w in v) / len(v)
        for w in v:
            w[d] -= mean
    # What LAMMPS reads is what is written, to the last digit.
    return [[round(c, 10) for c in p] for p in x], [[round(c, 10) for c in w] for w in v]


def write_data(path, x, v):
    with open(path, 'w') as f:
        f.write('argon\n\n%d atoms\n1 atom types\n\n' % len(x))
        for d, n in enumerate('xyz'):
            f.write('0 %r %slo %shi\n' % (BOX[d][d], n, n))
        f.write('%r %r %r xy xz yz\n' % (BOX[1][0], BOX[2][0], BOX[2][1]))
        f.write('\nMasses\n\n1 %r\n\nAtoms # atomic\n\n' % MASS)
        for i, p in enumerate(x):
            f.write('%d 1 %r %r %r\n' % (i + 1, *p))
        f.write('\nVelocities\n\n')
        for i, w in enumerate(v):
            f.write('%d %r %r %r\n' % (i + 1, *w))


def read_dump(path):
    """For each frame its rows, sorted by atom."""
    frames, lines = [], iter(open(path).read().splitlines())
    for line in lines:
        if line.startswith('ITEM: NUMBER OF ATOMS'):
            n = int(next(lines))
        elif line.startswith('ITEM: ATOMS'):
            rows = [next(lines).split() for _ in range(n)]
            assert [int(r[0]) for r in rows] == list(range(1, n + 1))
            frames.append([[float(c) for c in r[1:]] for r in rows])
    return frames


def read_thermo(log):
    table, keys = [], None
    for line in log.splitlines():
        if line.startswith('Step '):
            keys = line.split()
        elif line.startswith('Loop time'):
            break
        elif keys:
            table.append(dict(zip(keys, map(float, line.split()))))
    return table


def plain_sum(x):
    """Energy (eV), forces (eV/Å) and virial sum of r·f (eV) of all pairs and images within the cutoff."""
    energy, virial, forces = 0.0, 0.0, [[0.0] * 3 for _ in x]
    images = [[i * BOX[0][d] + j * BOX[1][d] + k * BOX[2][d] for d in range(3)]
              for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]
    for i, p in enumerate(x):
        for q in x:
            for s in images:
                d = [q[c] + s[c] - p[c] for c in range(3)]
                r2 = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
                if 1e-8 < r2 < CUTOFF * CUTOFF:
                    s6 = (SIGMA * SIGMA / r2) ** 3
                    energy += 2 * EPSILON * s6 * (s6 - 1)  # half of the pair's
                    g = 24 * EPSILON * s6 * (2 * s6 - 1) / r2
                    virial += g * r2 / 2
                    for c in range(3):
                        forces[i][c] -= g * d[c]
    return energy, forces, virial


def rows(a):
    return '[\n' + ''.join('  [%s],\n' % ', '.join(repr(c) if '.' in repr(c) or 'e' in repr(c) else repr(c) + '.0' for c in r)
                           for r in a) + ']'


def main(out):
    x, v = start()
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        write_data(tmp / 'start.data', x, v)
        (tmp / 'in.argon').write_text(INPUT.format(cutoff=CUTOFF, epsilon=EPSILON, sigma=SIGMA, dt=DT, steps=STEPS))
        run = subprocess.run(['lmp', '-in', 'in.argon', '-log', 'none'], cwd=tmp, capture_output=True, text=True)
        if run.returncode:
            sys.exit(run.stdout + run.stderr)
        first, last = read_dump(tmp / 'out.dump')
    thermo = read_thermo(run.stdout)
    version = re.search(r'LAMMPS \((.*)\)', run.stdout)[1]
    t0 = thermo[0]
    n = len(x)
    # LAMMPS's own constants, found from its output: m v² to eV, eV/Å³ to bar, Boltzmann's constant.
    mv2 = sum(MASS * c * c for w in v for c in w)
    mvv2e = 2 * t0['KinEng'] / mv2
    boltz = 2 * t0['KinEng'] / (3 * (n - 1) * t0['Temp'])
    # The same by a plain sum over images, which also gives the factor of the pressure.
    energy, forces, virial = plain_sum(x)
    volume = BOX[0][0] * BOX[1][1] * BOX[2][2]
    assert abs(energy - t0['PotEng']) < 1e-11 * abs(energy), (energy, t0['PotEng'])
    assert max(abs(p - q) for r, g in zip(first, forces) for p, q in zip(r[6:9], g)) < 1e-12
    nktv2p = t0['Press'] * 3 * volume / (2 * t0['KinEng'] + virial)
    with open(out, 'w') as f:
        f.write('''# Lennard-Jones argon by LAMMPS. Made by tools/golden/lammps_argon.py; do not edit by hand.
program = "LAMMPS (%s)"
command = "python3 tools/golden/lammps_argon.py testdata/golden/argon-lammps.toml"
date = %s
tolerance = "1e-6 relative for energy, forces and pressure of step 0, 1e-6 Å for positions after 100 steps: both programs work in float64 and differ in the order of sums"

# LAMMPS's units 'metal': Å, eV, amu, ps, bar (pressure positive in compression). Pairs beyond the cutoff
# count nothing; at the cutoff energy and force jump (not shifted, no tail correction).
# To compare exactly use LAMMPS's constants: a velocity in Å/ps times sqrt(mvv2e), and a time in ps over
# sqrt(mvv2e), are in units of Å, eV, amu. Temperature counts 3(N-1) degrees of freedom. The total energy
# is not constant: it jumps whenever a pair crosses the cutoff.
epsilon_eV = %r
sigma_A = %r
cutoff_A = %r
mass_amu = %r
timestep_ps = %r
steps = %d
mvv2e = %.7e        # eV per amu (Å/ps)²
boltz_eV_K = %.6e   # eV/K
nktv2p = %.7e       # bar per eV/Å³
cell = %s # rows: lattice vectors, Å

# One row for each 10 steps.
''' % (version, datetime.date.today().isoformat(), EPSILON, SIGMA, CUTOFF, MASS, DT, STEPS, mvv2e, boltz, nktv2p,
            [[float(c) for c in r] for r in BOX]))
        for t in thermo:
            f.write('[[thermo]]\nstep = %d\n' % t['Step'])
            for key, name in (('Temp', 'temperature_K'), ('PotEng', 'potential_eV'), ('KinEng', 'kinetic_eV'),
                              ('TotEng', 'total_eV'), ('Press', 'pressure_bar'), ('Pxx', 'pxx_bar'), ('Pyy', 'pyy_bar'),
                              ('Pzz', 'pzz_bar'), ('Pxy', 'pxy_bar'), ('Pxz', 'pxz_bar'), ('Pyz', 'pyz_bar')):
                f.write('%s = %r\n' % (name, t[key]))
            f.write('\n')
        f.write('[start] # step 0\npositions_A = %s\nvelocities_A_ps = %s\nforces_eV_A = %s\n\n' % (
            rows(x), rows(v), rows([r[6:9] for r in first])))
        f.write('[end] # step %d; positions not wrapped into the cell\npositions_A = %s\nvelocities_A_ps = %s\n' % (
            STEPS, rows([r[0:3] for r in last]), rows([r[3:6] for r in last])))
    for a, b in zip(x, first):
        assert max(abs(p - q) for p, q in zip(a, b)) < 1e-9, 'LAMMPS wrapped differently'
    print('%s: %d atoms, mvv2e %.10e, boltz %.10e, nktv2p %.10e, moved up to %.3f Å' % (
        out, n, mvv2e, boltz, nktv2p,
        max(max(abs(p - q) for p, q in zip(a, b)) for a, b in zip([r[0:3] for r in last], x))))


if __name__ == '__main__':
    main(sys.argv[1])
