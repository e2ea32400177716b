"""mace-torch's ASE calculator. Options: model, a .model file, made here with random
weights and the irreps hidden if it does not exist."""

import os
import sys

from ase_dynamics import dynamics
from protocol import serve, versions


def make(path, hidden):
    """A two-layer MACE of tools/golden/mace_speed.py: the arithmetic of a trained model, no physics."""
    import torch

    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "..", "tools", "golden"))
    import mace_speed

    os.makedirs(os.path.dirname(path), exist_ok=True)
    torch.save(mace_speed.build(hidden), path + ".part")
    os.replace(path + ".part", path)


def prepare(structure, options):
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    import torch
    from mace.calculators import MACECalculator

    torch.set_default_dtype(torch.float32)
    if not os.path.exists(options["model"]):
        make(options["model"], options["hidden"])
    calculator = MACECalculator(model_paths=options["model"], device="cpu", default_dtype="float32")
    first, run = dynamics(structure, calculator)
    return {"versions": versions("mace-torch", "torch", "e3nn", "ase", "numpy"), **first}, run


serve(prepare)
