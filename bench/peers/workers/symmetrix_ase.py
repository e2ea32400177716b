"""symmetrix's C++ class in double precision, through its ASE calculator. Options: model and
hidden, as of mace_torch.py. What it reads is made of the model by its own converter."""

import json
import os

import mace_model
from ase_dynamics import dynamics
from protocol import Unavailable, serve, versions

POINTS = 1024  # of its splines: with the converter's 256 they err more than wigner's single precision


def convert(model, path, species):
    """The file of these elements, by symmetrix's converter in double precision."""
    import torch
    from symmetrix.extract_mace_data import extract_mace_data

    torch.set_default_dtype(torch.float64)
    with open(path + ".part", "w") as f:
        json.dump(extract_mace_data(model, species, num_spline_points=POINTS), f)
    os.replace(path + ".part", path)


def prepare(structure, options):
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    try:
        from symmetrix import Symmetrix
    except ImportError as e:
        raise Unavailable(f"{e} (docs/benchmarks/README.md says how it is built)") from None
    import ase.io

    model = options["model"]
    mace_model.need(model, options["hidden"])
    species = sorted({int(z) for z in ase.io.read(structure).numbers})
    path = model.removesuffix(".model") + "".join(f"-{z}" for z in species) + ".json"
    if not os.path.exists(path):
        convert(model, path, species)
    first, run = dynamics(structure, Symmetrix(path, use_kokkos=False))
    return {"versions": versions("symmetrix", "matscipy", "ase", "numpy"), **first}, run


serve(prepare)
