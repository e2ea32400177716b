#!/usr/bin/env python3
"""Make configs/copper.eam.alloy: copper in the second-moment approximation of tight binding.

    E_i = sum_j A exp(-p (r/r0 - 1)) - sqrt(sum_j xi^2 exp(-2 q (r/r0 - 1)))

with the parameters of F. Cleri and V. Rosato, Phys. Rev. B 48, 22 (1993), Table II, which were fitted with
neighbours up to the fifth shell. Both sums are taken smoothly to zero between that shell and the sixth.
Needs Python's standard library. Not run by any test:

    python3 tools/golden/cleri_rosato.py configs/copper.eam.alloy
"""

import math
import sys

A, XI, P, Q, LATTICE = 0.0855, 1.224, 10.960, 2.278, 3.615  # eV, eV, –, –, Å
R0 = LATTICE / math.sqrt(2)
INNER, CUTOFF = 5.75, 6.20  # Å; the shells are at 5.716 and 6.261 Å
NR, NRHO, RHOMAX = 1000, 1000, 80.0


def smooth(r):
    t = min(max((CUTOFF - r) / (CUTOFF - INNER), 0), 1)
    return t ** 3 * (10 - 15 * t + 6 * t * t)


def density(r):
    return XI ** 2 * math.exp(-2 * Q * (r / R0 - 1)) * smooth(r)


def rphi(r):
    return r * 2 * A * math.exp(-P * (r / R0 - 1)) * smooth(r)


def block(values):
    return ''.join(' '.join('%.10e' % v for v in values[i:i + 5]) + '\n' for i in range(0, len(values), 5))


def main(out):
    dr, drho = CUTOFF / (NR - 1), RHOMAX / (NRHO - 1)
    with open(out, 'w') as f:
        f.write('Copper, F. Cleri and V. Rosato, Phys. Rev. B 48, 22 (1993), Table II: A = %g eV, xi = %g eV, p = %g, q = %g\n' % (A, XI, P, Q))
        f.write('Smoothly cut between %g and %g A, beyond the fifth shell. Made by tools/golden/cleri_rosato.py\nUNITS: metal\n' % (INNER, CUTOFF))
        f.write('1 Cu\n%d %.16e %d %.16e %.16e\n29 63.546 %g fcc\n' % (NRHO, drho, NR, dr, CUTOFF, LATTICE))
        f.write(block([-math.sqrt(i * drho) for i in range(NRHO)]))
        f.write(block([density(i * dr) for i in range(NR)]))
        f.write(block([rphi(i * dr) for i in range(NR)]))


if __name__ == '__main__':
    main(sys.argv[1])
