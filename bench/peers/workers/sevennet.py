"""SevenNet's ASE calculator. Options: model, a checkpoint; accelerator, one of those
that SevenNet knows, or none."""

import importlib
import os

from ase_dynamics import dynamics
from protocol import Unavailable, serve, versions

# SevenNet's name, the module that it imports, its helper and the helper's question.
ACCELERATORS = {
    "FlashTP": ("enable_flash", "flashTP_e3nn", "flash_helper", "is_flash_available"),
    "cuEquivariance": ("enable_cueq", "cuequivariance_torch", "cue_helper", "is_cue_available"),
    "OpenEquivariance": ("enable_oeq", "openequivariance", "oeq_helper", "is_oeq_available"),
}


def accelerated(name):
    """The calculator's option, if SevenNet would use this accelerator here."""
    option, module, helper, question = ACCELERATORS[name]
    missing = None
    try:
        importlib.import_module(module)
    except Exception as e:  # what a GPU library raises without a GPU is its own choice
        missing = f"import {module}: {e}".splitlines()[0]
    ready = getattr(importlib.import_module(f"sevenn.nn.{helper}"), question)()
    if not ready:
        reason = f"sevenn.nn.{helper}.{question}() is false: SevenNet uses it on CUDA devices only"
        raise Unavailable(f"{reason}; {missing}" if missing else reason)
    return {option: True}


def prepare(structure, options):
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    from sevenn.calculator import SevenNetCalculator

    more = accelerated(options["accelerator"]) if options.get("accelerator") else {}
    first, run = dynamics(structure, SevenNetCalculator(options["model"], file_type="checkpoint", device="cpu", **more))
    return {"versions": versions("sevenn", "torch", "e3nn", "ase", "numpy"), **first}, run


serve(prepare)
