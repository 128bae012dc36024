# SPDX-License-Identifier: Apache-2.0
"""A slow or wrong machine is never a verdict: real guests whose clock is wrong, or whose QEMU is stopped for a while."""
import subprocess

import pytest

from conftest import TCEPTION, TOP, cells, matrix
from slow import channel_has, console_speaks, finish, pause, start_run, verdict, wait_for

CASES = """\
version: 1
cases:
  - {cell: vm, expect: {grade: none, rung: device, errno: ENOENT, kvm: works}, why: a plain VM}
  - {cell: td, expect: {grade: verified, kvm: no-cpu}, why: a trust domain}
"""


@pytest.fixture(name="cases")
def cases_file(tmp_path):
    path = tmp_path / "cases.yaml"
    path.write_text(CASES)
    return path


def idle(name):
    """The same cell undisturbed; the expectation alone does not have all of it."""
    cell = cells(matrix()[2])[name]
    assert cell["outcome"] == "pass" and cell["clock"]["state"] in ("right", "unknown"), cell
    return verdict(cell)


def test_wrong_clock(tmp_path, cases):
    """A kernel that is told half the frequency runs twice as fast; nothing that it says counts."""
    text = subprocess.run([TCEPTION, "doctor"], cwd=TOP, capture_output=True, text=True, check=False).stdout
    khz = next((int(line.split()[-2]) for line in text.splitlines() if line.startswith("clock") and "kHz" in line), None)
    if khz is None:
        pytest.skip("the TSC's frequency is not known here")
    run = tmp_path / "run"
    cell = finish(start_run(run, cases, "--cell", "vm", "--accel", "tcg", "--append", f"tsc_early_khz={khz // 2}"), run)["vm"]
    assert cell["outcome"] == "broken" and "layer 0's clock is wrong" in cell["reason"], cell["reason"]
    assert cell["clock"]["state"] == "wrong" and 1.5 < cell["clock"]["high"] < 2.5
    assert all(cost is None for layer in cell["layers"] for cost in layer["cost"].values())


def test_paused_while_modules_load(tmp_path, cases):
    """Longer than modprobe once was given: everything is loaded all the same. (full_slow.py stops TDs too.)"""
    run = tmp_path / "run"
    child = start_run(run, cases, "--cell", "vm")
    assert wait_for(child, lambda: console_speaks(run) or channel_has(run, 0)), "the guest never came"
    assert pause(child, 33) == 1
    cell = finish(child, run)["vm"]
    assert cell["outcome"] == "broken" or verdict(cell) == idle("vm"), cell["reason"]


def test_paused_while_it_probes(tmp_path, cases):
    """Longer than a probe is given: what was cut off is said to be, and is no verdict."""
    run = tmp_path / "run"
    child = start_run(run, cases, "--cell", "vm")
    assert wait_for(child, lambda: channel_has(run, 2000)), "the agent never came"
    assert pause(child, 63) == 1
    cell = finish(child, run)["vm"]
    assert cell["outcome"] == "broken" or verdict(cell) == idle("vm"), cell["reason"]
    if cell["outcome"] == "broken":
        assert "cut off in the guest" in cell["reason"], cell["reason"]
