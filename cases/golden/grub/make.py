#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes grub.qcow2, and prints what a TD that boots it must measure (hashlib).

shim, GRUB and kernel are made up: only the parts are there by which measure/ tells what they do. The file systems are
written by others' tools: mkfs.vfat (dosfstools), mtools, mke2fs (e2fsprogs), qemu-img; the modules by gcc.
"""
import hashlib
import importlib.util
import os
import pathlib
import struct
import subprocess
import tempfile
import uuid
import zlib

HERE = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("disk_make", HERE.parent / "disk/make.py")
base = importlib.util.module_from_spec(spec)
spec.loader.exec_module(base)

ROOT = "1b4f1c4e-8f0a-4c4b-9d9d-0a0b0c0d0e0f"
SHIM_LOCK, SHIM_LOADER = "605dab50-e046-4300-abb6-3dd810dd8b23", "1f492041-fadb-4e59-9e57-7cafe73a55ab"
MODULES = ("test echo search search_fs_uuid configfile loadenv normal terminal serial efifwsetup true boot gzio "
           "peimage").split()
TPM = """
__attribute__((section(".modname"))) const char name[] = "tpm";
const unsigned char cc[16] = {%s};
void *grub_efi_locate_protocol(const void *, void *);
int grub_tpm_present(void) { return grub_efi_locate_protocol(cc, 0) != 0; }
int grub_tpm_measure(void) { return grub_efi_locate_protocol(cc, (void *)1) == 0; }
"""
LINUX = """
__attribute__((section(".modname"))) const char name[] = "linux";
const unsigned char media[16] = {%s};
"""


def short(data):
    return hashlib.sha384(data).hexdigest()[:24]


def run(*argv):
    subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.DEVNULL)


def module(work, text):
    (work / "m.c").write_text(text)
    run("gcc", "-c", "-O1", "-mcmodel=large", "-fno-pic", "-fno-asynchronous-unwind-tables", "-o", work / "m.o", work / "m.c")
    return (work / "m.o").read_bytes()


def guid_bytes(text):
    return ",".join(str(b) for b in uuid.UUID(text).bytes_le)


def grub(work):
    objects = [module(work, TPM % guid_bytes("96751a3d-72f4-41a6-a794-ed5d0e67ae6b")),
               module(work, LINUX % guid_bytes("5568e427-68fc-4f3d-ac74-ca555231cc68"))]
    objects += [module(work, f'__attribute__((section(".modname"))) const char name[] = "{name}";\n') for name in MODULES]
    body = b"".join(struct.pack("<II", 0, len(o) + 8) + o for o in objects)
    body += struct.pack("<II", 3, 24) + b"/EFI/debian".ljust(16, b"\0")
    mods = struct.pack("<IIQQ", 0x676D696D, 0, 24, 24 + len(body)) + body
    sbat = b"sbat,1,SBAT Version,sbat,1,x\ngrub,5,Free Software Foundation,grub,2.14,x\ngrub.debian,5,Debian,grub2,2.14-4,x\n"
    return base.pe([(".text", uuid.UUID(SHIM_LOADER).bytes_le), ("mods", mods), (".sbat", sbat)])


def shim():
    certificate = b"\x30\x82\x00\x20" + bytes(range(32))
    keys = struct.pack("<IIII", len(certificate), 0, 16, 16 + len(certificate)) + certificate
    owner = uuid.UUID(SHIM_LOCK).bytes_le

    def entry(kind, data):
        return uuid.UUID(kind).bytes_le + struct.pack("<III", 44 + len(data), 0, 16 + len(data)) + owner + data
    print("MokList", short(entry("a5c059a1-94e4-4aa7-87b5-ab155c2bf072", certificate)))
    print("MokListX", short(entry("c1c41626-504c-4092-aca9-41f936934328", bytes(32))))
    return base.pe([(".text", uuid.UUID(SHIM_LOADER).bytes_le), (".vendor_cert", keys),
                    (".data.ident", b"UEFI SHIM\n$Version: 16.1 $\n")])


def esp(work, loader, second):
    path = work / "esp"
    path.write_bytes(bytes(256 << 10))
    run("mkfs.vfat", "-F", "12", "-s", "1", "-i", "12345678", "--invariant", path)
    run("mmd", "-i", path, "::/EFI", "::/EFI/BOOT", "::/EFI/debian")
    first = f"search.fs_uuid {ROOT} root \nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n"
    for name, data in (("BOOT/BOOTX64.EFI", loader), ("BOOT/grubx64.efi", second), ("debian/grub.cfg", first.encode())):
        (work / "file").write_bytes(data)
        run("mcopy", "-i", path, work / "file", f"::/EFI/{name}")
    print("first configuration", short(first.encode()))
    return path.read_bytes()


def root(work, kernel, initrd):
    tree, path = work / "root", work / "ext4"
    (tree / "boot/grub/locale").mkdir(parents=True)
    (tree / "boot/grub/locale/de.mo").write_bytes(b"not read")
    environment = b"# GRUB Environment Block\nfoo=bar\nx=9\n".ljust(1024, b"#")
    (tree / "boot/grub/grubenv").write_bytes(environment)
    (tree / "boot/grub/custom.cfg").write_text("set custom_var=77\necho in custom\n")
    (tree / "boot/grub/grub.cfg").write_bytes((HERE.parent / "grub-script/genuine.cfg").read_bytes())
    (tree / "boot/vmlinuz-6.12.117+deb13-cloud-amd64").write_bytes(kernel)
    (tree / "boot/initrd.img-6.12.117+deb13-cloud-amd64").write_bytes(initrd)
    for name in [*tree.rglob("*"), tree]:
        os.utime(name, (0, 0))
    path.write_bytes(bytes(512 << 10))
    run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-b", "1024", "-U", ROOT, "-E", f"hash_seed={ROOT}", "-d", tree, path)
    print("initrd", short(initrd), "of both files", short(base.pad(initrd, 4) + environment))
    return path.read_bytes()


def disk(first, second):
    begin = [64, 64 + len(first) // 512]
    end = begin[1] + len(second) // 512
    total = end + 64
    entries = b""
    for number, (kind, at, behind) in enumerate(((base.ESP, begin[0], begin[1]), (base.DATA, begin[1], end)), 1):
        entries += uuid.UUID(kind).bytes_le + uuid.UUID(int=number).bytes_le + struct.pack("<QQQ72x", at, behind - 1, 0)
    table = entries.ljust(128 * 128, b"\0")
    header = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, 1, total - 1, 34, total - 34,
                         uuid.UUID(int=9).bytes_le, 2, 128, 128, zlib.crc32(table))
    header = header[:16] + struct.pack("<I", zlib.crc32(header)) + header[20:]
    image = (base.PROTECTIVE_MBR + base.pad(header, 512) + table).ljust(64 * 512, b"\0") + first + second
    return image.ljust(total * 512, b"\0")


def main():
    kernel, kernel_digest = base.pe([(".text", base.CC_PROTOCOL + (bytes(range(256)) * 4)[24:])])
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        loader, loader_digest = shim()
        second, second_digest = grub(work)
        for name, data in (("shim", loader), ("grub", second)):
            (HERE.parent / f"pe/{name}.efi").write_bytes(data)
        image = disk(esp(work, loader, second), root(work, kernel, b"070701 not a real initrd"))
        (work / "raw").write_bytes(image)
        run("qemu-img", "convert", "-O", "qcow2", "-c", "-o", "cluster_size=4096", work / "raw", HERE / "grub.qcow2")
    print("loader", loader_digest[:24], "second", second_digest[:24], "kernel", kernel_digest[:24], "raw", len(image))
    print("kernel file", short(kernel))
    words = ('BOOT_IMAGE=/boot/vmlinuz-6.12.117+deb13-cloud-amd64 "with space=a b" q=x\\"y console=ttyS0 quiet panic=-1 nokaslr '
             'tsc=reliable no_timer_check 8250.nr_uarts=1 cryptomgr.notests random.trust_cpu=on')
    print("LoadOptions", short((words + "\0").encode("utf-16-le")), "without NUL", short(words.encode("utf-16-le")))


main()
