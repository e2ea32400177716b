"""The report in Markdown, out of the raw numbers alone."""

import figures
from rounds import summary


def number(x):
    return f"{x:,.0f}" if x >= 1000 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def text(data, base, no_picture):
    quick = ", a quick run: small crystals, few steps, figures mean little" if data["quick"] else ""
    parts = [
        f"# {data['date']}: wigner beside its peers{quick}",
        "Written by `make bench-peers` (bench/peers). All programs of a table take turns on one core, round after\n"
        "round, with one thread: whole steps of molecular dynamics (NVE, 1 fs, 300 K, neighbour lists included),\n"
        "of one file of atoms with Gaussian displacements of 0.05 Å where no other number of atoms is said. Times are\n"
        "µs per atom and step: the median and the least of all rounds. A ratio is the median over the rounds of the\n"
        "ratios within a round, with the least and the greatest; compare nothing else, least of all two pages.",
    ]
    found = figures.rows(data)
    if found:
        parts.append("\n".join(["| what | figure |", "|---|---|", *(f"| {a} | {b} |" for a, b in found)]))
    if data["cases"]:
        parts.append(f"![times per atom and step]({base}.png)" if no_picture is None else f"No picture: {no_picture}")
    parts += [table(c) for c in data["cases"] if summary(c)]
    parts += [absent(data), about(data, base)]
    return "\n\n".join(p for p in parts if p) + "\n"


def table(case):
    found = summary(case)
    first = next(iter(found))
    lines = [f"## {case['title']}", "", f"| program | atoms | median | fastest | over {first} |", "|---|---|---|---|---|"]
    for label, s in found.items():
        ratio = number(s["ratio"]) if s["ratio"] else ""
        if ratio and label != first and len(case["rounds"]) > 1:
            ratio += f" ({number(s['ratios'][0])} – {number(s['ratios'][1])})"
        lines.append(f"| {label} | {case['programs'][label]['atoms']:,} | {number(s['median'])} | {number(s['min'])} | {ratio} |")
    for label, d in case["differences"].items():
        lines += ["", f"{label} and wigner on the first frame: energy {d['energy']:.1e} eV/atom, forces {d['forces']:.1e} eV/Å, stress {d['stress']:.1e} eV/Å³."]
    return "\n".join(lines)


def absent(data):
    """What was not run and why, each reason once."""
    by = {}
    for c in data["cases"]:
        for label, reason in c["absent"].items():
            by.setdefault((label, reason), []).append(c["name"])
    lines = [f"- {label} ({', '.join(cases)}): {reason}" for (label, reason), cases in by.items()]
    lines += [f"- {name}: {reason}" for name, reason in data["absent"].items()]
    return "\n".join(["## Not run", "", *lines]) if lines else ""


def load(data):
    """Load averages: a program that has a core to itself makes 1."""
    m = data["machine"]
    during = [x for c in data["cases"] for x in c["loads"]]
    between = f", {min(during):.1f} – {max(during):.1f} at the ends of rounds" if during else ""
    return f"load of the machine {m['load_before']:.1f} before{between}, {m['load_after']:.1f} after"


def about(data, base):
    m = data["machine"]
    seen = [s["machine"] for c in data["cases"] for r in c["rounds"] for s in r.values() if "machine" in s]
    lines = ["## Machine and versions", "",
             f"- {m['cpu']}, {m['cores']} cores for this process, {m['system']}; {load(data)}"]
    if seen:
        peak = max(s["peak_gflops"] for s in seen)
        lines.append(f"- {seen[0]['simd']}, peak of a core in float32 {peak:.0f} GFLOP/s, {seen[0]['memory_bytes'] / 2**30:.0f} GiB, {seen[0]['go']}")
    versions = {}
    for c in data["cases"]:
        for label, p in c["programs"].items():
            name = "wigner" if label.startswith("wigner") or c["name"] == "memory" else label
            if p["versions"]:
                versions[name] = ", ".join(f"{k} {v}" for k, v in p["versions"].items())
    lines += [f"- {name}: {v}" for name, v in versions.items()]
    lines.append(f"- Raw numbers of every round: [{base}.json]({base}.json)")
    return "\n".join(lines)
