# SPDX-License-Identifier: Apache-2.0
"""What the tests of `tception td` share: TDs of a session's own, whatever else runs on this machine."""
import contextlib
import fcntl
import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import termios
import time

from conftest import PATIENCE, processes_of, scratch, TCEPTION, tception, TOP

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


@contextlib.contextmanager
def terminal(*argv, rows=24, columns=80, **options):
    """A program with a terminal of its own, whose other end is a descriptor here: (descriptor, process)."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    options = {"stdin": theirs, "stdout": theirs, "stderr": theirs, **options}
    with subprocess.Popen(argv, start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), **options) as child:
        os.close(theirs)
        yield ours, child
    os.close(ours)


def read_until(fd, wanted, seconds=120):
    """What a program says on its terminal, up to this."""
    said, end = b"", time.monotonic() + seconds * PATIENCE
    while not re.search(wanted, said):
        assert time.monotonic() < end, said
        if select.select([fd], [], [], 1)[0]:
            try:
                said += os.read(fd, 4096)
            except OSError as e:  # nobody has the other end any more
                raise AssertionError(said) from e
    return said


def verify(td, path, profile="UpToDate", **more):
    """`quote verify` with what `td trust` says of that profile, kept in td.folder."""
    trust = td.folder / f"trust-{profile}"
    done = td("trust", trust, "--profile", profile)
    assert done.returncode == 0 and "EMULATED" in done.stdout
    return tception("quote", "verify", "--root", trust / "root.pem", "--collateral", trust / "collateral.json", "--policy",
                    trust / "policy.json", path, **more)
