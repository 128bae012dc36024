# SPDX-License-Identifier: Apache-2.0
"""The default matrix on the QEMUs that Debian has beside the host's, and what the newest of them says to the command line of a
hardware trust domain. Each is unpacked into a root of its own and run by that root's loader. `make test-full` runs it.
"""
import json
import os
import re
import shlex
import subprocess

import pytest

import machines
from conftest import RUN, TOP, cells, rung, scratch, tception, write_cases
from roots import root
from td_common import Td

QEMUS = {"10.0": "trixie", "11.1": "trixie,trixie-backports"}
# Beside the default matrix: what changes the module's mechanics, and what QEMU's own emulation of SVM carries.
MORE = {"td@kernel=backports@exits=ve@vcpus=2": "{grade: verified}", "td@mem=4096@quote=5": "{grade: verified}",
        "td/qemu.tcg+broker": "{grade: verified}", "vm/qemu.kvm@machine=microvm": "{grade: none, kvm: works}"}


def wrapper(version):
    """A program that is this QEMU."""
    suites = QEMUS[version]
    top = root(f"qemu-{version}", "extract", suites, "qemu-system-x86")
    libraries = top / "usr/lib/x86_64-linux-gnu"
    words = [top / "usr/lib64/ld-linux-x86-64.so.2", "--argv0", "qemu-system-x86_64", "--library-path", libraries,
             top / "usr/bin/qemu-system-x86_64", "-L", top / "usr/share/qemu", "-L", top / "usr/share/seabios"]
    program = scratch("qemu-") / f"qemu-{version}"
    program.write_text("#!/bin/sh\n" + f"QEMU_MODULE_DIR={shlex.quote(str(libraries / 'qemu'))} "
                       'TCEPTION_VM_TYPES=${QEMU_VM_TYPES-} exec ' + shlex.join(map(str, words)) + ' "$@"\n')
    program.chmod(0o755)
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=120, check=True).stdout
    if re.search(r"version (\d+\.\d+)", said)[1] != version:
        pytest.skip(f"{suites.split(',')[-1]} has {said.splitlines()[0]}")
    return program


@pytest.fixture(scope="module", params=QEMUS)
def qemu(request):
    return wrapper(request.param)


def attested(folder):
    """Every cell as expected; every trust domain's registers as predicted. How many of either."""
    found, tds = cells(folder), 0
    for cell in found.values():
        assert cell["outcome"] in ("pass", "skip"), (cell["id"], cell["reason"])
        if cell["id"].startswith("td") and cell["outcome"] == "pass":
            predicted = rung(cell["layers"][0], "predicted")
            assert predicted["ok"] is True, (cell["id"], predicted)
            tds += 1
    return len(found), tds


def test_matrix(qemu, tmp_path):
    done = tception(*RUN, "cases/default.yaml", "--platform", "emulated", "--qemu", qemu, "-o", tmp_path / "run", seconds=3000)
    assert done.returncode == 0, done.stdout + done.stderr
    count, tds = attested(tmp_path / "run")
    assert count >= 29 and tds >= 14


def test_more(qemu, tmp_path):
    done = tception(*RUN, write_cases(tmp_path, MORE), "--platform", "emulated", "--qemu", qemu, "-o", tmp_path / "run", seconds=3000)
    assert done.returncode == 0, done.stdout + done.stderr
    assert attested(tmp_path / "run")[0] == len(MORE)


def test_ports(qemu, tmp_path):
    """A TD of one's own with every port that it can have: their buffers find room, however long this QEMU's queues are."""
    td, shares = Td(), []
    for i in range(8):
        (tmp_path / str(i)).mkdir()
        (tmp_path / str(i) / "file").write_text(str(i))
        shares += ["--share", f"{tmp_path}/{i}:/s{i}:ro"]
    done = td("run", "--platform", "emulated", "--qemu", qemu, *shares, "--", "sh", "-c", "cat /s*/file; dmesg | grep -c 'buffer is full'")
    assert (done.returncode, done.stdout) == (1, "012345670\n"), done.stderr  # grep counts 0


@pytest.mark.parametrize("which", machines.KNOWN)
def test_tables_without_a_boot(qemu, which, tmp_path):
    machines.known(qemu, which, tmp_path)


# ---- the command line of a hardware trust domain -----------------------------------------------------------------------

@pytest.fixture(name="kvm", scope="module")
def _kvm():
    """KVM as the harness finds it on a TDX host, and QEMU on a machine without TDX: as when its module was loaded anew between."""
    made = scratch("kvm-") / "kvm-standin.so"
    subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", made, TOP / "cases" / "kvm-standin.c"], check=True, timeout=60)
    return {**os.environ, "LD_PRELOAD": str(made), "TCEPTION_VM_TYPES": "0x21", "QEMU_VM_TYPES": "0x1"}


HARDWARE = ["td", "td@vcpus=2@mrconfigid=7@mrowner=8@mrownerconfig=9", "td@attributes=perfmon", "td@backend=memfd"]


@pytest.mark.parametrize("cell", HARDWARE)
def test_hardware_command_line(cell, kvm, tmp_path):
    """The genuine 11.1 takes all that says how a TD is made, until KVM refuses; that is named, with the remedy."""
    done = tception("run", write_cases(tmp_path, {cell: "{grade: verified}"}), "--platform", "hardware", "--json", "--qemu",
                    wrapper("11.1"), "-o", tmp_path / "run", "--state-dir", tmp_path / "state", "--qgs-socket", "vsock:2:4050", env=kvm)
    found = json.loads(done.stdout)["cells"][0]
    assert (done.returncode, found["outcome"], found["platform"]) == (3, "broken", "hardware"), done.stderr
    assert found["reason"].count("vm-type TDX not supported by KVM") == 1
    assert "; KVM: it makes no trust domains" in found["reason"] and "doctor --require hardware" in found["reason"]


def test_no_tdx_in_older(kvm, tmp_path):
    """10.0 has no such object, and that is said before anything is booted."""
    done = tception("run", write_cases(tmp_path, {"td": "{grade: verified}"}), "--platform", "hardware", "--json", "--qemu",
                    wrapper("10.0"), "-o", tmp_path / "run", env=kvm)
    assert done.returncode == 3 and "no tdx-guest object" in done.stdout + done.stderr
    assert "10.1" in done.stdout + done.stderr
