"""The models that MACE's speed is measured with: the published sizes with random weights, for silicon.

    export TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1   (e3nn 0.4.4 with torch 2.6 or newer)
    python tools/golden/mace_speed.py models     writes models/mace-medium-random.model, models/mace-small-random.model, and
                                                 …-agnostic-random.model, whose first block is the one that symmetrix knows

Needs mace-torch (made with 0.3.16, e3nn 0.4.4). The files are not committed.
"""
import os
import sys

import numpy as np
import torch
from e3nn import o3
from mace import modules


RESIDUAL, AGNOSTIC = "RealAgnosticResidualInteractionBlock", "RealAgnosticInteractionBlock"


def build(hidden, first=RESIDUAL):
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    blocks = modules.interaction_classes
    return modules.ScaleShiftMACE(
        r_max=5.0, num_bessel=8, num_polynomial_cutoff=5, max_ell=3, interaction_cls=blocks[RESIDUAL], interaction_cls_first=blocks[first],
        num_interactions=2, num_elements=1, hidden_irreps=o3.Irreps(hidden), MLP_irreps=o3.Irreps("16x0e"), gate=torch.nn.functional.silu,
        atomic_energies=np.array([-5.0]), avg_num_neighbors=28.0, atomic_numbers=[14], correlation=3, radial_MLP=[64, 64, 64],
        radial_type="bessel", atomic_inter_scale=1.0, atomic_inter_shift=0.0)


SIZES = {"medium": "128x0e+128x1o", "small": "128x0e"}


def main(folder):
    for name, hidden in SIZES.items():
        for first, kind in ((RESIDUAL, ""), (AGNOSTIC, "agnostic-")):
            path = os.path.join(folder, f"mace-{name}-{kind}random.model")
            torch.save(build(hidden, first), path)
            print(path, os.path.getsize(path))


if __name__ == "__main__":
    main(sys.argv[1])
