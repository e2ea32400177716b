"""wigner beside the programs that its users have, on one machine, in turns.

Writes <date>.md, <date>.json and <date>.png. Every program runs on one thread and on
the same core, with whole steps of molecular dynamics; those that cannot run here are
named with the reason. Environments of Python are made once in .cache/peers, or in the
folder that WIGNER_PEERS names (some GB each); `pip install` needs the network.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys

import cases
import environments
import extras
import ranks
import report
import rounds
import training
from environments import ROOT, Missing


def arguments():
    p = argparse.ArgumentParser(prog="bench/peers", description=__doc__.split("\n")[0],
                                epilog="\n".join(__doc__.split("\n")[2:]))
    p.add_argument("--wigner", default=os.path.join(ROOT, "bin", "wigner"), help="the program (default: bin/wigner)")
    p.add_argument("--models", default=os.path.join(ROOT, "models"), help="folder of the checkpoints (default: models)")
    p.add_argument("--quick", action="store_true", help="small crystals, one round: does everything work? Writes into runs/peers")
    p.add_argument("--rounds", type=int, help="turns of each program (default: 5)")
    p.add_argument("--only", help="cases, separated by commas: silicon, copper, l3i5, small, mace, mace-small, eam, memory, prototype, board-cu (-ni, -li, -mo, -si, -ge), bp-si, bp-cu, ranks, list, training, large")
    p.add_argument("--core", type=int, help="that all run on (default: the last one)")
    p.add_argument("--snap", default=os.environ.get("WIGNER_SNAP"), metavar="FOLDER",
                   help="with <element>/snap.snapcoeff … (default: $WIGNER_SNAP, then those of Debian's lammps-data)")
    p.add_argument("--nnp", default=os.environ.get("WIGNER_NNP"), metavar="FOLDER",
                   help="with <element>/input.nn … of n2p2: cases bp-si and bp-cu (default: $WIGNER_NNP)")
    p.add_argument("--prototype", metavar="PROGRAM", help="the C prototype, in the folder of its weights")
    p.add_argument("--large", metavar="MODES", nargs="?", const="normal",
                   help="a million atoms too, in these modes of memory (default: normal): half an hour, 16 GB")
    p.add_argument("--large-atoms", type=int, default=1_000_000, help=argparse.SUPPRESS)
    p.add_argument("--again", metavar="FILE.json", help="only write the report of these raw numbers again")
    p.add_argument("-o", "--out", help="report (default: docs/benchmarks/<date>.md)")
    return p.parse_args()


def machine():
    out = {"system": f"{platform.system()} {platform.release()}", "load_before": os.getloadavg()[0]}
    with open("/proc/cpuinfo") as f:
        out["cpu"] = next((x.split(":", 1)[1].strip() for x in f if x.startswith("model name")), platform.machine())
    return out


def measure(args):
    cores = sorted(os.sched_getaffinity(0))
    core = cores[-1] if args.core is None else args.core
    sizes = cases.Sizes(args.quick)
    turns = args.rounds or (1 if args.quick else 5)
    wanted = args.only.split(",") if args.only else None
    data = {"date": today(), "quick": args.quick, "machine": machine() | {"cores": len(cores)}, "cases": [], "extras": {}, "absent": {}}
    os.sched_setaffinity(0, {core})  # inherited by all that is started
    for case in cases.cases(args, sizes):
        if wanted is None or case.name in wanted:
            data["cases"].append(rounds.run(case, turns))
            save(data, args)  # half an hour is long: what there is stays
    few = max(1, min(turns, 3))
    more = {"ranks": lambda: ranks.measure(args, args.quick, cores, few), "list": lambda: extras.amortised(args, sizes, core),
            "training": lambda: training.training(args, args.quick, few)}
    if args.large:
        more["large"] = lambda: extras.large(args, sizes, core, 1 if args.quick else 2)
    for name, do in more.items():
        if wanted is None or name in wanted:
            try:
                data["extras"][name] = do()
            except Missing as e:
                data["absent"][name] = str(e)
    data["machine"]["load_after"] = os.getloadavg()[0]
    return data


def base_of(args):
    """The report's path without its ending."""
    folder = ("runs", "peers") if args.quick else ("docs", "benchmarks")
    out = args.out or os.path.join(ROOT, *folder, today() + ".md")
    return out.removesuffix(".md")


def save(data, args):
    """Writes the raw numbers."""
    base = base_of(args)
    os.makedirs(os.path.dirname(os.path.abspath(base)), exist_ok=True)
    with open(base + ".json", "w") as f:
        json.dump(data, f, indent=1, ensure_ascii=False)
        print(file=f)


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def main():
    args = arguments()
    if not hasattr(os, "sched_setaffinity"):
        sys.exit("needs Linux: all programs are bound to one core")
    if args.again:
        with open(args.again) as f:
            data = json.load(f)
        args.out = args.out or args.again.removesuffix(".json") + ".md"
    else:
        data = measure(args)
    save(data, args)
    base = base_of(args)
    out = base + ".md"
    picture = plot(base) if data["cases"] else None
    with open(out, "w") as f:
        f.write(report.text(data, os.path.basename(base), picture))
    print(out)


def plot(base):
    """Draws the picture; None, or why there is none."""
    try:
        r = subprocess.run([environments.python("plot"), os.path.join(environments.HERE, "plot.py"), base + ".json", base + ".png"],
                           stderr=subprocess.PIPE, text=True)
    except Missing as e:
        return str(e)
    return None if r.returncode == 0 else r.stderr.strip().splitlines()[-1]


if __name__ == "__main__":
    main()
