#!/usr/bin/env python3
"""Make io/torch/testdata/kinds.pth: one of each kind of value and tensor that a checkpoint may hold.

What is in it is written out in io/torch/open_test.go. Needs torch and numpy (made with torch 2.15.0,
numpy 1.26.4); not run by any test:

    python3 tools/golden/torch_kinds.py io/torch/testdata/kinds.pth
"""

import sys
from collections import OrderedDict

import numpy as np
import torch

count = torch.arange(24)
shared = torch.arange(10, dtype=torch.float32)
state = OrderedDict()
state['double'] = torch.tensor([1 / 3, -2.5], dtype=torch.float64)
state['half'] = torch.tensor([1.5, -2.0, 2.0 ** -24, 65504.0, float('inf')], dtype=torch.float16)
state['bfloat16'] = torch.tensor([1.5, -2.0, 2.0 ** 100], dtype=torch.bfloat16)
for name in ('int64', 'int32', 'int16', 'int8'):
    state[name] = torch.tensor([-5, 7], dtype=getattr(torch, name))
state['uint8'] = torch.tensor([0, 255], dtype=torch.uint8)
state['bool'] = torch.tensor([True, False])
state['permuted'] = count.float().reshape(2, 3, 4).permute(2, 0, 1)  # shape (4, 2, 3), strides (1, 12, 4)
state['view'] = shared[3:9:2]  # offset 3, stride 2
state['tail'] = shared[8:]
state['scalar'] = torch.tensor(4.25)
state['empty'] = torch.zeros(0, 3)
state['parameter'] = torch.nn.Parameter(torch.tensor([[1.0, 2.0]]))
state['extra state'] = None
state._metadata = {'': {'version': 1}}

config = {
    'none': None, 'yes': True, 'no': False, 'int': 7, 'negative': -70000, 'long': 2 ** 40, 'least': -2 ** 63,
    'float': 0.1, 'text': 'Å and \n', 'list': [1, [2.5, 'x']], 'tuple': (1, 'a', ()), 'dict': {8: 0, 1.5: 'y', (1, 'b'): 2},
    'set': {3}, 'bytes': b'\x00\xffab', 'device': torch.device('cuda:1'), 'cpu': torch.device('cpu'), 'dtype': torch.float64,
    'size': torch.Size([2, 3]), 'array': np.array([0.5, -1.5], dtype=np.float32), 'integers': np.array([1, 2], dtype=np.int16),
    'matrix': np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), 'fortran': np.asfortranarray([[1, 2, 3], [4, 5, 6]]),
    'none of it': np.zeros((0,)), 'scalar': np.float64(0.1), 'single': np.float32(0.5), 'whole': np.int64(-3), 'truth': np.bool_(True),
    'tensor': torch.tensor([1.5, 2.5]), 'tensor matrix': torch.tensor([[1, 2]]), 'number': torch.tensor(3.5),
}
config['same list'] = config['list']
torch.save({'model_state_dict': state, 'optimizer_state_dict': {'state': {}}, 'config': config}, sys.argv[1])
