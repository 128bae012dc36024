# SPDX-License-Identifier: Apache-2.0
"""What the tests of `tception td` share: TDs of a session's own, whatever else runs on this machine."""
import os
import pathlib
import subprocess

from conftest import TCEPTION, TOP, scratch, tception

HERE = TOP / "cases" / "td"


class Td:
    """`tception td` with places and keys of its own."""

    def __init__(self, **more):
        self.runtime, self.state = scratch("td-run-"), scratch("td-state-")
        self.env = {**os.environ, "XDG_RUNTIME_DIR": str(self.runtime), "XDG_STATE_HOME": str(self.state), **more}

    def __call__(self, verb, *args, **options):
        return tception("td", verb, *args, env=self.env, **options)

    def start(self, verb, *args, **options):
        return subprocess.Popen([TCEPTION, "td", verb, *map(str, args)], env=self.env, **options)

    def places(self):
        top = self.runtime / "tception" / "td"
        return sorted(p.name for p in top.iterdir()) if top.exists() else []


def compiled(folder, name="quoter"):
    """One of the programs here that know nothing of tception, static: it runs in every container."""
    program = pathlib.Path(folder) / name
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-static", "-o", program, HERE / f"{name}.c"], check=True)
    return program


def processes_with(text):
    """IDs of the processes whose command line has this in it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if text.encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
        except OSError:
            continue
    return found


def parent_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
