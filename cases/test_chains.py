# SPDX-License-Identifier: Apache-2.0
"""What is foreseen of disks with systemd-boot and unified kernel images, held against the rules written anew here.

The programs are stand-ins: they have the version, and in their code the texts, by which the genuine ones are told. What
genuine ones measure is in full_chains.py, which boots them.
"""
import hashlib
import json
import struct
import uuid

import pytest

import chains
from conftest import FILES, GOLDEN, tception

CC = uuid.UUID("96751a3d-72f4-41a6-a794-ed5d0e67ae6b").bytes_le
WIDE = {252: [], 254: [".addon.efi"], 257: [".addon.efi"],
        262: [".addon.efi", "LoaderPcrSMBIOS", "boot-secret", "console=hvc0", "Inner kernel image contains",
              "Global system extension initrd"]}
OWN = "EFI/BOOT/BOOTX64.EFI"


def wide(text):
    return text.encode("utf-16-le")


def pe(sections):
    """A PE32+ with nothing but these sections."""
    optional = struct.pack("<H30xII16xIIIHHQQQQII", 0x20B, 0x1000, 512, 0x1000, 0x1000, 0, 10, 0, 0, 0, 0, 0, 0, 16) + bytes(128)
    head = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    head += b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 0, 0, 0, 0, len(optional), 0) + optional
    head = bytearray(head.ljust(0x1000, b"\0"))
    at = 0x40 + 24
    struct.pack_into("<I", head, at + 60, 0x1000)
    return chains.add_sections(bytes(head), sections)


def program(name, version):
    code = b"code" + (CC[:8] + bytes(3) + CC[8:] + b".profile" if version >= 257 else b"")
    code += b"\0".join(wide(text) for text in WIDE[version])
    return pe([(".text", code), (".sdmagic", f"#### LoaderInfo: systemd-{name} {version}.1-1 ####".encode())])


KERNEL = pe([(".text", CC[:8] + bytes(8) + CC[8:] + b"a kernel")])
TRAILER = b"070701" + b"0" * 32 + b"00000001" + b"0" * 48 + b"0000000B" + b"0" * 8 + b"TRAILER!!!\0\0\0\0"


def archive(folder, folder_mode, file_mode, files):
    parts = folder.split("/")
    above = ["/".join(parts[:i]) for i in range(1, len(parts))]
    out = b"".join(chains.member(i, 0o40555, name) for i, name in enumerate(above, 1)) + chains.member(len(parts), folder_mode, folder)
    for i, (name, data) in enumerate(files, len(parts) + 1):
        out += chains.member(i, file_mode, f"{folder}/{name}", data)
    return out + TRAILER


def authenticode(image):
    at = struct.unpack_from("<I", image, 0x3C)[0] + 24
    end = len(image) - struct.unpack_from("<I", image, at + 148)[0]  # the certificates
    return hashlib.sha384(image[:at + 64] + image[at + 68:at + 144] + image[at + 152:end]).digest()


class Registers:
    """RTMR1 and RTMR2 as they are extended."""

    def __init__(self, disk):
        self.value = {1: bytes(48), 2: bytes(48)}
        self.data(1, b"Calling EFI Application from Boot Option")
        self.data(1, bytes(4))
        with open(disk, "rb") as f:
            table = f.read(34 * 512)
        entries = [table[1024 + 128 * i:1152 + 128 * i] for i in range(128)]
        used = [e for e in entries if e[:16] != bytes(16)]
        self.table = table[512:604] + struct.pack("<Q", len(used)) + b"".join(used)
        self.data(1, self.table)

    def digest(self, register, digest):
        self.value[register] = hashlib.sha384(self.value[register] + digest).digest()

    def data(self, register, data):
        self.digest(register, hashlib.sha384(data).digest())

    def image(self, image):
        self.digest(1, authenticode(image))

    def text(self, text):
        self.data(2, wide(text + "\0"))

    def done(self):
        self.data(1, b"Exit Boot Services Invocation")
        self.data(1, b"Exit Boot Services Returned with Success")
        return [self.value[1].hex(), self.value[2].hex()]


def foreseen(disk, readonly=True):
    done = tception("measure", "rtmr", "--json", "--firmware", FILES["firmware"], "--disk", disk, "--boot-device",
                    "1.0,first" + (",readonly" if readonly else ""))
    assert done.returncode in (0, 1) and done.stdout, done.stderr
    return json.loads(done.stdout)


def registers(disk):
    return foreseen(disk)["rtmr"][1:3]


# ---- one image with everything ----

SECTIONS = [(".osrel", b"ID=test\n"), (".cmdline", b" console=ttyS0\tquiet \n"), (".initrd", b"an initrd"), (".linux", KERNEL),
            (".ucode", b"microcode"), (".dtb", b"tree"), (".uname", b"6.12"), (".splash", b"BM"), (".sbat", b"sbat,1\n"),
            (".pcrsig", b"{}"), (".pcrpkey", b"a key")]
ORDER = [".linux", ".osrel", ".cmdline", ".initrd", ".ucode", ".splash", ".dtb", ".uname", ".sbat", ".pcrpkey"]


def addon(sections):
    return pe([(".text", b"addon"), *sections])


ADDONS = {"loader/addons/b.addon.efi": addon([(".cmdline", b"two=2\n")]),
          "loader/addons/A.addon.efi": addon([(".cmdline", b" one=1"), (".initrd", b"more of it")]),
          "loader/addons/other.addon.efi": addon([(".cmdline", b"never=1"), (".uname", b"6.13")]),
          OWN + ".extra.d/c.addon.efi": addon([(".cmdline", b"three=3"), (".ucode", b"newer"), (".uname", b"6.12")])}
BESIDE = {"loader/credentials/b.cred": b"b", "loader/credentials/A.CRED": b"a", "loader/credentials/none.txt": b"no",
          OWN + ".extra.d/my.cred": b"mine", OWN + ".extra.d/ext.raw": b"sysext", OWN + ".extra.d/ext.confext.raw": b"confext",
          "loader/extensions/all.raw": b"global", "loader/extensions/all.confext.raw": b"global too"}


def everything(version):
    return {OWN: chains.add_sections(program("stub", version), SECTIONS), **BESIDE, **ADDONS}


def sidecars(version, log):
    """The archives, each measured."""
    raw = [("ext.confext.raw", b"confext"), ("ext.raw", b"sysext")]
    found = [("credentials", 0o40500, 0o100400, [("my.cred", b"mine")]),
             ("global_credentials", 0o40500, 0o100400, [("A.CRED", b"a"), ("b.cred", b"b")]),
             ("sysext", 0o40555, 0o100444, raw if version < 257 else raw[1:])]
    if version >= 262:
        found.append(("global_sysext", 0o40555, 0o100444, [("all.raw", b"global")]))
    if version >= 257:
        found.append(("confext", 0o40555, 0o100444, raw[:1]))
    if version >= 262:
        found.append(("global_confext", 0o40555, 0o100444, [("all.confext.raw", b"global too")]))
    out = b""
    for name, folder_mode, file_mode, files in found:
        made = archive(".extra/" + name, folder_mode, file_mode, files)
        if version >= 257:
            log.data(2, made)
        out += made
    return out


def expected(version, disk):
    log, own = Registers(disk), dict(SECTIONS)
    log.image(everything(version)[OWN])
    if version >= 257:
        for name in ORDER:
            log.data(2, name.encode() + b"\0")
            log.data(2, own[name])
    extra = ""
    if version >= 254:
        for name in sorted(ADDONS, key=lambda n: (not n.startswith("loader"), n)):
            log.image(ADDONS[name])
        extra = "one=1 two=2 three=3"
    if version >= 257:
        log.text(extra)
    cmdline = " console=ttyS0 quiet" if version < 257 else "console=ttyS0 quiet"
    cmdline = cmdline + " " + (" " + extra if version == 254 else extra) if extra else cmdline
    beside = sidecars(version, log)
    made = [b"an initrd", beside, archive(".extra", 0o40555, 0o100444, [("tpm2-pcr-signature.json", b"{}")]),
            archive(".extra", 0o40555, 0o100444, [("tpm2-pcr-public-key.pem", b"a key")])]
    if version >= 257:
        made.append(archive(".extra", 0o40555, 0o100444, [("os-release", b"ID=test\n")]))
        made = [b"newer", b"microcode", *made, b"more of it"]
    if version >= 262:
        log.data(2, b"newer")
        log.data(2, b"more of it")
    if version < 262:
        log.image(KERNEL)
    log.text(cmdline)
    log.data(2, b"".join(part + bytes(-len(part) % 4) for part in made))
    return log.done()


@pytest.mark.parametrize("version", WIDE)
def test_image_with_everything(tmp_path, version):
    disk = chains.esp_disk(tmp_path, everything(version), 8)
    assert registers(disk) == expected(version, disk)


# What is changed -> the registers that follow: 257's and 262's. All is in the initrd that the kernel's own stub measures.
CHANGES = {
    "image": (OWN, {1, 2}, {1, 2}), "credential": (OWN + ".extra.d/my.cred", {2}, {2}),
    "global-credential": ("loader/credentials/A.CRED", {2}, {2}), "extension": (OWN + ".extra.d/ext.raw", {2}, {2}),
    "global-extension": ("loader/extensions/all.raw", set(), {2}), "addon": ("loader/addons/b.addon.efi", {1, 2}, {1, 2}),
    "addon-for-another": ("loader/addons/other.addon.efi", {1}, {1}), "other-file": ("loader/credentials/none.txt", set(), set()),
}


@pytest.mark.parametrize("what", CHANGES)
def test_one_byte(tmp_path, what):
    name, *follow = CHANGES[what]
    for version, wanted in zip((257, 262), follow):
        files = everything(version)
        before = registers(chains.esp_disk(tmp_path / f"before{version}", files, 8))
        data = bytearray(files[name])
        at = data.rfind(b"=") + 1 if what.startswith("addon") else data.find(b"an initrd") if what == "image" else 0
        data[at] ^= 2
        after = registers(chains.esp_disk(tmp_path / f"after{version}", {**files, name: bytes(data)}, 8))
        assert {i + 1 for i in range(2) if before[i] != after[i]} == wanted


# ---- profiles, secrets, consoles, versions: what is left open ----

def image(version, *more, osrel=b"ID=test\nVERSION_ID=1\n", cmdline=b"console=hvc0"):
    own = [(".osrel", osrel), (".cmdline", cmdline), (".initrd", b"initrd"), (".linux", KERNEL)]
    return chains.add_sections(program("stub", version), [s for s in own if s[1] is not None] + list(more))


@pytest.mark.parametrize("version", [257, 262])
def test_profile(tmp_path, version):
    """The second profile has a command line of its own; systemd-boot hands on its number, and measures that."""
    uki = image(version, (".profile", b"ID=one\n"), (".profile", b"ID=two\n"), (".cmdline", b"console=hvc0 second"))
    conf = b"default a.efi@two\n"
    disk = chains.esp_disk(tmp_path, {OWN: program("boot", version), "loader/loader.conf": conf, "EFI/Linux/a.efi": uki}, 8)
    log = Registers(disk)
    log.image(program("boot", version))
    if version == 262:
        log.data(1, conf)
    log.image(uki)
    log.text("@1")
    if version == 262:
        log.text("1")
    for name, data in ((".linux", KERNEL), (".osrel", b"ID=test\nVERSION_ID=1\n"), (".cmdline", b"console=hvc0 second"),
                       (".initrd", b"initrd"), (".profile", b"ID=two\n")):
        log.data(2, name.encode() + b"\0")
        log.data(2, data)
    if version == 257:
        log.image(KERNEL)
    log.text("console=hvc0 second")
    log.data(2, b"initrd\0\0" + archive(".extra", 0o40555, 0o100444, [("os-release", b"ID=test\nVERSION_ID=1\n")])
             + archive(".extra", 0o40555, 0o100444, [("profile", b"ID=two\n")]))
    assert registers(disk) == log.done()


SECRET = "systemd-stub adds a secret of its own"
OPEN = {  # files -> version, whether the TD can write, the beginning of the reason for RTMR2, or None where it is known
    "secret": ({}, 262, True, SECRET),
    "no-writing": ({}, 262, False, None),
    "mixin-too-short": ({"loader/boot-secret-mixin": b"x"}, 262, True, None),
    "mixin": ({"loader/boot-secret-mixin": bytes(32)}, 262, True, SECRET),
    "older": ({}, 257, True, None),
    "console": ({OWN: image(262, cmdline=b"quiet")}, 262, False, "the command line has no console="),
    "console-257": ({OWN: image(257, cmdline=b"quiet")}, 257, False, None),
    "dtbauto": ({OWN: image(257, (".dtbauto", b"tree"))}, 257, False, "the image has a section .dtbauto"),
    "device-tree": ({OWN: program("boot", 257), "loader/entries/a.conf": b"linux /a.efi\ndevicetree /tree\n", "a.efi": image(257)},
                    257, False, "a boot entry with a device tree"),
    "menu": ({OWN: program("boot", 257), "loader/loader.conf": b"timeout menu-force\n", "EFI/Linux/a.efi": image(257)}, 257, False,
             "systemd-boot's menu waits for a key"),
    "no-entry": ({OWN: program("boot", 257)}, 257, False, "systemd-boot finds no entry to boot"),
    "driver": ({OWN: program("boot", 257), "EFI/systemd/drivers/fsx64.efi": b"driver", "EFI/Linux/a.efi": image(257)}, 257, False,
               "the disk has drivers for systemd-boot to load"),
}


@pytest.mark.parametrize("what", OPEN)
def test_left_open(tmp_path, what):
    files, version, writes, reason = OPEN[what]
    p = foreseen(chains.esp_disk(tmp_path, {OWN: image(version), **files}, 8), readonly=not writes)
    if reason:
        assert p["rtmr"][2] is None and p["unknown"][2].startswith(reason), p["unknown"]
    else:
        assert p["rtmr"][2], p["unknown"]


@pytest.mark.parametrize("version", [253, 255, 256, 258, 259, 260, 261, 263])
def test_unknown_version(tmp_path, version):
    uki = image(257).replace(b"systemd-stub 257", b"systemd-stub %d" % version)
    p = foreseen(chains.esp_disk(tmp_path, {OWN: uki}, 8))
    assert p["rtmr"][1:3] == [None, None]
    assert p["unknown"][2] == f"systemd-stub {version} is not known here, only 252, 254, 257, 262"


# ---- which entry ----

def small(osrel):
    return image(257, osrel=osrel)


RELEASE = b"ID=test\nVERSION_ID=%s\n"
ENTRIES = {  # files in EFI/Linux and loader/entries, loader.conf -> the program that is started
    "newest-version": ({"b.efi": small(RELEASE % b"9"), "a.efi": small(RELEASE % b"10")}, b"", "a.efi"),
    "pre-release": ({"b.efi": small(RELEASE % b"10~rc1"), "a.efi": small(RELEASE % b"10")}, b"", "a.efi"),
    "point-release": ({"b.efi": small(RELEASE % b"10-1"), "a.efi": small(RELEASE % b"10.1")}, b"", "a.efi"),
    "sort-key": ({"z.efi": small(b"ID=zebra\nVERSION_ID=2\n"), "a.efi": small(b"ID=ant\nVERSION_ID=1\n")}, b"", "a.efi"),
    "image-id": ({"z.efi": small(b"ID=ant\nIMAGE_ID=zebra\n"), "a.efi": small(b"ID=bee\n")}, b"", "a.efi"),
    "name": ({"k-9.efi": small(b"ID=t\n"), "k-10.efi": small(b"ID=t\n")}, b"", "k-10.efi"),
    "no-tries-left": ({"k-10+0-3.efi": small(b"ID=t\n"), "k-9.efi": small(b"ID=t\n")}, b"", "k-9.efi"),
    "tries-left": ({"k-10+1-2.efi": small(b"ID=t\n"), "k-9.efi": small(b"ID=t\n")}, b"", "k-10+1-2.efi"),
    "no-release": ({"z.efi": image(257, osrel=None), "a.efi": small(b"ID=t\n")}, b"", "a.efi"),
    "auto-name": ({"auto-z.efi": small(b"ID=t\n"), "a.efi": small(b"ID=t\n")}, b"", "a.efi"),
    "default": ({"k-9.efi": small(b"ID=t\n"), "k-10.efi": small(b"ID=t\n")}, b"default k-9*\n", "k-9.efi"),
    "default-case": ({"K-9.efi": small(b"ID=t\n"), "k-10.efi": small(b"ID=t\n")}, b"default K-9*\n", "K-9.efi"),
    "default-nothing": ({"k-9.efi": small(b"ID=t\n"), "k-10.efi": small(b"ID=t\n")}, b"default other*\n", "k-10.efi"),
    "default-saved": ({"k-9.efi": small(b"ID=t\n"), "k-10.efi": small(b"ID=t\n")}, b"default @saved\n", "k-10.efi"),
    "comment": ({"k-9.efi": small(b"ID=t\n"), "k-10.efi": small(b"ID=t\n")}, b"# default k-9*\ntimeout 3\r\n", "k-10.efi"),
    "type-1-key": ({"a.efi": small(b"ID=zebra\n"), "t.conf": b"sort-key ant\nefi /EFI/Linux/x.bin\n", "x.bin": small(b"ID=t\n")}, b"",
                   "x.bin"),
    "type-1-without-key": ({"a.efi": small(b"ID=zebra\n"), "z.conf": b"efi /EFI/Linux/x.bin\n", "x.bin": small(b"ID=t\n")}, b"", "a.efi"),
    "type-1-not-there": ({"a.efi": small(b"ID=zebra\n"), "t.conf": b"sort-key ant\nefi /EFI/Linux/gone.bin\n"}, b"", "a.efi"),
    "type-1-other-machine": ({"a.efi": small(b"ID=zebra\n"), "t.conf": b"sort-key ant\nefi /EFI/Linux/x.bin\narchitecture aa64\n",
                              "x.bin": small(b"ID=t\n")}, b"", "a.efi"),
    "itself": ({"a.efi": small(b"ID=zebra\n"), "t.conf": b"sort-key ant\nefi /EFI/BOOT/bootx64.efi\n"}, b"", "a.efi"),
}


@pytest.mark.parametrize("what", ENTRIES)
def test_entry(tmp_path, what):
    files, conf, chosen = ENTRIES[what]
    placed = {("loader/entries/" if name.endswith(".conf") else "EFI/Linux/") + name: data for name, data in files.items()}
    p = foreseen(chains.esp_disk(tmp_path, {OWN: program("boot", 257), "loader/loader.conf": conf or b"\n", **placed}, 8))
    assert p["rtmr"][1] and p["rtmr"][2], p["unknown"]
    started = [e["what"] for e in p["events"] if e["rtmr"] == 1 and e["what"].startswith("\\")]
    assert started == ["\\EFI\\Linux\\" + chosen]


def test_extended_boot_partition(tmp_path):
    """Entries of an XBOOTLDR partition stand among those of the ESP."""
    esp = chains.fat(tmp_path / "esp", 8, {OWN: program("boot", 257), "EFI/Linux/a.efi": small(RELEASE % b"1")})
    extended = chains.fat(tmp_path / "xbootldr", 8, {"EFI/Linux/b.efi": small(RELEASE % b"2")})
    p = foreseen(chains.gpt(tmp_path / "disk", [("U", esp), ("BC13C2FF-59E6-4262-A352-B275FD6F7172", extended)]))
    assert p["rtmr"][1] and p["rtmr"][2], p["unknown"]
    assert [e["what"] for e in p["events"] if e["what"].startswith("\\")] == ["\\EFI\\Linux\\b.efi"]


@pytest.mark.parametrize("version", WIDE)
def test_linux(tmp_path, version):
    """A type 1 entry with two initrds and two lines of options: what systemd-boot and the kernel's own stub measure."""
    kernel, conf = FILES["kernel"].read_bytes(), b"timeout 0\n"
    entry = b"title \xc5\xbd\nlinux /v//linux\ninitrd one\ninitrd /two\noptions  console=hvc0 \noptions b  c\n"
    disk = chains.esp_disk(tmp_path, {OWN: program("boot", version), "loader/loader.conf": conf, "loader/entries/a.conf": entry,
                                      "v/linux": kernel, "one": b"first", "two": b"second"}, 24)
    log, options = Registers(disk), "initrd=one initrd=\\two console=hvc0 b  c"
    log.image(program("boot", version))
    if version >= 262:
        log.data(1, conf)
    log.image(kernel)
    if version >= 257:
        log.text(options)
    log.text(options)
    log.data(2, b"first" + (bytes(3) if version >= 257 else b"") + b"second")
    assert registers(disk) == log.done()


LINE = "fs0:\\v\\linux initrd=\\one console=hvc0"
SCRIPTS = {  # what is in startup.nsh -> the line that the kernel gets, or the beginning of the reason
    "plain": (LINE, LINE, None),
    "lines": (f"# {LINE} x\r\n@echo -off\r\n\r\n  {LINE}\t\r\nfs0:\\other\r\n", LINE, None),
    "drive": ("FS0:\n/V/LINUX a=1", "/V/LINUX a=1", None),
    "no-drive": ("v\\linux a=1", None, "startup.nsh has a line that is not understood here"),
    "other-drive": ("fs1:\\v\\linux", None, "startup.nsh has a line that is not understood here"),
    "variable": (LINE + " %1", None, "startup.nsh has a line that is not understood here"),
    "quotes": (LINE + ' "a b"', None, "startup.nsh has a line that is not understood here"),
    "command": ("if exist fs0:\\v then\n" + LINE, None, "startup.nsh has a line that is not understood here"),
    "nothing": ("# " + LINE, None, "startup.nsh starts nothing"),
    "wide": (LINE.encode("utf-16"), None, "startup.nsh is not ASCII"),
    "no-kernel": ("fs0:\\one", None, "what startup.nsh starts is no Linux kernel"),
    "not-there": ("fs0:\\two", None, "FAT: no file two"),
}


def script_disk(folder, script):
    data = script if isinstance(script, bytes) else script.encode()
    return chains.esp_disk(folder, {"startup.nsh": data, "v/linux": FILES["kernel"].read_bytes(), "one": b"an initrd"}, 24)


@pytest.mark.parametrize("what", SCRIPTS)
def test_shell_script(tmp_path, what):
    """Without a loader the firmware's shell is started, which runs a script. The shell's own digest is seen in full_chains.py."""
    script, line, reason = SCRIPTS[what]
    disk = script_disk(tmp_path, script)
    p = foreseen(disk)
    if reason:
        assert p["rtmr"][1:3] == [None, None] and p["unknown"][1].startswith(reason)
        return
    log, table = Registers(disk), Registers(disk)
    log.value = {1: bytes(48), 2: bytes(48)}
    log.data(1, b"Calling EFI Application from Boot Option")
    log.data(1, bytes(4))
    log.data(1, b"Returning from EFI Application from Boot Option")
    log.data(1, b"Calling EFI Application from Boot Option")
    log.digest(1, bytes.fromhex(next(e["digest"] for e in p["events"] if e["what"] == "the firmware's shell")))
    log.data(1, table.table)
    log.image(FILES["kernel"].read_bytes())
    log.text(line)  # and no initrd: the kernel's stub measures none that it reads itself
    assert p["rtmr"][1:3] == log.done()


def test_shell_needs_its_turn(tmp_path):
    """With other disks that are tried before it, or without a place, it is not known what fails first."""
    disk = script_disk(tmp_path, LINE)
    for place in (["--boot-device", "1.0"], []):
        done = tception("measure", "rtmr", "--json", "--firmware", FILES["firmware"], "--disk", disk, *place)
        p = json.loads(done.stdout)
        assert p["rtmr"][1] is None and "which boot options are tried before" in p["unknown"][1], p["unknown"]


def test_shell_among_file_systems(tmp_path):
    parts = [("U", chains.fat(tmp_path / name, 8, {"startup.nsh": LINE.encode()})) for name in ("a", "b")]
    p = foreseen(chains.gpt(tmp_path / "disk", parts))
    assert p["rtmr"][1:3] == [None, None] and "several FAT file systems" in p["unknown"][1]


def test_linux_as_the_loader(tmp_path):
    kernel = FILES["kernel"].read_bytes()
    disk = chains.esp_disk(tmp_path, {OWN: kernel}, 24)
    log = Registers(disk)
    log.image(kernel)
    assert registers(disk) == log.done()


# ---- the same from a QEMU command line ----

DRIVE = "file={disk},if=none,id=d,format=raw,readonly=on"
MACHINES = {  # devices and drives -> what --boot-device would be told, None: it cannot be told
    "drive": (["-drive", DRIVE, "-device", "virtio-blk-pci,drive=d,addr=0x4,bootindex=0"], "4.0,first,readonly"),
    "function": (["-drive", DRIVE, "--device", "virtio-blk-pci,drive=d,addr=1f.2,bus=pcie.0"], "1f.2,readonly"),
    "json": (["-blockdev", '{{"driver":"file","filename":"{disk}","node-name":"s"}}',
              "-blockdev", '{{"driver":"raw","file":"s","node-name":"d","read-only":true}}',
              "-device", '{{"driver":"virtio-blk-pci","drive":"d","addr":"0x4","bus":"pcie.0","bootindex":1}}'], "4.0,first,readonly"),
    "keys": (["-blockdev", "driver=raw,node-name=d,file.driver=file,file.filename={disk}",
              "-device", "virtio-blk-pci-non-transitional,drive=d,addr=4,bootindex=0"], "4.0,first"),
    "two": (["-drive", DRIVE, "-device", "virtio-blk-pci,drive=e,addr=5", "-device", "virtio-blk-pci,drive=d,addr=4,bootindex=0"],
            "4.0,first,1,readonly"),
    "two-free": (["-drive", DRIVE, "-device", "virtio-blk-pci,drive=d,addr=1,bootindex=0", "-device", "virtio-blk-pci,drive=e"],
                 "1.0,first,1,readonly"),
    "two-free-before": (["-drive", DRIVE, "-device", "virtio-blk-pci,drive=d,addr=2,bootindex=0", "-device", "virtio-blk-pci,drive=e"],
                        None),
    "behind": (["-drive", DRIVE, "-device", "virtio-blk-pci,drive=e,addr=3", "-device", "virtio-blk-pci,drive=d,addr=4,bootindex=0"], None),
    "nowhere": (["-drive", DRIVE, "-device", "virtio-blk-pci,drive=d,bootindex=0"], None),
    "bridge": (["-drive", DRIVE, "-device", "virtio-blk-pci,drive=d,addr=0x0,bus=pci.4,bootindex=0"], None),
    "network-first": (["-drive", DRIVE, "-device", "virtio-net-pci,bootindex=0", "-device", "virtio-blk-pci,drive=d,addr=4"], None),
}


NO_TABLES = "ACPI DATA etc/table-loader: ACPI tables not given"


def but_tables(done, why):
    """What is foreseen, but for why ACPI tables are missing, which is `why` where nothing before them opens RTMR0."""
    p = json.loads(done.stdout)
    if p["unknown"][0].startswith("ACPI"):
        assert p["unknown"][0] == why
        p["unknown"][0] = "ACPI"
    return p


@pytest.mark.parametrize("what", MACHINES)
def test_machine(tmp_path, what):
    words, place = MACHINES[what]
    folder = tmp_path / "a,b"
    disk = chains.esp_disk(folder, {OWN: image(257)}, 8)
    words = [w.format(disk=disk if "{{" in w else str(disk).replace(",", ",,")) for w in words]
    qemu = ["qemu-system-x86_64", "-bios", FILES["firmware"], "-m", "size=1G", "-smp", "2", *words]
    done = tception("measure", "rtmr", "--json", "--", *qemu)
    assert done.returncode == 0, done.stderr
    told = ["--boot-device", place] if place else []
    other = tception("measure", "rtmr", "--json", "--firmware", FILES["firmware"], "--memory", 1024, "--disk", disk, *told)
    assert but_tables(done, "ACPI tables: the version of QEMU is not given") == but_tables(other, NO_TABLES)
    assert ("which device the TD boots from was not given" in done.stdout) == (place is None)


def test_machine_with_a_kernel(tmp_path):
    """An option counts more than the command line."""
    kernel = ["--kernel", FILES["kernel"], "--initrd", FILES["initrd"], "--cmdline", "quiet", "--qemu-version", "7.2"]
    base = tception("measure", "rtmr", "--json", "--firmware", FILES["firmware"], "--memory", 3 << 10, *kernel)
    qemu = ["-bios", FILES["firmware"], "-m", "3072", "-kernel", FILES["kernel"], "-initrd", FILES["initrd"], "-append", "quiet"]
    told = tception("measure", "rtmr", "--json", "--qemu-version", "7.2", "--", "qemu", *qemu)
    assert but_tables(told, "ACPI tables: QEMU 7.2: the third number is needed, as in 7.2.22") == but_tables(base, NO_TABLES)
    other = ["qemu", "-bios", tmp_path / "gone", *qemu[2:], "-m", "64"]
    done = tception("measure", "rtmr", "--json", "--firmware", FILES["firmware"], "--memory", 3 << 10, "--cmdline", "loud",
                    "--qemu-version", "7.2", "--", *other)
    assert json.loads(done.stdout)["rtmr"][1] == json.loads(base.stdout)["rtmr"][1]
    assert json.loads(done.stdout)["rtmr"][2] != json.loads(base.stdout)["rtmr"][2]


def test_machine_with_other_low_memory():
    qemu = ["qemu", "-bios", FILES["firmware"], "-m", "2048", "-kernel", FILES["kernel"]]
    for more, known in ([], True), (["-machine", "q35"], True), (["-M", "q35,max-ram-below-4g=1G"], False):
        events = json.loads(tception("measure", "rtmr", "--json", "--", *qemu, *more).stdout)["events"]
        assert bool(next(e for e in events if e["what"] == "TD HOB")["digest"]) == known


@pytest.mark.parametrize("words, says", [(["-m", "2X"], "-m 2X: not a size"), (["-m"], "-m: its value is missing"),
                                         (["-m", "0"], "-m 0: not a size"), (["-kernel", "/gone"], "/gone: No such file or directory"),
                                         ([], "qemu: no QEMU command line"), (["nope"], "qemu: no QEMU command line"),
                                         (["-m", "1G"], "no --firmware given, and the machine has none by -bios")])
def test_machine_errors(words, says):
    done = tception("measure", "rtmr", "--", "qemu", *words)
    assert done.returncode == 2 and says in done.stderr.splitlines()[0]


def test_shim_is_told_of_another_program(tmp_path):
    """By options.csv beside it, which is not read here."""
    files = {OWN: (GOLDEN / "pe/shim.efi").read_bytes(), "EFI/BOOT/grubx64.efi": image(257)}
    assert all(registers(chains.esp_disk(tmp_path / "plain", files, 8)))
    p = foreseen(chains.esp_disk(tmp_path / "told", {**files, "EFI/BOOT/options.csv": "other.efi,".encode("utf-16")}, 8))
    assert p["rtmr"][1:3] == [None, None] and "options.csv" in p["unknown"][1]
