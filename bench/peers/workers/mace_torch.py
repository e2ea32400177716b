"""mace-torch's ASE calculator. Options: model, a .model file, made here with random
weights if it does not exist."""

import os

from ase_dynamics import dynamics
from protocol import serve, versions


def make(path):
    """A two-layer MACE, 128x0e + 128x1o, correlation 3, cutoff 5 Å, as mace_run_train
    makes it without options, with weights drawn from seed 1: the arithmetic of a trained
    model, no physics. Its forces are some 0.01 eV/Å: the atoms fly freely, not far."""
    import numpy as np
    import torch
    from e3nn import o3
    from mace import modules

    torch.manual_seed(1)
    model = modules.ScaleShiftMACE(
        r_max=5.0, num_bessel=8, num_polynomial_cutoff=5, max_ell=3,
        interaction_cls_first=modules.interaction_classes["RealAgnosticInteractionBlock"],
        interaction_cls=modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
        num_interactions=2, num_elements=2, hidden_irreps=o3.Irreps("128x0e + 128x1o"),
        MLP_irreps=o3.Irreps("16x0e"), atomic_energies=np.array([0.0, 0.0]), avg_num_neighbors=30.0,
        atomic_numbers=[14, 29], correlation=3, gate=torch.nn.functional.silu,
        radial_type="bessel", radial_MLP=[64, 64, 64],
        atomic_inter_scale=1.0, atomic_inter_shift=0.0,
    )
    os.makedirs(os.path.dirname(path), exist_ok=True)
    torch.save(model, path + ".part")
    os.replace(path + ".part", path)


def prepare(structure, options):
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    import torch
    from mace.calculators import MACECalculator

    torch.set_default_dtype(torch.float32)
    if not os.path.exists(options["model"]):
        make(options["model"])
    calculator = MACECalculator(model_paths=options["model"], device="cpu", default_dtype="float32")
    first, run = dynamics(structure, calculator)
    return {"versions": versions("mace-torch", "torch", "e3nn", "ase", "numpy"), **first}, run


serve(prepare)
