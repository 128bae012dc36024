# SPDX-License-Identifier: Apache-2.0
"""What the tests here share: where things are, the program as a user runs it, what a run's folder says."""
import atexit
import base64
import functools
import hashlib
import json
import os
import pathlib
import shutil
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

PATIENCE = int(subprocess.run([TOP / "scripts" / "patience"], capture_output=True, check=True).stdout)
os.environ["TCEPTION_PATIENCE"] = str(PATIENCE)


class Patient(subprocess.Popen):
    """Every process that a test waits for gets as much longer as this machine is slower than an idle one."""

    def communicate(self, input=None, timeout=None):  # pylint: disable=redefined-builtin
        return super().communicate(input, timeout and timeout * PATIENCE)

    def wait(self, timeout=None):
        return super().wait(timeout and timeout * PATIENCE)


subprocess.Popen = Patient


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


def scratch(prefix):
    """A folder that is gone when pytest ends; not pytest's own, which only its user may enter."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def matrix():
    """`tception run` of the default matrix, once a session: its exit status, what it said, its folder."""
    folder = scratch("tception-matrix-") / "run"
    done = tception("run", TOP / "cases/default.yaml", "--platform", "emulated", "-o", folder)
    return done.returncode, done.stdout + done.stderr, folder


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
