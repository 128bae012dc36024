# SPDX-License-Identifier: Apache-2.0
"""Xen as the hypervisor in a plain VM and in an emulated trust domain, by Debian's packages. `make test-full` runs it.

Held against results/XEN.md. The cloud kernel of the guest image has no XEN_DOM0, so dom0 is Debian's generic one; it is well in domUs.
"""
import base64
import gzip
import json
import lzma
import pathlib
import re
import shutil
import subprocess

import pytest

import chains
from channel import FACT, REPORT, Frames
from conftest import CACHE, PATIENCE, TOP, debs, scratch, tception, write_cases
from test_chains import TRAILER
from test_grub import member
from test_vocabulary import VISIT

MODULES = ["fs/configfs/configfs", "drivers/virt/coco/tsm", "drivers/virt/coco/tdx-guest/tdx-guest", "virt/lib/irqbypass",
           "drivers/crypto/ccp/ccp", "arch/x86/kvm/kvm", "arch/x86/kvm/kvm-amd", "drivers/xen/xen-privcmd", "drivers/xen/xenfs/xenfs",
           "drivers/xen/xen-evtchn", "drivers/xen/xen-gntdev", "drivers/xen/xen-gntalloc"]
# xl, and what it is linked with.
TOOLS = ["xen-utils-4.20", "libxencall1", "libxendevicemodel1", "libxenevtchn1", "libxenforeignmemory1", "libxengnttab1", "libxenhypfs1",
         "libxenmisc4.20", "libxenstore4", "libxentoolcore1", "libxentoollog1", "libyajl2", "libc6", "libuuid1", "zlib1g", "liblzma5",
         "libbz2-1.0", "libzstd1", "libgcc-s1"]
# The last is for pthread_cancel(), which finds it by its name.
PROGRAMS = [*(f"usr/lib/xen-4.20/bin/{name}" for name in ("xl", "xenstored", "xenconsoled", "xen-init-dom0", "libxl-save-helper")),
            "usr/lib/x86_64-linux-gnu/libgcc_s.so.1"]
# By TCG processes die under Xen with more of the CPU than that, and QEMU 7.2's SMAP stops dom0 at its first iret.
CPU = "max,smap=off,xsave=off,avx=off,avx2=off,fsgsbase=off"
XEN = "console=com1 com1=115200n8 dom0_mem=1024M dom0_max_vcpus=1"
LINUX = "console=hvc0 panic=-1 quiet who=dom0"
DOMAINS = ["dom0", "pv", "pvh"]
TABLE = [[cell.strip(" `") for cell in line.strip("|\n").split("|")]
         for line in (TOP / "results" / "XEN.md").read_text().splitlines() if line.startswith("|") and "---" not in line]


def unpacked(folder, *packages):
    """These packages' files in a folder, as they would be installed."""
    if not debs(folder / "debs", "trixie", *packages):
        pytest.skip(f"not to be had: {', '.join(packages)}")
    for deb in sorted((folder / "debs").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", deb, folder / "root"], check=True, timeout=300)
    shutil.rmtree(folder / "debs")
    return folder / "root"


def libraries(root, program):
    """Paths of all that a program is linked with, and itself."""
    found, left = {}, [program]
    while left:
        path = left.pop()
        if path.name in found:
            continue
        found[path.name] = path
        said = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
        left += [next(root.glob(f"usr/lib*/**/{name}")) for name in re.findall(r"\(NEEDED\).*\[(.*)\]", said)]
    return found


def visit(who):
    layer = {"id": who, "kind": "vm", "mode": "", "grants": [], "axes": {}, "nonce": base64.b64encode(bytes(32)).decode()}
    return Frames([[VISIT, 0, json.dumps({"visit": 1, "stack": [layer]}).encode()]]).bytes()


def initramfs(files):
    """Of {path: bytes}, each executable, and the folders above them."""
    folders = sorted({str(parent) for name in files for parent in pathlib.PurePath(name).parents} - {"."})
    parts = [chains.member(1 + i, 0o40755, name) for i, name in enumerate(["dev", *folders])]
    parts.append(chains.member(500, 0o20600, "dev/console", device=(5, 1)))
    parts += [chains.member(1000 + i, 0o100755, name, data) for i, (name, data) in enumerate(files.items())]
    return b"".join(parts) + TRAILER


def modules_of(root):
    folder = next(root.glob("usr/lib/modules/*/kernel"))
    return {f"modules/{i:02}-{pathlib.Path(name).name}.ko": lzma.decompress((folder / f"{name}.ko.xz").read_bytes())
            for i, name in enumerate(MODULES)}


def common(root):
    return {"init": (TOP / "cases/td/xen.sh").read_bytes(), "bin/busybox": (root / "usr/bin/busybox").read_bytes(),
            "bin/agent": (TOP / "build/agent").read_bytes()}


def initramfs_of_dom0(root):
    files = common(root) | modules_of(root) | {"visit": visit("dom0")}
    for program in PROGRAMS:
        for name, path in libraries(root, root / program).items():
            files["lib64/" + name if name.startswith("ld-") else str(path.relative_to(root))] = path.read_bytes()
    files |= {"domu/vmlinuz": (CACHE / "vmlinuz").read_bytes(), "domu/rd": initramfs(common(root) | {"visit": visit("domu")})}
    return initramfs(files)


@pytest.fixture(scope="module", name="parts")
def _parts():
    """Xen for multiboot and as an EFI program, dom0's kernel and its initramfs with xl and a domU's, in a folder."""
    folder = scratch("tception-xen-")
    if not debs(folder / "meta", "trixie", "linux-image-amd64"):
        pytest.skip("the generic kernel is not to be had")
    depends = subprocess.run(["dpkg-deb", "-f", *(folder / "meta").glob("*.deb"), "Depends"], capture_output=True, text=True, check=True)
    kernel = re.search(r"linux-image-[0-9][^ ,]*", depends.stdout)[0]
    root = unpacked(folder, kernel, "busybox-static", "xen-hypervisor-4.20-amd64", *TOOLS)
    (folder / "xen").write_bytes(gzip.decompress((root / "boot/xen-4.20-amd64.gz").read_bytes()))
    shutil.copy(root / "boot/xen-4.20-amd64.efi", folder / "xen.efi")
    (folder / "small.cpio").write_bytes(initramfs(common(root) | {"visit": visit("dom0")}))
    shutil.copy(next(root.glob("boot/vmlinuz-*")), folder / "vmlinuz")
    (folder / "rd.cpio").write_bytes(initramfs_of_dom0(root))
    shutil.rmtree(root)
    return folder


@pytest.fixture(scope="module", name="said")
def _said(parts):
    """What the domains said in a plain VM."""
    words = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-accel", "tcg", "-M", "q35", "-m", "2048", "-cpu", CPU, "-display",
             "none", "-no-reboot", "-serial", f"file:{parts}/log", "-kernel", parts / "xen", "-append", XEN, "-initrd",
             f"{parts}/vmlinuz {LINUX},{parts}/rd.cpio"]
    subprocess.run([str(w) for w in words], check=True, timeout=600 * PATIENCE, capture_output=True)
    log = (parts / "log").read_text(errors="replace").replace("\r", "")
    assert "dom0: end" in log, log[-3000:]
    return log


def states(said, who):
    """What the agent found in a domain, in the words of the table."""
    assert f"{who}: agent end" in said, said[-3000:]
    between = said.split(f"\n{who}: agent\n")[1].split(f"{who}: agent end")[0]
    frames = Frames.parse(gzip.decompress(base64.b64decode(re.sub(r"^(?!\S+$).*$", "", between, flags=re.M))))
    facts = {body["probe"]: body for body in (json.loads(p) for k, _, p in frames if k == FACT)}
    reports = {body["interface"]: body for body in (json.loads(p) for k, _, p in frames if k == REPORT)}
    node = next(n for n in facts["devices"]["nodes"] if n["path"] == "/dev/tdx_guest")
    return {"hypervisor": re.search(rf"^{who}: hypervisor (.*)$", said, re.M)[1],
            "/dev/tdx_guest": node["open"]["errname"],
            "report entry": "{step}: {errname}".format(**reports["configfs"]),
            "KVM": facts["kvm"]["state"],
            "CPU flags": " ".join(facts["cpu"]["flags"])}


@pytest.mark.parametrize("who", DOMAINS)
def test_domain(said, who):
    """Each line of the table."""
    assert TABLE[0][1:] == DOMAINS
    found = states(said, who)
    assert {line[0]: line[1 + DOMAINS.index(who)] for line in TABLE[1:]} == found


def test_dom0_controls(said):
    """It is a dom0, and Xen takes the CPU's virtualisation from it."""
    assert "dom0: capabilities control_d" in said
    assert re.search(r"^dom0: \d\d-kvm-amd refused: ", said, re.M)


@pytest.mark.parametrize("exits", ["passthrough", "ve"])
def test_td(parts, exits, tmp_path):
    """Xen is started by TDVF in a trust domain, and dom0 never is."""
    config = f"[global]\ndefault=dom0\n[dom0]\noptions={XEN}\nkernel=vmlinuz {LINUX}\nramdisk=rd.cpio\n"
    esp = chains.fat(tmp_path / "esp", 128, {"EFI/BOOT/BOOTX64.EFI": (parts / "xen.efi").read_bytes(), "EFI/BOOT/BOOTX64.cfg": config.encode(),
                                             "EFI/BOOT/vmlinuz": (parts / "vmlinuz").read_bytes(),
                                             "EFI/BOOT/rd.cpio": (parts / "small.cpio").read_bytes()})
    disk = chains.gpt(tmp_path / "disk.img", [("U", esp)])
    cases = write_cases(tmp_path, {f"td@exits={exits}": "{grade: verified}"})
    done = tception("run", cases, "--platform", "emulated", "--disk", disk, "--boot-deadline", "300", "-o", tmp_path / "run", seconds=1500)
    log = b"".join(p.read_bytes() for p in (tmp_path / "run/boots").glob("*/*.log")).decode(errors="replace")
    assert done.returncode != 0 and "Xen 4.20" in log, done.stdout + done.stderr
    assert "dom0: hypervisor" not in log
