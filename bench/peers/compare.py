"""Runs SevenNet's calculator and wigner in turns on one core and writes a report.

Both get the same file of atoms and the same checkpoint, one thread, and the same
core. First the energies, forces and stresses of the two are compared; then both
make molecular dynamics (NVE, 1 fs, whole steps with neighbour lists), in turns,
so that a slow minute of the machine hits both. The result is the ratio of the
medians over all steps.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# The accuracy that wigner promises for single precision, which SevenNet's own
# rounding uses up in part.
TOLERANCE = {"energy": 4e-6, "forces": 5e-5, "stress": 1e-6}


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--wigner", default=os.path.join(ROOT, "bin", "wigner"))
    p.add_argument("--model", default=os.path.join(ROOT, "models", "sevennet-0.pth"))
    p.add_argument("--cells", type=int, default=4, help="cubic cells of 8 atoms per edge (4: 512 atoms)")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--steps", type=int, default=3, help="of SevenNet per round")
    p.add_argument("--wigner-steps", type=int, default=20, help="of wigner per round")
    p.add_argument("--core", type=int, default=None, help="the core that both run on; default: the last one")
    p.add_argument("-o", "--out", default=None, help="report; default: docs/benchmarks/<date>.md")
    return p.parse_args()


def silicon(cells, path):
    """Diamond, a = 5.43 Å, Gaussian displacements of 0.05 Å."""
    import ase.build
    import ase.io
    import numpy as np

    atoms = ase.build.bulk("Si", "diamond", a=5.43, cubic=True).repeat(cells)
    atoms.positions += np.random.default_rng(1).normal(0.0, 0.05, atoms.positions.shape)
    ase.io.write(path, atoms, format="extxyz")
    return len(atoms)


class Peer:
    """The process of sevennet.py."""

    def __init__(self, structure, model):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "sevennet.py"), structure, model],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit("SevenNet's calculator ended; its message is above")
        return json.loads(line)

    def run(self, steps):
        self.process.stdin.write(json.dumps({"steps": steps}) + "\n")
        self.process.stdin.flush()
        return self.read()["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def wigner(args, *more):
    out = subprocess.run([args.wigner, *more], capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(f"{args.wigner} {' '.join(more)}: status {out.returncode}\n{out.stderr}")
    return out.stdout


def agree(args, structure, first):
    """Largest differences between wigner's results (single precision) and SevenNet's."""
    import ase.io
    import numpy as np

    with tempfile.TemporaryDirectory() as tmp:
        out = os.path.join(tmp, "out.extxyz")
        wigner(args, "eval", structure, "-m", args.model, "-o", out, "--ranks", "1")
        atoms = ase.io.read(out)
        results = atoms.calc.results
        n = len(atoms)
        found = {
            "energy": abs(results["energy"] - first["energy"]) / n,
            "forces": float(np.abs(results["forces"] - np.array(first["forces"])).max()),
            "stress": float(np.abs(atoms.get_stress(voigt=False) - np.array(first["stress"])).max()),
        }
    for key, limit in TOLERANCE.items():
        if not found[key] <= limit:
            sys.exit(f"{key} differs by {found[key]:.3g}, more than {limit:g}: not the same model, nothing to compare")
    return found


def processor():
    try:
        with open("/proc/cpuinfo") as f:
            for line in f:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def main():
    args = arguments()
    if not hasattr(os, "sched_setaffinity"):
        sys.exit("needs Linux: both programs are bound to one core")
    cores = sorted(os.sched_getaffinity(0))
    core = cores[-1] if args.core is None else args.core
    os.sched_setaffinity(0, {core})  # inherited by all that is started

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as tmp:
        structure = os.path.join(tmp, "si.extxyz")
        n = silicon(args.cells, structure)
        peer = Peer(structure, args.model)
        found = agree(args, structure, peer.first)
        rounds = []
        for k in range(args.rounds):
            theirs = [1e6 * s / n for s in peer.run(args.steps)]
            result = json.loads(wigner(args, "bench", "-m", args.model, "--structure", structure, "--atoms", str(n),
                                       "--steps", str(args.wigner_steps), "--ranks", "1", "--json"))
            ours = result["results"][0]
            if ours["atoms"] != n:
                sys.exit(f"wigner bench ran {ours['atoms']} atoms, not {n}")
            rounds.append({"sevennet": theirs, "wigner": ours["us_median"],
                           "wigner_min": ours["us_min"], "wigner_mean": ours["us_per_atom_step"]})
            print(f"round {k + 1}: SevenNet {statistics.median(theirs):.0f}, wigner {ours['us_median']:.1f}"
                  f" µs per atom and step", flush=True)
        peer.close()

    theirs = statistics.median(s for r in rounds for s in r["sevennet"])
    ours = statistics.median(r["wigner"] for r in rounds)
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    path = args.out or os.path.join(ROOT, "docs", "benchmarks", date + ".md")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(report(args, date, n, cores, peer.first, found, rounds, theirs, ours, result, load))
    print(f"SevenNet {theirs:.0f}, wigner {ours:.1f} µs per atom and step: {theirs / ours:.1f} times; {path}")


def report(args, date, n, cores, first, found, rounds, theirs, ours, result, load):
    best = min(s for r in rounds for s in r["sevennet"]), min(r["wigner_min"] for r in rounds)
    versions = ", ".join(f"{k} {v}" for k, v in first["versions"].items())
    version = wigner(args, "--version").strip()
    lines = [
        f"# {date}: silicon, {n} atoms, one core",
        "",
        "Written by `make bench-peers` (bench/peers). Diamond silicon, a = 5.43 Å, Gaussian displacements",
        f"of 0.05 Å, {os.path.basename(args.model)}, single precision in both, NVE at 1 fs, whole steps. Both programs get the same",
        "file of atoms, velocities of 300 K, one thread, and the same core, in turns.",
        "",
        "| program | median µs per atom and step | fastest |",
        "|---|---|---|",
        f"| SevenNet, ASE calculator | {theirs:.0f} | {best[0]:.0f} |",
        f"| wigner | {ours:.1f} | {best[1]:.1f} |",
        f"| **ratio** | **{theirs / ours:.1f}** | {best[0] / best[1]:.1f} |",
        "",
        f"- Machine: {processor()}, {len(cores)} cores for this process, {platform.system()} {platform.release()};"
        f" load of other programs when it began: {load:.1f}",
        f"- {versions}; Python {platform.python_version()}; {first['threads']} thread",
        f"- {version}; neighbours within the cutoff per atom: {result['results'][0].get('neighbors_mean')}",
        f"- Differences of the two on the first frame: energy {found['energy']:.1e} eV/atom, forces"
        f" {found['forces']:.1e} eV/Å, stress {found['stress']:.1e} eV/Å³",
        "",
        "Raw numbers, µs per atom and step; of SevenNet every step, of wigner what each `wigner bench` gave:",
        "",
        "| round | SevenNet, each step | wigner median | fastest | mean |",
        "|---|---|---|---|---|",
    ]
    for k, r in enumerate(rounds):
        steps = ", ".join(f"{s:.0f}" for s in r["sevennet"])
        lines.append(f"| {k + 1} | {steps} | {r['wigner']:.1f} | {r['wigner_min']:.1f} | {r['wigner_mean']:.1f} |")
    lines += ["", "wigner's view of the machine: `" + json.dumps(result["machine"]) + "`", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
