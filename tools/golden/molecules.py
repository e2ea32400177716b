#!/usr/bin/env python3
"""Make data/molecules: energies, forces and dipoles of small molecules by GFN2-xTB.

Not run by any test; run it by hand in a throw-away environment (a few minutes on one core):

    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip install tblite==0.8.0 ase==3.29.0 numpy scipy
    OMP_NUM_THREADS=1 /tmp/venv/bin/python tools/golden/molecules.py data/molecules

Geometries are relaxed, then displaced along the normal modes as a classical harmonic molecule is at a
temperature T (q_k normal with variance kT/ω_k²), T uniform in 300 to 600 K. They are not turned: a molecule
stays in the frame of its relaxed geometry, atoms keep their numbers. Nothing is drawn but from SEED.
"""

import argparse
import gzip
import importlib.metadata
import io
import os

import numpy as np
import scipy.optimize
from tblite.interface import Calculator

SEED = 20201
VERSION = importlib.metadata.version("tblite")
BOHR, HARTREE = 0.529177210903, 27.211386245988  # CODATA 2018
KB = 8.617333262e-5  # eV/K
SYMBOLS = {"H": 1, "C": 6, "O": 8, "F": 9, "Cl": 17, "Br": 35}
MASS = {1: 1.008, 6: 12.011, 8: 15.999, 9: 18.998, 17: 35.45, 35: 79.904}


def compute(z, x):
    """Energy (eV), forces (eV/Å), dipole (e Å)."""
    c = Calculator("GFN2-xTB", np.asarray(z), np.asarray(x) / BOHR)
    c.set("verbosity", 0)
    c.set("accuracy", 0.01)
    r = c.singlepoint()
    return r.get("energy") * HARTREE, -r.get("gradient") * HARTREE / BOHR, r.get("dipole") * BOHR


def relax(z, x, free=None):
    """The minimum; free, unless None, is a projector onto the allowed displacements at x."""
    shape = np.asarray(x).shape

    def f(v):
        e, force, _ = compute(z, v.reshape(shape))
        return e, -force.ravel()

    out = scipy.optimize.minimize(f, np.asarray(x).ravel(), jac=True, method="BFGS", options={"gtol": 2e-5, "maxiter": 500})
    return out.x.reshape(shape)


def modes(z, x, h=0.005):
    """Columns that turn normal numbers into displacements at kT = 1 eV, without translations and rotations."""
    n = 3 * len(z)
    m = np.repeat([MASS[k] for k in z], 3)
    hess = np.zeros((n, n))
    for k in range(n):
        d = np.zeros(n)
        d[k] = h
        hess[k] = (compute(z, x - d.reshape(-1, 3))[1] - compute(z, x + d.reshape(-1, 3))[1]).ravel() / (2 * h)
    hess = (hess + hess.T) / 2
    w, v = np.linalg.eigh(hess / np.sqrt(np.outer(m, m)))
    keep = np.argsort(np.abs(w))[6:]  # the six least are translations and rotations
    keep = keep[w[keep] > 1e-3]
    return v[:, keep] / np.sqrt(w[keep]) / np.sqrt(m)[:, None]


def thermal(rng, x, mode, low=300, high=600):
    t = rng.uniform(low, high)
    d = mode @ rng.normal(size=mode.shape[1]) * np.sqrt(KB * t)
    return x + d.reshape(-1, 3), t


def dihedral(x, i, j, k, l):
    a, b, c = x[j] - x[i], x[k] - x[j], x[l] - x[k]
    n, m = np.cross(a, b), np.cross(b, c)
    return np.arctan2(np.dot(np.cross(n, m), b) / np.linalg.norm(b), np.dot(n, m))


def rotation(axis, angle):
    u = axis / np.linalg.norm(axis)
    k = np.array([[0, -u[2], u[1]], [u[2], 0, -u[0]], [-u[1], u[0], 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def twist(x, j, k, group, angle):
    """Turn the atoms of group about the bond j-k."""
    r = rotation(x[k] - x[j], angle)
    y = x.copy()
    y[group] = (x[group] - x[k]) @ r.T + x[k]
    return y


def held(z, x, quad, group, phi):
    """The minimum with the dihedral of quad held at phi: an added spring, stiff, and the turn that is left."""
    i, j, k, l = quad
    stiff = 20.0

    def angle_error(y):
        d = dihedral(y, i, j, k, l) - phi
        return (d + np.pi) % (2 * np.pi) - np.pi

    def f(v):
        y = v.reshape(-1, 3)
        e, force, _ = compute(z, y)
        d, g = angle_error(y), np.zeros_like(y)
        for a in (i, j, k, l):
            for c in range(3):
                p, q = y.copy(), y.copy()
                p[a, c] += 1e-5
                q[a, c] -= 1e-5
                g[a, c] = (angle_error(p) - angle_error(q)) / 2e-5
        return e + stiff * d * d / 2, (-force + stiff * d * g).ravel()

    x = twist(x, j, k, group, phi - dihedral(x, i, j, k, l))
    v = scipy.optimize.minimize(f, x.ravel(), jac=True, method="BFGS", options={"gtol": 1e-4, "maxiter": 300}).x.reshape(-1, 3)
    return twist(v, j, k, group, -angle_error(v))


class File:
    def __init__(self, folder, name):
        self.path, self.out = os.path.join(folder, name + ".extxyz.gz"), io.StringIO()
        self.n = 0

    def add(self, z, x, kind, **info):
        x = np.asarray(x).round(9)
        e, f, d = compute(z, x)
        text = f'Properties=species:S:1:pos:R:3:REF_forces:R:3 pbc="F F F" config_type={kind} REF_energy={e:.9f} REF_dipole="{d[0]:.8f} {d[1]:.8f} {d[2]:.8f}"'
        for k, v in info.items():
            text += f" {k}={v:.6g}"
        if self.n == 0:
            text += f' method="GFN2-xTB, tblite {VERSION}, accuracy 0.01" seed={SEED}'
        names = {v: k for k, v in SYMBOLS.items()}
        print(len(z), text, sep="\n", file=self.out)
        for s, p, q in zip(z, x, f):
            print(names[s], *(f"{v:.9f}" for v in p), *(f"{v:.7f}" for v in q), file=self.out)
        self.n += 1
        return d

    def close(self):
        with open(self.path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as g:
            g.write(self.out.getvalue().encode())
        print(self.path, self.n, "frames", flush=True)


def spread(folder, name, z, x, rng, count):
    """The relaxed geometry, then rattled ones."""
    f = File(folder, name)
    f.add(z, x, "relaxed")
    mode = modes(z, x)
    for _ in range(count):
        y, t = thermal(rng, x, mode)
        f.add(z, y, "rattled", temperature_K=t)
    f.close()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    folder = p.parse_args().folder
    rng = np.random.default_rng(SEED)

    z = [6, 1, 1, 1, 1]
    corner = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    r = scipy.optimize.minimize_scalar(lambda r: compute(z, np.vstack([np.zeros(3), r * corner]))[0], bracket=(1.0, 1.1, 1.2), tol=1e-10).x
    spread(folder, "methane", z, np.vstack([np.zeros(3), r * corner]), rng, 400)

    z = [8, 1, 1]
    x = relax(z, [[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]])
    spread(folder, "water", z, (x + x[[0, 2, 1]] * [-1, 1, 1]) / 2, rng, 400)

    z = [6] * 6 + [1] * 6  # perfect D6h: two numbers
    a = np.arange(6) * np.pi / 3
    ring = np.stack([np.cos(a), np.sin(a), 0 * a], 1)
    r = scipy.optimize.minimize(lambda r: compute(z, np.vstack([r[0] * ring, r[1] * ring]))[0], [1.39, 2.48], method="Nelder-Mead",
                                options={"xatol": 1e-7, "fatol": 1e-10}).x
    spread(folder, "benzene", z, np.vstack([r[0] * ring, r[1] * ring]), rng, 300)

    # 1,2-dichloroethane: C C Cl Cl H H H H; Cl2 and H4 H5 on C0, Cl3 and H6 H7 on C1
    z = [6, 6, 17, 17, 1, 1, 1, 1]
    x = np.array([[0.76, 0, 0], [-0.76, 0, 0], [1.4, 1.65, 0], [-1.4, -1.65, 0], [1.1, -0.5, 0.9], [1.1, -0.5, -0.9], [-1.1, 0.5, -0.9], [-1.1, 0.5, 0.9]])
    quad, group = (2, 0, 1, 3), [3, 6, 7]
    anti = relax(z, x)
    anti -= anti.mean(0)
    # exactly C2h: the two-fold axis is z, the mirror plane z = 0, the centre the origin
    n = np.cross(anti[2] - anti[3], anti[0] - anti[1])
    n /= np.linalg.norm(n)
    e = anti[0] - anti[1]
    e -= n * np.dot(n, e)
    e /= np.linalg.norm(e)
    anti = anti @ np.stack([e, np.cross(n, e), n], 1)
    invert, mirror = [1, 0, 3, 2, 7, 6, 5, 4], [0, 1, 2, 3, 5, 4, 7, 6]
    if np.linalg.norm(-anti[invert] - anti) > 0.1:
        invert = [1, 0, 3, 2, 6, 7, 4, 5]
    anti = (anti - anti[invert]) / 2
    anti = (anti + anti[mirror] * [1, 1, -1]) / 2
    gauche = relax(z, twist(anti, 0, 1, group, np.radians(68) - np.pi))
    gauche -= gauche.mean(0)
    f = File(folder, "dichloroethane-torsion")
    f.add(z, anti, "anti", dihedral_deg=180)
    f.add(z, gauche, "gauche", dihedral_deg=np.degrees(dihedral(gauche, *quad)))
    scan, y = [], anti
    for deg in range(180, -1, -5):
        y = held(z, y, quad, group, np.radians(deg)) if deg < 180 else anti
        scan.append((deg, y))
    for deg, y in scan[::-1]:
        f.add(z, y, "torsion", dihedral_deg=deg)
    for deg, y in scan[1:-1]:  # the other half is its mirror image
        f.add(z, y * [1, 1, -1], "torsion", dihedral_deg=-deg)
    f.close()
    # training: around all of the torsion, stiff modes of the two minima
    f = File(folder, "dichloroethane")
    both = {"anti": (anti, modes(z, anti)), "gauche": (gauche, modes(z, gauche))}
    for n in range(400):
        deg, y = scan[rng.integers(len(scan))]
        y = twist(y, 0, 1, group, np.radians(rng.uniform(-2.5, 2.5)))
        base, mode = both["anti" if deg > 125 else "gauche"]
        # the modes are those of another orientation: turn them along by the best fit
        p, q = base - base.mean(0), y - y.mean(0)
        u, _, vt = np.linalg.svd(p.T @ q)
        r = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
        t = rng.uniform(300, 600)
        d = (mode @ rng.normal(size=mode.shape[1])).reshape(-1, 3) * np.sqrt(KB * t) @ r
        y = y + d
        if n % 2:
            y = y * [1, 1, -1]
        f.add(z, y, "rattled", temperature_K=t, dihedral_deg=np.degrees(dihedral(y, *quad)))
    f.close()

    # CHFClBr: handedness is the sign of (F−C)·((Cl−C)×(Br−C))
    z = [6, 1, 9, 17, 35]
    x = relax(z, np.vstack([np.zeros(3), corner[0] * 1.09, corner[1] * 1.35, corner[2] * 1.76, corner[3] * 1.93]))
    x -= x[0]
    if np.dot(x[2], np.cross(x[3], x[4])) < 0:
        x = x * [-1, 1, 1]
    f = File(folder, "chfclbr")
    f.add(z, x, "relaxed", handedness=1)
    f.add(z, x * [-1, 1, 1], "relaxed", handedness=-1)
    mode = modes(z, x)
    for n in range(600):
        y, t = thermal(rng, x, mode)
        sign = 1 - 2 * (n % 2)
        y = y * [sign, 1, 1]
        assert np.sign(np.dot(y[2] - y[0], np.cross(y[3] - y[0], y[4] - y[0]))) == sign
        f.add(z, y, "rattled", temperature_K=t, handedness=sign)
    f.close()


if __name__ == "__main__":
    main()
