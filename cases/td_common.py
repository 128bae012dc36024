# SPDX-License-Identifier: Apache-2.0
"""What the tests of `tception td` share: TDs of a session's own, whatever else runs on this machine."""
import os
import pathlib
import subprocess

from conftest import processes_of, scratch, TCEPTION, tception, TOP

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

    def processes(self):
        """IDs of all that it started and that runs still."""
        return processes_of(f"XDG_RUNTIME_DIR={self.runtime}")


def compiled(folder, name="quoter"):
    """One of the programs here that know nothing of tception, static: it runs in every container."""
    program = pathlib.Path(folder) / name
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-static", "-o", program, HERE / f"{name}.c"], check=True)
    return program


def parent_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def verify(td, path, profile="UpToDate", **more):
    """`quote verify` with what `td trust` says of that profile, kept in td.folder."""
    trust = td.folder / f"trust-{profile}"
    done = td("trust", trust, "--profile", profile)
    assert done.returncode == 0 and "EMULATED" in done.stdout
    return tception("quote", "verify", "--root", trust / "root.pem", "--collateral", trust / "collateral.json", "--policy",
                    trust / "policy.json", path, **more)
