"""Two ranks beside two runs of one rank, in short turns.

On a machine whose cores change their speed from second to second, two programs that run
one after the other see two machines. Here all programs stay in memory and take turns of
some seconds, stopped and continued by signals; and in each round two loops that do
nothing but count tell what the cores' own unevenness costs ranks that wait for each other.
"""

import multiprocessing
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from environments import Missing
from rounds import say

TURN = 8.0  # s
WINDOW = 0.15  # s: about the time between two exchanges of two ranks of 25,000 atoms

INPUT = """
[structure]
prototype = "diamond"
elements = ["Si"]
a_A = 5.43
repeat = {repeat}

[potential]
model = "{model}"
precision = "float32"

[dynamics]
ensemble = "nve"
temperature_K = 600
timestep_fs = 1.0
steps = 1000000
seed = 1

[output]
dir = "{folder}"
thermo_every = 1
"""


class Run:
    """A run of wigner that makes progress only while it is continued."""

    def __init__(self, args, folder, name, repeat, core, ranks=1, launcher=()):
        self.table = os.path.join(folder, name, "thermo.csv")
        toml = os.path.join(folder, name + ".toml")
        with open(toml, "w") as f:
            f.write(INPUT.format(repeat=repeat, model=os.path.join(args.models, "sevennet-0.pth"), folder=os.path.join(folder, name)))
        self.log = os.path.join(folder, name + ".log")
        self.mark = f"WIGNER_BENCH_RUN={folder}/{name}"
        env = os.environ | dict([self.mark.split("=", 1)])
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([*launcher, args.wigner, "run", toml, "--ranks", str(ranks)], stdout=log, stderr=log, env=env,
                                            preexec_fn=lambda: os.sched_setaffinity(0, core))
        self.active = 0.0  # s
        self.begun = None
        self.steps = []  # (number, active time at which it was seen)

    def processes(self):
        """All that carry the mark: launchers start their ranks in sessions of their own."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as f:
                    if self.mark.encode() in f.read().split(b"\0"):
                        found.append(int(pid))
            except OSError:
                pass  # it has ended, or is another's
        return found

    def signal(self, s):
        for pid in self.processes():
            try:
                os.kill(pid, s)
            except ProcessLookupError:
                pass

    def go(self):
        self.signal(signal.SIGCONT)
        self.begun = time.monotonic()

    def stop(self):
        self.signal(signal.SIGSTOP)
        self.active += time.monotonic() - self.begun
        self.begun = None

    def look(self):
        """Notes the steps that were written since the last look."""
        try:
            with open(self.table) as f:
                n = sum(1 for _ in f)
        except FileNotFoundError:
            n = 0
        if self.process.poll() is not None:
            with open(self.log) as f:
                raise Missing(f"wigner: status {self.process.returncode}: {f.read()[-500:]}")
        if n and (not self.steps or n > self.steps[-1][0]):
            self.steps.append((n, self.active + time.monotonic() - self.begun))

    def rate(self):
        (a, s), (b, t) = self.steps[1], self.steps[-1]  # the first line is that of step 0
        return (b - a) / (t - s)


def turn(runs, enough):
    for r in runs:
        r.go()
    while not enough():
        time.sleep(0.02)
        for r in runs:
            r.look()
    for r in runs:
        r.stop()


def count(core, begin, windows, out):
    os.sched_setaffinity(0, {core})
    counts = []
    while time.time() < begin:
        pass
    for k in range(windows):
        n, end = 0, begin + (k + 1) * WINDOW
        while time.time() < end:
            sum(range(500))
            n += 1
        counts.append(n)
    out.put(counts)


def evenness(cores):
    """What two ranks that meet after each window could do at most, over what two
    cores do that never meet."""
    out, begin = multiprocessing.Queue(), time.time() + 0.3
    for c in cores:
        multiprocessing.Process(target=count, args=(c, begin, int(TURN / 2 / WINDOW), out)).start()
    a, b = out.get(), out.get()
    return sum(map(min, a, b)) / statistics.mean([sum(a), sum(b)])


def measure(args, quick, cores, rounds):
    if len(cores) < 2:
        raise Missing("two ranks: this process may use one core only")
    pair = [cores[0], cores[-1]]
    half, whole = ([5, 9, 10], [10, 9, 10]) if quick else ([9, 18, 19], [18, 18, 19])
    folder = tempfile.mkdtemp(prefix="wigner-ranks-")
    kinds = {"alone": [], "one process": []}
    bounds = []
    try:
        for k, c in enumerate(pair):
            kinds["alone"].append(Run(args, folder, f"alone{k}", half, {c}))
        kinds["one process"].append(Run(args, folder, "inside", whole, set(pair), ranks=2))
        for name, program, more in (("Open MPI", "mpirun.openmpi", ["--allow-run-as-root"]), ("MPICH", "mpirun.mpich", ["-bind-to", "core"])):
            if shutil.which(program):
                kinds[name] = [Run(args, folder, program, whole, set(pair), launcher=(program, *more, "-n", "2"))]
        for runs in kinds.values():
            for r in runs:
                r.signal(signal.SIGSTOP)
        for runs in kinds.values():
            turn(runs, lambda runs=runs: all(r.steps and r.steps[-1][0] >= 3 for r in runs))
        turns = (2 if quick else 6) * rounds
        for k in range(turns):
            order = list(kinds)
            for name in order if k % 2 == 0 else reversed(order):
                end = time.monotonic() + TURN
                turn(kinds[name], lambda end=end: time.monotonic() > end)
            bounds.append(evenness(pair))
            say(f"ranks {k + 1}/{turns}: " + ", ".join(f"{n} {e:.3f}" for n, e in efficiencies(kinds).items()) + f"; uneven cores allow {bounds[-1]:.3f}")
        return {"atoms": 8 * whole[0] * whole[1] * whole[2], "efficiency": efficiencies(kinds), "even": bounds,
                "steps": {n: [r.steps for r in runs] for n, runs in kinds.items()}}
    finally:
        for runs in kinds.values():
            for r in runs:
                r.signal(signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def efficiencies(kinds):
    """Throughput over that of the runs alone: a step of the whole is a step of both halves."""
    alone = statistics.mean(r.rate() for r in kinds["alone"])
    return {n: runs[0].rate() / alone for n, runs in kinds.items() if n != "alone"}
