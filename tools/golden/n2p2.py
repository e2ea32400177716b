"""Makes testdata/golden/n2p2: potentials of random weights in n2p2's files, with every type
of symmetry function, cutoff, scaling and activation that wigner reads, and the energies and
forces that n2p2's own program gives for a random structure.

    python3 tools/golden/n2p2.py path/to/nnp-predict [FOLDER]

nnp-predict is n2p2's (GPL 3; github.com/CompPhysVienna/n2p2): only numbers of it are kept.
The committed files are those of version 2.3.0 (commit 61daa0df). Lengths in the files are
bohr, energies hartree.
"""

import pathlib
import random
import subprocess
import sys
import tempfile

BOHR, HARTREE = 1.8897261328, 0.0367493254  # per Å, per eV
ELEMENTS = [("O", 8), ("Si", 14)]
RC = 7.6


def structure(rng):
    """40 atoms in a skew cell wider than the cutoff, none closer than 1.6 Å."""
    cell = [[8.3, 0.0, 0.0], [0.7, 7.9, 0.0], [-0.4, 0.9, 8.8]]
    atoms = []
    while len(atoms) < 40:
        f = [rng.random() for _ in range(3)]
        x = [sum(f[k] * cell[k][c] for k in range(3)) for c in range(3)]
        near = False
        for _, y in atoms:
            for m in range(27):
                s = [m // 9 - 1, m // 3 % 3 - 1, m % 3 - 1]
                d = [y[c] - x[c] + sum(s[k] * cell[k][c] for k in range(3)) for c in range(3)]
                near = near or sum(v * v for v in d) < 1.6**2
        if not near:
            atoms.append((ELEMENTS[len(atoms) % 3 % 2][0], [round(v, 6) for v in x]))
    return cell, atoms


def exponential(kinds):
    out = []
    for c, _ in ELEMENTS:
        for e, _ in ELEMENTS:
            out += [f"{c} 2 {e} 0.05 0.0 {RC}", f"{c} 2 {e} 0.4 3.0 {RC}", f"{c} 2 {e} 0.1 1.0 6.5"]
        for kind in kinds:
            for pair in ("O O", "O Si", "Si Si"):
                for zeta in (1, 4, 16, 2.5):
                    out += [f"{c} {kind} {pair} 0.01 1 {zeta} {RC}", f"{c} {kind} {pair} 0.03 -1 {zeta} {RC} 0.5"]
    return out


def compact():
    out = []
    for c, _ in ELEMENTS:
        for e, _ in ELEMENTS:
            out += [f"{c} 20 {e} -7 7 p2a", f"{c} 20 {e} 1 {RC} p2", f"{c} 20 {e} 0 6 e"]
        for kind in (21, 22):
            for pair in ("O O", "O Si", "Si Si"):
                for angles in ("-90 90", "90 270", "20 160"):
                    out.append(f"{c} {kind} {pair} -{RC} {RC} {angles} p2a")
                out.append(f"{c} {kind} {pair} 1 6 0 180 p3")
    return out


CASES = {
    "narrow": (exponential([3]), "2", ["scale_symmetry_functions", "center_symmetry_functions"], "t t l", False),
    "wide": (exponential([9]), "6 0.2", ["scale_symmetry_functions_sigma"], "p s l", False),
    "compact": (compact(), "1", ["scale_symmetry_functions"], "g c l", True),
}


def order(line):
    """n2p2's order of the functions of an element."""
    w = line.split()
    z = dict(ELEMENTS)
    kind, n = int(w[1]), 4 if int(w[1]) in (3, 9, 21, 22) else 3
    e = sorted(z[s] for s in w[2:n])
    x = w[n:]
    if kind >= 20:
        return (z[w[0]], kind, x[-1], e, float(x[1]), float(x[0]), [float(v) for v in x[2:-1]])
    if kind == 2:
        return (z[w[0]], kind, float(x[2]), float(x[0]), float(x[1]), e)
    return (z[w[0]], kind, float(x[3]), float(x[0]), float(x[4]) if len(x) > 4 else 0.0, float(x[2]), float(x[1]), e)


def make(folder, name, program):
    rng = random.Random("wigner " + name)
    functions, cutoff, scaling, activation, normalized = CASES[name]
    rng.shuffle(functions)
    text = ["# random weights: no physics", "number_of_elements 2", "elements Si O", "atom_energy O -1.25",
            f"cutoff_type {cutoff}", "scale_min_short -0.5", "scale_max_short 1.5",
            "global_hidden_layers_short 2", "global_nodes_short 5 4", f"global_activation_short {activation}"] + scaling
    if normalized:
        text += ["mean_energy -3.5", "conv_energy 0.003125", "conv_length 2.5", "normalize_nodes"]
    text += ["symfunction_short " + f for f in functions]
    (folder / "input.nn").write_text("\n".join(text) + "\n")
    lines = []
    for k, (e, z) in enumerate(ELEMENTS):
        mine = sorted((f for f in functions if f.split()[0] == e), key=order)
        for n in range(len(mine)):
            low, high = rng.uniform(0, 0.1), rng.uniform(1, 3) * (3 if name == "compact" else 1)
            lines.append(f"{k + 1} {n + 1} {low:.12f} {high:.12f} {rng.uniform(low, high):.12f} {rng.uniform(0.3, 1):.12f}")
        widths = [len(mine), 5, 4, 1]
        w = []
        for a, b in zip(widths, widths[1:]):
            w += [f"{rng.gauss(0, a**-0.5):.12f} a" for _ in range(a * b)] + [f"{rng.gauss(0, 0.2):.12f} b" for _ in range(b)]
        (folder / f"weights.{z:03d}.data").write_text("\n".join(w) + "\n")
    (folder / "scaling.data").write_text("\n".join(lines) + "\n")
    cell, atoms = structure(rng)
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        for f in folder.glob("*.*"):
            (tmp / f.name).write_text(f.read_text())
        data = ["begin"] + ["lattice " + " ".join(repr(v * BOHR) for v in row) for row in cell]
        data += ["atom " + " ".join(repr(v * BOHR) for v in x) + f" {s} 0 0 0 0 0" for s, x in atoms] + ["energy 0", "charge 0", "end"]
        (tmp / "input.data").write_text("\n".join(data) + "\n")
        subprocess.run([program, "0"], cwd=tmp, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def rows(name):
            return [x.split() for x in (tmp / name).read_text().splitlines() if not x.startswith("#")]

        energy = rows("energy.out")[0]
        forces = rows("nnforces.out")
    head = ("Lattice=\"" + " ".join(repr(v) for row in cell for v in row) + "\" pbc=\"T T T\" "
            f"NNP_energy={float(energy[3]) / HARTREE!r} Properties=species:S:1:pos:R:3:NNP_forces:R:3")
    lines = [str(len(atoms)), head]
    for (s, x), f in zip(atoms, forces):
        lines.append(f"{s} " + " ".join(repr(v) for v in x) + " " + " ".join(repr(float(v) * BOHR / HARTREE) for v in f[-3:]))
    (folder / "golden.extxyz").write_text("\n".join(lines) + "\n")


def main():
    root = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).parents[2] / "testdata/golden/n2p2")
    for name in CASES:
        (root / name).mkdir(parents=True, exist_ok=True)
        make(root / name, name, str(pathlib.Path(sys.argv[1]).resolve()))


main()
