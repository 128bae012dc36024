# SPDX-License-Identifier: Apache-2.0
"""A quote covers a container that was measured before its start, and no longer when one byte of it is another; who gets a secret.

Boots one emulated trust domain with a kernel that can extend RTMR3. What the digests should be is computed here, from
the agent's bytes and the texts in harness/format/extend.h.
"""
import base64
import hashlib
import json
import struct

import pytest

from conftest import CACHE, RUN, TOP, cells, result, rung, sha384, tception, write_cases

TD = "td@kernel=backports"
PODMAN = TD + "/podman.rootful+dev+tsm+noapparmor"
WRITABLE = PODMAN + "+rtmr"
BROKERED = TD + "/podman.rootless+broker"
VM = TD + "/qemu.tcg+broker+measured"


def container_image():
    files = {"/agent": (0o755, (TOP / "build" / "agent").read_bytes()), "/etc/hostname": (0o644, b""),
             "/etc/hosts": (0o644, b""), "/etc/resolv.conf": (0o644, b"")}
    lines = [f"f {mode:04o} {sha384(data)} {path}" for path, (mode, data) in files.items()]
    lines += [f"d 0755 - {path}" for path in ("/", "/dev", "/etc", "/proc", "/root", "/run", "/sys", "/tmp", "/usr")]
    lines.sort(key=lambda line: line.split()[3])
    return sha384("".join(line + "\0" for line in lines).encode())


def tiny_image():
    kernel = (TOP / "build" / "tiny.elf").read_bytes()
    return sha384(f"f 0000 {sha384(kernel)} /kernel\0".encode())


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    """The innermost layer of each cell, by its ID, and the boot's folder."""
    if not (CACHE / "vmlinuz-backports").exists():
        pytest.skip("the image has no second kernel")
    folder = tmp_path_factory.mktemp("covers")
    image = container_image()
    expect = {
        TD: "{grade: verified, extend: ok, secret: released}",
        PODMAN: "{grade: verified, rung: covers, extend: EROFS}",
        PODMAN + "+measured": f"{{grade: covered, extend: EROFS, covers: {image}, secret: released}}",
        PODMAN + "+measured@rootfs=changed": f"{{grade: verified, rung: covers, covers: {image}, secret: refused}}",
        PODMAN + "@agent=replay": "{grade: report, rung: bound, secret: refused}",
        PODMAN + "@agent=foreign": "{grade: report, rung: bound, secret: refused}",
        BROKERED: "{grade: verified, secret: released}",
        VM: f"{{grade: covered, covers: {tiny_image()}}}",
        WRITABLE: "{grade: verified, rung: covers, extend: ok}",
    }
    done = tception(*RUN, write_cases(folder, expect), "--platform", "emulated", "-o", folder / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    boot, = result(folder / "run")["boots"]
    return ({name: cell["layers"][-1] for name, cell in cells(folder / "run").items()},
            folder / "run" / "boots" / boot["id"])


def interface(layer, name):
    return next(i for i in layer["interfaces"] if i["name"] == name)


def test_extends(layers):
    """RTMR3 carries our digest into the quote; upstream kernels have no ioctl for that."""
    td = layers[0][TD]
    assert interface(td, "rtmr-sysfs")["ok"] is True
    assert "1 extends replay" in interface(td, "rtmr-sysfs")["detail"]
    assert interface(td, "rtmr-ioctl")["errno"] == "ENOTTY"
    # every layer before it, the launches and their keys: layer 0, two containers that name a key each, a VM, and its own
    assert "7 extends replay" in interface(layers[0][WRITABLE], "rtmr-sysfs")["detail"]


def test_by_hand(layers):
    """RTMR3 of layer 0's TDREPORT, from the nonce and the layer's ID alone."""
    nonce = report = None
    for line in (layers[1] / "layer0.jsonl").read_text().splitlines():
        frame = json.loads(line)
        if frame["type"] == "HELLO":
            nonce = base64.b64decode(frame["payload"]["nonce"])
        if frame["type"] == "REPORT" and frame["payload"]["interface"] == "ioctl":
            report = base64.b64decode(frame["payload"]["data"])
    event = struct.pack("<I", 0x08000001) + b":tception-probe:" + nonce + b"\1" + TD.encode()
    rtmr3 = hashlib.sha384(bytes(48) + hashlib.sha384(event).digest()).digest()
    assert report[864:912] == rtmr3


def test_measured_container_is_covered(layers):
    image = container_image()
    assert json.loads((layers[1] / "prediction.json").read_text())["container_image"] == image
    layer = layers[0][PODMAN + "+measured"]
    assert layer["image"] == image
    assert layer["grade"] == "covered" and rung(layer, "covers")["ok"] is True


def test_one_byte_more_is_not(layers):
    layer = layers[0][PODMAN + "+measured@rootfs=changed"]
    assert layer["grade"] == "verified" and rung(layer, "covers")["ok"] is False
    assert "is not the one expected" in rung(layer, "covers")["detail"]
    assert layer["image"] not in (None, container_image())


def test_unmeasured_is_not_covered(layers):
    layer = layers[0][PODMAN]
    assert "the quote covers the TD only" in rung(layer, "covers")["detail"]
    assert layer["image"] is None


def test_who_can_spoil_quotes_is_told(layers):
    """A container with the measurements of sysfs bound writable, and one without."""
    names = {cell: {f["name"] for f in layer["findings"]} for cell, layer in layers[0].items()}
    assert "extends-boot-rtmrs" in names[WRITABLE]
    assert "extends-boot-rtmrs" not in names[PODMAN]
    assert "extends-boot-rtmrs" not in names[TD]


def test_measured_vm_with_a_broker_is_covered(layers):
    """A machine of its own without any TDX interface: its kernel is in RTMR3, and a quote is handed up to it."""
    layer = layers[0][VM]
    assert layer["image"] == tiny_image()
    assert layer["grade"] == "covered" and layer["isolation"]["kernel"] == "own"
    assert "broker" in rung(layer, "provider")["detail"] and rung(layer, "covers")["ok"] is True


# ---- a secret for a layer ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("cell, says", [
    (TD, "the layer proves that it has it"), (BROKERED, "the layer proves that it has it"),
    (PODMAN + "+measured", "RTMR3 names layer and key")], ids=["td", "brokered", "measured"])
def test_secret_is_released(layers, cell, says):
    found = rung(layers[0][cell], "secret")
    assert found["ok"] is True and "REPORTDATA binds" in found["detail"] and says in found["detail"]


@pytest.mark.parametrize("cell, why", [
    (PODMAN + "+measured@rootfs=changed", "covers: "), (PODMAN + "@agent=replay", "bound: "),
    (PODMAN + "@agent=foreign", "bound: ")], ids=["one-byte-more", "replayed", "another-layer"])
def test_secret_is_refused(layers, cell, why):
    """Its quote is genuine in each of them."""
    assert layers[0][cell]["origin"] == "emulated"
    found = rung(layers[0][cell], "secret")
    assert found["ok"] is False and found["detail"].startswith("refused: " + why)


def test_secret_is_nowhere(layers):
    """Who asks for none has no key; of who got one the record has the proof, and the channel no more than that."""
    assert rung(layers[0][PODMAN], "secret")["ok"] is None
    visits = {v["cell"]: v for v in json.loads((layers[1].parents[1] / "run.json").read_text())["boots"][0]["visits"]}
    assert "secret" not in visits[PODMAN] and visits[BROKERED]["secret"]["released"] is True
    proof, = (json.loads(line)["payload"] for line in (layers[1] / "layer0.jsonl").read_text().splitlines() if '"PROOF"' in line)
    assert base64.b64decode(proof["mac"]).hex() == visits[TD]["secret"]["proof"]
