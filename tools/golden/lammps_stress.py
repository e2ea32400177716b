#!/usr/bin/env python3
"""Make testdata/golden/copper-stress.dump: compute stress/atom of LAMMPS for 32 displaced atoms of
configs/copper.eam.alloy. Needs LAMMPS (Debian: apt-get install lammps). Not run by any test:

    python3 tools/golden/lammps_stress.py testdata/golden/copper-stress.dump
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

EAM = Path(__file__).resolve().parents[2] / 'configs' / 'copper.eam.alloy'
INPUT = """
units metal
atom_style atomic
lattice fcc 3.7
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 63.546
displace_atoms all random 0.2 0.2 0.2 4711 units box
pair_style eam/alloy
pair_coeff * * %s Cu
compute s all stress/atom NULL virial
dump 1 all custom 1 out.dump id type element x y z c_s[*]
dump_modify 1 element Cu sort id format float %%.15g units yes
run 0
"""

out = os.path.abspath(sys.argv[1])
with tempfile.TemporaryDirectory() as d:
    Path(d, 'in').write_text(INPUT % EAM)
    subprocess.run(['lmp', '-in', 'in', '-log', 'none'], cwd=d, check=True, capture_output=True)
    Path(out).write_text(Path(d, 'out.dump').read_text())
