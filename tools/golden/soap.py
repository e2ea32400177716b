"""SOAP power spectra of DScribe and featomic, for potential/soap/testdata/golden.json.

Needs: pip install dscribe==2.1.2 featomic==0.6.7 ase
Run:   python3 soap.py > ../../potential/soap/testdata/golden.json

A cluster of two elements with atoms inside, near and beyond the cutoff; every atom is a
centre to the programs, of which three are kept. The numbers are the programs' own, put into the order of package soap: pairs
a <= b of (element, n), then l, l fastest.
"""

import json
import sys

import ase
import dscribe
import featomic
import numpy as np
from dscribe.descriptors import SOAP

rng = np.random.default_rng(1)
ELEMENTS = [8, 14]


def cluster(n, edge, least):
    x = []
    while len(x) < n:
        p = rng.random(3) * edge
        if all(np.linalg.norm(p - q) > least for q in x):
            x.append(p)
    return ase.Atoms(numbers=[ELEMENTS[i % 2] for i in range(n)], positions=np.round(x, 6))


def pairs(n, l):
    size = 2 * n
    for a in range(size):
        for b in range(a, size):
            for k in range(l + 1):
                yield a // n, a % n, b // n, b % n, k


def of_dscribe(atoms, cutoff, sigma, n, l, basis, power):
    s = SOAP(species=ELEMENTS, r_cut=cutoff, n_max=n, l_max=l, sigma=sigma, rbf=basis,
             weighting={"function": "poly", "r0": cutoff, "c": 1, "m": power}, average="off", dtype="float64")
    out = s.create(atoms)
    symbol = {8: "O", 14: "Si"}
    order = []
    for s1, n1, s2, n2, k in pairs(n, l):
        where = s.get_location((symbol[ELEMENTS[s1]], symbol[ELEMENTS[s2]]))
        part = np.arange(s.get_number_of_features())[where]
        if s1 == s2:
            index = [(a, b, c) for c in range(l + 1) for a in range(n) for b in range(a, n)]
        else:
            index = [(a, b, c) for c in range(l + 1) for a in range(n) for b in range(n)]
        order.append((part, index, (n1, n2, k)))
    # DScribe's order within a pair of elements: l, n, n', the last fastest.
    return [[float(row[p[i.index(key)]]) for p, i, key in order] for row in out]


def of_featomic(atoms, cutoff, sigma, n, l, width):
    calc = featomic.SoapPowerSpectrum(
        cutoff={"radius": cutoff, "smoothing": {"type": "ShiftedCosine", "width": width}},
        density={"type": "Gaussian", "width": sigma, "center_atom_weight": 1.0},
        basis={"type": "TensorProduct", "max_angular": l, "radial": {"type": "Gto", "max_radial": n - 1},
               "spline_accuracy": None})
    out = calc.compute(atoms)
    rows = [[0.0] * len(list(pairs(n, l))) for _ in atoms]
    place = {key: k for k, key in enumerate(pairs(n, l))}
    for key, block in out.items():
        s1, s2 = ELEMENTS.index(key["neighbor_1_type"]), ELEMENTS.index(key["neighbor_2_type"])
        for i, sample in enumerate(block.samples):
            for j, prop in enumerate(block.properties):
                where = (s1, int(prop["n_1"]), s2, int(prop["n_2"]), int(prop["l"]))
                if where in place:
                    rows[int(sample["atom"])][place[where]] = float(block.values[i, j])
    return rows


def case(program, atoms, settings, values):
    return {"program": program, "elements": atoms.numbers.tolist(), "positions": atoms.positions.tolist(), "settings": settings, "values": values[:3]}


cases = []
atoms = cluster(9, 6.0, 1.1)
for basis, name, n, l, power in [("gto", "gto", 4, 5, 1), ("gto", "gto", 2, 2, 3), ("polynomial", "polynomial", 4, 4, 2)]:
    settings = {"Cutoff": 4.0, "Sigma": 0.6, "N": n, "L": l, "Basis": name, "Envelope": "smoothstep", "Power": power, "Central": 1}
    cases.append(case("DScribe " + dscribe.__version__ if hasattr(dscribe, "__version__") else "DScribe 2.1.2", atoms, settings,
                      of_dscribe(atoms, 4.0, 0.6, n, l, basis, power)))
settings = {"Cutoff": 4.0, "Sigma": 0.5, "N": 4, "L": 4, "Basis": "powers", "Envelope": "cosine", "Width": 1.0, "Central": 1}
cases.append(case("featomic " + featomic.__version__, atoms, settings, of_featomic(atoms, 4.0, 0.5, 4, 4, 1.0)))
json.dump({"made_by": "tools/golden/soap.py", "python": sys.version.split()[0], "cases": cases}, sys.stdout)
print()
