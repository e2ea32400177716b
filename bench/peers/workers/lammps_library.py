"""LAMMPS, through the C interface of its library. Options: library, its path (or
package, whose folder in site-packages holds it); pair, lines that set the potential."""

import ctypes
import importlib.util
import os
import re
import time

from protocol import Unavailable, serve

COMMANDS = """units metal
atom_style atomic
boundary p p p
suffix opt
region cell block 0 {0} 0 {1} 0 {2}
create_box 1 cell"""  # suffix opt: the faster variants, where there are some

LOOK = """thermo_style custom step pe pxx pyy pzz pxy pxz pyz
run 0"""

MOVE = """thermo_style custom step pe
velocity all create 300 1
timestep 0.001
fix 1 all nve
thermo 1000000
run 10"""  # the warm-up


class Library:
    """One LAMMPS object."""

    def __init__(self, path):
        try:
            self.lib = ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
        except OSError as e:
            raise Unavailable(str(e)) from None
        self.lib.lammps_open_no_mpi.restype = ctypes.c_void_p
        self.lib.lammps_get_thermo.restype = ctypes.c_double
        words = [b"lammps", b"-log", b"none", b"-screen", b"none", b"-nocite"]
        self.handle = ctypes.c_void_p(self.lib.lammps_open_no_mpi(len(words), (ctypes.c_char_p * len(words))(*words), None))
        self.check("start")

    def check(self, command):
        text = ctypes.create_string_buffer(1024)
        if self.lib.lammps_has_error(self.handle):
            self.lib.lammps_get_last_error_message(self.handle, text, len(text))
            raise Unavailable(f"{command}: {text.value.decode().strip()}")

    def command(self, text):
        self.lib.lammps_command(self.handle, text.encode())
        self.check(text)

    def energy(self):
        return self.lib.lammps_get_thermo(self.handle, b"pe")

    def forces(self, n):
        f = (ctypes.c_double * (3 * n))()
        self.lib.lammps_gather_atoms(self.handle, b"f", 1, 3, f)  # in the order of creation
        return [list(f[3 * i : 3 * i + 3]) for i in range(n)]

    def stress(self):
        """eV/Å³, positive in tension; the pressures are in bar, and nothing moves yet."""
        p = {k: -self.lib.lammps_get_thermo(self.handle, b"p" + k.encode()) / 1602176.634 for k in ("xx", "yy", "zz", "xy", "xz", "yz")}
        return [[p["xx"], p["xy"], p["xz"]], [p["xy"], p["yy"], p["yz"]], [p["xz"], p["yz"], p["zz"]]]

    def create(self, positions):
        n = len(positions)
        x = (ctypes.c_double * (3 * n))(*(c for p in positions for c in p))
        made = self.lib.lammps_create_atoms(self.handle, n, None, (ctypes.c_int * n)(*[1] * n), x, None, None, 0)
        if made != n:
            raise Unavailable(f"LAMMPS made {made} of {n} atoms")


def read(structure):
    """Edges of the right-angled cell and positions within it, of extended XYZ."""
    with open(structure) as f:
        n = int(f.readline())
        cell = [float(x) for x in re.search('Lattice="([^"]*)"', f.readline()).group(1).split()]
        edges = cell[0::4]
        if any(x != 0 for k, x in enumerate(cell) if k % 4):
            raise Unavailable("the cell is not right-angled")
        rows = [f.readline().split() for _ in range(n)]
    return edges, [[float(x) % e for x, e in zip(r[1:4], edges)] for r in rows]


def prepare(structure, options):
    path = options.get("library")
    if path is None:
        path = os.path.join(importlib.util.find_spec(options["package"]).submodule_search_locations[0], "liblammps.so")
    lmp = Library(path)
    edges, positions = read(structure)
    for line in COMMANDS.format(*edges).splitlines():
        lmp.command(line)
    lmp.create(positions)
    for line in options["pair"] + LOOK.splitlines():
        lmp.command(line)
    first = {
        "versions": {"LAMMPS": str(lmp.lib.lammps_version(lmp.handle))},
        "threads": 1,
        "energy": lmp.energy(),
        "forces": lmp.forces(len(positions)),
        "stress": lmp.stress(),
    }
    for line in MOVE.splitlines():
        lmp.command(line)

    def run(steps):
        start = time.perf_counter()
        lmp.command(f"run {steps} pre no post no")
        seconds = time.perf_counter() - start
        if not lmp.energy() < 0:
            raise SystemExit(f"the energy is {lmp.energy()}")
        return [seconds / steps]  # of a step, over all of them: rebuilds are among them

    return first, run


serve(prepare)
