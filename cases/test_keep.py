# SPDX-License-Identifier: Apache-2.0
"""`run --keep-on-failure`: the boot of a cell that is not as expected stays up, somebody goes in, and nothing of it is left."""
import signal
import time

import pytest

from conftest import PATIENCE, RUN, cells, start, tception, wait_for, write_cases
from td_common import Td
import test_faults as standin


def kept(td, tmp_path, *extra, **more):
    """A run of the stand-in whose first cell fails, once it stays up."""
    child = start(*standin.command(tmp_path, "-j", "1", *extra), env=standin.environment(
        tmp_path, **{**td.env, "TCEPTION_STANDIN": "vm/docker=kvm-works", **more}))
    wait_for(td.places, child)
    return child


def over(td, child, code=1):
    said = child.communicate(timeout=60)[0]
    assert child.returncode == code, said
    wait_for(lambda: not td.places() and not td.processes())
    return said


CASES = """\
version: 1
cases:
  - {cell: vm, expect: {grade: none}, why: stand-in}
  - {cell: vm/docker, expect: {grade: none, kvm: no-node}, deadline: DEADLINE, why: stand-in}
  - {cell: vm/podman.rootful, expect: {grade: none, kvm: no-node}, isolate: true, why: stand-in}
"""


@pytest.fixture(name="td")
def failing(monkeypatch):
    monkeypatch.setattr(standin, "CASES", CASES)
    return Td()


def test_stopped(td, tmp_path):
    """The run goes on to its end and is told first; then `td down` ends it."""
    child = kept(td, tmp_path, "--keep-on-failure")
    assert td("list").stdout.split()[:3] != [] and "td1" in td("list").stdout
    assert {name: cell["outcome"] for name, cell in cells(tmp_path / "run").items()} == {
        "vm": "pass", "vm/docker": "fail", "vm/podman.rootful": "pass"}
    assert td("down", "td1").returncode == 0
    said = over(td, child)
    table, how = said.index("3 cells: 2 pass 1 fail"), said.index("vm/docker: fail: its boot vm-1 stays up as 'td1', plain VM, for 3600 s")
    assert table < how < said.index("tception shell --in td1 vm/docker") < said.index("vm-1 has ended")
    assert "standin: bye" in (tmp_path / "run" / "boots" / "vm-1" / "console.log").read_text()
    assert tception("judge", tmp_path / "run").returncode == 1  # its evidence is what it was


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGKILL, -9)])
def test_signals(td, tmp_path, number, code):
    child = kept(td, tmp_path, "--keep-on-failure")
    wait_for(lambda: len(standin.processes(tmp_path)) == 1)
    time.sleep(0.5)
    child.send_signal(number)
    child.communicate(timeout=60)
    assert child.returncode == code
    wait_for(lambda: not td.processes())
    assert td("list").returncode == 0 and not td.places()  # the next who looks removes what the killed one left


def test_its_time_is_over(td, tmp_path):
    begin = time.monotonic()
    over(td, kept(td, tmp_path, "--keep-on-failure=3"))
    assert 3 <= time.monotonic() - begin < 60 * PATIENCE


def test_it_dies(td, tmp_path):
    """While it stays up: said so, and the verdict is what it was."""
    child = kept(td, tmp_path, "--keep-on-failure")
    for pid in wait_for(lambda: standin.processes(tmp_path)):
        standin.os.kill(pid, signal.SIGKILL)
    assert "vm-1 has ended: QEMU was killed by signal 9" in over(td, child)


@pytest.mark.parametrize("fault, code", [("vm/docker=start-hang", 3), ("", 0)])
def test_nothing_to_keep(td, tmp_path, fault, code):
    """All pass; or the boot was given up, and the one after it has nothing that differs."""
    child = start(*standin.command(tmp_path, "--keep-on-failure", deadline=2), env=standin.environment(
        tmp_path, **{**td.env, "TCEPTION_STANDIN": fault}))
    assert "stays up" not in over(td, child, code)


def test_refused(tmp_path):
    for value in ("0", "x", "100000"):
        done = tception(*standin.command(tmp_path, f"--keep-on-failure={value}"))
        assert done.returncode == 2 and "keep-on-failure" in done.stderr


def test_going_in(tmp_path):
    """A trust domain: a quote in layer 0 by the run's own service, the cell's layer entered once more."""
    td = Td()
    cases = write_cases(tmp_path, {"td": "{grade: none}", "td/bwrap": "{grade: none}"})
    with start(*RUN, cases, "--platform", "emulated", "--keep-on-failure=1200", "-o", tmp_path / "run", env=td.env) as child:
        wait_for(td.places, child, seconds=600)
        quote = ("d=/sys/kernel/config/tsm/report/x; mkdir $d && head -c 64 /dev/zero >$d/inblob && "
                 "head -c 6 $d/outblob | od -An -tx1; cat /proc/sys/kernel/hostname")
        done = td("exec", "td1", "sh", "-c", quote)
        assert (done.returncode, done.stdout) == (0, " 04 00 02 00 81 00\ntd1\n"), done.stderr
        done = tception("shell", "--in", "td1", "td/bwrap", "sh", "-c", "ls /dev/tdx_guest; id -u", env=td.env)
        assert done.stdout == "0\n" and "/dev/tdx_guest" in done.stderr
        assert td("down", "td1").returncode == 0
        said = over(td, child)
    assert "td: fail: its boot td-1 stays up as 'td1', EMULATED trust domain" in said
    assert {name: cell["outcome"] for name, cell in cells(tmp_path / "run").items()} == {"td": "fail", "td/bwrap": "pass"}
