"""Draws a report's raw numbers: plot.py FILE.json FILE.png."""

import json
import sys

import matplotlib
from rounds import summary

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


def main():
    with open(sys.argv[1]) as f:
        data = json.load(f)
    cases = [c for c in data["cases"] if c["name"] != "memory" and summary(c)]
    bars = [len(summary(c)) for c in cases]
    figure, axes = plt.subplots(len(cases), 1, sharex=True, squeeze=False, figsize=(9, 0.34 * sum(bars) + 0.75 * len(cases) + 0.6),
                                gridspec_kw={"height_ratios": [n + 0.6 for n in bars]}, layout="constrained")
    for ax, case in zip(axes[:, 0], cases):
        found = summary(case)
        labels = list(found)
        for k, label in enumerate(labels):
            x = found[label]["median"]
            color = "#1f6f8b" if label.startswith("wigner") else "#808080"
            ax.plot([found[label]["min"], x], [k, k], color=color, lw=3)
            ax.plot(x, k, "o", color=color, ms=7)
            ax.text(x * 1.15, k, f"{x:,.0f}" if x >= 10 else f"{x:.1f}", va="center", fontsize=8)
        ax.set_xscale("log")
        ax.set_yticks(range(len(labels)), [f"{x} ({case['programs'][x]['atoms']:,})" for x in labels], fontsize=8)
        ax.invert_yaxis()
        ax.set_title(case["title"], fontsize=10, loc="left")
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(color="#dddddd", lw=0.6)
        ax.margins(y=0.6 / len(labels))
        ax.set_axisbelow(True)
    if cases:
        axes[-1, 0].set_xlabel("µs per atom and step on one core: median, and a line to the fastest; atoms in brackets")
        left, right = axes[-1, 0].get_xlim()
        axes[-1, 0].set_xlim(left, right * 1.8)  # room for the last numbers
    figure.savefig(sys.argv[2], dpi=110)


main()
