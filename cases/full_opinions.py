# SPDX-License-Identifier: Apache-2.0
"""What trixie's systemd-pcrlock and systemd-measure make of the same images: the events that they expect in a TPM are those that are
foreseen in a trust domain. `make test-full` runs it. More such programs: test_second_opinions.py.
"""
import json
import subprocess

import pytest

import chains
import full_chains
from conftest import FILES
from roots import root
from test_chains import ORDER, OWN, SECTIONS, everything, foreseen, image
from test_second_opinions import after_sections

packages = full_chains._packages  # pylint: disable=protected-access  # the fixture


@pytest.fixture(scope="module", name="systemd")
def _systemd():
    """A program of trixie's systemd, as a command."""
    top = root("systemd", "extract", "trixie", "systemd")
    libraries = top / "usr/lib/x86_64-linux-gnu"

    def run(program, *argv):
        command = [top / "usr/lib64/ld-linux-x86-64.so.2", "--library-path", f"{libraries}:{libraries}/systemd",
                   top / "usr/lib/systemd" / program, *argv]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    return run


@pytest.fixture(name="pcrlock")
def _pcrlock(systemd, tmp_path):
    """The digests that it expects by PCR, in order."""
    def lock(what, data):
        (tmp_path / "locked").write_bytes(data)
        systemd("systemd-pcrlock", f"lock-{what}", tmp_path / "locked", f"--pcrlock={tmp_path / 'out'}")
        found = {}
        for record in json.loads((tmp_path / "out").read_text())["records"]:
            found.setdefault(record["pcr"], []).extend(d["digest"] for d in record["digests"] if d["hashAlg"] == "sha384")
        return found
    return lock


def digests(p, register, what):
    return [e["digest"] for e in p["events"] if e["rtmr"] == register and what in e["what"]]


def test_image(pcrlock, tmp_path, packages):
    """A genuine one, and one with every section: firmware's event of it, the stub's of its sections."""
    genuine = full_chains.Loaders(packages, 257, tmp_path).uki()
    for i, data in enumerate((genuine, everything(257)[OWN])):
        theirs = pcrlock("uki", data)
        p = foreseen(chains.esp_disk(tmp_path / str(i), {OWN: data}))
        assert theirs[4][0] == digests(p, 1, OWN)[0]
        assert theirs[11] == digests(p, 2, "section .")


def test_programs(pcrlock, tmp_path, packages):
    p = full_chains.Loaders(packages, 257, tmp_path)
    told = foreseen(chains.esp_disk(tmp_path / "disk", full_chains.entry_1(p), 80))
    theirs = [pcrlock("pe", data)[4][0] for data in (p.boot(), FILES["kernel"].read_bytes())]
    assert theirs == digests(told, 1, OWN) + digests(told, 1, "vmlinuz")


def test_command_line_and_initrd(pcrlock, tmp_path):
    """What the kernel's own stub measures."""
    p = foreseen(chains.esp_disk(tmp_path / "disk", {OWN: image(252)}, 8))
    assert pcrlock("kernel-cmdline", b"console=hvc0")[9] == digests(p, 2, "LoadOptions")
    assert pcrlock("kernel-initrd", b"initrd")[9] == digests(p, 2, "Linux initrd")


def test_sections(systemd, tmp_path):
    """All that an image may have, by systemd-measure of the stub's own release; the host's may know fewer."""
    parts = {name[1:]: data for name, data in SECTIONS if name in ORDER}
    for name, data in parts.items():
        (tmp_path / name).write_bytes(data)
    said = systemd("systemd-measure", "calculate", "--bank=sha384", "--phase=:", *(f"--{n}={tmp_path / n}" for n in parts))
    p = foreseen(chains.esp_disk(tmp_path / "disk", {OWN: everything(257)[OWN]}, 8))
    assert f"11:sha384={after_sections(p)}" in said
