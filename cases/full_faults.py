# SPDX-License-Identifier: Apache-2.0
"""A campaign of faults at random: whatever is killed, stopped, full, short or wrong, the harness does not crash, gives no better
verdict than the evidence does, and leaves nothing. How often each is tried: TCEPTION_FAULTS="kills=100,flips=10000"; the random
numbers are those of TCEPTION_FAULTS_SEED, so the same each time but for when it is on the clock that something happens.

Guests are the stand-in of test_faults.py, so that the harness is hit anywhere in a run of seconds; `boots` kills are of real ones."""
import concurrent.futures
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest

from conftest import GOLDEN, RUN, TCEPTION, TOP, cells, processes_of, result, scratch, start, tception, wait_for, write_cases
from test_faults import command, environment, processes
from test_full_disk import INSIDE, UNSHARE, can_mount, whole

SEED = int(os.environ.get("TCEPTION_FAULTS_SEED", "14"))
TIMES = {"kills": 100, "boots": 5, "qemu": 40, "disk": 40, "short": 40, "clock": 20, "flips": 10000}
TIMES.update((name, int(count)) for name, count in (
    one.split("=") for one in os.environ.get("TCEPTION_FAULTS", "").split(",") if one))


def chances(what):
    """A source of random numbers for each time, and the folder that it happens in."""
    for number in range(TIMES[what]):
        folder = scratch(f"{what}-")
        yield random.Random(f"{SEED} {what} {number}"), folder
        shutil.rmtree(folder)


def tell(what, counts):
    print(f"\nfaults: {what}: {TIMES[what]} times: " + ", ".join(f"{n} {name}" for name, n in sorted(counts.items())), file=sys.stderr)


def count(counts, name):
    counts[name] = counts.get(name, 0) + 1


def outcomes(folder):
    return {c["outcome"] for c in cells(folder).values()}


def no_crash(code):
    """Ended by itself, with a status that the manual names."""
    assert code in (0, 1, 2, 3), code


def shared_memory():
    return set(os.listdir("/dev/shm"))


@pytest.fixture(scope="module", name="seconds")
def whole_run():
    """How long a run of the stand-in takes."""
    folder = scratch("good-")
    begin = time.monotonic()
    done = tception(*command(folder), env=environment(folder))
    assert done.returncode == 0 and outcomes(folder / "run") == {"pass"}, done.stdout + done.stderr
    return time.monotonic() - begin


def judged_after_kill(run):
    """What is said of a run that was killed: nothing that it did not do is green."""
    done = tception("judge", run)
    no_crash(done.returncode)
    if not (run / "run.json").exists():
        assert done.returncode == 3 and "run.json: no such file" in done.stderr
        return "before the plan"
    record, found = result(run, "run.json"), cells(run)
    done_cells = {v["cell"] for b in record["boots"] for v in b["visits"] if v["state"] == "done"}  # each boot visits its layer 0
    for name, cell in found.items():
        assert cell["outcome"] in ("pass", "broken"), cell["reason"]
        assert cell["outcome"] == "broken" or name in done_cells
    assert done.returncode == (0 if outcomes(run) == {"pass"} else 3)
    return "after the end" if record["ended"] else "on the way"


def test_kills(seconds):
    """SIGKILL of the harness at any instant: its guests end, judge reads the folder, and a run in it comes to its end. Every other
    one comes after the plan is on the disk, and all of the run's life is hit."""
    counts, tenths, before = {}, [0] * 10, shared_memory()
    for number, (chance, folder) in enumerate(chances("kills")):
        begin = time.monotonic()
        child = start(*command(folder), env=environment(folder))
        if number % 2:
            wait_for((folder / "run" / "run.json").exists, child)
        time.sleep(max(0, begin + chance.uniform(0, 1.1 * seconds) - time.monotonic()))
        tenths[min(9, int(10 * (time.monotonic() - begin) / seconds))] += 1
        child.kill()
        child.communicate(timeout=60)
        wait_for(lambda: not processes(folder), seconds=30)  # pylint: disable=cell-var-from-loop
        when = judged_after_kill(folder / "run")
        again = ["run", "--resume", folder / "run"] if when != "before the plan" else command(folder)
        done = tception(*again, env=environment(folder))
        assert done.returncode == 0 and outcomes(folder / "run") == {"pass"}, done.stdout + done.stderr
        assert not [f for f in folder.rglob("*") if f.name.endswith((".new", ".part")) or f.is_socket()]
        assert not processes(folder)
        count(counts, when)
    assert shared_memory() == before
    assert 2 * counts.get("before the plan", 0) <= TIMES["kills"]
    assert TIMES["kills"] < 100 or all(tenths), tenths
    tell("kills", {**counts, "in each tenth of a run's time": tenths})


def test_boots():
    """The same with a real VM."""
    counts, before = {}, shared_memory()
    for chance, folder in chances("boots"):
        cases = write_cases(folder, {"vm": "{grade: none}"})
        env = {**os.environ, "TCEPTION_KILLED": str(folder)}
        child = start(*RUN, cases, "-o", folder / "run", env=env)
        time.sleep(chance.uniform(0, 40))
        child.kill()
        child.communicate(timeout=60)
        wait_for(lambda: not processes_of(f"TCEPTION_KILLED={folder}"), seconds=30)  # pylint: disable=cell-var-from-loop
        when = judged_after_kill(folder / "run")
        again = ["run", "--resume", folder / "run"] if when != "before the plan" else [*RUN, cases, "-o", folder / "run"]
        done = tception(*again, env=env)
        assert done.returncode == 0 and outcomes(folder / "run") == {"pass"}, done.stdout + done.stderr
        assert not processes_of(f"TCEPTION_KILLED={folder}")
        count(counts, when)
    assert shared_memory() == before
    tell("boots", counts)


def send(pid, number):
    """Whether it was there still."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def test_qemu(seconds):
    """QEMU killed, stopped for a while, or hung for ever: cells pass or are broken, and none fails for it."""
    counts = {}
    for chance, folder in chances("qemu"):
        child = start(*command(folder, "--boot-deadline", "5", deadline=5), env=environment(folder))
        time.sleep(chance.uniform(0, seconds))
        what = chance.choice(["killed", "stopped", "hung"])
        hit = [pid for pid in processes(folder) if send(pid, signal.SIGKILL if what == "killed" else signal.SIGSTOP)]
        time.sleep(chance.uniform(0, 2))
        for pid in hit if what == "stopped" else []:
            send(pid, signal.SIGCONT)
        said = child.communicate(timeout=300)[0]
        assert child.returncode in (0, 3), said
        assert outcomes(folder / "run") <= {"pass", "broken"}, said
        assert child.returncode == (0 if outcomes(folder / "run") == {"pass"} else 3)
        assert not processes(folder)
        count(counts, f"{what if hit else 'not there'}, {'pass' if child.returncode == 0 else 'broken'}")
    tell("qemu", counts)


def test_disk(tmp_path):
    """Full after any number of bytes: said so, exit 3, and what is there is whole."""
    if not can_mount(tmp_path):
        pytest.skip("mounting needs a user namespace, which this machine forbids")
    counts = {}
    for chance, folder in chances("disk"):
        disk = folder / "disk"
        disk.mkdir()
        words = command(folder)
        words[words.index("-o") + 1] = disk / "run"
        free = chance.randrange(1 << chance.randrange(10, 19))
        done = subprocess.run([*UNSHARE, sys.executable, "-c", INSIDE, disk, "", str(free), TCEPTION, *map(str, words)], check=True,
                              env=environment(folder), capture_output=True, text=True, timeout=600)
        said = json.loads(done.stdout)
        assert said["status"] in (0, 3), said["err"]
        assert said["status"] == 0 or "No space left on device" in said["err"], said["err"]
        assert not [name for name in said["files"] if name.endswith((".new", ".part"))]
        whole(said["files"])
        assert not processes(folder)
        count(counts, "room enough" if said["status"] == 0 else "full")
    tell("disk", counts)


def test_short():
    """Few descriptors, little memory: no crash, and nothing failed for it."""
    counts = {}
    for chance, folder in chances("short"):
        which, most = chance.choice([(resource.RLIMIT_NOFILE, chance.randrange(3, 40)),
                                     (resource.RLIMIT_AS, int(2 ** chance.uniform(22, 28)))])
        child = start(*command(folder), env=environment(folder),
                      preexec_fn=lambda: resource.setrlimit(which, (most, most)))  # pylint: disable=cell-var-from-loop
        said = child.communicate(timeout=300)[0]
        if child.returncode != 127:  # the dynamic loader's, when there is too little for the program itself
            assert child.returncode in (0, 3), (which, most, child.returncode, said)
            assert said
            if (folder / "run" / "result.json").exists():
                assert outcomes(folder / "run") <= {"pass", "broken"}, said
        assert not processes(folder)
        count(counts, f"{'descriptors' if which == resource.RLIMIT_NOFILE else 'memory'}: exit {child.returncode}")
    tell("short", counts)


@pytest.fixture(scope="module", name="jumps")
def clock_standin():
    """A library that makes the time of day jump in whatever loads it."""
    library = scratch("clock-") / "clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, TOP / "cases" / "clock-standin.c"], check=True)
    return library


def test_clock(seconds, jumps):
    """The host's time of day jumps by up to ten years, once or again, while a run goes on: other clocks time it."""
    counts = {}
    for chance, folder in chances("clock"):
        now = folder / "now"
        now.write_text("0")
        child = start(*command(folder), env=environment(folder, LD_PRELOAD=str(jumps), CLOCK_OFFSET=str(now)))
        for _ in range(chance.randrange(1, 4)):
            time.sleep(chance.uniform(0, seconds / 2))
            (folder / "next").write_text(f"{chance.choice('+-')}{chance.choice([60, 3600, 86400 * 365, 86400 * 3650])}")
            (folder / "next").rename(now)
        said = child.communicate(timeout=300)[0]
        assert child.returncode == 0 and outcomes(folder / "run") == {"pass"}, said
        assert tception("judge", folder / "run").returncode == 0
        assert not processes(folder)
        count(counts, f"pass, the run {'begun' if abs(result(folder / 'run')['started'] - time.time()) < 86400 else 'begun in another year'}")
    tell("clock", counts)


# ---- evidence --------------------------------------------------------------------------------------------------------

GRADES = ["none", "report", "quote", "verified", "covered"]
ORIGINS = ["none", "unknown", "emulated", "hardware"]
RUNS = [GOLDEN / "runs" / name for name in ("layers", "measured")]


def height(run):
    """How well each cell and each of its layers does."""
    return {c["id"]: (c["outcome"] == "pass", [(GRADES.index(layer["grade"]), layer["origin"]) for layer in c["layers"]])
            for c in run["cells"]}


def flip(number):
    """Some bytes of one boot's channel changed: a word for what came of it, or what is wrong."""
    chance = random.Random(f"{SEED} flips {number}")
    source = chance.choice(RUNS)
    folder = scratch("flips-")
    shutil.copytree(source, folder / "run", ignore=shutil.ignore_patterns("cells", "result.json"))
    channel = chance.choice(sorted((folder / "run").glob("boots/*/channel.bin")))
    data = bytearray(channel.read_bytes())
    where = [chance.randrange(len(data)) for _ in range(chance.choice([1, 1, 1, 2, 8]))]
    for at in where:
        data[at] ^= chance.randrange(1, 256)
    channel.write_bytes(data)
    done = tception("report", "--json", folder / "run")
    shutil.rmtree(folder)
    if done.returncode != 0:
        return f"{source.name} {where}: exit {done.returncode}: {done.stderr}"
    now, then = height(json.loads(done.stdout)), BEFORE[source]
    for name, (passed, layers) in now.items():
        for (grade, origin), (most, by) in zip(layers, then[name][1]):
            if grade > most or ORIGINS.index(origin) > ORIGINS.index(by):
                return f"{source.name} {where}: {name} has {GRADES[grade]} ({origin}), it had {GRADES[most]} ({by})"
        if passed and not then[name][0]:
            return f"{source.name} {where}: {name} passes, and did not"
    return "the same" if now == then else "less"


BEFORE = {}


def test_flips():
    """10,000 recorded channels with bytes changed: a layer's grade never rises, and no cell passes that did not."""
    for run in RUNS:
        BEFORE[run] = height(json.loads(tception("report", "--json", run).stdout))
    counts, wrong = {}, []
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for said in pool.map(flip, range(TIMES["flips"])):
            if said in ("the same", "less"):
                count(counts, said)
            else:
                wrong.append(said)
    tell("flips", counts)
    assert not wrong, "\n".join(wrong[:20])
    assert counts["less"]
