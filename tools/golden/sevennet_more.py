#!/usr/bin/env python3
"""Make the small SevenNet checkpoints of potential/nequip/testdata: rarer shapes of model, in the way and with the
environment of sevennet_tiny.py (see its head), and evaluate a published one. Not run by any test:

    make models
    TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 /tmp/venv/bin/python tools/golden/sevennet_more.py potential/nequip/testdata
"""

import datetime
import os
import sys

import e3nn
import sevenn
import torch

import sevennet_tiny as tiny

POLY = {'cutoff_function_name': 'poly_cut', 'poly_cut_p_value': 5}

MODELS = {
    # Five layers with parity: odd scalars appear in the fourth layer, and are activated by tanh.
    'odd-scalars': (tiny.with_(
        chemical_species='O, Si', cutoff=4.0, channel=4, lmax=1, irreps_manual=False, is_parity=True,
        num_convolution_layer=5, weight_nn_hidden_neurons=[16], cutoff_function=POLY,
    ), dict(seed=11, radial=4)),
    # Odd scalars behind the even ones, so that scalars and gates are two blocks; species-wise self connection.
    'odd-manual': (tiny.with_(
        chemical_species='O, Si', cutoff=4.0, lmax=2, is_parity=True, self_connection_type='nequip',
        irreps_manual=['6x0e'] + 3 * ['6x0e+3x0o+4x1o+2x1e+2x2e'] + ['6x0e'],
        num_convolution_layer=4, weight_nn_hidden_neurons=[16, 8, 16], cutoff_function=POLY,
    ), dict(seed=12, radial=4)),
    # Orders up to 4: every coupling whose sign was compared with e3nn.
    'lmax-4': (tiny.with_(
        chemical_species='O, Si', lmax=4, irreps_manual=['4x0e', '4x0e+3x1e+2x2e+2x3e+2x4e', '4x0e+3x1e+2x2e+2x3e+2x4e', '4x0e'],
        weight_nn_hidden_neurons=[16, 16],
    ), dict(seed=13)),
    # One layer, six Bessel functions, another first-layer width.
    'one-layer': (tiny.with_(
        num_convolution_layer=1, irreps_manual=['8x0e', '6x0e'], weight_nn_hidden_neurons=[16, 16],
        radial_basis={'radial_basis_name': 'bessel', 'bessel_basis_num': 6},
    ), dict(seed=14)),
}


# Published files that testdata/reference does not cover; only the answers are kept.
PUBLISHED = ['models/sevennet-0-22may2024.pth']


def answers(path, file):
    name = os.path.basename(path).removesuffix('.pth')
    net, cutoff, known = tiny.load_double(torch.load(path, map_location='cpu', weights_only=False))
    print('%s: %d bytes' % (path, os.path.getsize(path)))
    head = 'model=%s program="sevenn %s, e3nn %s, torch %s, float64" command="tools/golden/sevennet_more.py" date=%s' % (
        name, sevenn.__version__, e3nn.__version__, torch.__version__.split('+')[0], datetime.date.today().isoformat())
    with open(file, 'w') as w:
        w.write(tiny.golden(net, cutoff, known, head))


def main(out):
    assert e3nn.__version__ == '0.4.4', 'e3nn is %s, see the head of sevennet_tiny.py' % e3nn.__version__
    for name, (model, options) in MODELS.items():
        path = os.path.join(out, name + '.pth')
        torch.save(tiny.make_checkpoint(model, options), path)
        answers(path, os.path.join(out, name + '.extxyz'))
    for path in PUBLISHED:
        answers(path, os.path.join(out, os.path.basename(path).removesuffix('.pth') + '.extxyz'))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
