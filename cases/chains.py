# SPDX-License-Identifier: Apache-2.0
"""Boot chains on small disks: unified kernel images, add-ons, FAT file systems, GPT disks. No root is needed."""
import hashlib
import os
import pathlib
import struct
import subprocess
import uuid

# What a TD of the tests needs on its kernel's command line.
CMDLINE = ("console=ttyS0 quiet panic=-1 nokaslr tsc=reliable no_timer_check 8250.nr_uarts=1 cryptomgr.notests "
           "random.trust_cpu=on")
OSREL = 'ID=debian\nVERSION_ID=13\nPRETTY_NAME="Debian trixie"\n'


def run(*argv, **options):
    env = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "MTOOLS_SKIP_CHECK": "1"}
    subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env, timeout=120,
                   **options)


def extend(register, digest):
    return hashlib.sha384(register + digest).digest()


def add_sections(stub, sections):
    """A PE image with more sections behind its own, as objcopy and ukify append them: (name, bytes) pairs."""
    image = bytearray(stub)
    pe = struct.unpack_from("<I", image, 0x3c)[0]
    count, optional = struct.unpack_from("<H", image, pe + 6)[0], struct.unpack_from("<H", image, pe + 20)[0]
    table, header = pe + 24 + optional, pe + 24
    align, file_align = struct.unpack_from("<II", image, header + 32)
    headers_size = struct.unpack_from("<I", image, header + 60)[0]
    virtual = struct.unpack_from("<I", image, header + 56)[0]
    assert table + 40 * (count + len(sections)) <= headers_size, "no room for more section headers"
    for name, data in sections:
        image += bytes(-len(image) % file_align)
        raw = len(data) + -len(data) % file_align
        struct.pack_into("<8sIIIIIIHHI", image, table + 40 * count, name.encode(), len(data), virtual, raw, len(image),
                         0, 0, 0, 0, 0x40000040)
        image += data + bytes(raw - len(data))
        virtual += len(data) + -len(data) % align
        count += 1
    struct.pack_into("<H", image, pe + 6, count)
    struct.pack_into("<I", image, header + 56, virtual)
    return bytes(image)


def uki(stub, kernel, initrd=None, cmdline=CMDLINE, osrel=OSREL, more=()):
    """A unified kernel image; a section that is None is left out."""
    own = {".linux": kernel, ".initrd": initrd, ".cmdline": cmdline and cmdline.encode(), ".osrel": osrel and osrel.encode()}
    order = [".osrel", ".cmdline", ".initrd", ".linux"]
    return add_sections(stub, [(n, own[n]) for n in order if own[n] is not None] + list(more))


def member(inode, mode, name, data=b"", device=(0, 0)):
    """A file of a cpio archive, as an initramfs has them."""
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def fat(path, mib, files, sector=512):
    """A file system, FAT16 where it is small; a file's contents are bytes, None makes a folder."""
    run("truncate", "-s", f"{mib}M", path)
    run("mkfs.vfat", "-F", "32" if (mib << 20) // sector > 65536 else "16", "-S", sector, "-s", "1", "-i", "12345678", path)
    made = set()
    for name, data in files.items():
        folders = name.split("/")[:-1] if data is not None else name.split("/")
        for depth in range(1, len(folders) + 1):
            folder = "/".join(folders[:depth])
            if folder.lower() not in made:
                made.add(folder.lower())
                run("mmd", "-i", path, f"::/{folder}")
        if data is not None:
            run("mcopy", "-i", path, "-", f"::/{name}", input=data)
    return path


def gpt(path, parts, more=""):
    """A disk with these partitions: (type, image) with types as sfdisk has them, "U" for an ESP; `more` of its script."""
    sizes = [image.stat().st_size for _, image in parts]
    run("truncate", "-s", sum(sizes) + (2 << 20), path)
    at, script = 1 << 20, f"label: gpt\nlabel-id: {uuid.UUID(int=1)}\n{more}"
    starts = []
    for i, ((kind, _), size) in enumerate(zip(parts, sizes)):
        script += f"start={at // 512},size={size // 512},type={kind},uuid={uuid.UUID(int=i + 2)}\n"
        starts.append(at)
        at += size
    run("sfdisk", "-q", path, input=script.encode())
    with open(path, "r+b") as disk:
        for (_, image), start in zip(parts, starts):
            disk.seek(start)
            disk.write(image.read_bytes())
            image.unlink()
    return path


def esp_disk(folder, files, mib=40):
    """A disk with one EFI system partition."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return gpt(folder / "disk.img", [("U", fat(folder / "esp", mib, files))])
