# SPDX-License-Identifier: Apache-2.0
"""The default matrix on real guests, one item per layer; then its evidence forged, one thing at a time."""
import json
import os
import subprocess

import pytest

import channel
from conftest import RUN, TCEPTION, TOP, cells, matrix, scratch, tception

EXPECTED = {  # grade, first false rung, its errno: from what moby, Podman, AppArmor and TDX document
    "td": ("verified", None, None),
    "td/docker": ("none", "device", "ENOENT"),
    "td/docker+dev": ("report", "provider", "ENOENT"),
    "td/docker+dev+tsm": ("report", "provider", "EACCES"),
    "td/docker+dev+tsm+noapparmor": ("verified", "covers", None),
    "td/docker.privileged": ("verified", "covers", None),
}


RUNGS = {"device", "tdreport", "provider", "quote", "parsed", "bound", "registers", "chain", "eventlog", "tcb", "covers"}


def layers_of(cell):
    names = cell.split("/")
    return ["/".join(names[:i + 1]) for i in range(len(names))]


CELLS = [case["cell"] for case in json.loads(tception("list", "--json", "cases/default.yaml").stdout)]
LAYERS = [(cell, layer) for cell in CELLS for layer in layers_of(cell)]


def test_run():
    status, said, folder = matrix()
    assert status == 0, said
    assert len(cells(folder)) >= 18 and list(cells(folder)) == CELLS
    assert "emulated" in said


@pytest.mark.parametrize("cell, layer", LAYERS, ids=map(":".join, LAYERS))
def test_layer(cell, layer):
    cell = cells(matrix()[2])[cell]
    if cell["outcome"] == "skip":
        pytest.skip(cell["reason"])
    assert [found["id"] for found in cell["layers"]] == layers_of(cell["id"])
    layer = next(found for found in cell["layers"] if found["id"] == layer)
    assert cell["outcome"] == "pass", cell["reason"]
    assert cell["reason"]
    assert cell["platform"] == ("emulated" if cell["id"].startswith("td") else "none")
    assert layer["entered"] or layer["grade"] == "none"
    assert {r["rung"] for r in layer["ladder"]} >= RUNGS
    assert layer["origin"] == ("emulated" if layer["grade"] in ("quote", "verified", "covered") else "none")
    if layer["id"].startswith("vm"):
        assert layer["grade"] == "none"


@pytest.mark.parametrize("cell", EXPECTED)
def test_expected(cell):
    grade, rung, errno = EXPECTED[cell]
    layer = cells(matrix()[2])[cell]["layers"][-1]
    false = next((r for r in layer["ladder"] if r["ok"] is False), None)
    assert layer["grade"] == grade
    assert (false["rung"] if false else None) == rung
    if errno:
        assert false["errno"] == errno


def test_kvm():
    seen = cells(matrix()[2])
    assert seen["td/qemu.kvm"]["layers"][-1]["kvm"] == "no-cpu"
    assert seen["vm/qemu.kvm"]["layers"][-1]["kvm"] == "works"


def test_every_nonce_is_fresh():
    record = json.loads((matrix()[2] / "run.json").read_text())
    nonces = [n for b in record["boots"] for v in b["visits"] for n in v["nonces"]]
    used = [n for n in nonces if set(n) != {"0"}]
    assert len(used) > 20 and len(set(used)) == len(used)


# What is changed in a layer's own account, and the rungs that may turn false because of it.
QUOTE = {"interface": "configfs"}
REPORT = {"interface": "ioctl"}
MUTATIONS = {
    "rtmr-in-quote": (QUOTE, lambda body: channel.flip(body, 376), {"registers", "chain", "eventlog"}),
    "signature": (QUOTE, lambda body: channel.flip(body, 640), {"chain"}),
    "report-data": (QUOTE, lambda body: channel.flip(body, 568), {"bound", "chain"}),
    "empty-quote": (QUOTE, lambda body: body.update(data=""), {"quote"}),
    "forged-report": (REPORT, lambda body: channel.flip(body, 720), {"tdreport", "registers"}),
}


CONTAINER = "td/docker+dev+tsm+noapparmor"


def judged(folder, cell):
    """The judge's opinion of a forged folder: of the cell, and of its innermost layer the rungs that are false."""
    done = tception("judge", folder.path)
    assert done.returncode in (1, 3), done.stdout + done.stderr
    found = cells(folder.path)[cell]
    return found, {r["rung"] for r in found["layers"][-1]["ladder"] if r["ok"] is False}


@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.parametrize("cell", ["td", CONTAINER])
def test_mutation(cell, name, tmp_path):
    match, edit, rungs = MUTATIONS[name]
    forged = channel.Folder(matrix()[2], tmp_path / "run")
    work = forged.edit if cell == "td" else forged.edit_child
    work(cell, lambda frames: frames.change(channel.REPORT, match, edit))
    found, false = judged(forged, cell)
    assert found["outcome"] == "fail", found["reason"]
    assert rungs & false
    if name != "forged-report":  # a container's quote is good without its own TDREPORT: layer 0's is there
        assert found["layers"][-1]["grade"] not in ("verified", "covered")


@pytest.mark.parametrize("cell", ["td", CONTAINER])
def test_changed_evidence(cell, tmp_path):
    """A quote covers the kernel log beside it."""
    forged = channel.Folder(matrix()[2], tmp_path / "run")
    work = forged.edit if cell == "td" else forged.edit_child

    def change(frames):
        frame = next(f for f in frames if f[0] == channel.FACT and b"devices" in f[2])
        assert b"0600" in frame[2]
        frame[2] = frame[2].replace(b"0600", b"0666", 1)
    work(cell, change)
    assert "bound" in judged(forged, cell)[1]


@pytest.mark.parametrize("cell", ["td", CONTAINER])
def test_missing_frame(cell, tmp_path):
    forged = channel.Folder(matrix()[2], tmp_path / "run")
    work = forged.edit if cell == "td" else forged.edit_child
    work(cell, lambda frames: frames.pop())
    assert judged(forged, cell)[0]["outcome"] == "broken"


def test_judged_again(tmp_path):
    """The folder alone gives the same verdicts."""
    copy = channel.Folder(matrix()[2], tmp_path / "run")
    before = (copy.path / "result.json").read_text()
    (copy.path / "result.json").unlink()
    done = tception("judge", copy.path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (copy.path / "result.json").read_text() == before
    done = tception("diff", matrix()[2], copy.path)
    assert (done.returncode, done.stdout) == (0, "")


def test_one_boot_a_layer_0():
    record = json.loads((matrix()[2] / "run.json").read_text())
    skipped = {c["id"] for c in cells(matrix()[2]).values() if c["outcome"] == "skip"}
    assert {b["layer0"] for b in record["boots"]} == {"td", "td@kernel=backports", "vm"} - skipped
    assert len({b["layer0"] for b in record["boots"]}) == len(record["boots"])


def test_second_kernel():
    """Another kernel and initramfs are another RTMR1 and RTMR2, each as predicted; MRTD and RTMR0 stay."""
    second = cells(matrix()[2])["td@kernel=backports"]
    if second["outcome"] == "skip":
        pytest.skip(second["reason"])
    assert {r["rung"]: r["ok"] for r in second["layers"][0]["ladder"]}["predicted"] is True
    record = json.loads((matrix()[2] / "run.json").read_text())
    predicted = {}
    for boot in record["boots"]:
        if boot["layer0"].startswith("td"):
            file = matrix()[2] / "boots" / boot["id"] / "prediction.json"
            predicted[boot["kernel"]] = json.loads(file.read_text())
    first, second = predicted["trixie"], predicted["backports"]
    assert first["mrtd"] == second["mrtd"] and first["rtmr"][0] == second["rtmr"][0]
    assert first["rtmr"][1] != second["rtmr"][1] and first["rtmr"][2] != second["rtmr"][2]


def test_replayed_nonce(tmp_path):
    """The evidence of one visit does not do for another nonce."""
    forged = channel.Folder(matrix()[2], tmp_path / "run")
    boot, index = forged.visit("td")
    other, at = forged.visit("td/docker.privileged")
    boot["visits"][index]["nonces"][0] = other["visits"][at]["nonces"][1]
    forged.save()
    done = tception("judge", forged.path)
    assert done.returncode in (1, 3), done.stdout + done.stderr
    assert cells(forged.path)["td"]["outcome"] != "pass"


@pytest.mark.skipif(os.getuid() != 0, reason="already unprivileged")
def test_unprivileged():
    """One cell as an unprivileged user: TCG needs no root."""
    folder = scratch("tception-nobody-")
    os.chown(folder, 65534, 65534)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", f"HOME={folder}",
                           f"XDG_STATE_HOME={folder}/state", str(TCEPTION), *RUN, str(TOP / "cases/default.yaml"),
                           "--cell", "td", "--platform", "emulated", "-o", str(folder / "run")],
                          timeout=200, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cells(folder / "run")["td"]["layers"][0]["grade"] == "verified"
