# SPDX-License-Identifier: Apache-2.0
"""Unified kernel images that are large, or all over their file system: what is foreseen of them, and the memory that it takes."""
import json
import os
import subprocess
import sys

import pytest

import chains
from conftest import FILES, TCEPTION
from test_chains import KERNEL, OWN, authenticode, foreseen, program, registers

MEASURED = "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); " \
           "sys.stderr.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)); sys.exit(done.returncode)"


def large(size):
    return chains.add_sections(program("stub", 257), [(".osrel", b"ID=test\n"), (".cmdline", b"console=hvc0"),
                                                      (".initrd", os.urandom(1 << 20) * size), (".linux", KERNEL)])


def rtmr(*argv):
    """What is foreseen, and the MiB of the largest process."""
    done = subprocess.run([sys.executable, "-c", MEASURED, TCEPTION, "measure", "rtmr", "--json", "--firmware", FILES["firmware"],
                           *map(str, argv)], capture_output=True, check=True)
    return json.loads(done.stdout)["rtmr"], int(done.stderr)


def test_memory(tmp_path):
    """An image is looked at in its file, whatever its size; a compressed one is read, to the same end."""
    disk, place = chains.esp_disk(tmp_path, {OWN: program("boot", 257), "EFI/Linux/a.efi": large(72)}, 88), "1.0,first,readonly"
    found = {"raw": rtmr("--disk", disk, "--boot-device", place)}
    for kind, options in (("qcow2", []), ("compressed", ["-c"])):
        chains.run("qemu-img", "convert", *options, "-O", "qcow2", disk, tmp_path / kind)
        found[kind] = rtmr("--disk", tmp_path / kind, "--boot-device", place)
    assert all(found["raw"][0][1:3]) and found["raw"][0] == found["qcow2"][0] == found["compressed"][0]
    assert max(found["raw"][1], found["qcow2"][1]) <= 64 < 72 < found["compressed"][1]
    (tmp_path / "image").write_bytes(large(72))
    registers, mib = rtmr("--qemu-version", "7.2", "--kernel", tmp_path / "image")
    assert all(registers[1:3]) and mib <= 64


@pytest.mark.parametrize("step", [0, 512])
def test_image_in_pieces(tmp_path, step):
    """One that is all over the file system, where its parts begin and end with pages of memory, and where they do not."""
    data = large(3)
    whole = registers(chains.esp_disk(tmp_path / "whole", {OWN: data}, 16))
    holes = {f"hole{i}": bytes(65536 + step * i) for i in range(64)}
    esp = chains.fat(tmp_path / "esp", 16, {"EFI/BOOT": None, **holes})
    for name in list(holes)[::2]:
        chains.run("mdel", "-i", esp, f"::/{name}")
    chains.run("mcopy", "-i", esp, "-", f"::/{OWN}", input=data)
    disk = chains.gpt(tmp_path / "disk", [("U", esp)])
    assert data[:1 << 20] not in disk.read_bytes()
    assert registers(disk)[1] == whole[1]
    assert [e["digest"] for e in foreseen(disk)["events"] if e["what"] == OWN] == [authenticode(data).hex()]
