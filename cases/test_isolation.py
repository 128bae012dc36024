# SPDX-License-Identifier: Apache-2.0
"""What the layers of real guests can reach, and who could get into them; the default matrix is run once for all tests."""
import json

import pytest

import channel
from conftest import RUN, cells, matrix, scratch, tception

KERNEL = {"no-seccomp", "no-lsm", "can-load-modules", "can-mount", "can-set-clock", "sees-outer-dmesg", "strong-capabilities",
          "writable-kernel-settings", "unmasked-paths", "raw-devices"}
EXPECTED = {  # what must be found, and what must not: from the documentation of docker, Podman and the kernel
    "docker": ({"shares-kernel", "outer-root", "same-user-ns"}, KERNEL | {"can-make-user-ns", "same-pid-ns"}),
    "docker.privileged": (KERNEL | {"shares-kernel", "outer-root", "risky-syscalls"}, {"same-pid-ns", "same-mnt-ns"}),
    "podman.rootful": ({"shares-kernel", "outer-root"}, KERNEL),
    "podman.rootless": ({"shares-kernel", "can-make-user-ns"}, (KERNEL - {"no-lsm"}) | {"outer-root", "same-user-ns"}),
    # these two give each container a boot ID of its own, which must not pass for a kernel
    "lxc.unprivileged": ({"shares-kernel"}, {"outer-root", "same-user-ns", "can-load-modules", "raw-devices"}),
    "nspawn": ({"shares-kernel", "outer-root", "strong-capabilities", "can-mount"}, {"same-pid-ns", "can-load-modules"}),
}
WEAK = """version: 1
cases:
  - cell: vm/podman.rootless@rootfs=weak
    expect: {grade: none, rung: device, errno: ENOENT}
    why: a container whose image has ways in
"""


WAYS_IN = {"known-password", "empty-password", "sshd-present", "sshd-listening", "listening-socket"}


def innermost(cell):
    return cells(matrix()[2])[cell]["layers"][-1]


def names(layer):
    return {f["name"] for f in layer["findings"]}


@pytest.mark.parametrize("kind", EXPECTED)
@pytest.mark.parametrize("layer0", ["vm", "td"])
def test_container(layer0, kind):
    layer = innermost(f"{layer0}/{kind}")
    found, absent = EXPECTED[kind]
    assert layer["isolation"]["kernel"] == "shared"
    assert found <= names(layer), found - names(layer)
    assert not absent & names(layer)
    assert all(f["detail"] for f in layer["findings"])


@pytest.mark.parametrize("cell", ["vm", "td", "vm/qemu.kvm", "vm/qemu.tcg", "td/qemu.tcg"])
def test_own_kernel(cell):
    layer = innermost(cell)
    assert layer["isolation"]["kernel"] == "own"
    assert names(layer) == set()
    assert layer["isolation"]["probed"] == (not cell.endswith(".tcg"))


def test_seccomp():
    """moby's and Podman's default profiles let the kernel's own code be reached by these, and not by those."""
    docker, open_ = innermost("td/docker")["isolation"], innermost("td/docker.privileged")["isolation"]
    assert docker["seccomp"] == 2 and open_["seccomp"] == 0
    assert {"mount", "setns", "bpf", "keyctl", "clone3-user", "perf_event_open"} <= set(docker["syscalls"]["filtered"])
    assert {"ptrace", "chroot", "socket-netlink"} <= set(docker["syscalls"]["permitted"])
    assert {"mount", "init_module", "bpf", "reboot"} <= set(open_["syscalls"]["permitted"])
    assert not open_["syscalls"]["filtered"]


@pytest.mark.parametrize("cell", ["vm", "td", "td/docker", "td/podman.rootless", "vm/qemu.kvm"])
def test_cost(cell):
    cost = innermost(cell)["cost"]
    assert 0 < cost["syscall_ns"] < 1e6
    assert cost["fault_ns"] > cost["syscall_ns"]
    assert 100 < cost["ready_ms"] < 200_000
    if "/" in cell:
        assert cost["disk_kib"] >= 0 and cost["memory_kib"] >= 0


def test_weak_image(tmp_path):
    """Passwords that everybody knows, a remote shell in the image, and its port open."""
    (tmp_path / "weak.yaml").write_text(WEAK)
    folder = scratch("tception-weak-") / "run"
    done = tception(*RUN, tmp_path / "weak.yaml", "-o", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    layer = cells(folder)["vm/podman.rootless@rootfs=weak"]["layers"][-1]
    detail = {f["name"]: f["detail"] for f in layer["findings"]}
    assert detail["known-password"] == "root's is 'toor'"
    assert detail["empty-password"] == "accounts: guest"
    assert detail["sshd-present"] == "/usr/sbin/sshd"
    assert detail["sshd-listening"] == "a remote shell is served: sshd, tcp 0.0.0.0 port 22"
    assert not WAYS_IN & names(innermost("vm/podman.rootless"))


def test_forged_facts(tmp_path):
    """An open port of a remote shell in a container's account is a finding; a missing account is one, too."""
    forged = channel.Folder(matrix()[2], tmp_path / "run")

    def change(frames):
        frames.change(channel.FACT, {"probe": "entry"},
                      lambda body: body["listening"].append({"protocol": "tcp", "address": "0.0.0.0", "port": 22}))
        frames.change(channel.FACT, {"probe": "reach"}, lambda body: body.pop("paths"))
    forged.edit_child("vm/docker", change)
    tception("judge", forged.path)
    layer = cells(forged.path)["vm/docker"]["layers"][-1]
    assert {"sshd-listening", "not-known"} <= names(layer)
    done = tception("diff", matrix()[2], forged.path)
    assert done.returncode == 1
    assert "vm/docker: finding: none -> sshd-listening" in done.stdout


def test_compare():
    done = tception("compare", "--json", matrix()[2])
    assert done.returncode == 0, done.stderr
    rows = {r["stack"]: r for r in json.loads(done.stdout)["rows"]}
    assert {"vm", "td", "vm/docker", "td/docker", "td/qemu.tcg", "vm/qemu.kvm"} <= set(rows)
    docker = rows["td/docker"]
    assert (docker["grade"], docker["origin"], docker["covers"]) == ("verified", "emulated", "the TD only")
    assert {g["grade"]: g["grants"] for g in docker["grants"]}["report"] == "+dev"
    assert rows["td/docker.privileged"]["grants"][-1] == {"grade": "verified", "grants": "", "cell": "td/docker.privileged"}
    assert rows["vm/docker"]["grants"] == [] and rows["vm/docker"]["platform"] == "none"
    assert docker["cost"]["ready_ms"]["count"] >= 4
    done = tception("compare", "--format", "markdown", matrix()[2], matrix()[2])
    assert done.returncode == 0 and "| `td/docker` | verified (emulated) | the TD only |" in done.stdout
    assert tception("compare").returncode == 2
    assert tception("compare", matrix()[2] / "none").returncode == 3
