"""Crystals as files of atoms, and what `wigner eval` writes read back."""

import random
import re

# Atoms in the cubic cell in units of its edge, and the edge in Å: as in `wigner bench`.
FACES = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
BODY = [(0, 0, 0), (0.5, 0.5, 0.5)]
DIAMOND = FACES + [(x + 0.25, y + 0.25, z + 0.25) for x, y, z in FACES]
CRYSTALS = {
    "Si": (5.43, DIAMOND),
    "Ge": (5.66, DIAMOND),
    "Cu": (3.61, FACES),
    "Ni": (3.52, FACES),
    "Mo": (3.15, BODY),
    "Li": (3.44, BODY),
}


def write(element, cells, path):
    """cells³ cubic cells with Gaussian displacements of 0.05 Å; the number of atoms."""
    edge, basis = CRYSTALS[element]
    draw = random.Random(1)
    rows = []
    for i in range(cells):
        for j in range(cells):
            for k in range(cells):
                for b in basis:
                    r = [edge * (n + x) + draw.gauss(0, 0.05) for n, x in zip((i, j, k), b)]
                    rows.append(f"{element} {r[0]:.10f} {r[1]:.10f} {r[2]:.10f}")
    a = edge * cells
    with open(path, "w") as f:
        print(len(rows), file=f)
        print(f'Lattice="{a} 0 0 0 {a} 0 0 0 {a}" Properties=species:S:1:pos:R:3 pbc="T T T"', file=f)
        print("\n".join(rows), file=f)
    return len(rows)


def results(path):
    """Energy, forces and stress of the first frame of an extended XYZ file."""
    with open(path) as f:
        n = int(f.readline())
        head = f.readline()
        rows = [f.readline().split() for _ in range(n)]
    values = {k: q or p for k, q, p in re.findall(r'(\w+)=(?:"([^"]*)"|(\S+))', head)}
    column, at = {}, 0
    fields = values["Properties"].split(":")
    for name, width in zip(fields[0::3], fields[2::3]):
        column[name] = (at, at + int(width))
        at += int(width)
    a, b = column["forces"]
    s = [float(x) for x in values["stress"].split()]
    return {
        "energy": float(values["energy"]),
        "forces": [[float(x) for x in r[a:b]] for r in rows],
        "stress": [s[0:3], s[3:6], s[6:9]],
    }


def differences(ours, theirs):
    """The largest differences of two results: per atom, of a component, of a component."""

    def most(key):
        return max(abs(a - b) for x, y in zip(ours[key], theirs[key]) for a, b in zip(x, y))

    n = len(ours["forces"])
    return {"energy": abs(ours["energy"] - theirs["energy"]) / n, "forces": most("forces"), "stress": most("stress")}


def count(path):
    with open(path) as f:
        return int(f.readline())
