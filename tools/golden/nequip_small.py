#!/usr/bin/env python3
"""Make small NequIP checkpoints and a package in potential/nequip/testdata, and what nequip computes with them in float64.

The checkpoints come from `nequip-train` itself, one epoch on a few made-up frames, so the weights are as good as random; the
package comes from `nequip-package`, its Python sources taken out (wigner reads none). Not run by any test:

    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip install nequip==0.19.1 sevenn==0.13.0   # sevenn only because sevennet_tiny.py imports it
    /tmp/venv/bin/python tools/golden/nequip_small.py potential/nequip/testdata [name ...]
"""

import copy
import datetime
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

import ase.io
import e3nn
import nequip
import numpy as np
import torch
import yaml
from ase.calculators.singlepoint import SinglePointCalculator
from nequip.data import AtomicDataDict as KEY
from nequip.train.lightning import NequIPLightningModule
from nequip.utils.global_state import set_global_state

import sevennet_tiny as tiny

TYPES = ['Si', 'O']  # not in the order of their numbers
MODEL = dict(
    _target_='nequip.model.NequIPGNNModel', seed=1, model_dtype='float32', type_names=TYPES, r_max=4.0, l_max=2, parity=False,
    num_layers=3, num_features=[6, 4, 3], radial_mlp_depth=1, radial_mlp_width=8, num_bessels=6, polynomial_cutoff_p=6,
    avg_num_neighbors=12.0, per_type_energy_shifts={'Si': -4.5, 'O': -2.25}, per_type_energy_scales={'Si': 1.5, 'O': 0.75},
)
ZBL = dict(_target_='nequip.nn.pair_potential.ZBL', units='metal', chemical_species=TYPES, polynomial_cutoff_p=6.0)


def with_(**changes):
    model = copy.deepcopy(MODEL)
    model.update(changes)
    return model


# name -> (model, training module)
MODELS = {
    # The form of the published potentials: natural parity only, one hidden radial layer, another width of the embedding, ZBL.
    'nequip-natural': (with_(type_embed_num_features=5, pair_potential=ZBL), 'NequIPLightningModule'),
    # Both parities, two hidden radial layers, neighbours by type, trained Bessel functions and shifts, averaged weights.
    'nequip-parity': (with_(seed=2, parity=True, num_features=4, radial_mlp_depth=2, bessel_trainable=True, polynomial_cutoff_p=5,
                            avg_num_neighbors={'Si': 9.0, 'O': 16.0}, per_type_energy_shifts_trainable=True), 'EMALightningModule'),
    # A multi-layer readout, orders up to 3, no hidden radial layer, double precision, one shift, no scale.
    'nequip-readout': (with_(seed=3, l_max=3, num_features=[5, 3, 2, 2], radial_mlp_depth=0, readout_mlp_hidden_layers_depth=2,
                             readout_mlp_hidden_layers_width=7, model_dtype='float64', per_type_energy_shifts=-3.5,
                             per_type_energy_scales=None), 'NequIPLightningModule'),
    # A deep linear readout, one layer.
    'nequip-linear': (with_(seed=4, num_layers=1, readout_mlp_hidden_layers_depth=1, readout_mlp_nonlinearity=None), 'NequIPLightningModule'),
    # The first layer keeps its self connection; one type.
    'nequip-shift': (dict(with_(seed=5, type_names=['Si'], l_max=1, num_layers=2, per_type_energy_shifts={'Si': -4.0}, per_type_energy_scales={'Si': 1.0}),
                          num_features=[4, 3], learnable_shift=True), 'NequIPLightningModule'),
    # Odd scalars, which appear behind the third layer (and would reach the energy behind the sixth).
    'nequip-odd': (with_(seed=6, parity=True, num_layers=4, l_max=1, num_features=[4, 3]), 'NequIPLightningModule'),
    # Six layers, so that they do reach it, through tanh.
    'nequip-odd-six': (with_(seed=8, parity=True, num_layers=6, l_max=1, num_features=[3, 2], radial_mlp_width=4, num_bessels=4), 'NequIPLightningModule'),
    # The file as nequip-train wrote it, with the states of optimizer, loops and callbacks.
    'nequip-untouched': (with_(seed=7, num_layers=2, l_max=1, num_features=[6, 4]), 'EMALightningModule'),
}
UNTOUCHED = ['nequip-untouched']
LOUDER = {'nequip-odd-six': 6}  # times this, else odd scalars change the energy by rounding alone
PACKAGES = ['nequip-parity', 'nequip-natural', 'nequip-readout', 'nequip-linear', 'nequip-odd', 'nequip-odd-six']


def config(name, model, module, folder):
    optimizer = dict(_target_='torch.optim.Adam', lr=0.02) if name in UNTOUCHED else dict(_target_='torch.optim.SGD', lr=1e-4)
    loader = dict(_target_='torch.utils.data.DataLoader', batch_size=2)
    types = model['type_names']
    return dict(
        run=['train'], data=dict(
            _target_='nequip.data.datamodule.ASEDataModule', seed=1, split_dataset={'file_path': os.path.join(folder, 'data.xyz'), 'train': 2, 'val': 2},
            transforms=[dict(_target_='nequip.data.transforms.ChemicalSpeciesToAtomTypeMapper', model_type_names=types,
                             chemical_species_to_atom_type_map={t: t for t in types}),
                        dict(_target_='nequip.data.transforms.NeighborListTransform', r_max=model['r_max'])],
            train_dataloader=loader, val_dataloader=loader),
        trainer=dict(_target_='lightning.Trainer', max_epochs=1, accelerator='cpu', logger=False, enable_progress_bar=False,
                     callbacks=[dict(_target_='lightning.pytorch.callbacks.ModelCheckpoint', dirpath=folder, filename='last')]),
        training_module=dict(_target_='nequip.train.' + module,
                             loss=dict(_target_='nequip.train.EnergyForceLoss', per_atom_energy=True, coeffs=dict(total_energy=1.0, forces=1.0)),
                             val_metrics=dict(_target_='nequip.train.EnergyForceMetrics', coeffs=dict(total_energy_mae=1.0, forces_mae=1.0)),
                             optimizer=optimizer, model=model))


def train(name, model, module, folder):
    frames = []
    rng = np.random.default_rng(3)
    for atoms in [a for k, a in tiny.structures().items() if set(a.symbols) <= set(model['type_names']) and k != 'oxygen_atom_no_cell'][:2] * 2:
        atoms = atoms.copy()
        atoms.calc = SinglePointCalculator(atoms, energy=-3.0 * len(atoms), forces=rng.normal(0, 1, (len(atoms), 3)))
        frames.append(atoms)
    ase.io.write(os.path.join(folder, 'data.xyz'), frames, format='extxyz')
    with open(os.path.join(folder, 'config.yaml'), 'w') as w:
        yaml.safe_dump(config(name, model, module, folder), w)
    subprocess.run([os.path.join(os.path.dirname(sys.executable), 'nequip-train'), '-cp', folder, '-cn', 'config', 'hydra.run.dir=' + folder],
                   check=True, cwd=folder)
    return os.path.join(folder, 'last.ckpt')


def strengthen(name, path):
    """So that neighbours matter: the radial networks of a model without training give little."""
    ck = torch.load(path, map_location='cpu', weights_only=False)
    ck['optimizer_states'], ck['lr_schedulers'], ck['loops'], ck['callbacks'] = [], [], {}, {}
    rng = torch.Generator().manual_seed(5)
    for k, v in ck['state_dict'].items():
        if 'edge_mlp' in k and '.mlp.0.' in k:
            v.mul_(2)
        if 'edge_mlp' in k and '.mlp.2.' in k:
            v.mul_(LOUDER.get(name, 1))
        if 'ema_weight' in k:  # averaged weights that are not the others
            v.mul_(1 + 0.2 * torch.rand(v.shape, generator=rng, dtype=v.dtype))
        if 'bessel_weights' in k:
            v.add_(0.1 * torch.rand(v.shape, generator=rng, dtype=v.dtype))
    return ck


def load_double(ck):
    """nequip's evaluation model in float64, the file's numbers widened."""
    set_global_state()
    ck = copy.deepcopy(ck)
    ck['hyper_parameters']['model']['model_dtype'] = 'float64'
    module = getattr(nequip.train, ck['hyper_parameters']['info_dict']['training_module']['_target_'].split('.')[-1])
    net = module(**ck['hyper_parameters'])
    own = net.state_dict()
    for k, v in ck['state_dict'].items():  # couplings in double: those of this build
        if '_w3j' not in k and torch.is_tensor(v) and v.dtype == torch.float32:
            v = v.double()
        ck['state_dict'][k] = own[k] if '_w3j' in k else v
    net.load_state_dict(ck['state_dict'])
    graph = net.evaluation_model['sole_model']
    graph.eval()
    return graph


def evaluate(graph, cutoff, atoms, modal=None):
    idx, vec = tiny.edges(atoms, cutoff)
    vec = torch.tensor(vec, dtype=torch.float64, requires_grad=True)
    data = {KEY.ATOM_TYPE_KEY: torch.tensor([graph.type_names.index(s) for s in atoms.symbols]), KEY.EDGE_INDEX_KEY: torch.tensor(idx),
            KEY.EDGE_VECTORS_KEY: vec, KEY.POSITIONS_KEY: torch.tensor(atoms.positions)}
    out = graph.model.func(data)
    e = out[KEY.PER_ATOM_ENERGY_KEY].reshape(-1)
    g = torch.zeros_like(vec) if len(vec) == 0 else torch.autograd.grad(e.sum(), vec)[0]
    f = np.zeros((len(atoms), 3))
    np.add.at(f, idx[0], g.numpy())
    np.add.at(f, idx[1], -g.numpy())
    s = None
    if np.array(atoms.cell).any():
        s = (vec.detach().numpy().T @ g.numpy()) / abs(np.linalg.det(atoms.cell))
        s = (s + s.T) / 2
    e = e.detach().numpy()
    return e.sum(), e, f, s, idx.shape[1]


def without_sources(path, out):
    """The package without its Python sources and the second form of the model, compressed; the pickle is as it was."""
    with zipfile.ZipFile(path) as z, zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as w:
        for i in z.infolist():
            if not i.filename.endswith(('.py', 'config.yaml', 'compile_model.pkl', 'example_data.pkl')):
                w.writestr(i.filename, z.read(i))


def main(out, *names):
    tiny.evaluate = evaluate
    for name in names or MODELS:
        model, module = MODELS[name]
        with tempfile.TemporaryDirectory() as folder:
            path = train(name, model, module, folder)
            file = os.path.join(out, name + '.ckpt')
            if name in UNTOUCHED:
                shutil.copy(path, file)
            else:
                torch.save(strengthen(name, path), file)
            graph = load_double(torch.load(file, map_location='cpu', weights_only=False))
            print('%s: %d bytes' % (file, os.path.getsize(file)))
            head = 'model=%s program="nequip %s, e3nn %s, torch %s, float64" command="tools/golden/nequip_small.py" date=%s' % (
                name, nequip.__version__, e3nn.__version__, torch.__version__.split('+')[0], datetime.date.today().isoformat())
            known = {ase.data.atomic_numbers[t] for t in model['type_names']}
            with open(os.path.join(out, name + '.extxyz'), 'w') as w:
                w.write(tiny.golden(graph, model['r_max'], known, head))
            if name in PACKAGES:
                package = os.path.join(folder, 'p.nequip.zip')
                subprocess.run([os.path.join(os.path.dirname(sys.executable), 'nequip-package'), 'build', file, package], check=True, cwd=folder)
                without_sources(package, os.path.join(out, name + '.nequip.zip'))


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
