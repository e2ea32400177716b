"""The questions that the report answers first, out of the raw numbers."""

import statistics

SEVENNET = "SevenNet 0.10.4, ASE"
MACE_TORCH = "mace-torch, ASE"
SYMMETRIX = "symmetrix, ASE, float64"


def spread(values, digits=3):
    """The median, and the least and greatest where there are several."""
    text = f"**{statistics.median(values):.{digits}g}**"
    return text if len(values) < 2 else f"{text} ({min(values):.{digits}g} – {max(values):.{digits}g})"


def ratios(case, above, below, key="median"):
    return [r[above][key] / r[below][key] for r in case["rounds"] if above in r and below in r]


def fastest(case, label):
    return min(r[label]["min"] for r in case["rounds"] if label in r)


def of_wigner(case, part):
    """The label of wigner's program that has this part, "" for the plain one."""
    labels = [x for x in case["programs"] if x.startswith("wigner")]
    found = [x for x in labels if (x == "wigner" if part == "" else x.endswith(part))]
    return found[0] if found else None


def rows(data):
    """(what, figure) for all that was measured."""
    case = {c["name"]: c for c in data["cases"]}
    out = []
    for name, words, parts in (
        ("silicon", "SevenNet-0, silicon", [", large", "", "avx2", "generic"]),
        ("copper", "SevenNet-0, copper", [", large", ""]),
        ("l3i5", "SevenNet-l3i5, silicon", ["", ", large"]),
        ("small", "SevenNet-0, silicon", [""]),
    ):
        for part in parts:
            out += against_sevennet(case.get(name), words, part)
    for name, c in case.items():
        if name.startswith("mace"):
            out += mace(c)
        if name.startswith("board-"):
            out += board(c)
    out += prototype(case.get("prototype"))
    out += useful([case.get("silicon"), case.get("prototype"), case.get("memory")])
    out += memory(case.get("memory"))
    extras = data["extras"]
    if "list" in extras:
        r = extras["list"]["result"]
        b = r["breakdown"]
        share = 1 - b["pair"] / sum(b.values())
        out.append((f"share of a step that is not the potential ({r['atoms']:,} atoms, {r['rebuilds']} lists built)", f"**{100 * share:.2f} %**"))
    if "ranks" in extras:
        r = extras["ranks"]
        bound = statistics.mean(r["even"])
        for name, e in r["efficiency"].items():
            out.append((f"throughput of two ranks ({name}), {r['atoms']:,} atoms, over that of two runs of half the atoms at the same time",
                        f"**{e:.3f}**; over what cores as uneven as these allow ranks that meet, {bound:.3f} ({min(r['even']):.3f} – {max(r['even']):.3f}): **{e / bound:.3f}**"))
    for t in extras.get("training", []):
        seconds = [statistics.median(r["wigner"]) for r in t["turns"]]
        out.append((f"training, {t['network']}, {statistics.median(seconds):.2g} s per epoch of 10,087 atoms of molybdenum: time of SevenNet's trainer over wigner's",
                    spread([r["ratio"] for r in t["turns"]])))
    return out + large(extras.get("large", []))


def against_sevennet(case, words, part):
    label = case and of_wigner(case, part)
    if not label or SEVENNET not in case["programs"]:
        return []
    found = ratios(case, SEVENNET, label)
    if not found:
        return []
    n = [case["programs"][x]["atoms"] for x in (SEVENNET, label)]
    least = fastest(case, SEVENNET) / fastest(case, label)
    path = {"avx2": ", AVX2 path", "generic": ", plain Go path"}.get(part, "")
    return [(f"{words}: time of SevenNet 0.10.4 in ASE ({n[0]:,} atoms) over wigner's ({n[1]:,} atoms{path})", f"{spread(found)}; fastest over fastest {least:.3g}")]


def board(case):
    return [(f"{case['title']}: time of {peer} over that of the {kind} model", spread(found))
            for kind in ("fast", "accurate") for peer in ("LAMMPS SNAP", "LAMMPS qSNAP") if (found := ratios(case, peer, "wigner, " + kind))]


def mace(case):
    """Peers and wigner on the same atoms; wigner in single precision."""
    return [(f"{case['title']}: time of {peer} over wigner's ({case['programs'][peer]['atoms']:,} atoms)", spread(found))
            for peer in (MACE_TORCH, SYMMETRIX) if peer in case["programs"] and (found := ratios(case, peer, "wigner"))]


def prototype(case):
    """The prototype's time is that of the potential alone; SevenNet's is of whole steps of 512 atoms."""
    if not case:
        return []
    out = [(f"the potential alone, {m}: wigner's time over the C prototype's", spread(found))
           for m in ("normal", "lean") if (found := ratios(case, f"wigner, {m}", "C prototype", "pair"))]
    return out + [(f"beside the prototype: time of SevenNet 0.10.4 in ASE over that of {name}", spread(found))
                  for name in ("C prototype", "wigner, normal") if (found := ratios(case, SEVENNET, name))]


def useful(cases):
    """Of all runs of the same 21,952 atoms with everything kept."""
    runs = [r[label] for case in cases if case for r in case["rounds"] for label in r
            if label in ("wigner, large", "wigner, normal", "normal")]
    runs = [r for r in runs if r["result"].get("peak_gflops")]
    if not runs:
        return []
    rate = statistics.median(r["result"]["useful_gflops"] for r in runs)
    peak = statistics.median(r["result"]["peak_gflops"] for r in runs)
    fraction = [100 * r["result"]["peak_fraction"]["pair"] for r in runs]
    return [(f"useful operations of the potential, {rate:.0f} GFLOP/s, over the peak of the same run, {peak:.0f} GFLOP/s, in per cent", spread(fraction))]


def memory(case):
    out = []
    for m in case["programs"] if case else []:
        runs = [r[m]["result"] for r in case["rounds"] if m in r]
        if runs:
            kib = statistics.median(r["bytes_per_atom"] for r in runs) / 1024
            time = "" if m == "normal" else "; " + spread(ratios(case, m, "normal") or [float("nan")])
            what = "" if m == "normal" else "; time over that of normal"
            out.append((f"memory mode {m}, {runs[0]['atoms']:,} atoms: KiB per atom{what}", f"**{kib:.1f}**{time}"))
    return out


def large(runs):
    out = []
    for mode in dict.fromkeys(r["memory"] for r in runs):
        found = [r for r in runs if r["memory"] == mode]
        n, few = found[0]["large"]["result"]["atoms"], found[0]["usual"]["result"]["atoms"]
        kib = statistics.median(r["large"]["result"]["rss_bytes"] for r in found) / n / 1024
        out.append((f"{mode}: time per atom of {n:,} atoms over that of {few:,}", spread([r["large"]["median"] / r["usual"]["median"] for r in found])))
        out.append((f"{mode}: resident memory at {n:,} atoms, everything counted, KiB per atom", f"**{kib:.2f}**"))
    return out
