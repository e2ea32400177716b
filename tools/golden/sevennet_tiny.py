#!/usr/bin/env python3
"""Make the small SevenNet checkpoints of testdata/sevennet-tiny and what the original program computes with them.

The weights are random (seeded); the layout is that of the published checkpoints. Energies, atomic
energies, forces and stress come from sevenn's own model in float64. Edges are found here by a plain
loop over images. Not run by any test; run it by hand in a throw-away environment:

    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip install sevenn==0.10.4 e3nn==0.4.4 'numpy<2' 'setuptools<81'
    TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 /tmp/venv/bin/python tools/golden/sevennet_tiny.py testdata/sevennet-tiny

e3nn 0.4.4 is the release whose couplings and normalisation constants the published models were trained
with; later releases have other signs. With --check CHECKPOINT FILE.extxyz nothing is written: the
REF_* numbers of FILE are compared with those computed here.
"""

import argparse
import copy
import datetime
import os
import re
import sys

import ase
import ase.build
import ase.io
import e3nn
import numpy as np
import sevenn
import sevenn._keys as KEY
import sevenn.nn.node_embedding
import torch
from sevenn.model_build import build_E3_equivariant_model
from sevenn.parse_input import init_data_config, init_model_config, init_train_config

torch.set_num_threads(1)

MANUAL = ['8x0e', '8x0e+4x1e+4x2e', '8x0e+4x1e+4x2e', '8x0e']
BASE = dict(
    chemical_species='Cu, H, O, Si', cutoff=5.0, channel=8, lmax=2, num_convolution_layer=3, irreps_manual=MANUAL,
    weight_nn_hidden_neurons=[64, 64], radial_basis={'radial_basis_name': 'bessel', 'bessel_basis_num': 8},
    cutoff_function={'cutoff_function_name': 'XPLOR', 'cutoff_on': 4.5}, is_parity=False,
    self_connection_type='linear', conv_denominator=6.0,
)


def with_(**changes):
    config = copy.deepcopy(BASE)
    config.update(changes)
    return config


# name -> (model section of the input file, options)
MODELS = {
    # SevenNet-0's form, small.
    'linear-l2': (with_(), dict(seed=1, radial=5)),
    # SevenNet-l3i5's form, small: lmax 3, polynomial cutoff, a denominator of its own in each layer.
    'linear-l3': (with_(
        lmax=3, irreps_manual=['8x0e', '8x0e+4x1e+4x2e+2x3e', '8x0e+4x1e+4x2e+2x3e', '8x0e'],
        weight_nn_hidden_neurons=[16, 16], cutoff_function={'cutoff_function_name': 'poly_cut', 'poly_cut_p_value': 6},
    ), dict(seed=2, denominators=[5.5, 6.5, 7.5])),
    # Parity, species-wise self connection, irreps found by the program, one shift and scale, two elements;
    # the optimizer's state is in the file.
    'parity-nequip': (with_(
        chemical_species='O, Si', cutoff=4.0, channel=4, lmax=2, irreps_manual=False, is_parity=True,
        self_connection_type='nequip', weight_nn_hidden_neurons=[16, 16],
        cutoff_function={'cutoff_function_name': 'poly_cut', 'poly_cut_p_value': 6},
    ), dict(seed=3, species_wise=False, optimizer_state=True)),
    # The form of the file of 22 May 2024: old names, harmonics of the raw vector, couplings (1,2,2) negated.
    'old-names': (with_(weight_nn_hidden_neurons=[16, 16]), dict(seed=4, old=True, radial=2.5)),
    # Five layers.
    'five-layers': (with_(
        num_convolution_layer=5, weight_nn_hidden_neurons=[16, 16],
        irreps_manual=['8x0e'] + 4 * ['8x0e+4x1e+2x2e'] + ['8x0e'],
    ), dict(seed=5, radial=4)),
    # lmax of the harmonics above lmax of the features, species-wise self connection without parity.
    'edge-node-lmax': (with_(
        lmax=2, lmax_edge=2, lmax_node=1, channel=4, irreps_manual=False, self_connection_type='nequip',
        weight_nn_hidden_neurons=[16, 16],
    ), dict(seed=6)),
}


def make_config(model, options):
    config = init_model_config(copy.deepcopy(model))
    config.update(init_train_config(dict(random_seed=1, epoch=1, is_train_stress=True)))
    config.update(init_data_config(dict(batch_size=1, data_divide_ratio=0.1)))
    config['version'] = sevenn.__version__
    rng = np.random.default_rng(100 + options['seed'])
    n = config[KEY.NUM_SPECIES]
    if options.get('species_wise', True):  # as numpy arrays and lists: both are met
        config[KEY.SHIFT] = rng.uniform(-6, -1, n).astype(np.float32)
        config[KEY.SCALE] = rng.uniform(0.8, 1.6, n).tolist()
    else:
        config[KEY.SHIFT], config[KEY.SCALE] = -3.25, 1.375
    if 'denominators' in options:
        config[KEY.CONV_DENOMINATOR] = options['denominators']
    return config


def make_checkpoint(model, options):
    """A checkpoint with random weights: e3nn's own start, N(0,1), which gives features of order one."""
    torch.manual_seed(options['seed'])
    config = make_config(model, options)
    net = build_E3_equivariant_model(config)
    with torch.no_grad():
        c = net._modules['edge_embedding'].basis_function.coeffs
        c.mul_(1 + 0.1 * torch.rand_like(c))  # as if trained
        for name, p in net.named_parameters():
            if name.endswith('weight_nn.layer0.weight'):
                p.mul_(options.get('radial', 8))  # the radial basis is of order 0.1: so that neighbours matter as in a trained model
    state = net.state_dict()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    if options.get('optimizer_state'):
        for p in net.parameters():
            p.grad = torch.ones_like(p)
        optimizer.step()
        state = net.state_dict()
    if options.get('old'):
        state, config = make_old(state, config)
    return {
        'model_state_dict': state,
        'optimizer_state_dict': optimizer.state_dict(),
        'scheduler_state_dict': None,
        'epoch': 1,
        'config': config,
    }


def make_old(state, config):
    """Rename to the names of files of May 2024 and negate the couplings that had the other sign then."""
    def rename(k):
        head, _, tail = k.partition('.')
        head = {'edge_embedding': 'EdgeEmbedding', 'reduce_input_to_hidden': 'reducing nn input to hidden',
                'reduce_hidden_to_energy': 'reducing nn hidden to energy',
                'rescale_atomic_energy': 'rescale atomic energy'}.get(head, head)
        head = re.sub(r'^(\d+)_(self_connection_intro|convolution|self_interaction_2|equivariant_gate)$',
                      lambda m: m[1] + ' ' + m[2].replace('_', ' '), head)
        return head + '.' + tail.replace('denominator', 'denumerator')
    new = type(state)()
    for k, v in state.items():
        new[rename(k)] = -v if is_flipped(k) else v
    new._metadata = state._metadata
    config = dict(config)
    config['version'] = '0.9.1'
    del config[KEY._NORMALIZE_SPH], config[KEY.CONV_DENOMINATOR], config[KEY.TRAIN_DENOMINTAOR]
    config['cutoff_function']['poly_cut_p_value'] = 6  # a stray key of those files
    config['avg_num_neigh'] = [36.0] * config[KEY.NUM_CONVOLUTION]
    return new, config


def is_flipped(name):
    m = re.search(r'_w3j_(\d)_(\d)_(\d)$', name)
    return m is not None and sorted(m.groups()) == ['1', '2', '2']


class Double(torch.nn.Module):
    """The one-hot layer in float64; the original one has .float() in it."""
    def __init__(self, old):
        super().__init__()
        self.num_classes = old.num_classes

    def forward(self, data):
        inp = data[KEY.NODE_FEATURE]
        embedded = torch.nn.functional.one_hot(inp, self.num_classes).double()
        data[KEY.NODE_FEATURE], data[KEY.NODE_ATTR], data[KEY.ATOM_TYPE] = embedded, embedded, inp
        return data


def load_double(checkpoint):
    """sevenn's model in float64: the file's float32 weights widened, the couplings computed in double."""
    from sevenn.util import _map_old_model, _patch_old_config  # elsewhere from 0.11 on

    config = _patch_old_config(copy.deepcopy(checkpoint['config']))
    for k, v in sevenn._const.DEFAULT_E3_EQUIVARIANT_MODEL_CONFIG.items():
        config.setdefault(k, v)
    state = _map_old_model(checkpoint['model_state_dict'])
    couplings = {k: state.pop(k) for k in list(state) if '_w3j_' in k}
    torch.set_default_dtype(torch.float64)
    try:
        net = build_E3_equivariant_model(config)
    finally:
        torch.set_default_dtype(torch.float32)
    missing, surplus = net.load_state_dict(state, strict=False)
    assert not surplus, surplus
    assert all('_w3j_' in k for k in missing), missing
    net = net.double()
    for name, buffer in net.named_buffers():
        if '_w3j_' in name:
            assert buffer.dtype == torch.float64
            stored = couplings[name].double()
            sign = torch.sign((buffer * stored).sum())
            buffer.mul_(sign)
            assert (buffer - stored).abs().max() < 1e-7, name
    net.replace_module('onehot_idx_to_onehot', Double(net._modules['onehot_idx_to_onehot']))
    net.set_is_batch_data(False)
    net.eval()
    return net, config[KEY.CUTOFF], {int(z) for z in config[KEY.TYPE_MAP]}


def edges(atoms, cutoff):
    """All pairs (i, j, image) with 0 < r < cutoff, by trying them all."""
    x, cell = atoms.positions, np.array(atoms.cell)
    spread = np.ptp(x, axis=0).max() + cutoff
    n = [0, 0, 0]
    for k in range(3):
        if atoms.pbc[k]:
            height = atoms.cell.volume / np.linalg.norm(np.cross(cell[(k + 1) % 3], cell[(k + 2) % 3]))
            n[k] = int(np.ceil(spread * np.sqrt(3) / height)) + 1
    shift = np.stack(np.meshgrid(*[np.arange(-m, m + 1) for m in n], indexing='ij'), -1).reshape(-1, 3) @ cell
    src, dst, vec = [], [], []
    for i in range(len(atoms)):
        for j in range(len(atoms)):
            d = x[j] + shift - x[i]
            r = np.linalg.norm(d, axis=1)
            for v in d[(r < cutoff) & (r > 1e-8)]:
                src.append(i)
                dst.append(j)
                vec.append(v)
    return np.array([src, dst], dtype=np.int64).reshape(2, -1), np.array(vec, dtype=float).reshape(-1, 3)


def evaluate(net, cutoff, atoms, modal=None):
    """Energy, atomic energies, forces, 3x3 stress (ASE's sign; None without a cell), number of edges."""
    idx, vec = edges(atoms, cutoff)
    has_cell = bool(np.array(atoms.cell).any())
    data = {
        KEY.ATOMIC_NUMBERS: torch.tensor(atoms.numbers, dtype=torch.int64),
        KEY.EDGE_IDX: torch.tensor(idx), KEY.EDGE_VEC: torch.tensor(vec),
        KEY.NUM_ATOMS: torch.tensor(len(atoms)),
        KEY.CELL_VOLUME: torch.tensor(abs(np.linalg.det(atoms.cell)) if has_cell else 1.0, dtype=torch.float64),
    }
    if modal is not None:
        net.eval_modal_map = False
        data[KEY.MODAL_TYPE] = torch.tensor(net.modal_map[modal])
    out = net(data)
    e = out[KEY.ATOMIC_ENERGY].detach().numpy().reshape(-1)
    f = out[KEY.PRED_FORCE].detach().numpy()
    s = None
    if has_cell:
        xx, yy, zz, xy, yz, zx = -out[KEY.PRED_STRESS].detach().numpy()
        s = np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]])
    return e.sum(), e, f, s, idx.shape[1]


def structures():
    rng = np.random.default_rng(7)

    def rattled(atoms, sigma):
        atoms.positions += rng.normal(0, sigma, (len(atoms), 3))
        return atoms

    def strained(atoms, size):
        atoms.set_cell(np.array(atoms.cell) @ (np.eye(3) + rng.uniform(-size, size, (3, 3))), scale_atoms=True)
        return atoms

    quartz = ase.Atoms('Si3O6', cell=ase.geometry.cellpar_to_cell([4.92, 4.92, 5.41, 90, 90, 120]), pbc=True,
                       scaled_positions=[[.47, 0, 0], [0, .47, 2 / 3], [.53, .53, 1 / 3], [.414, .267, .119],
                                         [.733, .147, .786], [.853, .586, .452], [.267, .414, .881],
                                         [.147, .733, .214], [.586, .853, .548]])
    slab = ase.build.fcc111('Cu', (2, 2, 3), a=3.61, vacuum=6.0)
    slab.pbc = (True, True, False)
    ase.build.add_adsorbate(slab, 'O', 1.2, 'fcc')
    si_slab = ase.build.diamond100('Si', (2, 1, 4), a=5.43, vacuum=6.0)
    si_slab.pbc = (True, True, False)
    ase.build.add_adsorbate(si_slab, 'O', 1.3, (1.0, 1.0))
    unwrapped = rattled(ase.build.bulk('Si', 'diamond', a=5.43, cubic=True), 0.1)
    unwrapped.positions[2] += 3 * np.array(unwrapped.cell[0]) - np.array(unwrapped.cell[2])
    unwrapped.positions[5] -= 2 * np.array(unwrapped.cell[1])
    return {
        'cu_fcc_1': strained(ase.build.bulk('Cu', 'fcc', a=3.61), 0.04),  # far smaller than the cutoff
        'si_primitive_2': rattled(strained(ase.build.bulk('Si', 'diamond', a=5.43), 0.04), 0.05),
        'sio2_quartz_9': rattled(strained(quartz, 0.03), 0.05),
        'si_diamond_8_unwrapped': unwrapped,
        'cu_o_slab': rattled(slab, 0.05),
        'si_o_slab': rattled(si_slab, 0.05),
        'water_no_cell': rattled(ase.build.molecule('H2O'), 0.05),
        'ozone_no_cell': rattled(ase.build.molecule('O3'), 0.05),
        'oxygen_atom_no_cell': ase.Atoms('O'),
    }


def golden(net, cutoff, known, head, modal=None):
    """The structures with elements of the model, with REF_* numbers."""
    frames = []
    for name, atoms in structures().items():
        if not set(int(z) for z in atoms.numbers) <= known:
            continue
        atoms.positions = atoms.positions.round(8)
        atoms.cell = np.array(atoms.cell).round(8)
        e, ei, f, s, n = evaluate(net, cutoff, atoms, modal)
        lines = [str(len(atoms))]
        comment = ''
        if s is not None:
            comment = 'Lattice="%s" ' % ' '.join('%.8f' % v for v in np.array(atoms.cell).reshape(-1))
        comment += 'Properties=species:S:1:pos:R:3:REF_forces:R:3:REF_energies:R:1 name=%s n_edges=%d REF_energy=%r' % (
            name, n, float(e))
        if s is not None:
            comment += ' REF_stress="%s"' % ' '.join(repr(float(v)) for v in s.reshape(-1))
        comment += ' ' + head + ' pbc="%s"' % ' '.join('FT'[int(p)] for p in atoms.pbc)
        lines.append(comment)
        for a, x, fi, en in zip(atoms.symbols, atoms.positions, f, ei):
            lines.append(' '.join([a] + ['%.8f' % v for v in x] + [repr(float(v)) for v in fi] + [repr(float(en))]))
        frames.append('\n'.join(lines) + '\n')
        print('%-24s %3d atoms %5d edges  E = %.6f  max |F| = %.3f' % (name, len(atoms), n, e, np.abs(f).max()))
    return ''.join(frames)


def check(checkpoint, file):
    net, cutoff, _ = load_double(torch.load(checkpoint, map_location='cpu', weights_only=False))
    worst = np.zeros(4)
    for atoms in ase.io.read(file, ':'):
        e, ei, f, s, n = evaluate(net, cutoff, atoms)
        d = [abs(e - atoms.info['REF_energy']) / len(atoms), np.abs(ei - atoms.arrays['REF_energies']).max(),
             np.abs(f - atoms.arrays['REF_forces']).max(),
             0 if s is None else np.abs(s.reshape(-1) - np.array(atoms.info['REF_stress']).reshape(-1)).max()]
        assert n == atoms.info['n_edges'], (n, atoms.info['n_edges'])
        worst = np.maximum(worst, d)
    print('largest differences: energy %.1e eV/atom, atomic energy %.1e eV, force %.1e eV/Å, stress %.1e eV/Å³' % tuple(worst))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--check', nargs=2, metavar=('CHECKPOINT', 'FILE'))
    parser.add_argument('out', nargs='?')
    args = parser.parse_args()
    if args.check:
        return check(*args.check)
    assert e3nn.__version__ == '0.4.4', 'e3nn is %s, see the head of this file' % e3nn.__version__
    date = datetime.date.today().isoformat()
    tensors = ['# file, tensor, shape, sum of the elements, sum of (i+1) * element i in row-major order']
    for name, (model, options) in MODELS.items():
        path = os.path.join(args.out, name + '.pth')
        torch.save(make_checkpoint(model, options), path)
        # Evaluate what stands in the file.
        net, cutoff, known = load_double(torch.load(path, map_location='cpu', weights_only=False))
        print('%s: %d bytes' % (path, os.path.getsize(path)))
        for k, v in torch.load(path, map_location='cpu', weights_only=False)['model_state_dict'].items():
            x = v.double().numpy().reshape(-1)
            shape = '[%s]' % ' '.join(map(str, v.shape))
            tensors.append('\t'.join([name + '.pth', k, shape, repr(float(x.sum())), repr(float((x * np.arange(1, x.size + 1)).sum()))]))
        head = 'model=%s program="sevenn %s, e3nn %s, torch %s, float64" command="tools/golden/sevennet_tiny.py" date=%s' % (
            name, sevenn.__version__, e3nn.__version__, torch.__version__.split('+')[0], date)
        with open(os.path.join(args.out, name + '.extxyz'), 'w') as w:
            w.write(golden(net, cutoff, known, head))
    with open(os.path.join(args.out, 'tensors.txt'), 'w') as w:
        w.write('\n'.join(tensors) + '\n')


if __name__ == '__main__':
    sys.exit(main())
