#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gives a genuine quote each other certification data type; see ORIGIN.md."""
import base64
import hashlib
import json
import pathlib
import re
import struct

HERE = pathlib.Path(__file__).resolve().parent
DONOR = "9c3786b9b3d6.bin"
TYPE = 48 + 584 + 4 + 64 + 64 + 6 + 384 + 64 + 2 + 32  # of the inner certification data, in a v4 quote of a TD


def certified(quote, kind, data):
    head = bytearray(quote[:TYPE] + struct.pack("<HI", kind, len(data)) + data)
    struct.pack_into("<I", head, 632, len(head) - 636)
    struct.pack_into("<I", head, 766, len(head) - 770)
    return bytes(head)


def main():
    quote = (HERE / DONOR).read_bytes()
    assert struct.unpack_from("<H", quote, TYPE) == (5,)
    pck = json.loads((HERE / "facts.json").read_text())[DONOR]["pck"]
    # struct _sgx_ql_ppid_cleartext_cert_info_t and its two like, in Intel's sgx_quote_3.h
    rest = bytes.fromhex(pck["cpusvn"]) + struct.pack("<H", pck["pcesvn"]) + bytes.fromhex(pck["pceid"])
    opaque = b"".join(hashlib.sha256(bytes([i])).digest() for i in range(12))  # for a cipher text
    leaf = re.search(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----\n", quote, re.S)
    for name, kind, data in (
        ("ppid-plain", 1, bytes.fromhex(pck["ppid"]) + rest),
        ("ppid-rsa2048", 2, opaque[:256] + rest),
        ("ppid-rsa3072", 3, opaque + rest),
        ("pck-leaf", 4, leaf[0]),
        ("pck-leaf-der", 4, base64.b64decode(leaf[1])),
    ):
        (HERE / "certification").mkdir(exist_ok=True)
        (HERE / "certification" / f"{name}.bin").write_bytes(certified(quote, kind, data))


main()
