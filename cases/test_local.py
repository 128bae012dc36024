# SPDX-License-Identifier: Apache-2.0
"""A layer 0 that somebody else booted: this machine, and one behind an ssh of our own."""
import base64
import json
import os
import subprocess

import pytest
import yaml

from conftest import TOP, tception

AGENT = TOP / "build" / "agent"


def run(folder, *words, expect="{grade: none}", **env):
    (folder / "cases.yaml").write_text(f"version: 1\ncases:\n- cell: local\n  expect: {expect}\n  why: as it is\n")
    done = tception("run", folder / "cases.yaml", "--output", folder / "run", "--json", *words, env={**os.environ, **env})
    return done.returncode, json.loads(done.stdout)["cells"][0] if done.stdout else done.stderr


def rungs(cell):
    return {r["rung"]: r for r in cell["layers"][0]["ladder"]}


@pytest.fixture
def ssh(tmp_path):
    """A program of that name that takes ssh's words, says where it was to go, and runs the rest here."""
    def make(end="exec \"$@\""):
        (tmp_path / "bin").mkdir()
        program = tmp_path / "bin" / "ssh"
        program.write_text("#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift\necho \"$1\" >" + str(tmp_path / "host") +
                           "\nshift\n" + end + "\n")
        program.chmod(0o755)
        return {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    return make


def test_this_machine(tmp_path):
    """A truthful answer for each rung, by what is here, and nothing is booted; a higher hope fails for the rung that is missing."""
    status, cell = run(tmp_path)
    there, told = os.path.exists("/dev/tdx_guest"), rungs(cell)
    if there:
        pytest.skip("this machine is a trust domain")
    assert (status, cell["outcome"], cell["platform"]) == (0, "pass", "none")
    assert (told["device"]["ok"], told["device"]["errno"]) == (False, "ENOENT")
    assert told["provider"]["ok"] is False
    assert {told[rung]["ok"] for rung in told if rung not in ("device", "provider")} == {None}
    assert cell["layers"][0]["entered"] and cell["layers"][0]["kvm"]
    record = json.loads((tmp_path / "run" / "run.json").read_text())["boots"][0]
    assert record["argv"][-2:] == [str(AGENT), "layer"] and not (tmp_path / "run" / "boots" / "local-1" / "console.log").exists()
    frames = (tmp_path / "run" / "boots" / "local-1" / "layer0.jsonl").read_text()
    assert "rtmr-sysfs" not in frames  # it is somebody else's


def test_no_hope(tmp_path):
    status, cell = run(tmp_path, expect="{grade: verified}")
    if os.path.exists("/dev/tdx_guest"):
        pytest.skip("this machine is a trust domain")
    assert (status, cell["outcome"]) == (1, "fail")
    assert "expected grade verified, saw none; provider: ENOENT" in cell["reason"]


def test_ssh(tmp_path, ssh):
    status, cell = run(tmp_path, "--ssh", "me@there", "--agent", AGENT, **ssh())
    assert (status, (tmp_path / "host").read_text()) == (0, "me@there\n")
    assert rungs(cell)["device"]["errno"] == "ENOENT"


def test_ssh_fails(tmp_path, ssh):
    """What ssh says is the reason, and no verdict."""
    status, cell = run(tmp_path, "--ssh", "there", **ssh("echo 'ssh: connect to host there port 22: No route to host' >&2; exit 255"))
    assert (status, cell["outcome"]) == (3, "broken")
    assert "the agent ended with exit status 255: ssh: connect to host there port 22: No route to host" in cell["reason"]


@pytest.mark.parametrize("words, says", [
    (("--ssh", "-oProxyCommand=x"), "--ssh: no host: '-oProxyCommand=x'"),
    (("--ssh", "there", "--agent", "/tmp/x;reboot"), "--agent: no plain path: '/tmp/x;reboot'"),
    (("--agent", "/nonexistent/agent"), "the agent /nonexistent/agent: No such file or directory; 'make guests' makes it"),
])
def test_refused(tmp_path, ssh, words, says):
    status, cell = run(tmp_path, *words, **ssh())
    assert (status, cell["outcome"]) == (3, "broken") and says in cell["reason"]
    assert not (tmp_path / "host").exists()


# ---- images of one's own ----

def test_agent_kit(tmp_path):
    """What is written is what an image takes: the agent itself, a unit that systemd takes, cloud-init's form of both."""
    assert tception("agent-kit", tmp_path / "kit").returncode == 0
    kit = {path.name: path for path in (tmp_path / "kit").iterdir()}
    assert set(kit) == {"tception-agent", "tception.service", "90-tception.rules", "initramfs-hook", "initramfs-script", "mkosi.conf", "user-data", "meta-data", "README.md"}
    assert kit["tception-agent"].read_bytes() == AGENT.read_bytes() and kit["tception-agent"].stat().st_mode & 0o111
    for name in ("initramfs-hook", "initramfs-script"):
        subprocess.run(["sh", "-n", kit[name]], check=True, timeout=60)
    agent, unit = yaml.safe_load(kit["user-data"].read_text())["write_files"]
    assert base64.b64decode(agent["content"]) == AGENT.read_bytes() and agent["permissions"] == "0755"
    assert unit["content"] == kit["tception.service"].read_text()
    assert "ExecStart=/usr/lib/tception/tception-agent port\n" in unit["content"]


def test_no_agent_in_the_image(tmp_path):
    """A disk that nobody answers in: said so, after one boot."""
    qemu = tmp_path / "qemu"
    qemu.write_text("#!/bin/sh\ncase \"$*\" in *--version*) echo 'QEMU emulator version 7.2.0' ;; *help*) ;; *) exec sleep 600 ;; esac\n")
    qemu.chmod(0o755)
    (tmp_path / "disk").write_bytes(bytes(1 << 20))
    (tmp_path / "cases.yaml").write_text("version: 1\ncases:\n- cell: td\n  expect: {grade: verified}\n  why: x\n")
    done = tception("run", tmp_path / "cases.yaml", "--output", tmp_path / "run", "--json", "--platform", "emulated", "--qemu", qemu,
                    "--disk", tmp_path / "disk", "--boot-deadline", "2", "--state-dir", tmp_path / "state")
    result = json.loads(done.stdout)
    assert (done.returncode, len(result["boots"])) == (3, 1)
    assert "no agent in this image, or its boot takes more than 2 s (tception agent-kit, --boot-deadline)" in result["cells"][0]["reason"]
