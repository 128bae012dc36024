# SPDX-License-Identifier: Apache-2.0
"""The full matrix on real guests, one item per layer, and the search for grants. `make test-full` runs it."""
import functools
import json
import re
import subprocess

import pytest

import chains
import conftest
from conftest import CACHE, TOP, scratch, sha384, tception

FOLDER = scratch("tception-full-")
# What has to be in the matrix whatever else is: the question that the harness was made for.
ALWAYS = {"td/docker.privileged", "td/docker.rootless", "td/podman.rootful", "td/podman.rootless",
          "td/lxc.privileged", "td/lxc.unprivileged", "td/qemu.kvm", "td/qemu.tcg", "td@kernel=backports", "td@quote=5"}


@functools.cache
def matrix():
    done = tception("run", "cases/full.yaml", "--platform", "emulated", "-o", FOLDER / "run", seconds=3000)
    return done.returncode, done.stdout + done.stderr


@functools.cache
def cells():
    matrix()
    return conftest.cells(FOLDER / "run")


def pytest_generate_tests(metafunc):
    if "layer" in metafunc.fixturenames:
        found = [(c, l) for c in cells().values() for l in c["layers"]]
        metafunc.parametrize("cell, layer", found, ids=[f"{c['id']}:{l['id']}" for c, l in found])


def test_run():
    """As expected at the end, and as each cell ended: one that is to be covered, too, before the run's end."""
    status, said = matrix()
    assert status == 0, said
    assert not re.search(r"^\[ *\d+/\d+\] \S+ +fail ", said, re.MULTILINE), said


def test_is_full():
    """Every kind of layer in both kinds of layer 0, and three layers deep."""
    kinds = {k["name"] for k in json.loads(tception("list", "--kinds", "--json").stdout)["kinds"] if not k["layer0"]}
    for layer0 in ("vm", "td"):
        inner = {c.split("/")[1].split(".")[0].split("+")[0].split("@")[0] for c in cells() if "/" in c and c.split("/")[0].split("@")[0] == layer0}
        assert inner == kinds - ({"conformance"} if layer0 == "vm" else set())  # it is a TD's
        assert any(c.startswith(layer0) and c.count("/") == 2 for c in cells())
    assert set(cells()) >= ALWAYS


def test_layer(cell, layer):
    assert cell["outcome"] == "pass", cell["reason"]
    assert layer["entered"] or layer["grade"] == "none"
    assert layer["origin"] == ("emulated" if layer["grade"] in ("quote", "verified", "covered") else "none")


# The last grant's name, and the rung and errno that its absence gives: from what AppArmor and user namespaces do.
GRANTS = {
    "td/crun": {"device": {"dev": ("device", "ENOENT")}, "chain": {"entry": ("provider", "ENOENT")}},
    "td/podman.rootless": {"device": {"dev": ("device", "ENOENT"), "devgroup": ("device", "EACCES")},
                           "chain": {"entry": ("provider", "ENOENT")}},
    "td/docker": {"device": {"dev": ("device", "ENOENT")},
                  "chain": {"entry": ("provider", "ENOENT")}},
    "td/lxc.privileged": {"device": {"dev": ("device", "ENOENT")}, "chain": {"entry": ("provider", "ENOENT")}},
    "td/nspawn": {"device": {"dev": ("device", "ENOENT")}, "chain": {}},
    "td/uml": {"chain": {"broker": ("provider", None)}},
}


# What is searched, and what is found: each list has something lighter than the one before.
PLANTED = {
    "tsm,noapparmor": {"tsm": ("provider", "ENOENT"), "noapparmor": ("provider", "EACCES")},
    "tsm,noapparmor,broker": {"broker": ("provider", "ENOENT")},
    "tsm,noapparmor,broker,report-at": {"report-at": ("provider", "ENOENT")},
}


@pytest.mark.parametrize("cell, listed", [(cell, None) for cell in GRANTS] + [("td/docker", listed) for listed in PLANTED])
def test_grants(cell, listed, tmp_path):
    """The smallest grants of each rung, each of them needed: without it, the rung that is expected is false."""
    done = tception("grants", cell, "--platform", "emulated", "--json", "-o", tmp_path / "grants",
                    *(["--grants", listed] if listed else []), seconds=3000)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["platform"] == "emulated"
    for rung, wanted in ({"chain": PLANTED[listed]} if listed else GRANTS[cell]).items():
        answer = next(r for r in found["rungs"] if r["rung"] == rung)
        assert set(answer["grants"]) == set(wanted)
        for without in answer["confirmed"]:
            expected, errno = wanted[without["without"]]
            assert without["trial"]["rung"] == expected
            assert errno in (None, without["trial"]["errno"])
        assert answer["command"]


def uml_image():
    """The kernel of the root image's package, and an initramfs with the agent as its init."""
    kernel = subprocess.run(["rdsquashfs", "-c", "usr/bin/linux.uml", CACHE / "root.squashfs"], check=True,
                            capture_output=True).stdout
    agent = (TOP / "build" / "agent").read_bytes()
    initrd = chains.member(1, 0o40755, "dev") + chains.member(2, 0o20600, "dev/console", device=(5, 1))
    initrd += b"".join(chains.member(i, 0o40755, name) for i, name in ((3, "proc"), (4, "sys"), (5, "run")))
    initrd += chains.member(6, 0o100755, "init", agent) + chains.member(0, 0, "TRAILER!!!")
    return sha384(f"f 0000 {sha384(kernel)} /kernel\0f 0000 {sha384(initrd)} /initrd\0".encode())


def test_uml_is_measured():
    """Its quote carries RTMR3 with the digest of the very kernel and initramfs."""
    layer = cells()["td@kernel=backports/uml+broker+measured"]["layers"][-1]
    assert layer["image"] == uml_image() and layer["isolation"]["kernel"] == "own"
