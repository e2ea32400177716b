"""The rows of docs/models "Physics", for models on board or files:

    python3 tools/physics/onboard.py static cu-fast …   lattice constant, elastic constants, vacancy
    python3 tools/physics/onboard.py phonon 4 cu-fast …  frequencies at the zone boundary, 4³ cubic cells
    python3 tools/physics/onboard.py nvt 10000 cu-fast … NVT of so many steps at 0.9 of melting
    python3 tools/physics/onboard.py cells Cu cu-fast …  same cells: slopes over data/mlearn's strained cells,
                                                         of DFT and of the models (needs numpy and ase)

The program is bin/wigner (`make build`) or $WIGNER; runs go to runs/physics.
"""
import csv
import json
import os
import re
import statistics
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
WIGNER = os.environ.get("WIGNER", os.path.join(ROOT, "bin", "wigner"))
RUNS = os.path.join(ROOT, "runs", "physics")
# prototype, a in Å to begin with, repeats, melting temperature in K (CRC Handbook)
ELEMENTS = {"Ni": ("fcc", 3.52, 3, 1728), "Cu": ("fcc", 3.63, 3, 1358), "Li": ("bcc", 3.44, 4, 454),
            "Mo": ("bcc", 3.16, 4, 2896), "Si": ("diamond", 5.46, 3, 1687), "Ge": ("diamond", 5.76, 3, 1211)}
# points of the zone, and names of the frequencies in rising order; those without one are degenerate with a neighbour
POINTS = {"fcc": {"X": ["T", "", "L"], "L": ["T", "", "L"]},
          "bcc": {"H": ["", "", "all"], "P": ["", "", "all"], "N": ["T1", "T2", "L"]},
          "diamond": {"Γ": ["", "", "", "", "", "TO"], "X": ["TA", "", "LAO", "", "TO", ""], "L": ["TA", "", "LA", "LO", "TO", ""]}}
WAY = {"fcc": "X-Γ-L", "bcc": "P-H-Γ-N", "diamond": "X-Γ-L"}
ATOMS = {"fcc": 4, "bcc": 2, "diamond": 8}


def wigner(*args):
    done = subprocess.run([WIGNER, *args, "--ranks", "1"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(" ".join(args) + ": " + done.stderr[-500:])
    return done.stdout


def config(name, what, repeat, rest, extra=""):
    """A configuration in RUNS; the element is how the model's name begins."""
    symbol = os.path.basename(name).split("-")[0].capitalize()
    prototype, a, _, _ = ELEMENTS[symbol]
    path = os.path.join(RUNS, f"{os.path.basename(name)}-{what}")
    with open(path + ".toml", "w", encoding="utf-8") as f:
        f.write(f'[structure]\nprototype = "{prototype}"\nelements = ["{symbol}"]\na_A = {a}\n'
                f'repeat = [{repeat}, {repeat}, {repeat}]\n{extra}[potential]\nmodel = "{name}"\n{rest}'
                f'[output]\ndir = "{path}"\n')
    return path


def header(path):
    with open(path, encoding="utf-8") as f:
        n = int(f.readline())
        return n, f.readline()


def static(name):
    symbol = os.path.basename(name).split("-")[0].capitalize()
    prototype, _, repeat, _ = ELEMENTS[symbol]
    path = config(name, "elastic", 1, 'precision = "float64"\n[relax]\nforce_eV_A = 1e-5\nstress_GPa = 1e-3\n[elastic]\nstrain = 0.005\n')
    wigner("elastic", path + ".toml", "--force")
    with open(path + "/elastic.json", encoding="utf-8") as f:
        c = json.load(f)["C_GPa"]
    _, line = header(path + "/relaxed.extxyz")
    a = float(re.search(r'Lattice="(\S+)', line).group(1))
    energy = []
    for v in (0, 1):
        n = ATOMS[prototype] * repeat ** 3
        path = config(name, f"vacancy{v}", repeat, '[relax]\ncell = "full"\nforce_eV_A = 1e-3\nstress_GPa = 0.02\n',
                      f"vacancies = {v / n:.9f}\nseed = 1\n" if v else "")
        wigner("relax", path + ".toml", "--force")
        n, line = header(path + "/relaxed.extxyz")
        energy.append((float(re.search(r"\benergy=(\S+)", line).group(1)), n))
    (e0, n0), (e1, n1) = energy
    print(f"{name}: a = {a:.4f} Å; C11, C12, C44 = {c[0][0]:.0f}, {c[0][1]:.0f}, {c[3][3]:.0f} GPa; "
          f"vacancy {e1 - e0 * n1 / n0:.3f} eV ({n0} sites)")


def phonon(name, repeat):
    """Frequencies in THz from a supercell of so many cubic cells: an even number fits every point of POINTS, where they are exact."""
    symbol = os.path.basename(name).split("-")[0].capitalize()
    points, way = POINTS[ELEMENTS[symbol][0]], WAY[ELEMENTS[symbol][0]]
    path = config(name, f"phonon{repeat}", 1, 'precision = "float64"\n[relax]\nforce_eV_A = 1e-5\nstress_GPa = 1e-3\n[phonon]\n'
                  f'supercell = [{repeat}, {repeat}, {repeat}]\npath = ["{way}"]\npath_steps = 24\n')
    wigner("phonon", path + ".toml", "--force")
    with open(path + "/phonon.json", encoding="utf-8") as f:
        done = json.load(f)
    found = {p["name"]: p["frequencies_THz"] for p in done["special_points"]}
    with open(path + "/phonon-bands.csv", encoding="utf-8") as f:
        low, at = min((float(row["mode1_THz"]), tuple(row[q][:6] for q in ("q1", "q2", "q3"))) for row in csv.DictReader(f))
    print(f"{name}: {done['atoms_supercell']} atoms, THz: " + "; ".join(
        p + " " + ", ".join(f"{label} {found[p][k]:.2f}" for k, label in enumerate(points[p]) if label) for p in points) + "; " +
          (f"lowest of {way} {low:.2f} at {' '.join(at)}" if low < -0.01 else f"none imaginary on {way}"))


def nvt(name, steps):
    symbol = os.path.basename(name).split("-")[0].capitalize()
    _, _, repeat, melting = ELEMENTS[symbol]
    kelvin = 0.9 * melting
    path = config(name, "nvt", repeat, f'[dynamics]\nensemble = "nvt"\ntemperature_K = {kelvin:.0f}\nvelocities = "maxwell"\n'
                  f'timestep_fs = 2\nsteps = {steps}\nseed = 1\n')
    wigner("run", path + ".toml", "--force", "output.thermo_every=100", 'output.dump=[{every=500, file="t.extxyz"}]')
    with open(path + "/thermo.csv", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    mean = statistics.mean(float(r["temperature_K"]) for r in rows[len(rows) // 2:])
    close = [float(x) for x in re.findall(r"\s(\d\.\d{4}) +\S+$", subprocess.run(
        [WIGNER, "info", path + "/t.extxyz"], capture_output=True, text=True, check=True).stdout, re.M)]
    print(f"{name}: {kelvin:.0f} K, {int(rows[-1]['step']) * 0.002:.0f} ps: {mean:.0f} K, closest {min(close):.2f} Å")


def slopes(frames, key):
    """Edge of the cells, and slopes C11, C12, C44 in GPa of stress against strain."""
    import numpy as np
    lengths = [round(np.linalg.norm(v), 4) for f in frames for v in f.cell]
    edge = max(set(lengths), key=lengths.count)
    c11, c12, c44 = [], [], []
    for f in frames:
        c, s = np.array(f.cell), np.array(f.info[key]).reshape(3, 3)
        length = np.linalg.norm(c, axis=1)
        g = c @ c.T / np.outer(length, length)
        shear, i, j = max((abs(g[i, j]), i, j) for i, j in ((0, 1), (0, 2), (1, 2)))
        e = length / edge - 1
        if shear < 1e-4:
            k = int(np.argmax(abs(e)))
            if np.sort(abs(e))[1] > 2e-4 or abs(e[k]) > 0.045:
                continue
            c11.append((e[k], s[k, k]))
            c12 += [(e[k], s[j, j]) for j in range(3) if j != k]
        elif abs(np.arcsin(g[i, j])) <= 0.09:
            c44.append((np.arcsin(g[i, j]), s[i, j]))

    def slope(points, n):
        p = np.array(points)
        return np.polyfit(p[:, 0], p[:, 1], n)[-2] * 160.21766 if len(p) >= n + 2 else float("nan")
    return edge, slope(c11, 2), slope(c12, 2), slope(c44, 3)


def cells(symbol, names):
    import ase.io
    source = os.path.join(ROOT, "data", "mlearn", symbol, "train.extxyz.gz")
    frames = [f for f in ase.io.read(source, ":") if f.info["config_type"] == "Elastic"]
    part = os.path.join(RUNS, symbol + "-elastic.extxyz")
    ase.io.write(part, frames)
    print(f"{symbol}, DFT: edge %.4f Å; %.0f, %.0f, %.0f GPa" % slopes(frames, "REF_stress"))
    for name in names:
        out = os.path.join(RUNS, os.path.basename(name) + "-cells.extxyz")
        wigner("eval", part, "-m", name, "-o", out, "--prefix", "W")
        print(f"{name}: edge %.4f Å; %.0f, %.0f, %.0f GPa" % slopes(ase.io.read(out, ":"), "W_stress"))


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("static", "phonon", "nvt", "cells"):
        sys.exit(__doc__)
    os.makedirs(RUNS, exist_ok=True)
    if sys.argv[1] == "cells":
        cells(sys.argv[2], sys.argv[3:])
    for one in sys.argv[2:] if sys.argv[1] == "static" else []:
        static(one)
    for one in sys.argv[3:] if sys.argv[1] == "phonon" else []:
        phonon(one, int(sys.argv[2]))
    for one in sys.argv[3:] if sys.argv[1] == "nvt" else []:
        nvt(one, int(sys.argv[2]))
