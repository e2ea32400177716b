"""torch-sim with a SevenNet model. Options: model, a checkpoint."""

import os

import protocol


def prepare(structure, options):
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    import ase.io
    import torch
    import torch_sim
    from sevenn.util import load_checkpoint
    from torch_sim.integrators import nve
    from torch_sim.models.sevennet import SevenNetModel
    from torch_sim.units import MetalUnits

    torch.set_num_threads(1)
    model = SevenNetModel(load_checkpoint(options["model"]).build_model(), device="cpu")
    state = torch_sim.io.atoms_to_state([ase.io.read(structure)], torch.device("cpu"), torch.float32)
    found = model(state)
    # Its own units: the step in ps times their factor, temperatures as energies.
    begin, update = nve(model, dt=torch.tensor(0.001 * MetalUnits.time), kT=torch.tensor(300 * MetalUnits.temperature), seed=1)
    now = begin(state)

    def step():
        nonlocal now
        now = update(now)
        if not torch.isfinite(now.energy).all():
            raise SystemExit("the energy is not finite")

    step()
    first = {
        "versions": protocol.versions("torch-sim-atomistic", "sevenn", "torch", "ase"),
        "threads": torch.get_num_threads(),
        "energy": found["energy"].item(),
        "forces": found["forces"].tolist(),
        "stress": found["stress"][0].tolist(),
    }
    return first, protocol.timed(step)


protocol.serve(prepare)
