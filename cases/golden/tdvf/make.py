#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small.fd, a firmware image with one section of every awkward kind, and prints its MRTDs.

An implementation of the specified algorithm of its own (hashlib), so that the C one is not its own
judge. `make.py FIRMWARE` prints the MRTDs of any image.
"""
import hashlib
import os
import struct
import sys
import uuid

FOOTER = uuid.UUID("96b582de-1fb2-45f7-baea-a366c55a082d").bytes_le
OFFSET = uuid.UUID("e47a6535-984a-4798-865e-4685a7bf8ec2").bytes_le
OTHER = uuid.UUID("00f771de-1a7e-4fcb-890e-68c77e2fb44e").bytes_le
BFV, CFV, TD_HOB, TEMP_MEM, PERM_MEM, PAYLOAD = range(6)
EXTEND, AUG = 1, 2


def pattern(size):
    """SHA-256 in counter mode: bytes that do not repeat."""
    out = b"".join(hashlib.sha256(struct.pack("<I", i)).digest() for i in range(size // 32))
    return bytearray(out)


def small():
    size = 0x6000
    sections = [  # data offset, raw size, address, memory size, type, attributes
        (0x2000, 0x4000, 0xFFFFC000, 0x4000, BFV, EXTEND),
        (0x0000, 0x1234, 0xFFFF8000, 0x3000, CFV, 0),
        (0x1400, 0x0A01, 0x00900000, 0x2000, PAYLOAD, EXTEND),  # ends within a chunk
        (0, 0, 0x00811000, 0x2000, TEMP_MEM, 0),
        (0, 0, 0x00809000, 0x2000, TD_HOB, 0),
        (0, 0, 0x00800000, 0x1000, TEMP_MEM, EXTEND),  # zeros, measured
        (0, 0, 0x40000000, 0x40000000, PERM_MEM, AUG),
    ]
    image = pattern(size)
    descriptor = struct.pack("<4sIII", b"TDVF", 16 + 32 * len(sections), 1, len(sections))
    descriptor += b"".join(struct.pack("<IIQQII", *s) for s in sections)
    at = size - 0x400
    image[at:at + len(descriptor)] = descriptor
    table = bytes(8) + struct.pack("<H", 26) + OTHER
    table += struct.pack("<I", size - at) + struct.pack("<H", 22) + OFFSET
    table += struct.pack("<H", len(table) + 18) + FOOTER
    image[size - 32 - len(table):size - 32] = table
    return bytes(image)


def sections_of(image):
    end = len(image) - 32
    assert image[end - 16:end] == FOOTER
    floor = end - struct.unpack_from("<H", image, end - 18)[0]
    end -= 18
    while end > floor:
        length = struct.unpack_from("<H", image, end - 18)[0]
        if image[end - 16:end] == OFFSET:
            at = len(image) - struct.unpack_from("<I", image, end - length)[0]
            count = struct.unpack_from("<4sIII", image, at)[3]
            return [struct.unpack_from("<IIQQII", image, at + 16 + 32 * i) for i in range(count)]
        end -= length
    raise SystemExit("no TDVF metadata")


def mrtd(image, two_pass):
    h = hashlib.sha384()
    for offset, raw, address, memory, _, attributes in sections_of(image):
        add, extend = not attributes & AUG, attributes & EXTEND
        data = image[offset:offset + raw].ljust(memory, b"\0") if extend else b""
        pages = range(0, memory, 4096) if add or extend else ()
        steps = [(kind, page) for page in pages for kind in ("add", "extend")]
        if two_pass:
            steps.sort(key=lambda step: step[0])  # stable: "add" before "extend"
        for kind, page in steps:
            if kind == "add" and add:
                h.update(b"MEM.PAGE.ADD".ljust(16, b"\0") + struct.pack("<Q", address + page))
                h.update(bytes(104))
            if kind == "extend" and extend:
                for chunk in range(page, page + 4096, 256):
                    h.update(b"MR.EXTEND".ljust(16, b"\0") + struct.pack("<Q", address + chunk))
                    h.update(bytes(104))
                    h.update(data[chunk:chunk + 256])
    return h.hexdigest()


def main():
    if len(sys.argv) > 1:
        with open(sys.argv[1], "rb") as f:
            image = f.read()
    else:
        image = small()
        with open(os.path.join(os.path.dirname(__file__), "small.fd"), "wb") as f:
            f.write(image)
    print("single pass", mrtd(image, False))
    print("two pass   ", mrtd(image, True))


main()
