"""What a worker and the driver say to each other.

A worker is one peer in its own Python environment. It is started with a file of
atoms and a JSON object of options, prints one JSON object when it is ready (or
{"unavailable": reason}), and then answers each line {"steps": K} on its standard
input with {"seconds": [...]}: the wall time of each of K steps of molecular dynamics
(NVE, 1 fs, whole steps with neighbour lists, as a user of that program would run it).
"""

import json
import os
import sys
import time
import warnings

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Unavailable(Exception):
    """This peer cannot run here; the text says why."""


def serve(prepare):
    """Runs a worker. prepare(structure, options) returns what to tell first and a
    function of a number of steps that returns their seconds."""
    for name in THREADS:
        os.environ[name] = "1"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    warnings.filterwarnings("ignore")
    # Libraries, in C too, print to standard output: only answers may go there.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(what):
        print(json.dumps(what), file=answers, flush=True)

    try:
        first, run = prepare(sys.argv[1], json.loads(sys.argv[2]))
    except (Unavailable, ImportError) as e:
        answer({"unavailable": str(e)})
        return
    answer(first)
    for line in sys.stdin:
        answer({"seconds": run(json.loads(line)["steps"])})


def timed(step):
    """A function of K that calls step K times and returns the seconds of each."""

    def run(steps):
        seconds = []
        for _ in range(steps):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        return seconds

    return run


def versions(*names):
    """The installed versions of these packages, and Python's."""
    from importlib.metadata import version

    return {**{n: version(n) for n in names}, "Python": sys.version.split()[0]}
