"""The peers' Python environments, one for each, made once."""

import glob
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


class Missing(Exception):
    """A peer cannot be had; the text says why."""


def folder():
    """Where the environments are: $WIGNER_PEERS, or .cache/peers of the tree."""
    return os.path.abspath(os.environ.get("WIGNER_PEERS") or os.path.join(ROOT, ".cache", "peers"))


def python(name):
    """The interpreter of the environment of requirements/<name>.txt. It is made if it is
    not there yet (a GB or more, and minutes, for those with torch)."""
    place = os.path.join(folder(), name)
    program, done = os.path.join(place, "bin", "python"), os.path.join(place, "installed")
    if os.path.exists(done):
        return program
    print(f"making the environment of {name} in {place}", file=sys.stderr, flush=True)
    if subprocess.run([sys.executable, "-m", "venv", place]).returncode != 0:
        raise Missing(f"python -m venv {place} failed")
    if failed := pip(program, place, "pip.log", "-r", os.path.join(HERE, "requirements", name + ".txt")):
        raise Missing(failed)
    open(done, "w").close()
    return program


def also(name, requirement):
    """Adds a package that the environment can do without; why that failed, or None.
    It is tried once: the answer is kept."""
    program = python(name)
    place = os.path.join(folder(), name)
    answer = os.path.join(place, "also-" + requirement.split("<")[0])
    if not os.path.exists(answer):
        failed = pip(program, place, "pip-also.log", requirement)
        with open(answer, "w") as f:
            f.write(failed or "")
    with open(answer) as f:
        return f.read() or None


def pip(program, place, log, *words):
    """Installs; the reason why not, or None."""
    log = os.path.join(place, log)
    with open(log, "w") as f:
        r = subprocess.run([program, "-m", "pip", "install", "--disable-pip-version-check", *words], stdout=f, stderr=subprocess.STDOUT)
    if r.returncode == 0:
        return None
    with open(log) as f:
        errors = [x.strip() for x in f if x.strip().startswith(("ERROR", "error"))]
    return f"pip install: {errors[-1] if errors else 'status ' + str(r.returncode)}"


def mpich():
    """A folder with MPICH's library under the name that its relatives share, which
    programs built elsewhere ask for."""
    found = [p for d in ("/usr/lib/*", "/usr/lib64", "/usr/lib64/mpich/lib", "/usr/local/lib")
             for name in ("libmpi.so.12", "libmpich.so.12") for p in glob.glob(os.path.join(d, name))]
    if not found:
        raise Missing("needs MPICH's library (Debian: libmpich12)")
    place = os.path.join(folder(), "mpich")
    link = os.path.join(place, "libmpi.so.12")
    os.makedirs(place, exist_ok=True)
    if os.path.lexists(link):
        os.remove(link)
    os.symlink(found[0], link)
    return place


def library(name):
    """The path of a system library."""
    for d in ("/usr/lib/*", "/usr/lib64", "/usr/lib", "/usr/local/lib"):
        if found := glob.glob(os.path.join(d, name)):
            return found[0]
    raise Missing(f"no {name} in the system's libraries")
