#!/usr/bin/env python3
"""Make small checkpoints of a current SevenNet in potential/nequip/testdata, and what it computes with them: the order of
the radial weights since 0.11, several modalities, multi-layer readouts, biases, self connections that differ by layer,
and the files that accelerated products leave. Random weights (seeded), as in sevennet_tiny.py. Not run by any test:

    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip install sevenn==0.13.0
    /tmp/venv/bin/python tools/golden/sevennet_new.py potential/nequip/testdata
"""

import copy
import datetime
import os
import sys

import e3nn
import numpy as np
import sevenn
import sevenn._const
import sevenn._keys as KEY
import sevenn.scripts.backward_compatibility as compat
import torch
from sevenn.model_build import build_E3_equivariant_model

import sevennet_tiny as tiny

POLY = {'cutoff_function_name': 'poly_cut', 'poly_cut_p_value': 5}
SMALL = dict(chemical_species='O, Si', cutoff=4.0, cutoff_function=POLY, weight_nn_hidden_neurons=[16, 8])
MODALS = dict(use_modal_node_embedding=True, use_modal_self_inter_intro=True, use_modal_self_inter_outro=True,
              use_modal_output_block=True, use_modal_wise_shift=True, use_modal_wise_scale=True)

MODELS = {
    # Channels that differ by order, so that the order of the radial weights shows; the output of the second layer has a
    # lower order than its input, and with it the paths.
    'new-order': (tiny.with_(**SMALL, lmax=3, irreps_manual=['6x0e', '6x0e+4x1e+3x2e+2x3e', '5x0e+3x1e', '7x0e']), dict(seed=21)),
    # Parity, irreps found by the program, both kinds of self connection.
    'new-parity': (tiny.with_(**SMALL, channel=4, lmax=2, irreps_manual=False, is_parity=True,
                              self_connection_type=['nequip', 'linear', 'nequip']), dict(seed=22)),
    # Three modalities that enter everywhere, with parity and odd scalars.
    'new-modal': (tiny.with_(**SMALL, **MODALS, lmax=2, is_parity=True, irreps_manual=['6x0e', '5x0e+3x0o+4x1o+2x1e+2x2e', '5x0e+3x0o+4x1o+2x2e', '6x0e']),
                  dict(seed=23, modals=['mpa', 'omat24', 'r2scan'])),
    # Two modalities in the intro and the output only, one shift and scale for both.
    'new-modal-part': (tiny.with_(**SMALL, use_modal_self_inter_intro=True, use_modal_output_block=True, lmax=1,
                                  irreps_manual=['4x0e', '4x0e+3x1e', '4x0e+3x1e', '4x0e'], self_connection_type='nequip'),
                       dict(seed=24, modals=['PBE', 'SCAN'])),
    # Multi-layer readout with SevenNet's default activation.
    'new-readout': (tiny.with_(**SMALL, lmax=1, irreps_manual=['4x0e', '4x0e+3x1e', '4x0e+3x1e', '8x0e'], readout_as_fcn=True,
                               readout_fcn_hidden_neurons=[6, 5]), dict(seed=25)),
    # A readout with another activation, biases, and two modalities.
    'new-bias': (tiny.with_(**SMALL, **MODALS, lmax=1, is_parity=True, irreps_manual=['4x0e', '4x0e+2x0o+3x1o', '4x0e+2x0o+3x1o', '8x0e'],
                            use_bias_in_linear=True, readout_as_fcn=True, readout_fcn_hidden_neurons=[7], readout_fcn_activation='ssp'),
                 dict(seed=26, modals=['a', 'b'], radial=1.5)),
    'new-bias-linear': (tiny.with_(**SMALL, lmax=1, irreps_manual=['4x0e', '4x0e+3x1e', '4x0e+3x1e', '8x0e'], use_bias_in_linear=True),
                        dict(seed=27)),
    # What an accelerated product leaves: no coupling tensors.
    'new-no-couplings': (tiny.with_(**SMALL, lmax=2, irreps_manual=['4x0e', '4x0e+3x1e+2x2e', '4x0e+3x1e+2x2e', '6x0e']),
                         dict(seed=28, couplings=False)),
}


def make_checkpoint(model, options):
    torch.manual_seed(options['seed'])
    rng = np.random.default_rng(100 + options['seed'])
    config = tiny.make_config(model, options)
    modals = options.get('modals')
    if modals:
        n = len(modals), config[KEY.NUM_SPECIES]
        config.update({KEY.USE_MODALITY: True, KEY.NUM_MODALITIES: n[0], KEY.MODAL_MAP: {m: k for k, m in enumerate(modals)}})
        for key in (KEY.USE_MODAL_WISE_SHIFT, KEY.USE_MODAL_WISE_SCALE):
            config[key] = bool(model.get(key))
        config[KEY.SHIFT] = rng.uniform(-6, -1, n if config[KEY.USE_MODAL_WISE_SHIFT] else n[1]).tolist()
        config[KEY.SCALE] = rng.uniform(0.8, 1.6, n if config[KEY.USE_MODAL_WISE_SCALE] else n[1]).tolist()
    net = build_E3_equivariant_model(config)
    with torch.no_grad():
        c = net._modules['edge_embedding'].basis_function.coeffs
        c.mul_(1 + 0.1 * torch.rand_like(c))
        for name, p in net.named_parameters():
            if name.endswith('weight_nn.layer0.weight'):
                p.mul_(options.get('radial', 8))
            if name.endswith('.bias') and p.numel():
                p.copy_(0.3 * torch.randn_like(p))
    state = net.state_dict()
    if not options.get('couplings', True):
        for k in [k for k in state if '_w3j_' in k]:
            del state[k]
    return {'model_state_dict': state, 'optimizer_state_dict': {}, 'scheduler_state_dict': None, 'epoch': 1, 'config': config,
            'time': '2026-01-01 00:00', 'hash': 'none'}


def load_double(checkpoint):
    """sevenn's model in float64: the file's float32 weights widened, the couplings computed in double."""
    config = compat.patch_old_config(copy.deepcopy(checkpoint['config']))
    for k, v in sevenn._const.DEFAULT_E3_EQUIVARIANT_MODEL_CONFIG.items():
        config.setdefault(k, v)
    state = {k: v for k, v in checkpoint['model_state_dict'].items() if '_w3j_' not in k}
    torch.set_default_dtype(torch.float64)
    try:
        net = build_E3_equivariant_model(config)
    finally:
        torch.set_default_dtype(torch.float32)
    missing, surplus = net.load_state_dict(state, strict=False)
    assert not surplus, surplus
    assert all('_w3j_' in k for k in missing), missing
    net = net.double()
    net.replace_module('onehot_idx_to_onehot', tiny.Double(net._modules['onehot_idx_to_onehot']))
    net.set_is_batch_data(False)
    net.eval()
    return net, config[KEY.CUTOFF], {int(z) for z in config[KEY.TYPE_MAP]}


def main(out):
    for name, (model, options) in MODELS.items():
        path = os.path.join(out, name + '.pth')
        torch.save(make_checkpoint(model, options), path)
        net, cutoff, known = load_double(torch.load(path, map_location='cpu', weights_only=False))
        print('%s: %d bytes' % (path, os.path.getsize(path)))
        for modal in options.get('modals', [None]):
            head = 'model=%s program="sevenn %s, e3nn %s, torch %s, float64" command="tools/golden/sevennet_new.py" date=%s' % (
                name, sevenn.__version__, e3nn.__version__, torch.__version__.split('+')[0], datetime.date.today().isoformat())
            if modal:
                head += ' modal=' + modal
            file = os.path.join(out, name + ('.' + modal if modal else '') + '.extxyz')
            with open(file, 'w') as w:
                w.write(tiny.golden(net, cutoff, known, head, modal))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
