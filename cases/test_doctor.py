# SPDX-License-Identifier: Apache-2.0
"""doctor about TDX hosts: a recorded one that is right, others that lack one thing each, and quoting services.

No machine with TDX was at hand: the files have the form of Linux' own (arch/x86/virt/vmx/tdx, kvm/vmx/tdx.c,
cgroup-v2's misc controller) and of the reports that people sent to canonical/tdx.
"""
import json
import os
import socket
import subprocess
import threading

import pytest

from conftest import TCEPTION, tception

NO_IMAGE = {**os.environ, "TCEPTION_ROOT": "/nonexistent"}  # whose engines it would take seconds to look at

GOOD = {
    "proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 207\n"
                    "model name\t: INTEL(R) XEON(R) PLATINUM 8592+\nmicrocode\t: 0x210002a9\n"
                    "flags\t\t: fpu vme tme tdx_host_platform movdir64b\nbugs\t\t:\n\n",
    "proc/cmdline": "BOOT_IMAGE=/vmlinuz root=/dev/sda1 nohibernate kvm_intel.tdx=1\n",
    "proc/sys/kernel/osrelease": "6.17.0-5-generic\n",
    "sys/module/kvm_intel/parameters/tdx": "Y\n",
    "sys/fs/cgroup/misc.capacity": "sev 0\ntdx 62\n",
    "sys/fs/cgroup/misc.current": "tdx 3\n",
    "sys/class/dmi/id/bios_version": "3A16.TDX\n",
    "dev/sgx_enclave": "",
    "dev/sgx_provision": "",
    "etc/qgs.conf": "port = 4050\n#number_threads = 4\n",
    "dmesg": "[    4.1] virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
             "[   12.0] virt/tdx: 4202516 KB allocated for PAMT\n[   12.0] virt/tdx: module initialized\n",
    "msr": "0x982 0x90000000b\n0x87 0x4000000040\n0x1401 0x3fffffc00c00\n0xa0 0x0\n0xce 0x80000000\n",
}

BAD = {  # name -> file, its contents or None, the check that says so, what its remedy has
    "vendor": ("proc/cpuinfo", "vendor_id\t: AuthenticAMD\nmodel\t\t: 17\nmodel name\t: AMD EPYC\nflags\t\t: tdx_host_platform\n",
               "host cpu", "another machine"),
    "kernel": ("proc/sys/kernel/osrelease", "6.8.0-1020-intel\n", "host kernel", "6.16"),
    "parameter": ("sys/module/kvm_intel/parameters/tdx", "N\n", "kvm_intel.tdx", "kvm_intel.tdx=1"),
    "no kvm_intel": ("sys/module/kvm_intel/parameters/tdx", None, "kvm_intel.tdx", "modprobe kvm_intel"),
    "bios": ("proc/cpuinfo", GOOD["proc/cpuinfo"].replace(" tdx_host_platform", ""), "tdx_host_platform", "BIOS"),
    "module": ("dmesg", "virt/tdx: BIOS enabled: private KeyID range [64, 128)\nvirt/tdx: module not loaded\n",
               "tdx module", "SEAM loader"),
    "hibernation": ("dmesg", "virt/tdx: initialization failed: Hibernation support is enabled\n", "tdx module",
                    "nohibernate"),
    "old module": ("dmesg", "virt/tdx: SEAMCALL (0x22) failed: 0xc000050500000000\n"
                            "virt/tdx: module initialization failed (-5)\n", "tdx module", "update"),
    "keyids": ("sys/fs/cgroup/misc.current", "tdx 62\n", "keyids", "end other trust domains"),
}
HARMLESS = {  # as above; what is worth saying and stops no trust domain
    "model": ("proc/cpuinfo", GOOD["proc/cpuinfo"].replace(": 207", ": 85"), "host cpu", "4th generation"),
    "sgx": ("dev/sgx_provision", None, "sgx", "enable SGX"),
    "tme": ("msr", "0x982 0x1\n", "tme", "Total Memory Encryption"),
    "mcheck": ("msr", "0x982 0x3\n0xa0 0x1861\n", "mcheck", "factory reset"),
    "pre-production": ("msr", "0x982 0x3\n0xce 0x8000000\n", "production", "another root"),
}


def examine(folder, files):
    for name, text in files.items():
        if text is None:
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    done = tception("doctor", "--json", "--sysroot", folder)
    return done.returncode, {check["what"]: check for check in json.loads(done.stdout)}


def test_a_host_that_is_right(tmp_path):
    status, checks = examine(tmp_path, GOOD)
    assert status == 0
    assert {what for what in checks if checks[what]["state"] not in ("yes", "note")} == set()
    assert checks["keyids"]["text"] == "3 of 62 in use: one a trust domain"
    assert checks["tdx module"]["text"] == "virt/tdx: module initialized"
    assert "--qgs-socket vsock:2:4050" in checks["qgs.conf"]["text"]
    assert {"tme", "keyids in bios", "seamrr", "mcheck", "production", "microcode", "bios"} <= set(checks)


@pytest.mark.parametrize("name", BAD | HARMLESS)
def test_what_it_lacks(tmp_path, name):
    """One thing is wrong, so one check says so, with the one thing to do."""
    file, text, what, remedy = (BAD | HARMLESS)[name]
    status, checks = examine(tmp_path, GOOD | {file: text})
    assert status == (3 if name in BAD else 0)
    assert [w for w in checks if not checks[w]["ok"]] == [what]
    assert remedy in checks[what]["remedy"]
    assert checks[what]["state"] == ("MISSING" if name in BAD else "no")


def test_nothing_to_read(tmp_path):
    """What can't be read is unknown, and no yes."""
    status, checks = examine(tmp_path, {"proc/cpuinfo": ""})
    assert status == 3
    assert {checks[what]["state"] for what in ("host cpu", "tdx_host_platform", "host kernel", "tme", "tdx module", "keyids")} == {"unknown"}


def test_keyids_in_use_unknown(tmp_path):
    """How many there are says nothing of how many are free."""
    assert examine(tmp_path, GOOD | {"sys/fs/cgroup/misc.current": None})[1]["keyids"]["state"] == "unknown"


def test_required_and_not_there():
    """This machine as a runner that lost TDX: exit 3, and every line that says no has something to do."""
    done = tception("doctor", "--require", "hardware", "--json", env=NO_IMAGE)
    checks = {check["what"]: check for check in json.loads(done.stdout)}
    if checks["tdx"]["ok"]:
        pytest.skip("this host has TDX")
    assert done.returncode == 3
    assert checks["tdx"]["fatal"] and checks["tdx"]["state"] == "MISSING"


# ---- quoting services ----

def quotes(address):
    done = tception("doctor", "--require", "hardware", "--json", "--qgs-socket", address, env=NO_IMAGE)
    return next(check for check in json.loads(done.stdout) if check["what"] == "quotes")


def serve(path, answer):
    """One connection; `answer` gets the socket and says what it will, or None to close it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)

    def work():
        peer, _ = listener.accept()
        with peer, listener:
            peer.recv(4096)
            answer(peer)
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_no_socket(tmp_path):
    check = quotes(f"unix:{tmp_path}/none")
    assert not check["ok"] and "No such file" in check["text"] and "qgsd" in check["remedy"]


def test_stale_socket(tmp_path):
    socket.socket(socket.AF_UNIX).bind(str(tmp_path / "stale"))
    check = quotes(f"{tmp_path}/stale")
    assert not check["ok"] and "Connection refused" in check["text"] and "restart qgsd" in check["remedy"]


def test_a_file_is_no_service(tmp_path):
    (tmp_path / "file").write_text("")
    assert not quotes(f"unix:{tmp_path}/file")["ok"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_socket_of_others(tmp_path):
    """As another user than the socket's."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen(1)
    os.chmod(tmp_path / "s", 0o600)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(folder, 0o755)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", TCEPTION, "doctor", "--json",
                           "--require", "hardware", "--qgs-socket", tmp_path / "s"],
                          capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
                          env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TCEPTION_ROOT": "/nonexistent"})
    check = next(check for check in json.loads(done.stdout) if check["what"] == "quotes")
    assert "Permission denied" in check["text"] and "group" in check["remedy"]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\x00\x00\x18" + bytes(24)],
                         ids=["end", "http", "zeros"])
def test_another_service(tmp_path, answer):
    thread = serve(tmp_path / "s", lambda peer: peer.sendall(answer) if answer else None)
    check = quotes(f"unix:{tmp_path}/s")
    thread.join(20)
    assert not check["ok"] and "no answer of a quoting service" in check["text"]


def test_silent_service(tmp_path):
    over = threading.Event()
    thread = serve(tmp_path / "s", lambda peer: over.wait(60))
    check = quotes(f"unix:{tmp_path}/s")
    over.set()
    thread.join(20)
    assert not check["ok"] and "silent" in check["text"] and "hangs" in check["remedy"]


def test_live_service(tmp_path):
    """tception's own service speaks Intel's protocol."""
    with subprocess.Popen([TCEPTION, "qgs", "--any-report", "--state-dir", tmp_path / "state", "--socket", tmp_path / "s"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as service:
        try:
            service.stdout.readline()
            check = quotes(f"unix:{tmp_path}/s")
        finally:
            service.terminate()
    assert check["ok"] and "a quoting service answers" in check["text"]


# ---- a run that was to have hardware ----

def test_a_runner_that_lost_tdx(tmp_path):
    """Exit 3, broken and a JUnit error, with what is missing: not skipped, and not emulated."""
    (tmp_path / "cases.yaml").write_text("version: 1\ncases:\n- cell: td\n  expect: {grade: verified}\n  why: it attests\n")
    done = tception("run", tmp_path / "cases.yaml", "--platform", "hardware", "--output", tmp_path / "run", "--json")
    result = json.loads(done.stdout)
    if result["host"]["tdx"]["usable"]:
        pytest.skip("this host has TDX")
    cell = result["cells"][0]
    assert (done.returncode, cell["outcome"]) == (3, "broken")
    assert cell["reason"].startswith("no TDX on this host: ")
    again = tception("judge", tmp_path / "run", "--format", "junit")
    assert again.returncode == 3
    assert 'errors="1"' in again.stdout and 'skipped="0"' in again.stdout
