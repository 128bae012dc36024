# SPDX-License-Identifier: Apache-2.0
"""`tception shell`: somebody's terminal in the innermost layer, confined as the agent of a run is. One plain VM for all of it."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
import types

import pytest

from conftest import PATIENCE, TCEPTION, TOP, tception, wait_for
from td_common import Td

FULL = "000001ffffffffff"  # all capabilities


class Terminal:
    """Somebody at a terminal."""

    def __init__(self, *args, env):
        ours, theirs = pty.openpty()
        os.set_blocking(ours, False)
        self.fd, self.said = ours, b""
        self.child = subprocess.Popen([TCEPTION, *args], cwd=TOP, env=env, stdin=theirs, stdout=theirs, stderr=theirs,
                                      start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)

    def until(self, text, seconds=300):
        """All up to and with this text."""
        end = time.monotonic() + seconds * PATIENCE
        while text not in self.said:
            if not select.select([self.fd], [], [], 1)[0]:
                assert time.monotonic() < end, self.said
                continue
            try:
                self.said += os.read(self.fd, 65536)
            except OSError:
                pytest.fail(f"it ended: {self.said}")
        at = self.said.index(text) + len(text)
        said, self.said = self.said[:at], self.said[at:]
        return said

    def type(self, text):
        os.write(self.fd, text)


@pytest.fixture(scope="module", name="vm")
def machine():
    td = Td()
    terminal = Terminal("shell", "vm/bwrap", env=td.env)
    try:
        assert b"td1: plain VM" in terminal.until(b"[vm/bwrap] / # ")
        yield types.SimpleNamespace(td=td, terminal=terminal)
    finally:
        terminal.child.kill()
    terminal.child.wait()
    wait_for(lambda: not td.places() and not td.processes())


def shell(vm, cell, *program, **options):
    return tception("shell", "--in", "td1", cell, "--", *program, env=vm.td.env, **options)


def test_program(vm):
    """Its input, its outputs, its status."""
    done = shell(vm, "vm/bwrap", "sh", "-c", "cat; echo e >&2; exit 7", stdin=b"in\n" * 100000)
    assert (done.returncode, done.stdout, done.stderr) == (7, "in\n" * 100000, "e\n")


def test_confined(vm):
    """What the layer's engine leaves it: not what the one below has."""
    look = "sed -n 's/^CapEff:.//p' /proc/self/status; id -u; ls /dev/tdx_guest /dev/kvm"
    below = shell(vm, "vm", "sh", "-c", look).stdout.split()
    rootless = shell(vm, "vm/crun.rootless", "sh", "-c", look)
    assert below[:2] == [FULL, "0"]
    assert rootless.stdout.split()[:1] != [FULL] and rootless.returncode == 2 and "/dev/kvm" in rootless.stderr
    assert shell(vm, "vm/bwrap.user", "id", "-u").stdout != "0\n"


def test_nested(vm):
    done = shell(vm, "vm/podman.rootful+privileged/bwrap", "sh", "-c", "ls -d /agent; cat; exit 3", stdin=b"deep\n")
    assert (done.returncode, done.stdout) == (3, "/agent\ndeep\n"), done.stderr


def test_not_to_be_had(vm):
    """Why a layer was not reached, by its engine's words; why a program was not started."""
    done = shell(vm, "vm/podman.rootful/bwrap", "true")
    assert done.returncode == 125
    assert "bwrap: " in done.stderr and "vm/podman.rootful/bwrap was not reached" in done.stderr
    done = shell(vm, "vm/bwrap", "/nonexistent")
    assert done.returncode == 127 and "can't be started in there: ENOENT" in done.stderr


def test_terminal(vm):
    """Of its own size; a job's signals; the machine ends with it."""
    t = vm.terminal
    fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack("4H", 33, 91, 0, 0))
    wait_for(lambda: (t.type(b"stty size\n"), b"33 91" in t.until(b"# "))[1], t.child)
    t.type(b"sleep 1000\n")
    time.sleep(2)
    t.type(b"\x03")
    t.until(b"# ")
    t.type(b"echo ended $?\n")
    t.until(b"ended 130\r\n")
    t.type(b"exit 5\n")
    assert t.child.wait(120) == 5


@pytest.mark.parametrize("args, says", [
    (("vm/uml",), "uml is a machine of its own"),
    (("td/qemu.tcg",), "qemu is a machine of its own"),
    (("local",), "layer 0 already"),
    (("td/conformance",), "nobody can sit in such a layer"),
    (("vm/bwrap@agent=hang",), "nobody can sit in such a layer"),
    (("vm/nope",), "unknown inner layer"),
])
def test_refused(args, says):
    done = tception("shell", *args, env=Td().env)
    assert (done.returncode, done.stdout) == (2, "") and says in done.stderr


def test_nowhere():
    done = tception("shell", "--in", "nope", "vm/bwrap", env=Td().env)
    assert done.returncode == 125 and "no TD of the name 'nope' runs" in done.stderr
