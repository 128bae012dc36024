# SPDX-License-Identifier: Apache-2.0
"""What the harness does when a guest misbehaves: cells break with a reason, the rest of the run goes on.

No guest is booted here: cases/standin-qemu stands in for QEMU and everything in it.
"""
import os
import signal
import time

import pytest

import conftest
from conftest import TOP, processes_of, result, start, tception, wait_for

STANDIN = str(TOP / "cases" / "standin-qemu")
CASES = """\
version: 1
cases:
  - {cell: vm, expect: {grade: none}, why: stand-in}
  - {cell: vm/docker, expect: {grade: none}, deadline: DEADLINE, why: stand-in}
  - {cell: vm/podman.rootful, expect: {grade: none}, deadline: 30, why: stand-in}
  - {cell: vm/podman.rootless, expect: {grade: none}, deadline: 30, isolate: true, why: stand-in}
"""
FAULTS = {  # what the stand-in does -> what the verdict's reason says, what the console said last
    "hang": ("no DONE within the deadline", "about to hang"),
    "die": ("exit status 3", "about to die"),
    "crash": ("signal 11", "about to crash"),
    "panic": ("ended by itself", "Kernel panic - not syncing"),
    "garbage": ("no frame header", "about to garbage"),
    "flood": ("sent more than", "about to flood"),
    "eof": ("", "about to eof"),
}


def command(folder, *extra, deadline=60):
    cases = folder / "cases.yaml"
    cases.write_text(CASES.replace("DEADLINE", str(deadline)))
    return ["run", cases, "-o", folder / "run", "--qemu", STANDIN, "--accel", "tcg",
            "--kernel", "/dev/null", "--initrd", "/dev/null", "--root-image", "/dev/null", *extra]


def environment(folder, **more):
    """Its last variable tells the processes of this folder from those of other tests that run beside it."""
    return {**os.environ, "TMPDIR": "/nonexistent", **more, "TCEPTION_STANDIN_OF": str(folder)}


def run(folder, *extra, deadline=60, **more):
    return tception(*command(folder, *extra, deadline=deadline), env=environment(folder, **more))


def cells(folder):
    return conftest.cells(folder / "run")


def processes(folder):
    """The stand-ins of this folder that run now."""
    return processes_of(f"TCEPTION_STANDIN_OF={folder}", STANDIN, slice(1, 2))  # an interpreter's first argument


def test_well_behaved(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {cell["outcome"] for cell in cells(tmp_path).values()} == {"pass"}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(tmp_path, fault):
    done = run(tmp_path, deadline=3 if fault == "hang" else 60, TCEPTION_STANDIN=f"vm/docker={fault}")
    assert done.returncode == 3, done.stdout + done.stderr
    found = cells(tmp_path)
    reason, console = FAULTS[fault]
    assert found["vm/docker"]["outcome"] == "broken"
    assert reason in found["vm/docker"]["reason"]
    for other in ("vm", "vm/podman.rootful", "vm/podman.rootless"):
        assert found[other]["outcome"] == "pass", found[other]
    boots = result(tmp_path / "run", "run.json")["boots"]
    assert any(console in boot["console_tail"] for boot in boots)
    assert not processes(tmp_path)


def test_wrong_clock(tmp_path):
    """A guest whose clock runs 21 times too fast is no guest to time anything by."""
    done = run(tmp_path, "--cell", "vm/docker", TCEPTION_STANDIN="*=clock-wild")
    assert done.returncode == 3, done.stdout + done.stderr
    cell = cells(tmp_path)["vm/docker"]
    assert cell["outcome"] == "broken" and "layer 0's clock is wrong" in cell["reason"]
    assert cell["clock"]["state"] == "wrong" and 1.01 < cell["clock"]["low"] < 22
    assert all(cost is None for layer in cell["layers"] for cost in layer["cost"].values())


def test_no_clock(tmp_path):
    """One that does not say its time is judged, but nothing that it timed."""
    done = run(tmp_path, "--cell", "vm", TCEPTION_STANDIN="*=clock-mute")
    assert done.returncode == 0, done.stdout + done.stderr
    assert cells(tmp_path)["vm"]["clock"] == {"state": "unknown", "low": None, "high": None}


def test_layer0_never_comes(tmp_path):
    done = run(tmp_path, TCEPTION_STANDIN="vm=start-fail")
    assert done.returncode == 3
    assert {cell["outcome"] for cell in cells(tmp_path).values()} == {"broken"}
    assert all("could not start" in cell["reason"] for cell in cells(tmp_path).values())


def test_judged_again(tmp_path):
    """The folder alone, moved elsewhere, gives the same verdicts."""
    run(tmp_path, TCEPTION_STANDIN="vm/docker=garbage")
    before = cells(tmp_path)
    os.rename(tmp_path / "run", tmp_path / "moved")
    done = tception("judge", tmp_path / "moved")
    assert done.returncode == 3, done.stdout + done.stderr
    os.rename(tmp_path / "moved", tmp_path / "run")
    assert cells(tmp_path) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(tmp_path, number):
    """No process, socket or temporary file is left; what was not done is broken."""
    with start(*command(tmp_path, "-j", "2"), env=environment(tmp_path, TCEPTION_STANDIN="*=hang")) as child:
        wait_for(lambda: len(processes(tmp_path)) == 2, child)
        child.send_signal(number)
        output, _ = child.communicate(timeout=120)
    assert child.returncode == 3, output
    assert f"interrupted by {number.name}" in output
    assert not processes(tmp_path)
    left = {os.path.relpath(os.path.join(top, name), tmp_path)
            for top, _, names in os.walk(tmp_path) for name in names}
    assert {os.path.basename(path) for path in left} <= {
        "cases.yaml", "run.json", "result.json", "channel.bin", "console.log", "qemu.log", "layer0.jsonl"}, left
    assert {cell["outcome"] for cell in cells(tmp_path).values()} == {"broken"}


def test_killed(tmp_path):
    """Even SIGKILL of the harness takes the guests along."""
    with start(*command(tmp_path, "-j", "2"), env=environment(tmp_path, TCEPTION_STANDIN="*=hang")) as child:
        wait_for(lambda: len(processes(tmp_path)) == 2, child)
        child.kill()
    wait_for(lambda: not processes(tmp_path))


def test_killed_and_resumed(tmp_path):
    """A run that is killed at any instant can be judged and gone on with, and nothing is green that was not run."""
    for i in range(8):
        here = tmp_path / str(i)
        here.mkdir()
        with start(*command(here, "-j", "2"), env=environment(tmp_path)) as child:
            time.sleep(0.08 * (i + 1) * conftest.PATIENCE)
            child.kill()
        wait_for(lambda: not processes(tmp_path))
        folder = here / "run"
        judged = tception("judge", folder)
        if not (folder / "run.json").exists():  # before its plan was kept
            assert judged.returncode == 3 and "booted nothing" in judged.stderr
            continue
        for cell in cells(here).values():
            assert cell["outcome"] == "pass" or cell["reason"].startswith("never run")
        assert judged.returncode in (0, 3), judged.stderr
        assert len(cells(here)) == 4
        done = tception("run", "--resume", folder, env=environment(tmp_path))
        assert done.returncode == 0, done.stdout + done.stderr
        assert {cell["outcome"] for cell in cells(here).values()} == {"pass"}
        assert result(folder, "run.json")["ended"]
        assert not list(folder.glob("*.new")) and not (folder / "qgs.socket").exists()
        assert "0 cells in 0 boots" in tception("run", "--resume", folder).stderr


def test_resumed_in_the_middle(tmp_path):
    """What was done stays as it was; what was not is made by another boot, of the same cells and options."""
    with start(*command(tmp_path, "-j", "1", "--cell", "vm/podman.rootful"),
               env=environment(tmp_path, TCEPTION_STANDIN="vm/podman.rootful=hang")) as child:
        wait_for(lambda: (tmp_path / "run" / "run.json").exists() and '"done"' in (tmp_path / "run" / "run.json").read_text(), child)
        child.kill()
    wait_for(lambda: not processes(tmp_path))
    before = result(tmp_path / "run", "run.json")
    assert not before["ended"] and before["boots"][0]["visits"][0]["evidence"]["size"] > 0
    assert tception("judge", tmp_path / "run").returncode == 3
    assert cells(tmp_path)["vm/podman.rootful"]["reason"] == "never run: the run ended before it"
    assert tception("run", "--resume", tmp_path / "run", "--cell", "vm").returncode == 2
    assert tception("run", "--resume", tmp_path / "run", env=environment(tmp_path)).returncode == 0
    after = result(tmp_path / "run", "run.json")
    assert after["boots"][0] == before["boots"][0] and [b["id"] for b in after["boots"]] == ["vm-1", "vm-1.2"]
    assert list(cells(tmp_path)) == ["vm/podman.rootful"]


def test_changed_evidence(tmp_path):
    """One bit of what was recorded, one byte more or one less: broken, whatever it says now."""
    assert run(tmp_path).returncode == 0
    channel = tmp_path / "run" / "boots" / "vm-1" / "channel.bin"
    good = channel.read_bytes()
    for bad in (good[:300] + bytes([good[300] ^ 1]) + good[301:], good + b"x", good[:-1], b""):
        channel.write_bytes(bad)
        assert tception("judge", tmp_path / "run").returncode == 3
        found = cells(tmp_path)
        for cell in ("vm", "vm/docker", "vm/podman.rootful"):
            assert found[cell]["outcome"] == "broken"
            assert found[cell]["reason"].startswith("the evidence changed since: boots/vm-1/channel.bin: ")
        assert found["vm/podman.rootless"]["outcome"] == "pass"
    channel.write_bytes(good)
    assert tception("judge", tmp_path / "run").returncode == 0


def test_second_signal(tmp_path):
    """It ends the run at once, and what was done by then is on the disk."""
    with start(*command(tmp_path), env=environment(tmp_path, TCEPTION_STANDIN="*=hang")) as child:
        wait_for(lambda: processes(tmp_path), child)  # one or both
        child.send_signal(signal.SIGSTOP)  # both are there before it can end by the first
        child.send_signal(signal.SIGTERM)
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGCONT)
        child.communicate(timeout=60)
    assert child.returncode in (-signal.SIGTERM, -signal.SIGINT)
    wait_for(lambda: not processes(tmp_path))
    assert tception("judge", tmp_path / "run").returncode == 3


def test_grants_interrupted(tmp_path):
    """The run of a search is ended with it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "qemu-system-x86_64").symlink_to(STANDIN)
    env = environment(tmp_path, TCEPTION_STANDIN="*=hang", PATH=f"{tmp_path}/bin:{os.environ['PATH']}")
    with start("grants", "vm/docker", "vm/crun", "-o", tmp_path / "run", env=env) as child:
        wait_for((tmp_path / "run" / "round-1" / "run.json").exists, child)
        child.send_signal(signal.SIGTERM)
        output, _ = child.communicate(timeout=120)
    assert child.returncode == 3, output
    assert "interrupted by SIGTERM" in output and "ended by signal 15" in output
    assert not processes_of(f"TCEPTION_STANDIN_OF={tmp_path}")


def test_usage(tmp_path):
    assert run(tmp_path, "--platform", "moon").returncode == 2
    assert run(tmp_path, "-j", "0").returncode == 2
    assert run(tmp_path, "--cell", "vm/lxc").returncode == 2
    assert run(tmp_path, "--qemu", "/nonexistent").returncode == 3


def test_several_cells(tmp_path):
    """What one --cell or another chooses; one that chooses nothing is no part of it without a word."""
    assert run(tmp_path, "--cell", "vm/docker", "--cell", "vm/podman.root[f]*").returncode == 0
    assert list(cells(tmp_path)) == ["vm/docker", "vm/podman.rootful"]
    done = run(tmp_path, "--cell", "vm", "--cell", "vm/lxc")
    assert done.returncode == 2 and "no cell 'vm/lxc'" in done.stderr


def test_folder_is_used_once(tmp_path):
    assert run(tmp_path, "--cell", "vm").returncode == 0
    again = run(tmp_path, "--cell", "vm")
    assert again.returncode == 3
    assert "holds a run already" in again.stderr


def test_repeat(tmp_path):
    assert run(tmp_path, "--cell", "vm", "--repeat", "2").returncode == 0
    assert sorted(os.listdir(tmp_path / "run")) == ["1", "2"]


def test_without_the_second_kernel(tmp_path):
    """An image that was built without it: the cell is skipped, with the build's own reason."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "backports.reason").write_text("the mirror gave none\n")
    done = tception("run", "cases/default.yaml", "--cell", "td@kernel=backports", "-o", tmp_path / "run",
                    env=environment(tmp_path, TCEPTION_CACHE=str(cache)))
    assert done.returncode == 0, done.stdout + done.stderr
    cell = cells(tmp_path)["td@kernel=backports"]
    assert (cell["outcome"], cell["reason"]) == ("skip", "the mirror gave none")


def test_pass_rates(tmp_path):
    """Of several runs, and what passed only by another boot is flaky, too."""
    (tmp_path / "once").mkdir()
    once = {"TCEPTION_STANDIN_ONCE": str(tmp_path / "once")}
    done = run(tmp_path, "-j", "1", "--repeat", "2", TCEPTION_STANDIN="vm/podman.rootless=kvm-works,vm/podman.rootful=panic,vm=start-fail", **once)
    assert done.returncode == 3, done.stdout + done.stderr
    rates = done.stdout.partition("\n2 runs\n")[2].splitlines()
    assert [line.split(maxsplit=1) for line in rates[1:]] == [
        ["vm", "2 of 2, flaky, 1 retried"], ["vm/docker", "2 of 2"],
        ["vm/podman.rootful", "1 of 2, flaky, 1 broken"], ["vm/podman.rootless", "2 of 2"]], rates
    done = run(tmp_path / "once", "--repeat", "2", "--json")
    assert "2 of 2" in done.stderr and "2 of 2" not in done.stdout
