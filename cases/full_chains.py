# SPDX-License-Identifier: Apache-2.0
"""Trust domains that boot by the genuine systemd-boot and systemd-stub of four releases of Debian, and on its newest OVMF,
measure what was foreseen from disk and firmware alone. `make test-full` runs it.
"""
import json
import shutil
import struct
import zlib

import pytest

import chains
import machines
import test_grub
from chains import member
from conftest import CACHE, FILES, RUN, cells, debs, evidence, scratch, start, tception, write_cases
from full_flips import bare, with_mbr
from test_chains import TRAILER
from test_grub import member as package_file

MEMORY, PLACE, OWN = 1024, "1.0,first,1,readonly", "EFI/BOOT/BOOTX64.EFI"
RELEASES = {252: "bookworm", 254: "bookworm-backports", 257: "trixie", 262: "forky"}
EFI = "./usr/lib/systemd/boot/efi/"
CONF = b"timeout 0\nconsole-mode keep\n"


@pytest.fixture(scope="module", name="packages")
def _packages():
    """A folder of packages for each release that can be had, made once."""
    folder = CACHE / "loaders"
    if not folder.exists():
        folder = scratch("tception-loaders-")
        for release in RELEASES.values():
            newest = ["ovmf-generic", "ovmf-inteltdx"] if release == "forky" else []
            debs(folder / release, release, "systemd-boot-efi", *newest)
    return folder


class Loaders:
    """Programs of one release."""

    def __init__(self, packages, version, folder):
        found = sorted((packages / RELEASES[version]).glob("systemd-boot-efi_*.deb"))
        if not found:
            pytest.skip(f"systemd-boot of {RELEASES[version]} was not to be had")
        self.version = int(found[-1].name.split("_")[1].split(".")[0].split("-")[0])
        if self.version != version:
            pytest.skip(f"{RELEASES[version]} has systemd-boot {self.version}")
        self.deb, self.folder = found[-1], folder

    def __getitem__(self, name):
        return package_file(self.deb, EFI + name)

    def boot(self):
        return self["systemd-bootx64.efi"]

    def addon(self, *sections):
        return chains.add_sections(self["addonx64.efi.stub"], sections)

    def uki(self, *more):
        return chains.uki(self["linuxx64.efi.stub"], FILES["kernel"].read_bytes(), FILES["initrd"].read_bytes(), more=more)


def cpio(name, data):
    return member(7, 0o100644, name, data) + TRAILER


def image(p):
    return {OWN: p.uki()}


def entry_2(p):
    return {OWN: p.boot(), "loader/loader.conf": CONF, "EFI/Linux/a.efi": p.uki()}


def entry_1(p):
    options = f"title T\nlinux /vmlinuz\ninitrd /initrd.img\noptions {chains.CMDLINE}\n".encode()
    return {OWN: p.boot(), "loader/loader.conf": CONF, "loader/entries/t.conf": options, "vmlinuz": FILES["kernel"].read_bytes(),
            "initrd.img": FILES["initrd"].read_bytes()}


def beside(p):
    files = {OWN: p.uki(), "loader/credentials/foo.cred": b"hello", "loader/credentials/Bar.CRED": b"other\n",
             OWN + ".extra.d/my.cred": b"mine", OWN + ".extra.d/ext.raw": b"sysext" * 10, OWN + ".extra.d/a.confext.raw": b"confext"}
    if p.version >= 254:
        files["loader/addons/b.addon.efi"] = p.addon((".cmdline", b"global=2\n"))
        files["loader/addons/a.addon.efi"] = p.addon((".cmdline", b" global=1 "), (".initrd", cpio("from-addon", b"abc")))
    if p.version >= 257:
        files[OWN + ".extra.d/z.addon.efi"] = p.addon((".cmdline", b"local=1"), (".ucode", cpio("kernel/x86/microcode/none", b"xyz")))
    return files


def profile(p):
    more = [(".ucode", cpio("kernel/x86/microcode/none", b"xyz")), (".dtb", b"\xd0\x0d\xfe\xed" + bytes(60)), (".uname", b"6.12"),
            (".profile", b"ID=one\n"), (".profile", b"ID=two\nTITLE=Two\n"), (".cmdline", chains.CMDLINE.encode() + b" profile=2")]
    return {OWN: p.boot(), "loader/loader.conf": b"timeout 0\ndefault a.efi@two\n", "EFI/Linux/a.efi": p.uki(*more)}


def counted(p):
    return {OWN: p.boot(), "loader/loader.conf": CONF, "EFI/Linux/a+3.efi": p.uki(), "EFI/Linux/a.efi.extra.d/my.cred": b"mine"}


def shim(p):
    (p.folder / "shim").write_bytes(
        package_file(next((CACHE / "packages").glob("shim-signed_*.deb")), "./usr/lib/shim/shimx64.efi.signed"))
    return (p.folder / "shim").read_bytes()


def shim_image(p):
    return {OWN: shim(p), "EFI/BOOT/grubx64.efi": p.uki()}


def shim_entry(p):
    return {**entry_2(p), OWN: shim(p), "EFI/BOOT/grubx64.efi": p.boot()}


def shell_script(p):
    """Without a loader; the initrd that the kernel reads by itself is measured nowhere."""
    line = f"fs0:\\vmlinuz initrd=\\initrd.img {chains.CMDLINE}"
    return {"startup.nsh": line.encode(), "vmlinuz": FILES["kernel"].read_bytes(), "initrd.img": FILES["initrd"].read_bytes()}


CHAINS = [(shell_script, 257)] + [(image, v) for v in RELEASES] + [(entry_2, v) for v in RELEASES] + [(entry_1, v) for v in RELEASES] + \
    [(beside, v) for v in RELEASES] + [(f, v) for f in (profile, counted, shim_image, shim_entry) for v in (257, 262)]


def run(folder, disk=None, firmware=None, **more):
    """One TD; its evidence, and its rung `predicted`."""
    options = [f"--{name}={value}" for name, value in {"disk": disk, "firmware": firmware, **more}.items() if value]
    child = start(*RUN, write_cases(folder, {f"td@mem={MEMORY}": "{grade: verified}"}), "--platform", "emulated", "-o",
                  folder / "run", *options)
    said, _ = child.communicate(timeout=400)
    boots = sorted((folder / "run/boots").glob("*/layer0.jsonl"))
    assert boots and child.returncode == 0, said
    ladder = cells(folder / "run")[f"td@mem={MEMORY}"]["layers"][0]["ladder"]
    return {"boot": boots[-1].parent, "rungs": {r["rung"]: r for r in ladder}, **evidence(boots[-1].parent)}


def as_foreseen(td, disk):
    assert td["rungs"]["predicted"]["ok"] is True, td["rungs"]["predicted"]
    done = tception("measure", "rtmr", "--json", "--firmware", FILES["firmware"], "--memory", MEMORY, "--acpi", td["boot"],
                    "--boot-device", PLACE, "--disk", disk)
    assert json.loads(done.stdout)["rtmr"][:3] == [td["registers"][f"RTMR{i}"] for i in range(3)]


@pytest.mark.parametrize("build, version", CHAINS, ids=[f"{f.__name__}-{v}" for f, v in CHAINS])
def test_chain(packages, tmp_path, build, version):
    disk = chains.esp_disk(tmp_path / "disk", build(Loaders(packages, version, tmp_path)))
    as_foreseen(run(tmp_path, disk), disk)


# ---- partition tables ----

BASIC_DATA = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
ESP_MIB = 40


def many_entries(folder, files, mib):
    return chains.gpt(folder / "disk.img", [("U", chains.fat(folder / "esp", mib, files))], more="table-length: 256\n")


def large_sectors(folder, files, mib):
    """The table laid anew for sectors of 4096 bytes, which sfdisk writes for such devices only."""
    path = chains.gpt(folder / "disk.img", [("U", chains.fat(folder / "esp", mib, files, sector=4096))])
    disk = bytearray(path.read_bytes())
    last, entries = len(disk) // 4096 - 1, bytearray(disk[1024:1024 + 128 * 128])
    first, end = struct.unpack_from("<QQ", entries, 32)
    struct.pack_into("<QQ", entries, 32, first // 8, (end + 1) // 8 - 1)
    for own, other, table in ((1, last, 2), (last, 1, last - 4)):
        header = bytearray(disk[512:604])
        struct.pack_into("<IIQQQQ", header, 16, 0, 0, own, other, 6, last - 5)
        struct.pack_into("<QIII", header, 72, table, 128, 128, zlib.crc32(entries))
        struct.pack_into("<I", header, 16, zlib.crc32(header))
        disk[4096 * table:4096 * table + len(entries)] = entries
        disk[4096 * own:4096 * own + 4096] = header.ljust(4096, b"\0")
    disk[512:4096] = bytes(4096 - 512)
    struct.pack_into("<I", disk, 446 + 12, last)
    path.write_bytes(disk)
    return path


def other_before(folder, files, mib):
    """Firmware takes the first file system that has a loader, whatever the partition's type is; nothing starts on the ESP's."""
    parts = [(BASIC_DATA, files), (BASIC_DATA, {"empty": b""}), ("U", {OWN: b"MZ"})]
    return chains.gpt(folder / "disk.img", [(kind, chains.fat(folder / f"part{i}", mib, f)) for i, (kind, f) in enumerate(parts)])


def empty_folders(folder, files, _):
    """Of what a stub looks for beside its image: they are as if they were not there."""
    return chains.esp_disk(folder, {**files, "loader/credentials": None, "loader/addons": None, OWN + ".extra.d": None})


def program(folder, text):
    (folder / "qemu").write_text(text)
    (folder / "qemu").chmod(0o755)
    return folder / "qemu"


# QEMU with the disk that is booted having other sectors.
SECTORS = """#!/bin/bash
for i in "$@"; do case $i in virtio-blk-pci,drive=boot,*) i+=,logical_block_size=4096,physical_block_size=4096;; esac; argv+=("$i"); done
exec qemu-system-x86_64 "${argv[@]}"
"""


@pytest.mark.parametrize("make", [with_mbr, bare, many_entries, large_sectors, other_before, empty_folders])
def test_table(packages, tmp_path, make):
    (tmp_path / "disk").mkdir()
    disk, qemu = make(tmp_path / "disk", image(Loaders(packages, 257, tmp_path)), ESP_MIB), None
    if make is large_sectors:
        qemu = program(tmp_path, SECTORS)
    as_foreseen(run(tmp_path, disk, qemu=qemu), disk)


# QEMU with a kernel that gets neither.
ALONE = """#!/bin/bash
while [ $# -gt 0 ]; do case $1 in -initrd | -append) shift;; *) argv+=("$1");; esac; shift; done
exec qemu-system-x86_64 "${argv[@]}"
"""


@pytest.mark.parametrize("version", RELEASES)
def test_image_by_kernel(packages, tmp_path, version):
    """QEMU's -kernel takes a unified image; its command line and initrd are its own."""
    (tmp_path / "image").write_bytes(Loaders(packages, version, tmp_path).uki())
    td = run(tmp_path, kernel=tmp_path / "image", qemu=program(tmp_path, ALONE))
    done = tception("measure", "rtmr", "--json", "--firmware", FILES["firmware"], "--memory", MEMORY, "--acpi", td["boot"], "--kernel",
                    tmp_path / "image", "--qemu-version", machines.version("qemu-system-x86_64"))
    assert json.loads(done.stdout)["rtmr"][:3] == [td["registers"][f"RTMR{i}"] for i in range(3)]


@pytest.mark.parametrize("system", ["btrfs", "xfs"])
def test_grub_on_other_file_systems(tmp_path, system):
    """A GRUB that measures nothing starts the same Linux from anywhere, as far as RTMR1 goes."""
    if not shutil.which(f"mkfs.{system}"):
        pytest.skip(f"mkfs.{system} is not installed")
    disk = test_grub.make_disk(tmp_path / "disk", "trixie", system=system)
    td = run(tmp_path, disk)
    done = tception("measure", "rtmr", "--json", "--firmware", FILES["firmware"], "--memory", MEMORY, "--acpi", td["boot"],
                    "--boot-device", PLACE, "--disk", disk)
    told = json.loads(done.stdout)
    assert told["rtmr"][:2] == [td["registers"]["RTMR0"], td["registers"]["RTMR1"]]
    assert told["rtmr"][2] is None and "file system" in told["unknown"][2]


def firmware(packages, folder, package, name):
    found = sorted((packages / "forky").glob(f"{package}_*.deb"))
    if not found:
        pytest.skip(f"{package} was not to be had")
    (folder / name).write_bytes(package_file(found[-1], "./usr/share/ovmf/" + name))
    return folder / name


@pytest.mark.parametrize("how", ["direct", "disk"])
def test_newest_firmware(packages, tmp_path, how):
    newest = firmware(packages, tmp_path, "ovmf-generic", "OVMF.fd")
    disk = chains.esp_disk(tmp_path / "disk", image(Loaders(packages, 257, tmp_path))) if how == "disk" else None
    td = run(tmp_path, disk, newest)
    assert td["rungs"]["predicted"]["ok"] is True, td["rungs"]["predicted"]


def test_secure_boot_is_left_open(packages, tmp_path):
    """The TD build has Microsoft's keys: it starts no kernel of ours, and says nothing of RTMRs as known."""
    newest = firmware(packages, tmp_path, "ovmf-inteltdx", "OVMF.inteltdx.ms.fd")
    disk = chains.esp_disk(tmp_path / "disk", image(Loaders(packages, 257, tmp_path)))
    done = tception("measure", "rtmr", "--json", "--firmware", newest, "--memory", MEMORY, "--boot-device", PLACE, "--disk", disk)
    told = json.loads(done.stdout)
    refused = "Secure Boot is on and refuses the disk's loader: it has no signature, and db does not have its digest"
    assert told["rtmr"][:3] == [None] * 3 and told["unknown"][:3] == [refused] * 3
