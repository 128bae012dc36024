# SPDX-License-Identifier: Apache-2.0
"""Clocks and verdicts beside four busy loops, and TDs that stand still for a while. `make test-full` runs it.

TCEPTION_STARTS and TCEPTION_BUSY_RUNS say how many of each; four are under way at once, so that each is
beside three others and the loops.
"""
import concurrent.futures
import importlib.machinery
import importlib.util
import os
import re
import statistics
import subprocess
import time

import pytest

from conftest import TOP
from slow import busy, channel_has, console_speaks, finish, pause, start_run, verdict, wait_for
from test_slow import cases_file, idle  # noqa: F401 (a fixture)

STARTS = int(os.environ.get("TCEPTION_STARTS", "300"))
RUNS = int(os.environ.get("TCEPTION_BUSY_RUNS", "4"))
LOOPS = 4
AT_ONCE = 4
SECONDS = 300  # of one start of the module


def run_td():
    """guests/tdxemu/run-td as a module."""
    loader = importlib.machinery.SourceFileLoader("run_td", str(TOP / "guests" / "tdxemu" / "run-td"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_td", loader))
    loader.exec_module(module)
    return module


def clock_of(run, folder, khz):
    """Starts the module, with this frequency or 0, and returns what it tells the TD, in kHz."""
    args = run.parser().parse_args(["--out", str(folder), "--memory", "512", "--tsc-khz", str(khz)])
    log = folder / "module.log"
    log.unlink(missing_ok=True)
    with subprocess.Popen(list(map(str, run.argv(args, folder))), stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and child.poll() is None:
            found = re.search(r"TSC of (0x[0-9a-f]+) kHz", log.read_text() if log.exists() else "")
            if found:
                break
            time.sleep(0.02)
        child.kill()
        child.wait()
    (folder / "ram").unlink(missing_ok=True)
    assert found, log.read_text() if log.exists() else "the module never started"
    return int(found[1], 16)


def frequencies(count):
    """The host's in kHz, as the harness takes it before each boot; so many times."""
    said = subprocess.run([TOP / "build/test/tsc_lines", str(count)], capture_output=True, text=True, check=True).stdout
    return list(map(int, said.split()))


def beside_load(count, work):
    """What work(0), work(1) ... return, in this order."""
    with busy(LOOPS), concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, range(count)))


def test_starts_beside_load(tmp_path, capsys):
    """Every start tells its TD the right frequency, given by the harness or measured by the module."""
    run = run_td()
    reference = statistics.median(frequencies(5))
    if not reference:
        pytest.skip("the TSC's frequency is not known here")

    def one(i):
        folder = tmp_path / str(i)
        folder.mkdir()
        return clock_of(run, folder, *frequencies(1)) if i % 2 else clock_of(run, folder, 0)

    told = beside_load(STARTS, one)
    with capsys.disabled():
        for how, list_ in (("measured", told[::2]), ("given", told[1::2])):
            print(f"\n{len(list_)} starts, {how}: {min(list_)} to {max(list_)} kHz, the host's {reference:.0f}")
    assert all(abs(khz - reference) < reference / 100 for khz in told), told


def test_verdicts_beside_load(tmp_path, cases, capsys):
    """No verdict but the idle machine's, or that there is none."""
    def one(i):
        return finish(start_run(tmp_path / str(i), cases), tmp_path / str(i))

    runs = beside_load(RUNS, one)
    with capsys.disabled():
        for number, found in enumerate(runs):
            print(f"\nrun {number}:", *(f"{name}: {cell['outcome']}, clock {cell['clock']['low']} to {cell['clock']['high']};"
                                        for name, cell in found.items()))
    for name, cell in ((name, cell) for found in runs for name, cell in found.items()):
        assert cell["outcome"] == "broken" or verdict(cell) == idle(name), cell["reason"]
        assert cell["clock"]["state"] != "wrong", cell["clock"]


@pytest.mark.parametrize("name", ["vm", "td"])
@pytest.mark.parametrize("after", [0, 1, 2, 4, 7])
def test_paused_on_the_way(tmp_path, cases, name, after):
    run = tmp_path / "run"
    child = start_run(run, cases, "--cell", name)
    assert wait_for(child, lambda: console_speaks(run) or channel_has(run, 0)), "the guest never came"
    time.sleep(after)
    pause(child, 33)
    cell = finish(child, run)[name]
    assert cell["outcome"] == "broken" or verdict(cell) == idle(name), cell["reason"]
