"""Frequencies of data/mlearn's own DFT forces, and of a model's in the same structures (docs/models "Phonons"):

    python3 tools/physics/snapshots.py Si si-accurate si-fast …

From the snapshots of molecular dynamics at the lowest temperature (300 K) of the perfect crystal, the force constants at
a wave vector that fits the data's cell are a linear fit of the forces to the displacements from the ideal sites, after every
operation of the crystal was applied to each snapshot. Errors are the jackknife's over snapshots. Needs numpy and ase.
"""
import itertools
import os
import sys

import ase.io
import numpy as np

from onboard import ELEMENTS, ROOT, RUNS, wigner

# units of the cubic cell's edge; q in 2π over it. Force constants are real at all: Σ, two thirds of the way to N, has one
# atom in the cell, of the others the double is a reciprocal vector
BASIS = {"fcc": [[0, 0, 0]], "bcc": [[0, 0, 0]], "diamond": [[0, 0, 0], [.25, .25, .25]]}
CUBE = {"fcc": [[0, 0, 0], [0, .5, .5], [.5, 0, .5], [.5, .5, 0]], "bcc": [[0, 0, 0], [.5, .5, .5]]}
POINTS = {"fcc": {"X": [1, 0, 0], "L": [.5, .5, .5]}, "bcc": {"H": [1, 0, 0], "N": [.5, .5, 0], "Σ": [1 / 3, 1 / 3, 0]},
          "diamond": {"Γ": [0, 0, 0], "X": [1, 0, 0], "L": [.5, .5, .5]}}
THZ = 15.633302  # √(eV/Å²/u)/2π


def coldest(symbol):
    """Snapshots of the perfect crystal at 300 K; those of nickel and copper do not tell: below 0.1 Å (rms)."""
    frames = ase.io.read(os.path.join(ROOT, "data", "mlearn", symbol, "train.extxyz.gz"), ":")
    frames = [f for f in frames if f.info["config_type"] == "AIMD-NVT"]
    if "description" in frames[0].info:
        return [f for f in frames if f.info["description"].endswith(" 300 K")
                and not any(w in f.info["description"] for w in ("expanded", "shrunken"))]
    size = [np.sqrt(np.mean(lattice(symbol, f)[2] ** 2)) for f in frames]
    return [f for f, s in zip(frames, size) if s < 0.1]


def lattice(symbol, frame):
    """Sites in units of the edge, the edge and the displacements (Å) of the atoms in the order of sites."""
    prototype = ELEMENTS[symbol][0]
    cube = np.array(CUBE["fcc" if prototype == "diamond" else prototype])
    basis = np.array(BASIS[prototype])
    n = round((len(frame) / len(cube) / len(basis)) ** (1 / 3))
    sites = np.array([np.array(c) + t + b for b in basis for c in itertools.product(range(n), repeat=3) for t in cube])
    x = frame.get_scaled_positions() * n
    found = []
    for b in basis:  # the first atom is on either of the sublattices
        shift = x[0] - b
        for _ in range(5):
            d = x[None] - shift - sites[:, None]
            d -= n * np.round(d / n)
            atom = np.argmin(np.sum(d ** 2, axis=2), axis=1)
            u = d[np.arange(len(sites)), atom]
            shift = shift + u.mean(axis=0)
        found.append((np.mean(u ** 2), u - u.mean(axis=0), atom))
    _, u, atom = min(found, key=lambda f: f[0])
    return sites, n, u @ (frame.cell.array / n), atom


def operations(prototype, sites, n):
    """Rotations with the order of sites that each makes of the old one."""
    out = []
    for p in itertools.permutations(range(3)):
        for sign in itertools.product((1, -1), repeat=3):
            r = np.zeros((3, 3))
            r[range(3), p] = sign
            for t in BASIS[prototype]:
                d = (sites @ r.T + t)[:, None] - sites[None]
                d -= n * np.round(d / n)
                d = np.sum(d ** 2, axis=2)
                if d.min(axis=1).max() < 1e-6:
                    out.append((r, np.argmin(d, axis=1)))
                    break
    return out


def sums(symbol, frames, key):
    """Of each snapshot and point, Σ F uᵀ and Σ u uᵀ over operations."""
    prototype = ELEMENTS[symbol][0]
    out = {}
    for frame in frames:
        sites, n, u, atom = lattice(symbol, frame)
        if len(set(atom)) != len(frame):
            sys.exit(f"{symbol}: an atom has left its site")
        force = frame.arrays[key][atom]
        basis = np.repeat(np.array(BASIS[prototype]), len(sites) // len(BASIS[prototype]), axis=0)
        for name, q in POINTS[prototype].items():
            if np.abs(np.array(q) * n - np.round(np.array(q) * n)).max() > 1e-9:
                continue
            phase = 2 * np.pi * (sites - basis) @ np.array(q)
            fu, uu = 0, 0
            for r, to in operations(prototype, sites, n):
                moved = np.empty((2, *u.shape))
                moved[0, to], moved[1, to] = u @ r.T, force @ r.T
                for wave in (np.cos(phase), np.sin(phase)):
                    x, f = (wave[None, :, None] * moved).reshape(2, len(BASIS[prototype]), -1, 3).sum(axis=2).reshape(2, -1)
                    fu, uu = fu + np.outer(f, x), uu + np.outer(x, x)
            out.setdefault(name, []).append((fu, uu))
    return out


def frequencies(terms, mass):
    fu, uu = (sum(t[i] for t in terms) for i in (0, 1))
    k = -fu @ np.linalg.pinv(uu, rcond=1e-9)
    w = np.linalg.eigvalsh((k + k.T) / 2 / mass)
    return np.sign(w) * np.sqrt(abs(w)) * THZ


def report(title, symbol, frames, key):
    for name, terms in sums(symbol, frames, key).items():
        mass = frames[0].get_masses()[0]
        w = frequencies(terms, mass)
        left = np.array([frequencies(terms[:i] + terms[i + 1:], mass) for i in range(len(terms))])
        error = np.sqrt((len(terms) - 1) * np.mean((left - left.mean(axis=0)) ** 2, axis=0))
        print(f"{title} {name}: " + ", ".join(f"{a:.2f}±{e:.2f}" for a, e in zip(w, error)) + f" THz ({len(terms)} snapshots)")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ELEMENTS:
        sys.exit(__doc__)
    os.makedirs(RUNS, exist_ok=True)
    element = sys.argv[1]
    part = os.path.join(RUNS, element + "-300K.extxyz")
    snapshots = coldest(element)
    ase.io.write(part, snapshots)
    print(f"{element}: {np.linalg.norm(snapshots[0].cell.array[0]):.3f} Å")
    report("DFT", element, snapshots, "REF_forces")
    for model in sys.argv[2:]:
        made = os.path.join(RUNS, os.path.basename(model) + "-300K.extxyz")
        wigner("eval", part, "-m", model, "-o", made, "--prefix", "W")
        report(model, element, ase.io.read(made, ":"), "W_forces")
