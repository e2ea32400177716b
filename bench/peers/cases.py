"""What is run: each case is one structure and the programs that take turns on it, the
first of which is what the others are compared with."""

import os
from dataclasses import dataclass, field

import environments
from environments import Missing
from figures import MACE_TORCH, SYMMETRIX
from participants import Prototype, Wigner, Worker

# Published files that Debian's lammps-data has, as LAMMPS's own examples name them.
LAMMPS_DATA = "/usr/share/lammps/potentials"
EAM_COPPER = LAMMPS_DATA + "/Cu_mishin1.eam.alloy"  # Mishin et al., Phys. Rev. B 63, 224106 (2001)


@dataclass
class Sizes:
    """Numbers of atoms and steps of a whole run, or of a quick one."""

    quick: bool = False
    large: int = field(init=False)  # atoms of wigner alone
    silicon: int = field(init=False)  # cubic cells along an edge, in the file of atoms
    copper: int = field(init=False)
    prototype: int = field(init=False)

    def __post_init__(self):
        self.large, self.silicon, self.copper, self.prototype = (2000, 2, 2, 5) if self.quick else (20000, 4, 5, 14)

    def steps(self, n):
        return min(n, 2) if self.quick else n


@dataclass
class Case:
    name: str
    title: str
    element: str
    cells: int  # cubic cells along an edge of the file of atoms
    programs: list


# SevenNet's accelerators and the packages that they come from; the registry has no FlashTP.
ACCELERATORS = {"FlashTP": None, "cuEquivariance": "cuequivariance-torch<0.10", "OpenEquivariance": "openequivariance"}


def sevennet(label, environment, model, steps, accelerator=None):
    options = {"model": model, "accelerator": accelerator}
    return Worker(label, environment, "sevennet.py", steps, options, model=model, also=ACCELERATORS.get(accelerator))


def sevennets(model, steps, accelerators=()):
    return [
        sevennet("SevenNet 0.10.4, ASE", "sevennet", model, steps),
        sevennet("SevenNet newest, ASE", "sevennet-newest", model, steps),
        *(sevennet(f"SevenNet newest, {a}", "sevennet-newest", model, steps, a) for a in accelerators),
        Worker("torch-sim, SevenNet", "torch-sim", "torchsim.py", steps, {"model": model}, model=model),
    ]


def snap(label, element, kind, folder, steps):
    """SNAP or qSNAP of Zuo et al., J. Phys. Chem. A 124, 731 (2020): from the folder
    <element>/<kind>.snapcoeff of `--snap`, or from Debian's lammps-data."""

    def options():
        where = os.path.join(folder, element, kind) if folder else None
        if where is None:
            middle = {"snap": "", "qsnap": ".quadratic"}[kind]
            where = os.path.join(LAMMPS_DATA, f"{element}_Zuo_JPCA2020{middle}")
        for end in (".snapcoeff", ".snapparam"):
            if not os.path.exists(where + end):
                raise Missing(f"no {where}{end} (--snap FOLDER or WIGNER_SNAP names a folder, Debian's lammps-data has them too)")
        return {"package": "lammps", "pair": ["pair_style snap", f"pair_coeff * * {where}.snapcoeff {where}.snapparam {element}",
                                              f"mass 1 {MASS[element]}"]}

    return Worker(label, "lammps", "lammps_library.py", steps, options)


# IUPAC's standard atomic weights
MASS = {"Si": 28.085, "Cu": 63.546, "Ge": 72.630, "Ni": 58.693, "Mo": 95.95, "Li": 6.94}


def eam(label, steps, debian):
    """Embedded atoms with Debian's LAMMPS, or with that of the Python registry."""

    def options():
        if not os.path.exists(EAM_COPPER):
            raise Missing(f"no {EAM_COPPER} (Debian: lammps-data)")
        where = {"library": environments.library("liblammps.so.0")} if debian else {"package": "lammps"}
        return {**where, "pair": ["pair_style eam/alloy", f"pair_coeff * * {EAM_COPPER} Cu"]}

    return Worker(label, "lammps", "lammps_library.py", steps, options, model=EAM_COPPER, system=debian)


def embedded(args, sizes):
    """The same potential in both programs, on more atoms, because it is far cheaper."""
    n = sizes.steps(100)
    return Case("eam", "Embedded atoms (Mishin et al. 2001), copper", "Cu", 4 if sizes.quick else 20, [
        Wigner("wigner", args.wigner, EAM_COPPER, n),
        eam("LAMMPS, Debian's", n, True),
        eam("LAMMPS, registry's", n, False),
    ])


def behler(args, sizes, element, cells):
    """A Behler–Parrinello network of the mlearn benchmark (`--nnp`) beside SNAP of the same
    authors and element."""
    n = sizes.steps(60)
    return Case(f"bp-{element.lower()}", f"Behler–Parrinello (Zuo et al. 2020), {element}", element, cells, [
        Wigner("wigner", args.wigner, os.path.join(args.nnp, element), n),
        snap("LAMMPS SNAP", element, "snap", args.snap, n),
        snap("LAMMPS qSNAP", element, "qsnap", args.snap, n),
    ])


def cases(args, sizes):
    def model(name):
        return os.path.join(args.models, name + ".pth")

    def wigner(label, name, steps, **more):
        return Wigner(label, args.wigner, model(name), sizes.steps(steps), **more)

    zero, l3i5, n = "sevennet-0", "sevennet-l3i5", sizes.large
    turns = sizes.steps(2)  # of the slow ones
    many = sizes.steps(100)  # of the cheap ones
    out = [
        Case("silicon", "SevenNet-0, silicon", "Si", sizes.silicon, [
            wigner("wigner, large", zero, 5, atoms=n),
            wigner("wigner", zero, 20),
            wigner("wigner, large, avx2", zero, 3, atoms=n, cpu="avx2"),
            wigner("wigner, generic", zero, 3, cpu="generic"),
            *sevennets(model(zero), turns, ACCELERATORS),
            snap("LAMMPS SNAP", "Si", "snap", args.snap, many),
            snap("LAMMPS qSNAP", "Si", "qsnap", args.snap, many),
        ]),
        Case("copper", "SevenNet-0, copper", "Cu", sizes.copper, [
            wigner("wigner, large", zero, 5, atoms=n, crystal="cu"),
            wigner("wigner", zero, 20),
            *sevennets(model(zero), turns),
            snap("LAMMPS SNAP", "Cu", "snap", args.snap, many),
            snap("LAMMPS qSNAP", "Cu", "qsnap", args.snap, many),
            eam("LAMMPS EAM, Debian's", many, True),
        ]),
        Case("l3i5", "SevenNet-l3i5, silicon", "Si", sizes.silicon, [
            wigner("wigner", l3i5, 10),
            wigner("wigner, large", l3i5, 5, atoms=n // 5),
            sevennet("SevenNet 0.10.4, ASE", "sevennet", model(l3i5), 1),
        ]),
        Case("small", "SevenNet-0, silicon, few atoms", "Si", 2, [
            wigner("wigner", zero, 50),
            sevennet("SevenNet 0.10.4, ASE", "sevennet", model(zero), 5),
        ]),
        mace(args, sizes, "medium", "128x0e+128x1o"),
        mace(args, sizes, "small", "128x0e"),
        embedded(args, sizes),
        Case("memory", "SevenNet-0, silicon: modes of memory", "Si", 2, [
            wigner(m, zero, 5, atoms=n, memory=m) for m in ("normal", "lean", "low")
        ]),
    ]
    if args.nnp:
        out += [behler(args, sizes, "Si", sizes.silicon), behler(args, sizes, "Cu", sizes.copper)]
    out += [board(args, sizes, e) for e in MASS]
    if args.prototype:
        out.append(Case("prototype", "SevenNet-0, silicon: beside the C prototype", "Si", sizes.silicon, [
            Prototype(args.prototype, sizes.prototype),
            *(wigner(f"wigner, {m}", zero, 5, atoms=n, memory=m) for m in ("normal", "lean")),
            sevennet("SevenNet 0.10.4, ASE", "sevennet", model(zero), turns),
        ]))
    return out


def board(args, sizes, element):
    """The two models that wigner carries for an element beside SNAP and qSNAP of the same
    element, whose authors' data both were fitted to."""
    cells = 4 if element in ("Si", "Ge") else 5 if element in ("Cu", "Ni") else 7
    many, name = sizes.steps(100), element.lower()
    return Case("board-" + name, f"Models on board, {element}", element, 2 if sizes.quick else cells, [
        Wigner("wigner, fast", args.wigner, name + "-fast", many),
        Wigner("wigner, accurate", args.wigner, name + "-accurate", sizes.steps(30)),
        snap("LAMMPS SNAP", element, "snap", args.snap, many),
        snap("LAMMPS qSNAP", element, "qsnap", args.snap, many),
    ])


def mace(args, sizes, size, hidden):
    """A MACE of random weights, which the workers make."""
    file = os.path.join(environments.folder(), f"mace-{size}-agnostic-random.model")

    def worker(label, script):
        return Worker(label, "mace", script, sizes.steps(2), {"model": file, "hidden": hidden}, model=file)

    return Case("mace" if size == "medium" else "mace-" + size, f"MACE {hidden}, silicon", "Si", sizes.silicon, [
        worker(MACE_TORCH, "mace_torch.py"), Wigner("wigner", args.wigner, file, sizes.steps(20)),
        Wigner("wigner, large", args.wigner, file, sizes.steps(5), atoms=sizes.large // 2),
        worker(SYMMETRIX, "symmetrix_ase.py"),
    ])
