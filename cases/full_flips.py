# SPDX-License-Identifier: Apache-2.0
"""One bit changed in each part of each boot chain changes the registers that it should, and no other.

The programs are the stand-ins of test_chains.py; GRUB's chains are in test_grub.py, signatures in test_admission.c.
`make test-full` runs it.
"""
import json
import struct
import zlib

import pytest

import chains
from conftest import FILES, GOLDEN, tception
from test_chains import KERNEL, OWN, image, program

SHIM, SECOND = (GOLDEN / "pe/shim.efi").read_bytes(), "EFI/BOOT/grubx64.efi"
CONF, LINE = b"timeout 0\n", b"fs0:\\vmlinuz initrd=\\initrd.img quiet"
ENTRY = b"title T\nlinux /vmlinuz\ninitrd /initrd.img\noptions quiet\n"


def everywhere(*registers):
    return dict.fromkeys((254, 257, 262), set(registers))


# Of a unified image: what the part is found by, and what follows with each stub. All of it is in the program that firmware
# measures; sections count by themselves from 257 on; command line and initrd always, by the kernel's own stub.
IMAGE = {"stub": (b"code", everywhere(1)), "osrel": (b"ID=test", {**everywhere(1, 2), 254: {1}}),
         "linux": (b"a kernel", {**everywhere(1, 2), 254: {1}}), "cmdline": (b"hvc0", everywhere(1, 2)),
         "initrd": (b"initrd", everywhere(1, 2))}
LOADER = {"loader": (OWN, b"code", everywhere(1)), "loader.conf": ("loader/loader.conf", b"0", {**everywhere(), 262: {1}})}


def parts_of(file):
    return {name: (file, *part) for name, part in IMAGE.items()}


CHAINS = {  # what is on the disk -> its parts: file, mark, registers
    "image": (lambda v: {OWN: image(v)}, parts_of(OWN)),
    "entry-2": (lambda v: {OWN: program("boot", v), "loader/loader.conf": CONF, "EFI/Linux/a.efi": image(v)},
                {**LOADER, **parts_of("EFI/Linux/a.efi")}),
    "entry-2-counted": (lambda v: {OWN: program("boot", v), "loader/loader.conf": CONF, "EFI/Linux/a+3.efi": image(v)},
                        {**LOADER, **parts_of("EFI/Linux/a+3.efi")}),
    "entry-1": (lambda v: {OWN: program("boot", v), "loader/loader.conf": CONF, "loader/entries/t.conf": ENTRY,
                           "vmlinuz": FILES["kernel"].read_bytes(), "initrd.img": b"an initrd"},
                {**LOADER, "title": ("loader/entries/t.conf", b"T", everywhere()),
                 "options": ("loader/entries/t.conf", b"quiet", everywhere(2)),
                 "kernel": ("vmlinuz", b"(debian-kernel@", everywhere(1)), "initrd": ("initrd.img", b"an", everywhere(2))}),
    "shim-image": (lambda v: {OWN: SHIM, SECOND: image(v)},
                   {"shim": (OWN, b"16.1", everywhere(1)), "keys": (OWN, bytes(range(32)), everywhere(1, 2)), **parts_of(SECOND)}),
    "shim-entry-2": (lambda v: {OWN: SHIM, SECOND: program("boot", v), "EFI/Linux/a.efi": image(v)},
                     {"loader": (SECOND, b"code", everywhere(1)), **parts_of("EFI/Linux/a.efi")}),
    "script": (lambda v: {"startup.nsh": LINE, "vmlinuz": FILES["kernel"].read_bytes(), "initrd.img": b"an initrd"},
               {"options": ("startup.nsh", b"quiet", {257: {2}}), "kernel": ("vmlinuz", b"(debian-kernel@", {257: {1}}),
                "initrd": ("initrd.img", b"an", {257: set()})}),
    "kernel": (lambda v: {OWN: FILES["kernel"].read_bytes()}, {"kernel": (OWN, b"(debian-kernel@", {257: {1}})}),
}
FLIPS = [(chain, part, version) for chain, (_, parts) in CHAINS.items() for part, (_, _, follow) in parts.items() for version in follow]


def flip(data, mark):
    """The last byte of the mark's last place, by the bit that keeps it a letter or digit."""
    data, at = bytearray(data), data.rindex(mark) + len(mark) - 1
    data[at] ^= 1
    return bytes(data)


def registers(*argv):
    done = tception("measure", "rtmr", "--json", "--firmware", FILES["firmware"], *argv)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)["rtmr"][1:3]
    assert all(found), done.stdout
    return found


def of_disk(disk):
    return registers("--disk", disk, "--boot-device", "1.0,first,readonly")


def changed(before, after):
    return {i + 1 for i in range(2) if before[i] != after[i]}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """Each chain as it is, made when first asked for: its files, disk, registers."""
    known = {}

    def ask(chain, version):
        if (chain, version) not in known:
            files = CHAINS[chain][0](version)
            large = any(len(data) > 1 << 20 for data in files.values())
            disk = chains.esp_disk(tmp_path_factory.mktemp("chain"), files, 24 if large else 8)
            known[chain, version] = files, disk, of_disk(disk)
        return known[chain, version]
    return ask


@pytest.mark.parametrize("chain, part, version", FLIPS, ids=["-".join(map(str, f)) for f in FLIPS])
def test_part(untouched, tmp_path, chain, part, version):
    file, mark, follow = CHAINS[chain][1][part]
    files, disk, before = untouched(chain, version)
    whole = disk.read_bytes()
    at = whole.index(files[file])  # in one piece, on a disk that was just made
    (tmp_path / "disk").write_bytes(whole[:at] + flip(files[file], mark) + whole[at + len(files[file]):])
    assert changed(before, of_disk(tmp_path / "disk")) == follow[version]


# ---- partition tables ----

def with_mbr(folder, files, mib):
    folder.mkdir(exist_ok=True)
    esp = chains.fat(folder / "esp", mib, files)
    disk = folder / "disk.img"
    table = bytearray(512)
    struct.pack_into("<I", table, 440, 0x12345678)
    struct.pack_into("<B3sB3sII", table, 446, 0, b"", 0xEF, b"", 2048, esp.stat().st_size // 512)
    table[510:] = b"\x55\xaa"
    disk.write_bytes(bytes(table) + bytes(2047 * 512) + esp.read_bytes())
    return disk


def bare(folder, files, mib):
    folder.mkdir(exist_ok=True)
    return chains.fat(folder / "disk.img", mib, files)


# A byte of the disk -> the registers that follow: of a GPT what firmware measures, its header and the entries in use.
TABLES = {"gpt-entry": (chains.esp_disk, 1024 + 56, {1}), "gpt-disk-guid": (chains.esp_disk, 512 + 56, {1}),
          "gpt-boot-code": (chains.esp_disk, 0, set()), "mbr-signature": (with_mbr, 440, set()), "bare-serial": (bare, 39, set())}


@pytest.mark.parametrize("what", TABLES)
def test_table(tmp_path, what):
    make, at, follow = TABLES[what]
    disk = make(tmp_path, {OWN: image(257)}, 8)
    before = of_disk(disk)
    data = bytearray(disk.read_bytes())
    data[at] ^= 1
    if what.startswith("gpt"):
        entries, header = data[1024:1024 + 128 * 128], bytearray(data[512:604])
        struct.pack_into("<I", header, 88, zlib.crc32(entries))
        struct.pack_into("<I", header, 16, 0)
        struct.pack_into("<I", header, 16, zlib.crc32(header))
        data[512:604] = header
    disk.write_bytes(data)
    assert changed(before, of_disk(disk)) == follow


# ---- -kernel ----

def given(folder, kernel, initrd=b"", cmdline="quiet"):
    folder.mkdir(exist_ok=True)
    (folder / "kernel").write_bytes(kernel)
    (folder / "initrd").write_bytes(initrd)
    more = ["--initrd", folder / "initrd", "--cmdline", cmdline] if initrd else []
    return registers("--memory", 1024, "--qemu-version", "7.2", "--kernel", folder / "kernel", *more)


def test_direct_boot(tmp_path):
    kernel = FILES["kernel"].read_bytes()
    before = given(tmp_path, kernel, b"an initrd")
    assert changed(before, given(tmp_path, flip(kernel, b"(debian-kernel@"), b"an initrd")) == {1}
    assert changed(before, given(tmp_path, kernel, b"an initre")) == {2}
    assert changed(before, given(tmp_path, kernel, b"an initrd ")) == {1, 2}  # QEMU writes its size into the kernel
    assert changed(before, given(tmp_path, kernel, b"an initrd", "quieu")) == {2}


@pytest.mark.parametrize("part", IMAGE)
def test_image_by_kernel(tmp_path, part):
    mark, follow = IMAGE[part]
    for version, wanted in follow.items():
        before = image(version)
        assert changed(given(tmp_path, before), given(tmp_path, flip(before, mark))) == wanted


def test_marks():
    """Each is there, and what is changed is no part of another."""
    for version in (254, 257, 262):
        data = image(version)
        assert all(data.count(mark) >= 1 for mark, _ in IMAGE.values()) and KERNEL in data
