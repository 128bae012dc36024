# SPDX-License-Identifier: Apache-2.0
"""Runs on a machine that is slow, or on which the guest's QEMU stands still for a while."""
import contextlib
import os
import pathlib
import signal
import subprocess
import time

from conftest import PATIENCE, RUN, cells, start

SECONDS = 1500  # of a whole run, whatever is done to it
# What a run of each cell says wherever there is time enough; the innermost layer's.
IDLE = ("outcome", "grade", "entered", "kvm", "origin", "rungs", "findings")


def start_run(folder, cases, *extra):
    return start(*RUN, cases, "-o", folder, "--platform", "emulated", *extra)


def finish(child, folder):
    """Each cell's verdict, as the run's result.json has it."""
    output, _ = child.communicate(timeout=SECONDS)
    assert child.returncode in (0, 1, 3), output
    return cells(folder)


def verdict(cell):
    """What must not depend on the machine's speed."""
    layer = cell["layers"][-1]
    return {"outcome": cell["outcome"], "grade": layer["grade"], "entered": layer["entered"], "kvm": layer["kvm"],
            "origin": layer["origin"], "rungs": [(r["rung"], r["ok"], r["errno"]) for r in layer["ladder"]],
            "findings": sorted(f["name"] for f in layer["findings"])}


def qemu_of(child):
    """The QEMUs that this run has started."""
    try:
        children = pathlib.Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    except OSError:
        return []
    found = []
    for pid in map(int, children):
        with contextlib.suppress(OSError):
            # not the short one that is asked for its version or its ACPI tables
            if b"socket,id=channel" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def wait_for(child, condition, seconds=300):
    end = time.monotonic() + seconds * PATIENCE
    while child.poll() is None and time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def console_speaks(folder):
    """The kernel has begun: its console has a line."""
    return any("[" in path.read_text(errors="replace") or path.stat().st_size > 2000
               for path in folder.glob("boots/*/console.log"))


def channel_has(folder, size):
    return any(path.stat().st_size > size for path in folder.glob("boots/*/channel.bin"))


def pause(child, seconds):
    """As when a host is suspended, or its processors are taken by others: the guest's clock goes on."""
    stopped = qemu_of(child)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    return len(stopped)


@contextlib.contextmanager
def busy(loops):
    """So many loops that do nothing but take processor time."""
    children = [subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"]) for _ in range(loops)]
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()
