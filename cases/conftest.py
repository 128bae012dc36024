# SPDX-License-Identifier: Apache-2.0
"""What the tests here share: where things are, the program as a user runs it, what a run's folder says."""
import atexit
import base64
import contextlib
import fcntl
import hashlib
import json
import math
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent
TCEPTION = TOP / "build" / "tception"
GOLDEN = TOP / "cases" / "golden"
CACHE = pathlib.Path(os.environ.get("TCEPTION_CACHE", TOP / "build" / "cache"))
FILES = {"firmware": CACHE / "OVMF.fd", "kernel": CACHE / "vmlinuz", "initrd": TOP / "build" / "initrd.cpio"}  # of a TD
REGISTERS = {"MRTD": 528, "RTMR0": 720, "RTMR1": 768, "RTMR2": 816}  # offsets in a TDREPORT


# ---- deadlines -------------------------------------------------------------------------------------------------------

CPUS = len(os.sched_getaffinity(0))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0))  # processes, each of which takes processors from the others
PATIENCE = int(subprocess.run([TOP / "scripts" / "patience"], capture_output=True, check=True).stdout) * (1 + math.ceil(WORKERS / CPUS))
os.environ["TCEPTION_PATIENCE"] = str(PATIENCE)


class Patient(subprocess.Popen):
    """Every process that a test waits for gets as much longer as this machine is slower than an idle one."""

    def communicate(self, input=None, timeout=None):  # pylint: disable=redefined-builtin
        return super().communicate(input, timeout and timeout * PATIENCE)

    def wait(self, timeout=None):
        return super().wait(timeout and timeout * PATIENCE)

    def __exit__(self, kind, value, traceback):
        if kind:  # a test that has failed does not wait for what it has started
            self.kill()
        super().__exit__(kind, value, traceback)


subprocess.Popen = Patient
for interrupt in (signal.SIGINT, signal.SIGQUIT):  # a script's '&' has them ignored, and so would be all that is started here
    if signal.getsignal(interrupt) is signal.SIG_IGN:
        signal.signal(interrupt, signal.SIG_DFL)
RUN = ("run", "--boot-deadline", str(180 * PATIENCE))  # the verb, of a run that boots real guests


# ---- side by side ----------------------------------------------------------------------------------------------------

@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Two processes for each processor, because many tests wait, and memory for the guests of each."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(2 * CPUS, memory // (3 << 30)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from spread import LongestFirst  # pylint: disable=import-outside-toplevel
    return LongestFirst(config, log)


def all_scratch():
    """One folder for all processes, which the first of them removes; not pytest's own, which only its user may enter."""
    if "TCEPTION_TESTS" not in os.environ:
        os.environ["TCEPTION_TESTS"] = tempfile.mkdtemp(prefix="tception-")
        os.chmod(os.environ["TCEPTION_TESTS"], 0o755)
        atexit.register(shutil.rmtree, os.environ["TCEPTION_TESTS"], ignore_errors=True)
    return pathlib.Path(os.environ["TCEPTION_TESTS"])


SCRATCH = all_scratch()
os.environ["XDG_CACHE_HOME"] = str(SCRATCH / "cache")  # what runs remember of each other is no user's


def scratch(prefix):
    """A folder that is gone when pytest ends."""
    return pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=SCRATCH))


def once(name, make):
    """A folder as `make(folder)` leaves it: the first process that asks makes it, and others wait for that."""
    folder = SCRATCH / name
    with open(SCRATCH / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = scratch(name)
            made.chmod(0o755)
            make(made)
            made.rename(folder)
    return folder


# ---- the program -----------------------------------------------------------------------------------------------------

def tception(*args, program=TCEPTION, stdin=b"", seconds=900, **options):
    """`tception ARGS` from the top of the tree; what it says is text."""
    done = subprocess.run([program, *map(str, args)], cwd=TOP, input=stdin, timeout=seconds, check=False, capture_output=True,
                          **options)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


def told(*args, **options):
    """The same as exit status, standard output, standard error."""
    done = tception(*args, **options)
    return done.returncode, done.stdout, done.stderr


def start(*args, **options):
    """The same, not waited for."""
    return subprocess.Popen([TCEPTION, *map(str, args)], cwd=TOP, **{
        "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options})


def wait_for(what, child=None, seconds=120):
    """What `what` gives as soon as it is something; fails when `child` ends first."""
    end = time.monotonic() + seconds * PATIENCE
    while not (found := what()):
        if time.monotonic() > end or (child and child.poll() is not None):
            if child:
                child.kill()
            pytest.fail(f"waited in vain: {child.communicate()[0] if child else ''}")
        time.sleep(0.05)
    return found


def processes_of(variable, argument=None, where=slice(None)):
    """IDs of the processes that have this in their environment (NAME=value) and this, if any, among their arguments, or those there."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has just ended
            words = {name: pathlib.Path(f"/proc/{pid}/{name}").read_bytes().split(b"\0") for name in ("environ", "cmdline")}
            if variable.encode() in words["environ"] and (argument is None or argument.encode() in words["cmdline"][where]):
                found.append(int(pid))
    return found


# ---- runs ------------------------------------------------------------------------------------------------------------

def write_cases(folder, expected):
    """A case file of these cells, each with its expectation as YAML."""
    file = folder / "cases.yaml"
    file.write_text("version: 1\ncases:\n" + "".join(
        f"  - {{cell: {cell}, expect: {what}, why: a test}}\n" for cell, what in expected.items()))
    return file


def result(folder, name="result.json"):
    return json.loads((folder / name).read_text())


def cells(folder):
    """The cells of a run's result by their IDs."""
    return {cell["id"]: cell for cell in result(folder)["cells"]}


def rung(layer, name):
    return next(r for r in layer["ladder"] if r["rung"] == name)


def run_once(cases, name):
    """`tception run` of a case file, once for all tests: its exit status, what it said, its folder."""
    def make(folder):
        done = tception(*RUN, TOP / cases, "--platform", "emulated", "-o", folder / "run")
        (folder / "said.json").write_text(json.dumps([done.returncode, done.stdout + done.stderr]))
    folder = once(name, make)
    return *result(folder, "said.json"), folder / "run"


def debs(folder, release, *packages):
    """These packages of a release of Debian in a folder, by cases/debs; false where they are not to be had."""
    return subprocess.run([TOP / "cases" / "debs", folder, release, *packages], check=False, timeout=900).returncode == 0


def matrix():
    """The default matrix, as run_once has it."""
    return run_once("cases/default.yaml", "matrix")


# ---- evidence --------------------------------------------------------------------------------------------------------

def evidence(boot):
    """The registers of a boot's TDREPORT; that and the event log are put beside it as the guest sent them."""
    report, log = None, b""
    for line in (boot / "layer0.jsonl").read_text().splitlines():
        frame = json.loads(line)
        payload = frame["payload"]
        if frame["type"] == "REPORT" and payload["interface"] == "ioctl":
            report = base64.b64decode(payload["data"])
        if frame["type"] == "BLOB" and payload["name"] == "ccel-log":
            log += base64.b64decode(payload["data"])
    (boot / "tdreport").write_bytes(report)
    (boot / "ccel").write_bytes(log)
    return {"registers": {name: report[at:at + 48].hex() for name, at in REGISTERS.items()}}


def sha384(data):
    return hashlib.sha384(data).hexdigest()


def flipped(source, target, at):
    """A copy of a file with one bit changed, at an offset or where `at` says."""
    data = bytearray(pathlib.Path(source).read_bytes())
    data[at(data) if callable(at) else at] ^= 1
    target.write_bytes(data)
    return target
