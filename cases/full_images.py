# SPDX-License-Identifier: Apache-2.0
"""Images as people deploy them, each with the agent by `tception agent-kit` and nothing else of ours: their MRTD, RTMR1 and RTMR2 are
foreseen from the image before it is booted for the first time, and the TD's are those. `make test-full` runs it, as root.

    sdboot     mkosi: Debian with Podman, systemd-boot and a unified kernel image, a root that can be written to
    verity     mkosi: the unified kernel image as BOOTX64.EFI, the root read-only behind dm-verity
"""
import hashlib
import json
import os
import shutil
import subprocess

import pytest

import chains
from conftest import FILES, PATIENCE, TOP, cells, evidence, rung, scratch, start, tception, write_cases
from roots import kept, root

RECIPES = TOP / "cases" / "images"
MEMORY = 2048
WRITABLE = {"sdboot"}
IMAGES = ("sdboot", "verity")
TOOLS = ("mkosi", "systemd", "systemd-repart", "systemd-ukify", "systemd-boot-efi", "systemd-container", "cryptsetup-bin", "dosfstools",
         "mtools", "e2fsprogs", "erofs-utils", "squashfs-tools", "cpio", "zstd", "xz-utils", "kmod", "uidmap", "udev",
         "debian-archive-keyring", "ca-certificates", "openssl", "python3-pefile", "fdisk")
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="images hold files of several users: root makes them")


# ---- how they are made -------------------------------------------------------------------------------------------------

def recipes(*names):
    """The texts of these files and folders of cases/images."""
    files = (path for name in names for path in sorted([RECIPES / name, *(RECIPES / name).rglob("*")]) if path.is_file())
    return "".join(path.read_text() for path in files)


def tools():
    return root("tools", "apt", "trixie", *TOOLS)


def within(top, folder, *command):
    """A program of a root; `folder` is its working folder."""
    done = subprocess.run([RECIPES / "within", top, folder, *command], check=False, timeout=3000, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def prepare(folder):
    shutil.copytree(RECIPES, folder, dirs_exist_ok=True)
    (folder / "mirror").write_text(subprocess.run([TOP / "cases" / "mirror"], capture_output=True, text=True, check=True).stdout)


def make_base(folder):
    prepare(folder)
    within(tools(), folder, "./build", "base")


def base():
    """The tree of packages and the initramfs, which all disks of mkosi's are made of."""
    return kept("base", recipes("mkosi.conf", "initrd.conf", "system.conf", "build", "within") + " ".join(TOOLS), make_base)


def kit(folder):
    assert tception("agent-kit", folder).returncode == 0
    return folder


def make_disk(folder, name, tree):
    prepare(folder)
    kit(folder / "kit")
    (folder / "base").mkdir()
    chains.run("cp", "-a", *(tree / "out").iterdir(), folder / "base")
    within(tools(), folder, "./build", name)
    (folder / "out" / f"{name}.raw").rename(folder / "disk.img")
    for path in folder.iterdir():
        if path.is_dir() and path.name != "kit":
            shutil.rmtree(path)


def made(name):
    files = kit(scratch("kit-"))
    inputs = "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files.iterdir()))
    inputs += str(base()) + recipes("disk.conf", f"{name}.conf", "repart-plain", "repart-verity", "build")
    return kept(f"image-{name}", inputs, lambda folder: make_disk(folder, name, base())) / "disk.img"


# ---- what is foreseen, and what is ----------------------------------------------------------------------------------------

def foreseen(name, disk, *more):
    place = "1.0,first,1" + ("" if name in WRITABLE else ",readonly")
    done = tception("measure", "rtmr", "--json", "--firmware", FILES["firmware"], "--memory", MEMORY, "--boot-device", place,
                    "--disk", disk, *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


CELLS = {f"td@mem={MEMORY}": "{grade: verified}", f"td@mem={MEMORY}/podman.rootful+dev+tsm+noapparmor": "{grade: verified}",
         f"vm@mem={MEMORY}": "{grade: none}"}


def boot(folder, name):
    """What was foreseen of an image, and then its first boots: as a TD with Podman in it, and as a plain VM."""
    disk = made(name)
    before = foreseen(name, disk)
    child = start("run", write_cases(folder, CELLS), "--platform", "emulated", "--disk", disk, "-o", folder / "run", "--boot-deadline",
                  str(900 * PATIENCE), *(["--disk-writable"] if name in WRITABLE else []))
    said, _ = child.communicate(timeout=3000)
    boots = sorted((folder / "run/boots").glob("td-*/layer0.jsonl"))
    assert child.returncode == 0 and boots, said
    return {"name": name, "disk": disk, "before": before, "cells": cells(folder / "run"), "boot": boots[-1].parent,
            **evidence(boots[-1].parent)}


@pytest.fixture(scope="module", name="booted", params=IMAGES)
def _booted(request, tmp_path_factory):
    return boot(tmp_path_factory.mktemp(request.param), request.param)


def test_attests(booted):
    """The TD, and a container that the image's own Podman started; the control group has nothing."""
    td, container, vm = booted["cells"].values()
    assert [c["outcome"] for c in (td, container, vm)] == ["pass"] * 3
    assert td["layers"][0]["origin"] == "emulated" and container["layers"][1]["origin"] == "emulated"
    assert rung(td["layers"][0], "predicted")["ok"] is True


def test_as_foreseen(booted):
    """Register by register: what was known before the first boot, and all of them with the machine's ACPI tables."""
    registers = booted["registers"]
    mrtd = json.loads(tception("measure", "mrtd", "--json", FILES["firmware"]).stdout)
    assert registers["MRTD"] in json.dumps(mrtd)
    assert booted["before"]["rtmr"][1:3] == [registers["RTMR1"], registers["RTMR2"]], booted["before"]["unknown"]
    after = foreseen(booted["name"], booted["disk"], "--acpi", booted["boot"])
    assert after["rtmr"][:3] == [registers[f"RTMR{i}"] for i in range(3)], after["unknown"]


# What a changed byte of each part changes, of a unified kernel image that names its root: all of the image is in RTMR1, and
# in RTMR2 what systemd-stub hands on.
PARTS = {".linux": {1, 2}, ".initrd": {1, 2}, ".cmdline": {1, 2}, ".osrel": {1, 2}}


def section(disk, name):
    """Where a section of the disk's unified kernel image has its bytes."""
    data = disk.read_bytes()
    at = -1
    while (at := data.find(name.encode().ljust(8, b"\0"), at + 1)) >= 0:
        size, _, raw, offset = (int.from_bytes(data[at + 8 + 4 * i:at + 12 + 4 * i], "little") for i in range(4))
        image = data.rfind(b"MZ", 0, at)
        if 0 < size <= raw < 1 << 28 and at - image < 4096 and offset % 512 == 0:
            return image + offset, size
    raise AssertionError(f"no section {name}")


@pytest.mark.parametrize("part", PARTS)
def test_one_byte(part, tmp_path):
    disk = made("verity")
    before, (at, size) = foreseen("verity", disk), section(disk, part)
    chains.run("cp", "--sparse=always", disk, tmp_path / "disk")
    with open(tmp_path / "disk", "r+b") as f:
        f.seek(at + size // 2)
        byte = f.read(1)
        f.seek(at + size // 2)
        f.write(bytes([byte[0] ^ 1]))
    after = foreseen("verity", tmp_path / "disk")
    assert {i for i in (1, 2) if before["rtmr"][i] != after["rtmr"][i]} == PARTS[part]


def test_root_is_named(tmp_path):
    """RTMR2 has the root hash, and dm-verity holds every byte of the root against it."""
    disk = made("verity")
    at, size = section(disk, ".cmdline")
    words = disk.read_bytes()[at:at + size].decode().split()
    named, = (w.partition("=")[2] for w in words if w.startswith("roothash="))
    parts = json.loads(subprocess.run(["sfdisk", "--json", disk], capture_output=True, check=True).stdout)["partitiontable"]["partitions"]
    where = {p["name"]: p for p in parts}
    data, tree = (next(p for n, p in where.items() if n.endswith("verity") == is_tree and "root" in n) for is_tree in (False, True))
    for part, name_ in ((data, "data"), (tree, "tree")):
        chains.run("dd", f"if={disk}", f"of={tmp_path / name_}", "bs=1M", "iflag=skip_bytes,count_bytes",
                   f"skip={part['start'] * 512}", f"count={part['size'] * 512}")

    def verified():
        return subprocess.run([RECIPES / "within", tools(), tmp_path, "veritysetup", "verify", "data", "tree", named], check=False,
                              timeout=900, capture_output=True).returncode == 0
    assert verified()
    with open(tmp_path / "data", "r+b") as f:
        f.seek(4096 * 100 + 7)
        byte = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte[0] ^ 1]))
    assert not verified()


def test_two_builds(tmp_path):
    """Of the same tree of packages, twice: the same bytes."""
    def digest(name):
        (tmp_path / name).mkdir()
        make_disk(tmp_path / name, "verity", base())
        return subprocess.run(["sha256sum", tmp_path / name / "disk.img"], capture_output=True, check=True).stdout.split()[0]
    assert digest("first") == digest("second")
