#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the disk images here, and prints what a TD that boots them must measure (hashlib).

The parts that measure/ has to understand are written by others' tools: mkfs.vfat (dosfstools), mtools, qemu-img.
"""
import hashlib
import os
import struct
import subprocess
import tempfile
import uuid
import zlib

ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
DATA = "0fc63daf-8483-4772-8e79-3d69d8477de4"
SECTOR = 512
START = 64  # sectors


# without which firmware reads no GPT: an inactive entry of type 0xee from sector 1
PROTECTIVE_MBR = bytes(446) + struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff" * 3, 1, 0xFFFFFFFF) + bytes(48) + b"\x55\xaa"
# by which a kernel's EFI stub measures: the two halves that a compiler writes to the stack
CC_PROTOCOL = uuid.UUID("96751a3d-72f4-41a6-a794-ed5d0e67ae6b").bytes_le
CC_PROTOCOL = CC_PROTOCOL[:8] + bytes(8) + CC_PROTOCOL[8:]


def pad(data, alignment):
    return data + bytes(-len(data) % alignment)


def pe(sections):
    """A PE32+ whose sections follow one another; its Authenticode digest leaves out the checksum and one entry."""
    count, headers = len(sections), 0x400
    table, body, strings = b"", b"", b""
    for name, data in sections:
        raw = pad(data, 512)
        if len(name) > 8:  # its place in a table of strings
            strings += name.encode() + b"\0"
            name = f"/{4 + len(strings) - len(name) - 1}"
        table += struct.pack("<8sIIIIIIHHI", name.encode(), len(data), 0x1000 + len(body), len(raw), headers + len(body),
                             0, 0, 0, 0, 0)
        body += raw
    optional = struct.pack("<H58xIIHHQQQQII", 0x20B, headers, 0xC0FFEE, 10, 0, 0, 0, 0, 0, 0, 6) + bytes(48)
    head = pad(b"MZ", 0x3C) + struct.pack("<I", 0x40)
    head += b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, count, 0, headers + len(body) if strings else 0, 0, len(optional), 0) + optional + table
    image = pad(head, headers) + body
    if strings:
        image += pad(struct.pack("<I", 4 + len(strings)) + strings, 8)
    at = 0x40 + 24
    covered = image[:at + 64] + image[at + 68:at + 112 + 32] + image[at + 112 + 40:]
    return image, hashlib.sha384(covered).hexdigest()


def entry(inode, mode, name, data=b""):
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
    return pad(head, 4) + pad(data, 4)


def disk(esp):
    total = START + len(esp) // SECTOR + 64
    entries = b""
    for kind, first, last in ((DATA, 40, 47), (ESP, START, START + len(esp) // SECTOR - 1)):
        entries += uuid.UUID(kind).bytes_le + uuid.UUID(int=first).bytes_le + struct.pack("<QQQ72x", first, last, 0)
    table = entries[:128] + bytes(128) + entries[128:]  # an unused entry between the two
    table = table.ljust(128 * 128, b"\0")
    header = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, 1, total - 1, 34, total - 34,
                         uuid.UUID(int=7).bytes_le, 2, 128, 128, zlib.crc32(table))
    header = header[:16] + struct.pack("<I", zlib.crc32(header)) + header[20:]
    image = PROTECTIVE_MBR + pad(header, SECTOR) + table
    image = image.ljust(START * SECTOR, b"\0") + esp
    measured = header + struct.pack("<Q", 2) + entries
    return image.ljust(total * SECTOR, b"\0"), hashlib.sha384(measured).hexdigest()


def file_system(path, size, bits, loader, extra):
    run = lambda *argv: subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    with open(path, "wb") as f:
        f.truncate(size)
    run("mkfs.vfat", "-F", str(bits), "-s", "1", "-i", "12345678", "--invariant", path)
    run("mmd", "-i", path, "::/EFI", "::/EFI/BOOT", "::/EFI/a name longer than eight", *extra)
    with tempfile.NamedTemporaryFile() as f:
        f.write(loader)
        f.flush()
        run("mcopy", "-i", path, f.name, "::/EFI/BOOT/BOOTX64.EFI")
    with open(path, "rb") as f:
        return f.read()


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    kernel, kernel_digest = pe([(".text", CC_PROTOCOL + (bytes(range(256)) * 4)[24:])])
    initrd, osrel = b"070701 not a real initrd", b"ID=test\n"
    cmdline = b" console=ttyS0\tquiet \n"
    uki, uki_digest = pe([(".text", CC_PROTOCOL), (".sdmagic", b"#### LoaderInfo: systemd-stub 257.13-1 ####"), (".osrel", osrel),
                          (".cmdline", cmdline), (".initrd", initrd), (".linux", kernel)])
    trailer = b"070701" + b"0" * 32 + b"00000001" + b"0" * 48 + b"0000000B" + b"0" * 8 + b"TRAILER!!!\0\0\0\0"
    whole = pad(initrd, 4) + entry(1, 0o40555, ".extra") + entry(2, 0o100444, ".extra/os-release", osrel) + trailer
    formats = {
        "fat32.qcow2": (36 << 20, 32, ["-c", "-o", "cluster_size=4096"], []),
        "fat16.qcow2": (4 << 20, 16, ["-o", "compat=0.10,cluster_size=512"], []),
        "fat12.qcow2": (256 << 10, 12, ["-o", "cluster_size=1024"], ["::/loader", "::/loader/addons"]),
    }
    for name, (size, bits, options, extra) in formats.items():
        with tempfile.TemporaryDirectory() as work:
            esp = file_system(f"{work}/esp", size, bits, uki, extra)
            image, gpt_digest = disk(esp)
            with open(f"{work}/raw", "wb") as f:
                f.write(image)
            subprocess.run(["qemu-img", "convert", "-O", "qcow2", *options, f"{work}/raw", f"{here}/{name}"], check=True)
        print(name, "disk", len(image), hashlib.sha384(image).hexdigest()[:24], "gpt", gpt_digest[:24])
    print("loader", uki_digest[:24], "kernel", kernel_digest[:24], "initrd", hashlib.sha384(whole).hexdigest()[:24])
    print("cmdline", hashlib.sha384("console=ttyS0 quiet\0".encode("utf-16-le")).hexdigest()[:24])
    for name, data in ((".linux", kernel), (".osrel", osrel), (".cmdline", cmdline), (".initrd", initrd)):
        print(name, hashlib.sha384(data).hexdigest()[:24])


if __name__ == "__main__":
    main()
