# SPDX-License-Identifier: Apache-2.0
"""Event logs and disks as programs of others read them: tpm2_eventlog, systemd-measure, grub-fstest."""
import re
import shutil
import struct
import subprocess

import pytest

import chains
from conftest import GOLDEN, TCEPTION
from test_chains import ADDONS, BESIDE, KERNEL, OWN, everything, foreseen, image

MEASURE = "/usr/lib/systemd/systemd-measure"


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


def as_of_a_tpm(log):
    """The same log as a TPM's, which is all that tpm2_eventlog reads: the first event in PCR 0, no padding behind the last."""
    at = 32 + struct.unpack_from("<I", log, 28)[0]
    while at + 12 <= len(log):
        register, kind, digests = struct.unpack_from("<III", log, at)
        if kind == 0 or register > 8 or digests != 1:
            break
        at += 62
        at += 4 + struct.unpack_from("<I", log, at)[0]
    return bytes(4) + log[4:at]


@needs("tpm2_eventlog")
@pytest.mark.parametrize("name", ["dstack", "evidence-api", "trustee-grub", "trustee-ovmf", "trustee-td-shim"])
def test_event_log(tmp_path, name):
    """Its PCR N+1 is RTMR N: the index in a CCEL counts MRTD first."""
    source = GOLDEN / "eventlog" / f"{name}.bin"
    (tmp_path / "log").write_bytes(as_of_a_tpm(source.read_bytes()))
    read = subprocess.run(["tpm2_eventlog", tmp_path / "log"], capture_output=True, text=True, check=False).stdout
    theirs = {int(n) - 1: value for n, value in re.findall(r"^ +(\d+) *: 0x([0-9a-f]{96})$", read, re.M)}
    ours = subprocess.run([TCEPTION, "eventlog", source], capture_output=True, text=True, check=False).stdout
    ours = {int(n): value for n, value in re.findall(r"^RTMR(\d)  ([0-9a-f]{96})$", ours, re.M)}
    assert theirs and {n: ours[n] for n in theirs} == theirs


def after_sections(p):
    """RTMR2 after the stub has measured its sections."""
    value = bytes(48)
    for event in p["events"]:
        if "section ." in event["what"] and event["rtmr"] == 2:
            value = chains.extend(value, bytes.fromhex(event["digest"]))
    return value.hex()


@needs(MEASURE)
def test_sections(tmp_path):
    """What systemd-measure foresees of PCR 11 is RTMR2 after the sections, whatever comes behind them."""
    parts = {"linux": KERNEL, "osrel": b"ID=test\nVERSION_ID=1\n", "cmdline": b"console=hvc0", "initrd": b"initrd"}
    for name, data in parts.items():
        (tmp_path / name).write_bytes(data)
    said = subprocess.run([MEASURE, "calculate", "--bank=sha384", "--phase=:", *(f"--{n}={tmp_path / n}" for n in parts)],
                          capture_output=True, text=True, check=True).stdout
    p = foreseen(chains.esp_disk(tmp_path / "disk", {OWN: image(257)}, 8))
    assert f"11:sha384={after_sections(p)}" in said


@needs("grub-fstest")
def test_files(tmp_path):
    """GRUB's own code reads the same file systems that the loaders were foreseen from."""
    files = {**everything(257), **BESIDE, **ADDONS}
    disk = chains.esp_disk(tmp_path, files, 8)
    for name, data in files.items():
        read = subprocess.run(["grub-fstest", disk, "cat", f"(loop0,gpt1)/{name}"], capture_output=True, check=True).stdout
        assert read == data, name
