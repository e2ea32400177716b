"""Frequencies and thermal properties by phonopy, from the forces that wigner has made.

Usage: python tools/golden/phonopy_bands.py WIGNER NAME=CONFIG[,key=value …] … > testdata/golden/phonopy.json

Each CONFIG is run by `wigner phonon`; phonopy reads phonopy_disp.yaml and FORCE_SETS of its
folder and knows nothing else. Needs phonopy (4.10.0 made the file that is there).
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import phonopy

QS = [[0, 0, 0], [0.5, 0, 0.5], [0.5, 0.5, 0.5], [0.375, 0.375, 0.75], [0.1, 0, 0], [0.123, -0.271, 0.4], [0.31, 0.17, 0.05]]
MESH = [8, 8, 8]

out = {
    "program": "phonopy " + phonopy.__version__,
    "command": "tools/golden/phonopy_bands.py; forces by wigner phonon, symmetrized force constants",
    "q": QS,
    "mesh": MESH,
    "cases": {},
}
for arg in sys.argv[2:]:
    name, spec = arg.split("=", 1)
    config, *sets = spec.split(";")
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run([sys.argv[1], "phonon", config, "output.dir=" + tmp, "--force", "-q", "--ranks", "1", *sets], check=True)
        p = phonopy.load(
            os.path.join(tmp, "phonopy_disp.yaml"), force_sets_filename=os.path.join(tmp, "FORCE_SETS"),
            is_symmetry=False, symmetrize_fc=True, log_level=0,
        )
        freq = [sorted(p.get_frequencies(q).tolist()) for q in QS]
        p.run_mesh(MESH)
        p.run_thermal_properties(t_min=0, t_max=300, t_step=100)
        thermal = p.get_thermal_properties_dict()
        # The file of force constants is read as well.
        c = phonopy.load(
            os.path.join(tmp, "phonopy_disp.yaml"), force_constants_filename=os.path.join(tmp, "FORCE_CONSTANTS"),
            is_symmetry=False, symmetrize_fc=False, log_level=0,
        )
        worst = max(np.abs(np.array(sorted(c.get_frequencies(q))) - f).max() for q, f in zip(QS, freq))
        print(name, "by FORCE_CONSTANTS differs by", worst, "THz", file=sys.stderr)
        out["cases"][name] = {
            "config": os.path.basename(config), "set": sets, "atoms": len(p.primitive), "frequencies_THz": freq,
            "temperatures_K": thermal["temperatures"].tolist(),
            "free_energy_kJ_mol": thermal["free_energy"].tolist(),
            "entropy_J_K_mol": thermal["entropy"].tolist(),
            "heat_capacity_J_K_mol": thermal["heat_capacity"].tolist(),
        }
json.dump(out, sys.stdout, indent=1)
print()
