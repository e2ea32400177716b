"""Molecular dynamics with an ASE calculator, for the workers that have one."""

import protocol


def dynamics(structure, calculator):
    """What the calculator gives for the file's frame, and the function that runs steps."""
    import ase.io
    import numpy as np
    import torch
    from ase import units
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
    from ase.md.verlet import VelocityVerlet

    torch.set_num_threads(1)
    atoms = ase.io.read(structure)
    atoms.calc = calculator
    first = {
        "threads": torch.get_num_threads(),
        "energy": float(atoms.get_potential_energy()),
        "forces": atoms.get_forces().tolist(),
        "stress": atoms.get_stress(voigt=False).tolist(),
    }
    MaxwellBoltzmannDistribution(atoms, temperature_K=300, rng=np.random.default_rng(1))
    moves = VelocityVerlet(atoms, 1.0 * units.fs)

    def step():
        moves.run(1)
        if not np.isfinite(atoms.calc.results["energy"]):
            raise SystemExit("the energy is not finite")

    step()  # warm-up: torch compiles and caches in the first calls
    return first, protocol.timed(step)
