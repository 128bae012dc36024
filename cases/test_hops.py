# SPDX-License-Identifier: Apache-2.0
"""What is said when a hop on the way to a hardware TD's quote fails. Stand-ins: KVM (kvm-standin.c), QEMU with a TD in
it (standin-tdx). The lines are those of QEMU 10.1 to 11.1 and of Linux' driver, as people have reported them."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import subprocess

import pytest

from conftest import TOP, tception

PARTS = ("kernel", "initrd", "root-image", "firmware")
NAME = "qemu-system-x86_64"
SOCKET = "/var/run/tdx-qgs/qgs.socket"
BOOTED = {  # name -> what happens, the rung that says so, hop, remedy
    "no socket": (f"said:{NAME}: Failed to connect to '{SOCKET}': No such file or directory", "quote",
                  "quoting service: there is no such socket", "systemctl start qgsd"),
    "no permission": (f"said:{NAME}: Failed to connect to '{SOCKET}': Permission denied", "quote",
                      "quoting service: QEMU's user may not connect", "usermod -aG qgsd"),
    "stale socket": (f"said:{NAME}: Failed to connect to '{SOCKET}': Connection refused", "quote",
                     "quoting service: nobody listens", "restart qgsd"),
    "vsock": (f"said:{NAME}: Failed to connect to '2:4050': Connection reset by peer", "quote",
              "quoting service: it can't be reached", "qgs.conf"),
    "pccs": (f"said:{NAME}: QGS message error code 69633", "quote", "PCCS: ", "journalctl -u qgsd"),
    "service error": (f"said:{NAME}: QGS message error code 73731", "quote", "quoting service: it answered with an error",
                      "journalctl"),
    "end": (f"said:{NAME}: End of file before reply received", "quote", "quoting service: it closed the connection",
            "journalctl"),
    "version": (f"said:{NAME}: Invalid QGS message header version", "quote", "quoting service: its messages", "update DCAP"),
    "warnings first": (f"said:{NAME}: warning: TDX doesn't support requested feature: CPUID.07H_01H:EDX.avx10 [bit 19]|"
                       f"{NAME}: QGS message error code 69633", "quote", "PCCS: ", "journalctl"),
    "hang": ("kernel:tdx_guest: GetQuote request timedout", "quote", "quoting service: it took the request", "restart qgsd"),
    "hypercall": ("kernel:tdx_guest: GetQuote hypercall failed, status:8000000000000000", "quote",
                  "QEMU: it does not forward GetQuote", "QEMU 10.1"),
    "no driver": ("no-driver", "device", "guest kernel: it is a trust domain's and has no driver", "linux-modules-extra"),
}
DIED = {  # name -> QEMU's lines, what of them is shown, hop, remedy
    "no tdx in kvm": (f"{NAME}: -accel kvm: vm-type TDX not supported by KVM", "vm-type TDX not supported by KVM",
                      "KVM: it makes no trust domains", "doctor --require hardware"),
    "keyids": (f"{NAME}: TDX ioctl KVM_TDX_INIT_VM failed, hw_errors: 0x0: No space left on device", "No space left",
               "TDX module: all KeyIDs are in use", "end other trust domains"),
    "entropy": (f"{NAME}: TDX ioctl KVM_TDX_INIT_VM failed, hw_errors: 0x0: Resource temporarily unavailable|"
                "Entropy or random number generator may be exhausted", "temporarily unavailable",
                "TDX module: the CPU was short of random numbers", "try again"),
    "firmware": (f"{NAME}: Cannot find TDX_METADATA_OFFSET_GUID|{NAME}: failed to parse TDVF for TDX VM",
                 "Cannot find TDX_METADATA_OFFSET_GUID", "firmware: it is no TDVF", "OvmfPkgX64"),
    "attributes": (f"{NAME}: Some QEMU unsupported TD attribute bits being requested: 0x1 (QEMU supported: 0x8000000050000000)",
                   "unsupported TD attribute bits", "QEMU: it makes no TD with these ATTRIBUTES", "without @attributes"),
    "no perfmon": (f"{NAME}: Invalid attributes 0x8000000010000000 for TDX VM (KVM supported: 0x10000000)", "Invalid attributes",
                   "KVM: it makes no TD with these ATTRIBUTES", "update kernel"),
    "hugepages": (f"{NAME}: unable to map backing store for guest RAM: Cannot allocate memory", "Cannot allocate memory",
                  "memory: there are not enough", "vm.nr_hugepages"),
    "pages": (f"{NAME}: KVM_TDX_INIT_MEM_REGION failed Input/output error", "INIT_MEM_REGION", "firmware: its pages", "OVMF"),
    "old kvm": (f"{NAME}: KVM doesn't support KVM_CAP_X86_APIC_BUS_CYCLES_NS|{NAME}: kvm_init_vcpu: kvm_arch_init_vcpu failed",
                "APIC_BUS_CYCLES", "KVM: it is too old", "6.16"),
    "group": ("Could not access KVM kernel module: Permission denied|"
              f"{NAME}: failed to initialize kvm: Permission denied", "Could not access", "KVM: this user may not",
              "usermod -aG kvm"),
    "no kvm": ("Could not access KVM kernel module: No such file or directory|"
               f"{NAME}: failed to initialize kvm: No such file or directory", "Could not access", "KVM: there is no /dev/kvm",
               "modprobe kvm_intel"),
    "busy kvm": ("Could not access KVM kernel module: Device or resource busy", "Could not access", "KVM: /dev/kvm can't be opened",
                 "a container needs the device"),
    "no tdx in kvm, lower case": (f"{NAME}: -accel kvm: vm-type tdx not supported by KVM", "vm-type tdx not supported by KVM",
                                  "KVM: it makes no trust domains", "doctor --require hardware"),
    "parameters": (f"{NAME}: TDX ioctl KVM_TDX_INIT_VM failed, hw_errors: 0xc000010000000000: Invalid argument", "INIT_VM failed",
                   "TDX module: it refused the trust domain's parameters", "SEAMCALL's status"),
    "metadata": (f"{NAME}: failed to parse TDVF for TDX VM", "failed to parse TDVF", "firmware: it is no TDVF", "measure mrtd FILE"),
    "smm": (f"{NAME}: TDX VM doesn't support SMM", "doesn't support SMM", "QEMU: the machine has what a TD can't have",
            "smm=off,pic=off"),
    "irqchip": (f"{NAME}: TDX VM requires kernel_irqchip to be split", "kernel_irqchip", "QEMU: the machine has what a TD can't have",
                "kernel-irqchip=split"),
    "memory": (f"{NAME}: Cannot set up guest memory 'pc.ram': Cannot allocate memory", "Cannot set up guest memory",
               "host: not enough memory", "less memory, or huge pages"),
    "cpu model": (f"{NAME}: Named cpu model is not supported for TDX yet!", "not supported for TDX yet", "QEMU: the CPU model",
                  "-cpu host"),
    "large": (f"{NAME}: -device virtio-blk-pci: device virtio-blk-pci is modern interface but does not have VIRTIO_F_VERSION_1",
              "VIRTIO_F_VERSION_1", "QEMU: the guest is too large", "less memory"),
}


@pytest.fixture(scope="module")
def kvm(tmp_path_factory):
    """The harness takes this machine for a TDX host."""
    made = tmp_path_factory.mktemp("kvm") / "kvm-standin.so"
    subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", made, TOP / "cases" / "kvm-standin.c"], check=True, timeout=60)
    return made


def run(folder, kvm, hop, types="0x21", parts=tuple(f"--{part}=/dev/null" for part in PARTS), **env):
    folder.mkdir(exist_ok=True)
    (folder / "cases.yaml").write_text("version: 1\ncases:\n- cell: td\n  expect: {grade: verified}\n  why: it attests\n")
    done = tception("run", folder / "cases.yaml", "--platform", "hardware", "--output", folder / "run", "--json", "--qemu",
                    TOP / "cases" / "standin-tdx", *parts, "--state-dir", folder.parent / "state",
                    env={**os.environ, "LD_PRELOAD": str(kvm), "TCEPTION_VM_TYPES": types, "TCEPTION_HOP": hop, **env})
    return done.returncode, json.loads(done.stdout)["cells"][0]


def table(name):
    """The rows of a table of harness/judge/hop.c: two texts that stand in a line (the second may be None), hop, cause, remedy."""
    source = (TOP / "harness" / "judge" / "hop.c").read_text()
    body = re.search(rf"struct hop {name}\[\] = {{\n(.*?)\n}};", source, re.S)[1]
    text = r'(?:"(?:[^"\\]|\\.)*"\s*)+'
    rows = re.findall(rf"{{({text}|NULL),\s*({text}|NULL),\s*({text}),\s*({text}),\s*({text})}}", body)
    assert len(rows) == len(re.findall(r"^        {", body, re.M))
    return [[None if word == "NULL" else "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', word)) for word in row] for row in rows]


def row_of(lines, rows):
    """The first row that one of the lines, warnings left out, is known by."""
    for line in (line for line in lines if "warning:" not in line):
        for i, (first, second, *_) in enumerate(rows):
            if first in line and (second is None or second in line):
                return i
    return None


@pytest.mark.parametrize("name", ["qemu_lines", "kernel_lines"])
def test_every_row_is_walked(name):
    """Each message that is known happens in a test here, which expects its hop, cause and remedy: a row without one fails."""
    rows = table(name)
    said = [(how.partition(":")[2].split("|"), hop, remedy) for how, _, hop, remedy in BOOTED.values()
            if how.partition(":")[0] == ("said" if name == "qemu_lines" else "kernel")]
    if name == "qemu_lines":
        said += [(lines.split("|"), hop, remedy) for lines, _, hop, remedy in DIED.values()]
    walked = {row_of(lines, rows): (hop, remedy) for lines, hop, remedy in said}
    assert None not in walked and sorted(walked) == list(range(len(rows))), [r for i, r in enumerate(rows) if i not in walked]
    for i, (hop, remedy) in walked.items():
        assert f"{rows[i][2]}: {rows[i][3]}".startswith(hop) and remedy in rows[i][4]


@pytest.mark.parametrize("name", BOOTED)
def test_rung(tmp_path, kvm, name):
    """The rung that failed says which hop it was, why, and what to do."""
    how, rung, hop, remedy = BOOTED[name]
    status, cell = run(tmp_path, kvm, how)
    assert (status, cell["outcome"], cell["platform"]) == (1, "fail", "hardware")
    result = next(r for r in cell["layers"][0]["ladder"] if r["rung"] == rung)
    assert result["ok"] is False
    assert f"; {hop}" in result["detail"] and remedy in result["detail"]


def test_another_errno(tmp_path, kvm):
    """A layer that may not read the quote says nothing of the service, whatever QEMU has said in this boot."""
    status, cell = run(tmp_path, kvm, f"denied:{NAME}: QGS message error code 69633")
    result = next(r for r in cell["layers"][0]["ladder"] if r["rung"] == "quote")
    assert (status, result["ok"], result["errno"]) == (1, False, "EACCES")
    assert "PCCS" not in result["detail"]


@pytest.mark.parametrize("name", DIED)
def test_death(tmp_path, kvm, name):
    """QEMU's first complaint is kept, once, and not as the guest's; the TD was never there, so nothing is predicted."""
    lines, shown, hop, remedy = DIED[name]
    status, cell = run(tmp_path, kvm, f"die:{lines}")
    assert (status, cell["outcome"]) == (3, "broken")
    assert cell["reason"].count(shown) == 1
    assert f"; {hop}" in cell["reason"] and remedy in cell["reason"]
    assert "console" not in cell["reason"]
    assert not list((tmp_path / "run").rglob("prediction.json"))


def test_unknown_words(tmp_path, kvm):
    """What is not known is shown as it is, and a warning is not what it died of."""
    status, cell = run(tmp_path, kvm, f"die:{NAME}: warning: this is harmless|{NAME}: the moon is wrong|{NAME}: gone")
    assert status == 3
    assert "the moon is wrong" in cell["reason"] and "harmless" not in cell["reason"]


def test_first_confirmation(tmp_path, kvm):
    """What is not as predicted counts from the first run on that machine on in which a trust domain was as predicted, by a
    quote (test_asked), which the stand-in has none of; real predictions, of the hardware's command line. And what the machine
    is, is kept with the run."""
    def told(name, hop):
        run(tmp_path / name, kvm, hop, parts=(), TCEPTION_CONTROL_QEMU=NAME)
        result = json.loads((tmp_path / name / "run" / "result.json").read_text())
        return next(r for r in result["cells"][0]["layers"][0]["ladder"] if r["rung"] == "predicted")

    before = told("before", "said:")  # the genuine TDREPORT of another machine
    assert before["ok"] is None and "lowers no grade: MRTD is not as predicted" in before["detail"]
    assert not list((tmp_path / "state").glob("confirmed-*"))
    predicted = tmp_path / "before" / "run" / "boots" / "td-1" / "prediction.json"
    first = told("first", f"registers:{predicted}")
    assert first["ok"] is True and "no confirmation, since no quote" in first["detail"]
    assert not list((tmp_path / "state").glob("confirmed-*"))
    confirmed = tmp_path / "state" / f"confirmed-{machine()}"
    (tmp_path / "state").mkdir(exist_ok=True)
    confirmed.write_text("20261201T000000Z-00000001\n")
    after = told("after", f"registers:{predicted}|flip")
    assert after["ok"] is False and "RTMR0 is not as predicted" in after["detail"]
    assert f"confirmed in run {confirmed.read_text().strip()}" in after["detail"]

    host = json.loads((tmp_path / "first" / "run" / "host.json").read_text())
    assert {"host cpu", "host kernel", "kvm_intel.tdx", "keyids"} <= {check["what"] for check in host["checks"]}
    firmware, = (word for before, word in zip(boot_argv(tmp_path), boot_argv(tmp_path)[1:]) if before == "-bios")
    assert host["firmware"]["name"] == pathlib.Path(firmware).name and str(pathlib.Path(firmware).parent) not in json.dumps(host)
    assert host["firmware"]["sha256"] == hashlib.sha256(pathlib.Path(firmware).read_bytes()).hexdigest()
    assert isinstance(host["kernel_lines"], list)


def machine():
    """sd_id128_get_machine_app_specific(3): the machine's ID keys an HMAC of ours, of which 128 bits are made an ID."""
    key = bytes.fromhex(pathlib.Path("/etc/machine-id").read_text().strip())
    made = bytearray(hmac.digest(key, bytes.fromhex("3b1c7e52904d4f0a8e6b5d21c744f813"), "sha256")[:16])
    made[6], made[8] = made[6] & 0x0f | 0x40, made[8] & 0x3f | 0x80
    return made.hex()


def boot_argv(folder):
    return json.loads((folder / "first" / "run" / "run.json").read_text())["boots"][0]["argv"]


def test_hardware_yaml(tmp_path, kvm):
    """The file that a TDX host runs, on the stand-in whose quoting service fails: each boot is as its cells ask, and each cell
    without a quote says which hop failed."""
    tception("run", TOP / "cases" / "hardware.yaml", "--platform", "hardware", "--output", tmp_path / "run", "--qemu", TOP / "cases" / "standin-tdx",
             *(f"--{part}=/dev/null" for part in PARTS), "--state-dir", tmp_path / "state",
             env={**os.environ, "LD_PRELOAD": str(kvm), "TCEPTION_VM_TYPES": "0x21",
                  "TCEPTION_HOP": f"said:{NAME}: QGS message error code 69633"})
    cells = {c["id"]: c for c in json.loads((tmp_path / "run" / "result.json").read_text())["cells"]}
    for name, cell in cells.items():
        if cell["outcome"] == "skip":  # no second kernel in this machine's image
            assert "kernel=backports" in name and "vmlinuz-backports" in cell["reason"]
        elif cell["expected"]["grade"] in ("verified", "covered"):
            assert "PCCS: " in cell["reason"], name
    boots = {b["layer0"]: " ".join(b["argv"]) for b in json.loads((tmp_path / "run" / "run.json").read_text())["boots"]}
    for argv in boots.values():
        assert "confidential-guest-support=" in argv and "smm=off" in argv and "pic=off" in argv and "kernel-irqchip=split" in argv
    assert "-m 8192 " in boots["td@mem=8192@vcpus=4"] and "-smp 4" in boots["td@mem=8192@vcpus=4"]
    configured = boots["td@mrconfigid=258@mrowner=1@mrownerconfig=2"]
    for register, value in (("mrconfigid", 258), ("mrowner", 1), ("mrownerconfig", 2)):
        text = re.search(rf'"{register}": ?"([^"]+)"', configured)[1]
        assert base64.b64decode(text) == value.to_bytes(48, "big")


@pytest.mark.parametrize("types, says", [("0x1", "KVM_CAP_VM_TYPES is 0x1"), ("0x5", "from before Linux 6.16")])
def test_kvm_without_tdx(tmp_path, kvm, types, says):
    status, cell = run(tmp_path, kvm, "no-driver", types)
    assert (status, cell["outcome"]) == (3, "broken")
    assert says in cell["reason"]


def test_hardware_self_test(tmp_path, kvm):
    """make test-hardware's script on the stand-in: it ends as the runs do, with a bundle of what there was; a run that broke is not repeated."""
    for name in ("build", "cases", "guests", "harness"):
        (tmp_path / name).symlink_to(TOP / name)
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "test-hardware"
    script.write_text((TOP / "scripts" / "test-hardware").read_text())
    script.chmod(0o755)
    done = subprocess.run([script, "--qemu", TOP / "cases" / "standin-tdx", "--cell", "td", "--state-dir", tmp_path / "state",
                           *(f"--{part}=/dev/null" for part in PARTS)], capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ, "LD_PRELOAD": str(kvm), "TCEPTION_VM_TYPES": "0x21",
                               "TCEPTION_HOP": f"die:{NAME}: -accel kvm: vm-type TDX not supported by KVM"})
    bundle, = (tmp_path / "results").glob("hardware-*.tar.gz")
    names = subprocess.run(["tar", "tzf", bundle], capture_output=True, text=True, timeout=60, check=True).stdout
    assert done.returncode == 3 and "send back results/hardware-" in done.stdout
    assert all(f"/{name}\n" in names for name in ("doctor.json", "run-1.json", "run-1/run.json", "run-1/host.json"))
    assert "run-2" not in names


def test_setup_leaves_qemu_alone(tmp_path):
    """On a TDX host no package of QEMU is installed."""
    (tmp_path / "cpuinfo").write_text("flags : fpu tdx_host_platform\n")
    (tmp_path / "packages").write_text("qemu-system-x86-that-is-not-there\n")
    done = subprocess.run([TOP / "scripts" / "setup", tmp_path / "packages"], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "TCEPTION_CPUINFO": str(tmp_path / "cpuinfo")})
    assert done.returncode == 0 and "QEMU is left to you" in done.stderr and "installing" not in done.stdout
