"""Measurements of wigner alone that are no turns of several programs."""

import os
import subprocess

from environments import Missing
from participants import bench, tail
from rounds import say


def command(args, model, atoms, steps, ranks=1, memory="normal"):
    return [args.wigner, "bench", "-m", os.path.join(args.models, model + ".pth"), "--atoms", str(atoms),
            "--steps", str(steps), "--ranks", str(ranks), "--memory", memory, "--json"]


def together(jobs):
    """Starts each (command, cores) at once, and waits for all."""
    running = [subprocess.Popen(c, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                preexec_fn=lambda cores=cores: os.sched_setaffinity(0, cores)) for c, cores in jobs]
    out = []
    for p in running:
        text, errors = p.communicate()
        if p.returncode != 0:
            for q in running:
                q.kill()
            raise Missing(f"wigner: status {p.returncode}: {tail(errors)}")
        out.append(bench(text))
    return out


def amortised(args, sizes, core):
    """A run long enough to build the neighbour list again some times."""
    n, steps = (512, 60) if sizes.quick else (4096, 100)
    [r] = together([(command(args, "sevennet-0", n, steps), {core})])
    return r


def large(args, sizes, core, rounds):
    """A million atoms against the usual number, in each mode of memory asked for."""
    out = []
    for k in range(rounds):
        for memory in args.large.split(","):
            one, many = [together([(command(args, "sevennet-0", n, steps, memory=memory), {core})])[0]
                         for n, steps in ((sizes.large, 3), (args.large_atoms, 2))]
            out.append({"memory": memory, "usual": one, "large": many})
            say(f"large {k + 1}/{rounds}, {memory}: {many['result']['atoms']} atoms {many['median']:.4g} µs, "
                f"{one['result']['atoms']} atoms {one['median']:.4g}")
    return out


