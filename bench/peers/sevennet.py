"""SevenNet's ASE calculator as a worker for compare.py.

Reads one command per line from standard input and answers each with one line
of JSON: {"steps": K} runs K steps of NVE at 1 fs, as an ASE user would, and
answers with the seconds of each step.
"""

import json
import os
import sys
import time
import warnings

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
warnings.filterwarnings("ignore")


def check():
    """Whether the packages of requirements.txt are there."""
    try:
        from importlib.metadata import version

        import ase  # noqa: F401

        ok = version("sevenn") == "0.10.4"
    except Exception:
        ok = False
    sys.exit(0 if ok else 1)


def main():
    structure, model = sys.argv[1:3]
    answers = sys.stdout
    sys.stdout = sys.stderr  # the libraries print

    import ase.io
    import numpy as np
    import torch
    from ase import units
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
    from ase.md.verlet import VelocityVerlet
    from sevenn.calculator import SevenNetCalculator

    torch.set_num_threads(1)

    def answer(**what):
        print(json.dumps(what), file=answers, flush=True)

    atoms = ase.io.read(structure)
    atoms.calc = SevenNetCalculator(model, file_type="checkpoint", device="cpu")
    first = {
        "energy": float(atoms.get_potential_energy()),
        "forces": atoms.get_forces().tolist(),
        "stress": atoms.get_stress(voigt=False).tolist(),
    }
    from importlib.metadata import version

    names = ("sevenn", "torch", "e3nn", "ase", "numpy")
    answer(threads=torch.get_num_threads(), versions={n: version(n) for n in names}, **first)

    # wigner bench draws the velocities of 300 K too.
    MaxwellBoltzmannDistribution(atoms, temperature_K=300, rng=np.random.default_rng(1))
    dyn = VelocityVerlet(atoms, 1.0 * units.fs)
    dyn.run(1)  # warm-up: torch compiles and caches in the first calls
    for line in sys.stdin:
        seconds = []
        for _ in range(json.loads(line)["steps"]):
            start = time.perf_counter()
            dyn.run(1)
            seconds.append(time.perf_counter() - start)
        if not np.isfinite(atoms.get_potential_energy()):
            sys.exit("energy is not finite")
        answer(seconds=seconds)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        check()
    main()
