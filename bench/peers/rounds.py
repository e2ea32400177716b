"""Runs a case: all its programs in turn on one core, round after round, so that a slow
minute of the machine hits all of them."""

import os
import statistics
import sys
import tempfile

import environments
import structures
from environments import Missing
from participants import Wigner

# The accuracy that wigner promises for single precision, which the peer's own
# rounding uses up in part: eV per atom, eV/Å, eV/Å³.
TOLERANCE = {"energy": 4e-6, "forces": 5e-5, "stress": 1e-6}


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(case, rounds):
    """What the report needs to know of the case."""
    out = {"name": case.name, "title": case.title, "programs": {}, "rounds": [], "absent": {}, "differences": {}, "loads": []}
    with tempfile.TemporaryDirectory() as folder:
        structure = os.path.join(folder, "atoms.extxyz")
        structures.write(case.element, case.cells, structure)
        running = []
        try:
            for p in case.programs:
                attempt(out, running, p, lambda p=p: start(out, p, running, structure))
            for k in range(rounds):
                row = {}
                for p in list(running):
                    attempt(out, running, p, lambda p=p: row.update({p.label: p.measure()}))
                out["rounds"].append(row)
                out["loads"].append(os.getloadavg()[0])
                out["programs"].update({p.label: p.about() for p in running})
                say(f"{case.name} {k + 1}/{rounds}: " + ", ".join(f"{k} {v['median']:.4g}" for k, v in row.items()))
        finally:
            for p in case.programs:
                p.stop()
    return out


def attempt(out, running, program, do):
    """Does it; a program that cannot is out of the case, and the reason is kept."""
    try:
        do()
    except (Missing, OSError) as e:
        reason = str(e).replace(environments.folder(), ".cache/peers").replace(environments.ROOT + os.sep, "")
        out["absent"][program.label] = reason
        say(f"{out['name']}: {program.label} is left out: {reason}")
        if program in running:
            running.remove(program)


def start(out, program, running, structure):
    say(f"{out['name']}: {program.label} starts")
    program.start(structure)
    compare(out, program, running, structure)
    running.append(program)


def compare(out, program, running, structure):
    """Two programs with the same model must give the same results."""
    for other in running:
        peer, ours = (program, other) if isinstance(other, Wigner) else (other, program)
        if not (isinstance(ours, Wigner) and getattr(peer, "first", None)) or peer.model != ours.model:
            continue
        found = ours.differences(structure, peer.first)
        for key, limit in TOLERANCE.items():
            if not found[key] <= limit:
                raise Missing(f"{key} differs by {found[key]:.3g} from wigner's, more than {limit:g}: not the same model")
        out["differences"][peer.label] = found
        return


def summary(case):
    """For each program: median and minimum of all rounds, and the median, least and
    greatest of the rounds' ratios to the first program."""
    first = next(iter(case["programs"]), None)
    out = {}
    for label in case["programs"]:
        rows = [r for r in case["rounds"] if label in r]
        if not rows:
            continue
        ratios = [r[label]["median"] / r[first]["median"] for r in rows if first in r]
        out[label] = {
            "median": statistics.median(r[label]["median"] for r in rows),
            "min": min(r[label]["min"] for r in rows),
            "ratio": statistics.median(ratios) if ratios else None,
            "ratios": [min(ratios), max(ratios)] if ratios else None,
        }
    return out
