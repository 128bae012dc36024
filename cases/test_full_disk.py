# SPDX-License-Identifier: Apache-2.0
"""A full disk under each verb that writes: one message with the right reason, and no half-written file.

The disk is a small tmpfs in a mount namespace of the test's own, so nothing is left mounted however it ends.
"""
import http.server
import json
import shutil
import subprocess
import sys
import threading

import pytest

from conftest import CACHE, GOLDEN, TCEPTION, TOP

FULL = "No space left on device"
UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]

# Runs in the namespace: mounts the disk, copies what has to be on it, leaves so much of it free, and says what happened.
INSIDE = """
import json, os, pathlib, shutil, subprocess, sys
disk, tree, free, *argv = sys.argv[1:]
disk, free = pathlib.Path(disk), int(free)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", disk], check=True)
if tree:
    shutil.copytree(tree, disk / "run")
with open(disk / "filler", "wb", buffering=0) as f:
    try:
        while True:
            f.write(bytes(4096))
    except OSError:
        f.truncate(f.tell() - free)
done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
files = {str(p.relative_to(disk)): p.read_text("latin-1") for p in disk.rglob("*") if p.is_file() and p.name != "filler"}
print(json.dumps({"status": done.returncode, "out": done.stdout, "err": done.stderr, "files": files}))
"""


def can_mount(folder):
    return subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", folder], capture_output=True, check=False).returncode == 0


@pytest.fixture(name="full")
def _full(tmp_path):
    """Runs tception where `free` bytes of the disk `tmp_path/disk` are left, a copy of `tree` being on it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not can_mount(disk):
        pytest.skip("mounting needs a user namespace, which this machine forbids")

    def run(*args, tree="", free=0):
        done = subprocess.run([*UNSHARE, sys.executable, "-c", INSIDE, disk, tree, str(free), TCEPTION, *map(str, args)],
                              capture_output=True, text=True, timeout=600, check=True)
        return json.loads(done.stdout)
    run.disk = disk
    return run


def refused(said):
    """It failed for want of space, said so in one line that names the file, and left no file half-written."""
    lines = [line.replace("the run could not go on: ", "") for line in said["err"].splitlines()
             if FULL in line and not line.startswith("[")]  # a cell that ended
    assert said["status"] == 3, said["err"]
    assert len(lines) == 1 and lines[0].startswith("tception: /"), said["err"]
    assert lines[0].endswith(": " + FULL)
    assert not [name for name in said["files"] if name.endswith((".new", ".part"))]
    return lines[0].removeprefix("tception: ").removesuffix(": " + FULL)


def whole(files):
    for name, text in files.items():
        if name.endswith(".json"):
            json.loads(text)
        if name.endswith(".jsonl"):
            assert text.endswith("\n") and [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("free", [0, 8192, 65536, 1 << 18])
def test_judge(full, free):
    tree = GOLDEN / "runs" / "layers"
    said = full("judge", full.disk / "run", tree=tree, free=free)
    assert refused(said).startswith(str(full.disk / "run"))
    assert said["out"] == ""
    whole(said["files"])
    assert said["files"]["run/result.json"] == (tree / "result.json").read_text("latin-1")


def test_judge_where_it_fits(full):
    said = full("judge", full.disk / "run", tree=GOLDEN / "runs" / "layers", free=6 << 20)
    assert said["status"] == 3 and said["err"] == ""  # cells that were cut off on a busy machine, see test_golden_runs.py
    whole(said["files"])


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.wfile.write((GOLDEN / "pieces" / "served" / "60c2bf34-tcb.http").read_bytes())

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("free", [0, 4096])
def test_quote_fetch(full, free):
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = full("quote", "fetch", "--fmspc", "00806f050000", "--url", f"http://127.0.0.1:{server.server_port}", "-o",
                    full.disk / "collateral", free=free)
        server.shutdown()
    assert "/collateral/tcb-00806f050000-" in refused(said)
    assert not said["files"]


def test_measure_acpi(full):
    qemu = shutil.which("qemu-system-x86_64")
    said = full("measure", "acpi", "-o", full.disk / "acpi", "--", qemu, "-machine", "q35", "-m", "256", "-display", "none",
                "-nodefaults", "-bios", CACHE / "OVMF.fd", free=4096)
    assert "/acpi/acpi-" in refused(said)
    assert set(said["files"]) <= {"acpi/acpi-loader", "acpi/acpi-rsdp"}


def run_one(full, tmp_path, free):
    cases = tmp_path / "cases.yaml"
    cases.write_text("version: 1\ncases:\n  - {cell: vm, expect: {grade: none}, why: the stand-in makes no report}\n")
    parts = [x for name in ("kernel", "initrd", "root-image") for x in (f"--{name}", cases)]
    return full("run", cases, "--qemu", TOP / "cases" / "standin-qemu", "-o", full.disk / "run", *parts, free=free)


def test_run_that_cannot_begin(full, tmp_path):
    said = run_one(full, tmp_path, 0)
    assert refused(said) in (str(full.disk / "run"), str(full.disk / "run" / "cases.yaml"))
    assert not [text for text in said["files"].values() if text]


@pytest.mark.parametrize("free", [1 << 12, 1 << 13, 1 << 14])
def test_run_that_cannot_end(full, tmp_path, free):
    """What was sent before the disk was full is kept as it came; there is no record of it, or a whole one."""
    said = run_one(full, tmp_path, free)
    refused(said)
    whole(said["files"])


@pytest.mark.parametrize("argv", [
    ("report", GOLDEN / "runs" / "layers"), ("report", GOLDEN / "runs" / "layers", "--format", "json"),
    ("compare", GOLDEN / "runs" / "layers"), ("list", TOP / "cases" / "default.yaml"),
    ("quote", "parse", "--json", GOLDEN / "quote" / "00b2526ab190.bin"),
    ("eventlog", GOLDEN / "eventlog" / "dstack.bin"), ("measure", "mrtd", GOLDEN / "measure" / "tiny.fd"),
])
def test_standard_output(argv):
    with open("/dev/full", "wb") as out:
        done = subprocess.run([TCEPTION, *map(str, argv)], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
                              text=True, timeout=60, check=False)
    assert done.returncode == 3 and done.stderr == f"tception: standard output: {FULL}\n"
