# SPDX-License-Identifier: Apache-2.0
"""What a trust domain measures of ours is the same bytes wherever it is built. The guest image: scripts/image-twice."""
import os
import shutil
import subprocess

import pytest

from conftest import CACHE, TOP


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """The guest programs, built again from a copy of the sources under another path and an old clock."""
    copy = tmp_path_factory.mktemp("a longer path than the first").parent / "copy"
    for name in ("harness/format", "guests", "scripts"):
        shutil.copytree(TOP / name, copy / name)
    for file in copy.rglob("*"):
        os.utime(file, (10**9, 10**9))
    shutil.copy(TOP / "Makefile", copy)
    (copy / "build").mkdir()
    (copy / "build/.setup.stamp").touch()
    subprocess.run(["make", "-s", "-j2", "build/agent", "build/tiny.elf", "build/tiny-riscv64.elf",
                    "build/conformance", "build/tdxemu.bin"], cwd=copy, check=True,
                   timeout=300, stdin=subprocess.DEVNULL, env={**os.environ, "TZ": "Pacific/Kiritimati"})
    return copy


@pytest.mark.parametrize("name", ["agent", "tiny.elf", "tiny-riscv64.elf", "conformance", "tdxemu.bin"])
def test_programs(elsewhere, name):
    assert (elsewhere / "build" / name).read_bytes() == (TOP / "build" / name).read_bytes()


@pytest.mark.parametrize("kernel", ["", "-backports"])
def test_initramfs(elsewhere, tmp_path, kernel):
    if not (CACHE / f"modules{kernel}").exists():
        pytest.skip("the image has no such kernel")
    modules = shutil.copytree(CACHE / f"modules{kernel}", tmp_path / "modules", copy_function=shutil.copyfile)
    made = tmp_path / "initrd.cpio"
    subprocess.run([elsewhere / "guests/image/initrd", modules, elsewhere / "build/agent",
                    elsewhere / "build/tiny.elf", elsewhere / "build/tiny-riscv64.elf", elsewhere / "build/conformance", made], check=True, timeout=60, umask=0o077)
    assert made.read_bytes() == (TOP / "build" / f"initrd{kernel}.cpio").read_bytes()
