#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small firmware images with the structure of OVMF, to test how measure/ reads them.

tiny.fd     a variable volume without variables, TdTcg2Dxe and a menu inside an LZMA section
policy.fd   built "with Secure Boot": variables in every state of a variable store
newer.fd    with what OVMF has since 2025.05: fw_cfg and SMBIOS are measured, another menu
bare.fd     the same with the setup (UiApp) in the volume that a trust domain does without, as Debian's ovmf-inteltdx
shell.fd    the same with the setup and a shell
silent.fd   no TdTcg2Dxe: such firmware measures nothing into RTMRs
foreign.fd  none of OVMF's modules: nothing is known of what it measures
redhat.fd   edk2-stable202411 in Red Hat's words, without TdTcg2Pei
nameless.fd a snapshot of 2024 that says no version
"""
import lzma
import os
import struct
import uuid

FFS2 = "8c8ce578-8a3d-4f1c-9935-896185c32dd3"
NV_VOLUME = "fff12b8d-7696-4c8b-a985-2747075b4f50"
STORE = "aaf32c78-947b-439a-a180-2e144ec37792"
LZMA = "ee4e5898-3914-4259-9d6e-dc7bd79403cf"
DXE_VOLUME = "7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1"
TD_TCG2_DXE = "f062221e-c607-44c2-b0b4-c3886331d351"
TD_TCG2_PEI = "fcb3a3d6-6274-411c-a548-bd0e717d533a"
SECURE_BOOT_CONFIG = "f0e6a44f-7195-41c3-ac64-54f202cd0a21"
SMBIOS = "4110465d-5ff3-4f4b-b580-24ed0d06747a"
NOT_FOR_TDS = "ae047c6d-bce9-426c-ae03-a68e3b8a0488"  # OvmfPkg/IntelTdx: FV.NCCFV
UI_APP = "462caa21-7614-4503-836e-8ab6f4662331"
MENU_APP = "eec25bdc-67f2-4d95-b1d5-f81b2039d11d"
SHELL = "7c04a583-9e3e-4f1c-ad65-e05268d0b4d1"
BOOT_MANAGER = "6d33944a-ec75-4855-a54d-809c75241f6c"
LOADER_FS = "2f30e26d-5b0f-4c06-a8f8-e1a1dea8fd4a"  # a name of our own: any module may hold the text
SMBIOS_MEASUREMENT = "d27fed59-abb4-4fed-bead-2a878c7e4a7e"
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
SECURITY = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
ENABLE = "f0a30bc7-af08-4556-99c4-001009c93a44"
FOOTER = "96b582de-1fb2-45f7-baea-a366c55a082d"
OFFSET = "e47a6535-984a-4798-865e-4685a7bf8ec2"


def guid(text):
    return uuid.UUID(text).bytes_le


def pad(data, alignment, fill=b"\0"):
    return data + fill * (-len(data) % alignment)


def section(kind, body):
    return struct.pack("<I", len(body) + 4 | kind << 24) + body


def file(name, kind, sections):
    body = b"".join(pad(s, 4) for s in sections)
    return pad(struct.pack("<16sHBBI", guid(name), 0, kind, 0, len(body) + 24) + body, 8, b"\xff")


def volume(files, name=None, size=None):
    header = struct.pack("<16s16sQ4sIHHHBB", b"", guid(FFS2), 0, b"_FVH", 0, 72, 0, 72 if name else 0, 0, 2)
    header += struct.pack("<QQ", 0, 0)
    if name:
        header += struct.pack("<16sI", guid(name), 20)
    body = pad(header, 8) + b"".join(files)
    body = body.ljust(size or len(body) + 64, b"\xff")
    return body[:32] + struct.pack("<Q", len(body)) + body[40:]


def compressed(sections):
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20}]
    packed = lzma.compress(b"".join(pad(s, 4) for s in sections), lzma.FORMAT_ALONE, filters=filters)
    return section(0x02, guid(LZMA) + struct.pack("<HH", 24, 1) + packed)


def variable(name, vendor, data, state=0x3F):
    wide = (name + "\0").encode("utf-16-le")
    head = struct.pack("<HBBIQ16sIII", 0x55AA, state, 0, 7, 0, b"", 0, len(wide), len(data))
    return pad(head + guid(vendor) + wide + data, 4, b"\xff")


def nv_volume(variables, size=0x2000):
    header = struct.pack("<16s16sQ4sIHHHBB", b"", guid(NV_VOLUME), size, b"_FVH", 0, 72, 0, 0, 0, 2)
    header += struct.pack("<QQ", 0, 0)
    store = struct.pack("<16sIBBHI", guid(STORE), size - 72, 0x5A, 0xFE, 0, 0) + b"".join(variables)
    return (header + store).ljust(size, b"\xff")


def image(modules, variables, version="2025.02-8", more=(), setup=True):
    dxe = [file(m, 7, [section(0x10, b"code")]) for m in modules if m != TD_TCG2_PEI]
    dxe.append(file(SMBIOS, 7, [section(0x10, b"Debian " + (version + "\0").encode("utf-16-le"))]))
    ui_app = file(UI_APP, 9, [section(0x10, b"menu"), section(0x15, "UiApp\0".encode("utf-16-le"))])
    dxe.extend([ui_app, *more] if setup else more)
    pei = [file(m, 6, [section(0x10, b"code")]) for m in modules if m == TD_TCG2_PEI]
    volumes = [volume(pei), volume(dxe, DXE_VOLUME)] + ([] if setup else [volume([ui_app], NOT_FOR_TDS)])
    inner = compressed([section(0x17, v) for v in volumes])
    main = volume([file("9e21fd93-9c72-4c15-8c4b-e77f1db2d792", 0x0B, [inner])], size=0x2000)
    nv = nv_volume(variables)
    size = len(nv) + len(main) + 0x1000
    sections = [  # data offset, raw size, address, memory size, type, attributes
        (len(nv), size - len(nv), (1 << 32) - size + len(nv), size - len(nv), 0, 1),
        (0, len(nv), (1 << 32) - size, len(nv), 1, 0),
        (0, 0, 0x810000, 0x10000, 3, 0),
        (0, 0, 0x809000, 0x2000, 2, 0),
    ]
    tail = bytearray(0x1000)
    at = 0x800
    descriptor = struct.pack("<4sIII", b"TDVF", 16 + 32 * len(sections), 1, len(sections))
    descriptor += b"".join(struct.pack("<IIQQII", *s) for s in sections)
    tail[at:at + len(descriptor)] = descriptor
    table = struct.pack("<I", len(tail) - at) + struct.pack("<H", 22) + guid(OFFSET)
    table += struct.pack("<H", len(table) + 18) + guid(FOOTER)
    tail[-32 - len(table):-32] = table
    return nv + main + bytes(tail)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    policy = [
        variable("PK", GLOBAL, b"platform key"),
        variable("KEK", GLOBAL, b"deleted key", 0x3D),
        variable("KEK", GLOBAL, b"old exchange key", 0x3E),
        variable("KEK", GLOBAL, b"exchange key"),
        variable("db", SECURITY, b"allowed"),
        variable("db", GLOBAL, b"of another vendor"),
        variable("dbt", SECURITY, b"timestamps"),
        variable("SecureBootEnable", ENABLE, b"\x01"),
    ]
    newer = [
        file(BOOT_MANAGER, 7, [section(0x10, b"QEMU FW CFG\0initrd=initrd \0" + guid(MENU_APP) + guid(UI_APP))]),
        file(SMBIOS_MEASUREMENT, 7, [section(0x10, struct.pack("<IQQQQ", 0, 4, 0x16, 2, 0))]),
        file(MENU_APP, 9, [section(0x10, b"menu"), section(0x15, "BootManagerMenuApp\0".encode("utf-16-le"))]),
    ]
    loader = [file(LOADER_FS, 7, [section(0x10, b"etc/boot/\0")])]
    boot_manager = [file(BOOT_MANAGER, 7, [section(0x10, b"code")])]
    tdx = [TD_TCG2_DXE, TD_TCG2_PEI]
    images = {
        "tiny.fd": image(tdx, [], more=loader),
        "policy.fd": image([TD_TCG2_DXE, SECURE_BOOT_CONFIG], policy, "2024.02-3+tdx1.0"),
        "newer.fd": image(tdx, [], "2026.08-8", newer),
        "bare.fd": image(tdx, [], "2026.08-8", newer, setup=False),
        "shell.fd": image(tdx, [], "2026.08-8", newer + [file(SHELL, 9, [section(0x10, b"shell")])]),
        "silent.fd": image([], [], "2022.11-8", boot_manager),
        "foreign.fd": image([], [], "2022.11-8"),
        "redhat.fd": image([TD_TCG2_DXE], [], "edk2-20241117-2.el9"),
        "nameless.fd": image([TD_TCG2_DXE], [], ""),
    }
    for name, data in images.items():
        with open(os.path.join(here, name), "wb") as f:
            f.write(data)


main()
