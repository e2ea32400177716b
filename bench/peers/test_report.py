"""The arithmetic of the report on made-up rounds: python3 -m unittest discover bench/peers."""

import os
import tempfile
import unittest

import figures
import ranks
import report
import rounds
import structures

SEVENNET = figures.SEVENNET


def turn(median, least):
    return {"median": median, "min": least, "times": [median]}


CASE = {
    "name": "small", "title": "SevenNet-0, silicon, few atoms", "absent": {"other": "no such program"}, "loads": [1.0, 1.0, 1.0],
    "differences": {SEVENNET: {"energy": 1e-7, "forces": 1e-6, "stress": 1e-8}},
    "programs": {"wigner": {"atoms": 64, "versions": {"wigner": "1"}}, SEVENNET: {"atoms": 64, "versions": {"sevenn": "0.10.4"}}},
    # The second round's machine is slow for both; in the third the peer fell out.
    "rounds": [{"wigner": turn(100, 90), SEVENNET: turn(9000, 8500)}, {"wigner": turn(200, 180), SEVENNET: turn(20000, 19000)},
               {"wigner": turn(100, 95)}],
}
DATA = {"date": "2026-01-01", "quick": False, "cases": [CASE], "extras": {"training": [{"network": "2 layers", "turns": [{"wigner": [1.0, 1.2, 1.1], "sevenn": [90.0, 22.0], "ratio": 20.0}]}]}, "absent": {"ranks": "one core"},
        "machine": {"cpu": "a processor", "cores": 2, "system": "Linux", "load_before": 0.0, "load_after": 1.0}}


class Report(unittest.TestCase):
    def test_ratios_are_taken_within_rounds(self):
        found = rounds.summary(CASE)[SEVENNET]
        self.assertEqual(found["ratios"], [90, 100])
        self.assertEqual(found["ratio"], 95)
        self.assertEqual((found["median"], found["min"]), (14500, 8500))
        [(_, text), (what, training)] = figures.rows(DATA)
        self.assertEqual(text, "**95** (90 – 100); fastest over fastest 94.4")
        self.assertIn("2 layers, 1.1 s per epoch", what)
        self.assertEqual(training, "**20**")

    def test_mace(self):
        case = CASE | {"name": "mace-small", "title": "MACE", "programs": {"wigner": CASE["programs"]["wigner"], figures.SYMMETRIX: {"atoms": 512}},
                       "rounds": [{"wigner": turn(100, 90), figures.SYMMETRIX: turn(700, 650)}, {"wigner": turn(200, 180), figures.SYMMETRIX: turn(1800, 1700)}]}
        self.assertEqual(figures.rows(DATA | {"cases": [case], "extras": {}}),
                         [("MACE: time of symmetrix, ASE, float64 over wigner's (512 atoms)", "**8** (7 – 9)")])

    def test_everything_is_named(self):
        text = report.text(DATA, "2026-01-01", None)
        for part in (SEVENNET, "other (small): no such program", "ranks: one core", "sevenn 0.10.4", "2026-01-01.json", "forces 1.0e-06"):
            self.assertIn(part, text)


class Ranks(unittest.TestCase):
    def test_efficiency(self):
        def run(*steps):
            r = ranks.Run.__new__(ranks.Run)
            r.steps = list(steps)
            return r

        # Halves of 2 and 3 s a step, and 2.5 s for the whole: rates 1/2, 1/3 and 0.4. The line of step 0 does not count.
        kinds = {"alone": [run((1, 9), (2, 10), (7, 20)), run((1, 1), (2, 3), (4, 9))], "one process": [run((1, 0), (2, 1), (6, 11))]}
        found = ranks.efficiencies(kinds)
        self.assertEqual({k: round(v, 12) for k, v in found.items()}, {"one process": 0.96})
        data = DATA | {"extras": {"ranks": {"atoms": 49248, "efficiency": found, "even": [0.9, 0.94]}}}
        text = report.text(data, "2026-01-01", None)
        self.assertIn("two ranks (one process), 49,248 atoms", text)
        self.assertIn("**0.960**; over what cores as uneven as these allow ranks that meet, 0.920 (0.900 – 0.940): **1.043**", text)


class Structures(unittest.TestCase):
    def test_results(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.extxyz")
            self.assertEqual(structures.write("Cu", 2, path), 32)
            self.assertEqual(structures.count(path), 32)
            with open(path, "w") as f:
                f.write('1\nLattice="1 0 0 0 1 0 0 0 1" Properties=species:S:1:pos:R:3:forces:R:3 energy=-1.5 stress="1 2 3 2 5 6 3 6 9"\n'
                        "Cu 0 0 0 0.1 0.2 0.3\n")
            got = structures.results(path)
            self.assertEqual(got, {"energy": -1.5, "forces": [[0.1, 0.2, 0.3]], "stress": [[1, 2, 3], [2, 5, 6], [3, 6, 9]]})
            other = {"energy": -1.0, "forces": [[0.1, 0.2, 0.7]], "stress": got["stress"]}
            d = structures.differences(got, other)
            self.assertEqual((d["energy"], round(d["forces"], 12), d["stress"]), (0.5, 0.4, 0))


if __name__ == "__main__":
    unittest.main()
