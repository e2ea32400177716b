"""Training: an epoch of wigner beside one of SevenNet's own trainer, with the same
network, structures, labels and batches, on one thread of one core, in turns."""

import csv
import gzip
import os
import re
import statistics
import subprocess
import tempfile

import environments
from environments import ROOT, Missing
from participants import tail
from rounds import say

CUTOFF, BATCH = 5.0, 4

# The features between the layers, and the number of layers.
NETWORKS = {"2 layers of 32 channels": ("32x0e+32x1o+32x2e", 2), "3 layers of 32 channels": ("32x0e+32x1o+32x2e", 3)}


def data(folder):
    """Molybdenum of data/mlearn (10,087 atoms), under the names that both read."""
    with gzip.open(os.path.join(ROOT, "data", "mlearn", "Mo", "train.extxyz.gz"), "rt") as f:
        text = f.read()
    path = os.path.join(folder, "mo.extxyz")
    with open(path, "w") as f:
        f.write(re.sub(r"REF_(energy|forces|stress)", r"\1", text))
    return path


def ours(args, folder, path, features, layers, epochs):
    config = os.path.join(folder, "wigner.toml")
    with open(config, "w") as f:
        f.write(f"""[data]
train = ["{path}"]
valid_fraction = 0.0
[model]
features = "{features}"
layers = {layers}
cutoff_A = {CUTOFF}
[loss]
energy = 1
force = 1
stress = 1
[training]
epochs = {epochs}
batch = {BATCH}
[output]
dir = "{folder}/wigner"
""")
    run([args.wigner, "train", config, "--ranks", "1", "--force", "--quiet"], folder)
    with open(os.path.join(folder, "wigner", "epochs.csv")) as f:
        return [float(r["seconds"]) for r in csv.DictReader(f)]


def theirs(folder, path, features, layers, epochs):
    """One structure validates, since their trainer wants one."""
    scalars = features.split("+")[0]
    irreps = [scalars] + [features] * (layers - 1) + [scalars]
    lines = "\n".join(f"        - '{x}'" for x in irreps)
    one = os.path.join(folder, "one.extxyz")
    with open(path) as f, open(one, "w") as g:
        n = f.readline()
        g.write(n + "".join(f.readline() for _ in range(int(n) + 1)))
    config = os.path.join(folder, "sevenn.yaml")
    with open(config, "w") as f:
        f.write(f"""model:
    chemical_species: 'Auto'
    cutoff: {CUTOFF}
    lmax: 2
    is_parity: True
    num_convolution_layer: {layers}
    irreps_manual:
{lines}
    self_connection_type: 'linear'
    conv_denominator: 'sqrt_avg_num_neigh'
train:
    random_seed: 1
    is_train_stress: True
    epoch: {epochs}
    optimizer: 'adam'
    optim_param:
        lr: 0.005
    scheduler: 'exponentiallr'
    scheduler_param:
        gamma: 0.99
    force_loss_weight: 1.0
    stress_loss_weight: 0.01
    per_epoch: 1000
    error_record:
        - ['Energy', 'MAE']
        - ['Force', 'MAE']
        - ['TotalLoss', 'None']
data:
    batch_size: {BATCH}
    data_format_args:
        index: ':'
    load_trainset_path: ['{path}']
    load_validset_path: ['{one}']
""")
    program = os.path.join(os.path.dirname(environments.python("sevennet")), "sevenn")
    env = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    text = run([program, config, "-s"], folder, env)
    found = re.findall(r"Epoch \d+ elapsed: (\d+):(\d+):([\d.]+)", text)
    if len(found) != epochs:
        raise Missing(f"sevenn told of {len(found)} epochs, not of {epochs}")
    return [3600 * int(h) + 60 * int(m) + float(s) for h, m, s in found]


def run(command, folder, env=None):
    r = subprocess.run(command, cwd=folder, env=os.environ | (env or {}), capture_output=True, text=True)
    if r.returncode != 0:
        raise Missing(f"{os.path.basename(command[0])}: status {r.returncode}: {tail(r.stderr or r.stdout)}")
    return r.stdout


def training(args, quick, rounds):
    """Of each network, in each round, the seconds of every epoch of both; the first of
    theirs prepares and does not count."""
    out = []
    for name, (features, layers) in NETWORKS.items():
        turns = []
        for k in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                path = data(folder)
                a = ours(args, folder, path, features, layers, 2 if quick else 4)
                b = theirs(folder, path, features, layers, 2 if quick or layers > 2 else 3)
            turns.append({"wigner": a, "sevenn": b, "ratio": statistics.median(b[1:]) / statistics.median(a)})
            say(f"training {k + 1}/{rounds}, {name}: wigner {statistics.median(a):.3g} s, SevenNet {statistics.median(b[1:]):.3g} s")
        out.append({"network": name, "turns": turns})
    return out
