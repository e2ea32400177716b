"""mace-torch's ASE calculator. Options: model, a .model file, made here with random
weights and the irreps hidden if it does not exist."""

import os

import mace_model
from ase_dynamics import dynamics
from protocol import serve, versions


def prepare(structure, options):
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    import torch
    from mace.calculators import MACECalculator

    torch.set_default_dtype(torch.float32)
    mace_model.need(options["model"], options["hidden"])
    calculator = MACECalculator(model_paths=options["model"], device="cpu", default_dtype="float32")
    first, run = dynamics(structure, calculator)
    return {"versions": versions("mace-torch", "torch", "e3nn", "ase", "numpy"), **first}, run


serve(prepare)
