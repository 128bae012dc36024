# SPDX-License-Identifier: Apache-2.0
"""Secure Boot on, with keys enrolled by virt-fw-vars and programs signed by sbsign: what db admits is measured, what it
refuses does not start, and trust domains measure what was foreseen. `make test-full` runs it.
"""
import json
import lzma
import shutil
import struct
import subprocess

import pytest

import chains
import full_chains
from conftest import CACHE, FILES, RUN, debs, scratch, start, tception, wait_for, write_cases
from full_chains import CONF, EFI, MEMORY, OWN, PLACE, RELEASES, Loaders, package_file
from test_chains import TRAILER

OWNER = "605dab50-e046-4300-abb6-3dd810dd8b23"
# A kernel that is locked down loads no module without a signature, and those of the guest image have none.
MODULES = ["fs/configfs/configfs", "drivers/virt/coco/tsm", "drivers/virt/coco/tdx-guest/tdx-guest", "drivers/block/virtio_blk",
           "fs/squashfs/squashfs", "fs/overlayfs/overlay"]
packages = full_chains._packages  # pylint: disable=protected-access  # the fixture


class Keys:
    """Keys in a folder, and a firmware with a platform's own in place of Microsoft's."""

    def __init__(self, folder, firmware, tool):
        self.folder, self.plain, self.tool = folder, firmware, tool
        for name in ("PK", "KEK", "db", "other"):
            chains.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / f"{name}.key", "-out",
                       folder / f"{name}.crt", "-days", "3650", "-subj", f"/CN=test {name}")

    def enroll(self, name, *more):
        """A firmware whose db has two certificates, of which the second one signs."""
        out, crt = self.folder / name, {n: self.folder / f"{n}.crt" for n in ("PK", "KEK", "db", "other")}
        self.tool("-i", self.plain, "-d", "db", "-d", "dbx", "-d", "KEK", "-d", "PK", "--set-pk", OWNER, crt["PK"], "--add-kek",
                  OWNER, crt["KEK"], "--add-db", OWNER, crt["other"], *(more or ("--add-db", OWNER, crt["db"])), "-o", out)
        return out

    def sign(self, program, name="db"):
        (self.folder / "program").write_bytes(program)
        chains.run("sbsign", "--key", self.folder / f"{name}.key", "--cert", self.folder / f"{name}.crt", "--output",
                   self.folder / "signed", self.folder / "program")
        return (self.folder / "signed").read_bytes()


@pytest.fixture(scope="module", name="keys")
def _keys(packages):
    folder = scratch("tception-keys-")
    if not shutil.which("sbsign"):
        pytest.skip("sbsign is not installed")
    if not debs(folder / "debs", "trixie", "python3-virt-firmware", "python3-pefile", "python3-importlib-resources"):
        pytest.skip("virt-fw-vars was not to be had")
    for deb in (folder / "debs").glob("*.deb"):
        chains.run("dpkg-deb", "-x", deb, folder / "tool")

    def tool(*argv):
        chains.run("env", f"PYTHONPATH={folder / 'tool/usr/lib/python3/dist-packages'}", "/usr/bin/python3", "-m",
                   "virt.firmware.vars", *argv)
    return Keys(folder, full_chains.firmware(packages, folder, "ovmf-inteltdx", "OVMF.inteltdx.ms.fd"), tool)


@pytest.fixture(scope="module", name="initrd")
def _initrd():
    """The agent's, with modules as Debian signed them in front of its own."""
    deb = next((CACHE / "packages").glob("linux-image-6.12*cloud-amd64_*.deb"))
    listing = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE, check=True).stdout
    names = subprocess.run(["bsdtar", "-tf", "-"], input=listing, stdout=subprocess.PIPE, check=True).stdout.decode().split()
    more, order = b"", []
    for i, module in enumerate(MODULES):
        path = next((n for n in names if n.endswith(f"/kernel/{module}.ko.xz")), None)
        if path:
            order.append(f"{path.split('/')[-1][:-3]}\n")
            more += chains.member(100 + i, 0o100644, f"modules/{order[-1].strip()}", lzma.decompress(package_file(deb, path)))
    return FILES["initrd"].read_bytes() + more + chains.member(99, 0o100644, "modules/list", "".join(order).encode()) + TRAILER


class Signed(Loaders):
    """Programs of one release, signed."""

    def __init__(self, packages, version, folder, keys, initrd):
        super().__init__(packages, version, folder)
        self.keys, self.initrd = keys, initrd

    def boot(self):
        return self.keys.sign(super().boot())

    def unsigned(self, *more):
        return chains.uki(self["linuxx64.efi.stub"], FILES["kernel"].read_bytes(), self.initrd, more=more)

    def uki(self, *more):
        return self.keys.sign(self.unsigned(*more))


def beside(p):
    """An add-on without a signature is passed over."""
    return {OWN: p.uki(), "loader/addons/a.addon.efi": p.keys.sign(p.addon((".cmdline", b"one=1"))),
            "loader/addons/b.addon.efi": p.addon((".cmdline", b"two=2")),
            "loader/addons/c.addon.efi": p.keys.sign(p.addon((".cmdline", b"three=3")), "other"),
            "loader/credentials/foo.cred": b"hello"}


def entry_1(p):
    """The kernel is Debian's own, and its signature another."""
    options = f"title T\nlinux /vmlinuz\ninitrd /initrd.img\noptions {chains.CMDLINE}\n".encode()
    return {OWN: p.boot(), "loader/loader.conf": CONF, "loader/entries/t.conf": options,
            "vmlinuz": p.keys.sign(FILES["kernel"].read_bytes()), "initrd.img": p.initrd}


def options_ignored(p):
    """With a command line of its own an image takes none from whoever starts it."""
    conf = b"title T\nefi /EFI/x.efi\noptions quiet ignored=1\n"
    return {OWN: p.boot(), "loader/loader.conf": CONF, "loader/entries/t.conf": conf, "EFI/x.efi": p.uki()}


CHAINS = [(f, v) for f in (full_chains.image, full_chains.entry_2) for v in RELEASES] + \
    [(f, v) for f in (beside, entry_1, options_ignored) for v in (257, 262)]


def foreseen(firmware, disk, *more):
    done = tception("measure", "rtmr", "--json", "--firmware", firmware, "--memory", MEMORY, "--boot-device", PLACE, "--disk", disk,
                    *more)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("build, version", CHAINS, ids=[f"{f.__name__}-{v}" for f, v in CHAINS])
def test_admitted(packages, keys, initrd, tmp_path, build, version):
    disk = chains.esp_disk(tmp_path / "disk", build(Signed(packages, version, tmp_path, keys, initrd)))
    firmware = keys.enroll("own.fd")
    td = full_chains.run(tmp_path, disk, firmware)
    assert td["rungs"]["predicted"]["ok"] is True, td["rungs"]["predicted"]
    told = foreseen(firmware, disk, "--acpi", td["boot"])
    assert told["rtmr"][:3] == [td["registers"][f"RTMR{i}"] for i in range(3)]
    assert any(e["what"] == "authority of Secure Boot in db" for e in told["events"])


def test_admitted_by_digest(packages, keys, initrd, tmp_path):
    """db has the digest of one of its images, as sbsign computes it, and no certificate."""
    image = Signed(packages, 257, tmp_path, keys, initrd).unsigned()
    disk = chains.esp_disk(tmp_path / "disk", {OWN: image})
    signature = keys.sign(image)[len(image):]
    digest = signature[signature.index(bytes.fromhex("3031300d060960864801650304020105000420")) + 19:][:32]
    firmware = keys.enroll("digest.fd", "--add-db-hash", OWNER, digest.hex())
    td = full_chains.run(tmp_path, disk, firmware)
    assert td["rungs"]["predicted"]["ok"] is True, td["rungs"]["predicted"]


WRAPPER = """#!/bin/sh
case "$*" in *-version*) exec qemu-system-x86_64 "$@";; esac
[ ! -e {dump} ] || exit 1 # a second try
qemu-system-x86_64 "$@" &
while [ ! -e {stop} ] && kill -0 $!; do sleep 1; done
kill $!
wait
exec cat "$(printf '%s\\n' "$@" | sed -n 's#.*mem-path=\\(/proc/self/fd/[0-9]*\\).*#\\1#p' | head -n 1)" >{dump}
"""


def log_in(memory):
    """The event log in a TD's memory, the longest there is: (register, digest) pairs."""
    found, at = [], memory.find(b"Spec ID Event03\0")
    while at >= 0:
        events, pos = [], at + struct.unpack_from("<I", memory, at - 4)[0]
        while True:
            index, kind, count, algorithm = struct.unpack_from("<IIIH", memory, pos)
            size = struct.unpack_from("<I", memory, pos + 62)[0]
            if not 1 <= index <= 4 or count != 1 or algorithm != 12 or size > 1 << 20 or kind == 0:
                break
            events.append((index - 1, memory[pos + 14:pos + 62].hex()))
            pos += 66 + size
        found.append(events)
        at = memory.find(b"Spec ID Event03\0", at + 1)
    return max(found, key=len)


@pytest.mark.parametrize("signer", [None, "other key", "flipped"])
def test_refused(packages, keys, initrd, tmp_path, signer):
    """Nothing of the image is measured, and firmware goes on to its next boot option; up to there all is as foreseen."""
    p = Signed(packages, 257, tmp_path, keys, initrd)
    image = p.unsigned() if signer is None else bytearray(p.uki())
    if signer == "flipped":
        image[len(image) // 2] ^= 1
    if signer == "other key":
        chains.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", keys.folder / "third.key", "-out",
                   keys.folder / "third.crt", "-days", "3650", "-subj", "/CN=test third")
        image = keys.sign(p.unsigned(), "third")
    disk, firmware = chains.esp_disk(tmp_path / "disk", {OWN: bytes(image)}), keys.enroll("own.fd")
    wrapper, dump = tmp_path / "qemu", tmp_path / "memory"
    wrapper.write_text(WRAPPER.format(stop=tmp_path / "stop", dump=dump))
    wrapper.chmod(0o755)
    child = start(*RUN, write_cases(tmp_path, {f"td@mem={MEMORY}": "{grade: verified}"}), "--platform", "emulated", "-o",
                  tmp_path / "run", "--disk", disk, "--firmware", firmware, "--qemu", wrapper)
    console = wait_for(lambda: [c for f in tmp_path.glob("run/boots/*/console.log") if b"No bootable option" in (c := f.read_bytes())], child)
    (tmp_path / "stop").touch()
    child.communicate(timeout=400)
    assert b"rejected probably by Secure Boot" in console[0] and b"Linux version" not in console[0]
    happened = log_in(dump.read_bytes())
    told = foreseen(firmware, disk)
    assert told["rtmr"][:3] == [None] * 3
    assert all("Secure Boot is on and refuses the disk's loader" in reason for reason in told["unknown"][:3])
    for register in (0, 1):
        mine = [e["digest"] for e in told["events"] if e["rtmr"] == register]
        seen = [digest for index, digest in happened if index == register][:len(mine)]
        assert len(mine) == len(seen) and all(m in (None, s) for m, s in zip(mine, seen))
    assert not [d for index, d in happened if index == 2]


@pytest.mark.parametrize("build", [full_chains.shim_image, full_chains.shim_entry])
def test_shim(packages, keys, initrd, tmp_path, build):
    """Debian's shim, signed anew: it starts what db admits, and what it measures then is left open; all that is listed happens."""
    files = build(Signed(packages, 257, tmp_path, keys, initrd))
    disk = chains.esp_disk(tmp_path / "disk", {**files, OWN: keys.sign(files[OWN])})
    firmware = keys.enroll("own.fd")
    td = full_chains.run(tmp_path, disk, firmware)
    reason = "Secure Boot is on, and what shim then admits and measures is not known here"
    assert td["rungs"]["predicted"]["ok"] is None and reason in td["rungs"]["predicted"]["detail"], td["rungs"]["predicted"]
    told, happened = foreseen(firmware, disk, "--acpi", td["boot"]), log_in((td["boot"] / "ccel").read_bytes())
    assert told["rtmr"][:3] == [None] * 3 and told["unknown"][:3] == [reason] * 3
    for register in range(3):
        mine = [e["digest"] for e in told["events"] if e["rtmr"] == register]
        assert mine == [digest for index, digest in happened if index == register][:len(mine)]
