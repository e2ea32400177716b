"""The programs that are measured. Each has a label, start(structure), measure() and
stop(); measure() answers with the times in µs per atom and step of one turn:
{"median", "min", "times", …}."""

import json
import os
import re
import statistics
import subprocess

import environments
import structures
from environments import HERE, Missing


def sample(times, **more):
    return {"median": statistics.median(times), "min": min(times), "times": times, **more}


def tail(text):
    lines = [x.strip() for x in text.splitlines() if x.strip()]
    return lines[-1] if lines else "no message"


class Worker:
    """A peer in an environment of its own, as a process of workers/<script>."""

    def __init__(self, label, environment, script, steps, options, model=None, system=False, also=None):
        self.label, self.environment, self.script, self.steps = label, environment, script, steps
        self.options = options  # or a function that finds them, and may raise Missing
        self.model = model  # the file that wigner's results are compared with
        self.system = system  # runs in the system's Python
        self.also = also  # a package that this peer wants beyond its environment's
        self.process = None

    def start(self, structure):
        options = self.options() if callable(self.options) else self.options
        python = "python3" if self.system else environments.python(self.environment)
        note = environments.also(self.environment, self.also) if self.also else None
        env = dict(os.environ)
        if "package" in options:
            env["LD_LIBRARY_PATH"] = environments.mpich()
        self.messages = open(os.path.join(os.path.dirname(structure), self.script + ".log"), "w+")
        self.process = subprocess.Popen(
            [python, os.path.join(HERE, "workers", self.script), structure, json.dumps(options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.messages, text=True, env=env)
        self.first = self.read()
        if "unavailable" in self.first:
            raise Missing("; ".join(x for x in (self.first["unavailable"], note) if x))
        self.atoms = structures.count(structure)

    def read(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.process.wait()
        self.messages.seek(0)
        raise Missing(f"ended with status {self.process.returncode}: {tail(self.messages.read())}")

    def measure(self):
        try:
            self.process.stdin.write(json.dumps({"steps": self.steps}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        return sample([1e6 * s / self.atoms for s in self.read()["seconds"]])

    def about(self):
        return {"versions": self.first["versions"], "atoms": self.atoms, "threads": self.first["threads"]}

    def stop(self):
        if self.process is not None:
            for pipe in (self.process.stdin, self.process.stdout):
                try:
                    pipe.close()
                except BrokenPipeError:  # it died between two turns, with a request on its way
                    pass
            self.process.wait()
            self.messages.close()


class Wigner:
    """`wigner bench`. atoms 0 means the case's own file of atoms."""

    def __init__(self, label, binary, model, steps, atoms=0, crystal="si", memory=None, cpu=None):
        self.label, self.binary, self.model = label, binary, model
        self.atoms = self.made = atoms
        self.steps, self.crystal, self.cpu = steps, crystal, cpu
        self.more = [] if memory is None else ["--memory", memory]

    def call(self, *words):
        env = dict(os.environ)
        if self.cpu:
            env["WIGNER_CPU"] = self.cpu
        r = subprocess.run([self.binary, *words], capture_output=True, text=True, env=env)
        if r.returncode != 0:
            raise Missing(f"wigner {words[0]}: status {r.returncode}: {tail(r.stderr)}")
        return r.stdout

    def start(self, structure):
        try:
            self.call("info", self.model)
        except Missing:
            raise Missing("wigner does not read this model") from None
        self.structure = structure if self.atoms == 0 else self.crystal
        if self.atoms == 0:
            self.atoms = structures.count(structure)
        self.version = self.call("--version").strip()

    def words(self):
        return ["bench", "-m", self.model, "--structure", self.structure, "--atoms", str(self.atoms),
                "--steps", str(self.steps), "--ranks", "1", *self.more, "--json"]

    def measure(self):
        found = bench(self.call(*self.words()))
        self.made = found["result"]["atoms"]  # the supercell has at least as many as asked for
        return found

    def differences(self, structure, first):
        """How far wigner's single precision is from a peer's results for the file."""
        out = structure + ".wigner.extxyz"
        self.call("eval", structure, "-m", self.model, "-o", out, "--ranks", "1")
        return structures.differences(structures.results(out), first)

    def about(self):
        return {"versions": {"wigner": self.version.removeprefix("wigner ")}, "atoms": self.made, "threads": 1}

    def stop(self):
        pass


def bench(text):
    """The one result of `wigner bench --json`, with the machine as it saw it."""
    report = json.loads(text)
    r = report["results"][0]
    steps = report["steps"]
    return {
        "median": r["us_median"], "min": r["us_min"], "times": [r["us_per_atom_step"]],
        "pair": 1e6 * r["breakdown"]["pair"] * r["ranks"] / r["atoms"] / steps,
        "result": r, "machine": report["machine"],
    }


class Prototype:
    """The C prototype: energies and forces alone, a given list, the first layer's states
    made again, in its folder. It tells the best and the mean of three."""

    label = "C prototype"

    def __init__(self, path, cells):
        self.path, self.cells = os.path.abspath(path), cells

    def start(self, structure):
        if not os.access(self.path, os.X_OK):
            raise Missing(f"{self.path} is not a program")
        self.atoms = 8 * self.cells**3

    def measure(self):
        r = subprocess.run([self.path, "bench", "mode=B3", "el=Si", f"nc={self.cells}", "n2=40", "rep=3", "recomp=1"],
                           cwd=os.path.dirname(self.path), capture_output=True, text=True)
        found = re.search(r"best (\S+) mean (\S+) us/atom", r.stdout)
        if not found:
            raise Missing(f"status {r.returncode}: {tail(r.stderr or r.stdout)}")
        best, mean = map(float, found.groups())
        return {"median": mean, "min": best, "times": [mean], "pair": mean}

    def about(self):
        return {"versions": {}, "atoms": self.atoms, "threads": 1}

    def stop(self):
        pass
