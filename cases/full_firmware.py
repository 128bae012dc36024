# SPDX-License-Identifier: Apache-2.0
"""The trust domains of the default matrix on the newest OVMF that Debian has (2026.08 when this was written), both of its builds, beside
the 2025.02 that every other test boots: whatever such a firmware measures of its own, it is as predicted. `make test-full` runs it.
"""
import struct

import pytest

from conftest import CACHE, RUN, debs, scratch, tception
from full_qemu import attested
from test_grub import member

CELLS = "td*"
BUILDS = {"generic": ("ovmf-generic", "OVMF.fd"), "inteltdx": ("ovmf-inteltdx", "OVMF.inteltdx.ms.fd")}


def without_keys(image):
    """Debian's TD build has Microsoft's Secure Boot keys and starts no kernel of ours: the same program with no variables.

    They follow two headers (PI specification, volume 3, 3.2.1: length at 48; edk2, VariableFormat.h: 28 bytes, size at 16)."""
    image = bytearray(image)
    header, = struct.unpack_from("<H", image, 48)
    size, = struct.unpack_from("<I", image, header + 16)
    assert image[40:44] == b"_FVH" and header + 28 < header + size <= len(image)
    image[header + 28:header + size] = b"\xff" * (size - 28)
    return bytes(image)


@pytest.fixture(params=BUILDS)
def firmware(request, tmp_path):
    package, name = BUILDS[request.param]
    folder = CACHE / "loaders" / "forky"
    if not folder.exists():
        folder = scratch("ovmf-")
        debs(folder, "forky", package)
    found = sorted(folder.glob(f"{package}_*.deb"))
    if not found:
        pytest.skip(f"{package} was not to be had")
    image = member(found[-1], "./usr/share/ovmf/" + name)
    (tmp_path / name).write_bytes(image if request.param == "generic" else without_keys(image))
    return tmp_path / name


def test_attests(firmware, tmp_path):
    done = tception(*RUN, "cases/default.yaml", "--platform", "emulated", "--cell", CELLS, "--firmware", firmware,
                    "-o", tmp_path / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    count, tds = attested(tmp_path / "run")
    assert count == tds >= 16
