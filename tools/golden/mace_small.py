"""Small MACE models with random weights, of the variants that testdata/mace does not have, and what mace-torch
computes with them in double precision.

    export TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1   (e3nn 0.4.4 with torch 2.6 or newer)
    python tools/golden/mace_small.py potential/mace/testdata            all variants
    python tools/golden/mace_small.py DIR NAME…                          these (with another release of mace-torch)

Needs mace-torch (made with 0.3.16, e3nn 0.4.4, torch 2.15.0), ase. Every model is saved by torch.save as a whole, as
mace's training does; the archive is then compressed and the compiled code's text stays in it.
"""
import inspect
import os
import sys
import zipfile

import ase
import numpy as np
import torch
from e3nn import o3
from mace import modules
from mace.calculators import MACECalculator

B = modules.interaction_classes
RES, DRES, PLAIN, DPLAIN = (B.get("RealAgnostic" + n + "InteractionBlock") for n in ("Residual", "DensityResidual", "", "Density"))
NONLINEAR = B.get("RealAgnosticResidualNonLinearInteractionBlock")

BASE = dict(r_max=4.2, num_bessel=5, num_polynomial_cutoff=5, max_ell=2, interaction_cls=RES, interaction_cls_first=RES,
            num_interactions=2, hidden_irreps="8x0e+8x1o", MLP_irreps="6x0e", avg_num_neighbors=9.3, correlation=2,
            gate=torch.nn.functional.silu, radial_MLP=[8, 8], radial_type="bessel")

VARIANTS = {
    "three-layers": dict(num_interactions=3, hidden_irreps="4x0e+4x1o+4x2e", interaction_cls_first=PLAIN),
    "one-layer": dict(num_interactions=1, hidden_irreps="8x0e", max_ell=3, correlation=3),
    "order-4": dict(max_ell=1, correlation=4),
    "later-plain": dict(interaction_cls=PLAIN, interaction_cls_first=RES),
    "unshifted": dict(cls="MACE", pair_repulsion=True, distance_transform="Agnesi", interaction_cls=DRES, interaction_cls_first=DPLAIN),
    "cutoff-apart": dict(apply_cutoff=False, interaction_cls=DRES, interaction_cls_first=DRES, pair_repulsion=True, use_last_readout_only=True),
    "non-linear": dict(interaction_cls=NONLINEAR, interaction_cls_first=NONLINEAR, num_interactions=3, hidden_irreps="8x0e+8x1o",
                       edge_irreps=o3.Irreps("4x0e+4x1o"), apply_cutoff=False, use_agnostic_product=True, distance_transform="Agnesi",
                       readout="NonLinearBiasReadoutBlock", heads=["a", "b"]),
    "tanh": dict(hidden_irreps="4x0e", max_ell=1, gate=torch.tanh),  # pickled by getattr
    "old": dict(num_bessel=4),  # what the oldest release that installs can make
}


def build(name, seed=1, zs=(1, 8), dtype=torch.float64):
    torch.set_default_dtype(dtype)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    kw = dict(BASE, **VARIANTS[name])
    cls = kw.pop("cls", "ScaleShiftMACE")
    heads = kw.get("heads", ["Default"])
    kw["hidden_irreps"], kw["MLP_irreps"] = o3.Irreps(kw["hidden_irreps"]), o3.Irreps(kw["MLP_irreps"])
    if "readout" in kw:
        kw["readout_cls"] = getattr(modules.blocks, kw.pop("readout"))
    kw.update(num_elements=len(zs), atomic_numbers=list(zs), atomic_energies=rng.uniform(-6, -1, (len(heads), len(zs))))
    if cls == "ScaleShiftMACE":
        kw.update(atomic_inter_scale=rng.uniform(0.7, 1.2, len(heads)), atomic_inter_shift=rng.uniform(-0.2, 0.2, len(heads)))
    known = set(inspect.signature(modules.MACE.__init__).parameters) | {"atomic_inter_scale", "atomic_inter_shift"}
    if "heads" not in known:  # releases of one head
        kw["atomic_energies"] = kw["atomic_energies"][0]
        for k in ("atomic_inter_scale", "atomic_inter_shift"):
            kw[k] = float(kw[k][0])
    kw = {k: v for k, v in kw.items() if k in known}
    if getattr(modules, cls) and "heads" in known:
        kw["heads"] = heads
    model = getattr(modules, cls)(**kw)
    with torch.no_grad():  # what begins at zero or one would hide mistakes
        for n, p in model.named_parameters():
            if n.endswith("bias") or n.endswith("beta") or "net.1." in n or "net.4." in n or "embedding" in n and "node" not in n:
                if p.numel():
                    p.add_(0.3 * torch.randn_like(p))
        for n, p in model.named_parameters():
            if n.endswith("beta"):
                p.copy_(torch.tensor(0.7))
            if n.endswith("alpha"):
                p.copy_(torch.tensor(3.1))
    return model, heads


def structures(zs=(1, 8), seed=3):
    rng = np.random.default_rng(seed)
    out = [ase.Atoms("OH2", [(0, 0, 0.119), (0, 0.763, -0.477), (0, -0.763, -0.477)])]
    for n, edge in ((6, 4.4), (3, 2.6)):
        cell = np.diag([edge, edge * 1.1, edge * 0.95])
        cell[1, 0], cell[2, 1] = 0.3, -0.4
        x, tries = [], 0
        while len(x) < n:
            p = rng.random(3) @ cell
            tries += 1
            images = [p + np.array(s) @ cell for s in np.ndindex(3, 3, 3)]
            if all(np.linalg.norm(q - np.array([1, 1, 1]) @ cell - y) > 1.3 - tries * 2e-4 for y in x for q in images):
                x.append(p)
        out.append(ase.Atoms(numbers=rng.choice(zs, n), positions=x, cell=cell, pbc=True))
    out.append(ase.Atoms("H", [(1.0, 2.0, 3.0)]))
    return out


def write(path, frames, model, heads, zs):
    for h in heads:
        kw = {"head": h} if len(heads) > 1 else {}
        calc = MACECalculator(model_paths=[path + ".model"], device="cpu", default_dtype="float64", **kw)
        name = path + (f"-{h}" if len(heads) > 1 else "") + ".extxyz"
        with open(name, "w") as f:
            for k, a in enumerate(frames):
                a = a.copy()
                calc.calculate(a, ["energy", "forces", "stress"])
                r = calc.results
                f.write(f"{len(a)}\n")
                if a.pbc.all():
                    f.write('Lattice="' + " ".join(f"{v:.10f}" for v in a.cell.flatten()) + '" ')
                    s = r["stress"]
                    full = [s[0], s[5], s[4], s[5], s[1], s[3], s[4], s[3], s[2]]
                    f.write('REF_stress="' + " ".join(f"{v:.12f}" for v in full) + '" ')
                f.write("Properties=species:S:1:pos:R:3:REF_forces:R:3:REF_energies:R:1 pbc=\"" + " ".join("FT"[int(p)] for p in a.pbc)
                        + f"\" name={k} REF_energy={r['energy']:.12f}\n")
                e = np.array(r["energies"] if "energies" in r else r["node_energy"])
                e0 = model.atomic_energies_fn.atomic_energies.detach().numpy().reshape(-1, len(zs))[heads.index(h)]
                e0 = np.array([e0[list(zs).index(z)] for z in a.numbers])
                # some releases give them without E0, 0.3.3 with it taken off twice
                e = next(e + k * e0 for k in range(3) if abs((e + k * e0).sum() - r["energy"]) < 1e-9)
                for z, x, g, v in zip(a.symbols, a.positions, r["forces"], e):
                    f.write(f"{z} " + " ".join(f"{c:.10f}" for c in x) + " " + " ".join(f"{c:.12f}" for c in g) + f" {v:.12f}\n")


def rounded(frames):
    for a in frames:
        a.positions = np.round(a.positions, 10)
        a.set_cell(np.round(np.array(a.cell), 10))
    return frames


def pack(path):
    """Writes the archive anew, compressed."""
    with zipfile.ZipFile(path) as z:
        entries = [(n, z.read(n)) for n in z.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for n, b in entries:
            z.writestr(zipfile.ZipInfo(n, (2000, 1, 1, 0, 0, 0)), b, zipfile.ZIP_DEFLATED, 9)


def main(out, *names):
    os.makedirs(out, exist_ok=True)
    for k, name in enumerate(names or [n for n in VARIANTS if n != "old"]):
        model, heads = build(name, 20 + k)
        path = os.path.join(out, name)
        torch.save(model, path + ".model")
        write(path, rounded(structures()), model, heads, (1, 8))
        pack(path + ".model")
        print(name, sum(p.numel() for p in model.parameters()), os.path.getsize(path + ".model"))


if __name__ == "__main__":
    main(*sys.argv[1:])
