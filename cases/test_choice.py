# SPDX-License-Identifier: Apache-2.0
"""Which cells a run does: matrices and what they exclude, tags, and what has changed since an earlier run. No guest is booted here."""
import hashlib
import json
import shutil
import xml.etree.ElementTree as ET

import pytest

from conftest import cells, result, tception
from test_faults import STANDIN, environment

MATRIX = """\
version: 1
cases:
  - matrix:
      axes: {machine: [vm, "vm@mem=1024"], engine: [docker, podman.rootful], grant: ["", +dev]}
      exclude:
        - {when: {machine: vm, grant: +dev}, why: a plain VM has no node to give}
      include:
        - {machine: vm, engine: nspawn, grant: +dev}
    cell: $machine/$engine$grant
    expect: {grade: none}
    tags: [nightly, slow-disk]
    why: no engine gives configfs by itself
  - {cell: vm, expect: {grade: none}, why: alone, tags: [quick]}
  - {cell: vm@mem=768, expect: {grade: none}, why: without a tag}
"""


@pytest.fixture(name="made")
def parts(tmp_path):
    """A case file, and files for guests to be made of."""
    for name in ("kernel", "initrd", "root"):
        (tmp_path / name).write_text(name)
    (tmp_path / "cases.yaml").write_text(MATRIX)
    return tmp_path


def run(folder, out, *extra, **more):
    return tception("run", folder / "cases.yaml", "-o", folder / out, "--qemu", STANDIN, "--accel", "tcg", "--kernel", folder / "kernel",
                    "--initrd", folder / "initrd", "--root-image", folder / "root", *extra, env=environment(folder, **more))


def test_matrix(made):
    """Every combination, what is included, and what is excluded with its reason in each report."""
    assert run(made, "run").returncode == 0
    found = cells(made / "run")
    assert set(found) == {f"{m}/{e}{g}" for m in ("vm", "vm@mem=1024") for e in ("docker", "podman.rootful") for g in ("", "+dev")} | {
        "vm/nspawn+dev", "vm", "vm@mem=768"}
    excluded = {"vm/docker+dev", "vm/podman.rootful+dev"}
    assert {name for name, cell in found.items() if cell["outcome"] == "skip"} == excluded
    assert {found[name]["reason"] for name in excluded} == {"excluded: a plain VM has no node to give"}
    for form in ("table", "markdown", "junit", "ktap", "html"):
        assert "excluded: a plain VM has no node to give" in tception("report", "-f", form, made / "run").stdout
    suite = ET.fromstring(tception("report", "-f", "junit", made / "run").stdout)
    assert {case.get("name") for case in suite.iter("testcase") if case.find("skipped") is not None} >= excluded
    listed = {c["cell"]: c for c in json.loads(tception("list", "--json", made / "cases.yaml").stdout)}
    assert listed["vm/docker+dev"]["excluded"] and listed["vm/docker"]["excluded"] is None
    assert listed["vm/docker"]["tags"] == ["nightly", "slow-disk"] and listed["vm@mem=768"]["tags"] == []


@pytest.mark.parametrize("change, says", [
    (("$machine/$engine$grant", "$machine/$engine"), "an axis that makes no difference"),
    (("$machine/$engine$grant", "$machine/$engine$grant$more"), "an axis that is not there"),
    (("why: a plain VM has no node to give}", "}"), "an exclusion without a reason"),
    (("{machine: vm, grant: +dev}, why", "{machine: vm, grant: +kvm}, why"), "an exclusion of nothing"),
    (("{machine: vm, grant: +dev}, why", "{machin: vm}, why"), "unknown axis 'machin'"),
    (("engine: nspawn, grant", "grant"), "a combination without all axes"),
    (("engine: nspawn, grant: +dev", "engine: docker, grant: ''"), "repeated cell 'vm/docker'"),
    (("[docker, podman.rootful]", "[]"), "no words"),
    (("[docker, podman.rootful]", "[docker, nope]"), "unknown inner layer"),
    (("axes: {", "axis: {"), "unknown key 'axis'"),
    (("tags: [nightly, slow-disk]", "tags: [Nightly]"), "not a tag 'Nightly'"),
    (("tags: [nightly, slow-disk]", "tags: nightly"), "not a list"),
])
def test_bad_file(tmp_path, change, says):
    assert change[0] in MATRIX
    bad = tmp_path / "bad.yaml"
    bad.write_text(MATRIX.replace(*change))
    done = tception("list", bad)
    assert done.returncode == 2 and done.stderr.startswith(f"tception: {bad}:") and says in done.stderr, done.stderr


def test_tags(made):
    assert run(made, "quick", "--tag", "quick").returncode == 0 and list(cells(made / "quick")) == ["vm"]
    assert run(made, "some", "--tag", "slow*", "--cell", "vm/docker*").returncode == 0
    assert list(cells(made / "some")) == ["vm/docker", "vm/docker+dev"]
    done = run(made, "none", "--tag", "nope")
    assert done.returncode == 2 and "no cell '*' of tag nope" in done.stderr


def since(made, out, *extra, **more):
    """The cells that are chosen, each with why."""
    done = run(made, out, "--changed-since", made / "before", *extra, **more)
    assert done.returncode == 0, done.stderr
    lines = [line.removeprefix("tception: ").split(": ", 1) for line in done.stderr.splitlines() if line.startswith("tception: vm")]
    return {cell: why for cell, why in lines if cell != "vm" or "-accel" not in why}


def test_nothing_changed(made):
    assert run(made, "before").returncode == 0
    done = run(made, "again", "--changed-since", made / "before")
    assert (done.returncode, done.stdout) == (0, "") and "nothing has changed since" in done.stderr
    assert not (made / "again").exists()


def test_changed_case(made):
    """A new cell, another expectation, another exclusion; a reason or a tag is none."""
    assert run(made, "before").returncode == 0
    (made / "cases.yaml").write_text(MATRIX.replace("alone, tags", "other words, tags").replace("quick]}", "quicker]}")
                                     .replace("cell: vm@mem=768, expect: {grade: none}", "cell: vm@mem=768, expect: {grade: none, kvm: no-node}")
                                     .replace("{machine: vm, engine: nspawn, grant: +dev}", "{machine: vm, engine: bwrap, grant: +dev}")
                                     .replace("{machine: vm, grant: +dev}, why", "{machine: vm, grant: +dev, engine: docker}, why"))
    assert since(made, "after") == {"vm@mem=768": "its case is another", "vm/bwrap+dev": "that run has no such cell",
                                    "vm/podman.rootful+dev": "its case is another"}
    assert set(cells(made / "after")) == {"vm@mem=768", "vm/bwrap+dev", "vm/podman.rootful+dev"}


@pytest.mark.parametrize("part", ["kernel", "initrd", "root"])
def test_changed_part(made, part):
    assert run(made, "before").returncode == 0
    (made / part).write_text("other")
    assert since(made, "after", "--cell", "vm/d*") == {"vm/docker": f"{part} is another"}


def test_changed_command_line(made):
    assert run(made, "before", "--append", "quiet").returncode == 0
    assert since(made, "after", "--cell", "vm") == {"vm": "--append is another"}


def test_no_verdict_before(made):
    """What was broken, and a run of which it is not known what it was made of."""
    assert run(made, "before", TCEPTION_STANDIN="vm/podman.rootful=garbage").returncode == 3
    assert since(made, "after") == {"vm/podman.rootful": "that run came to no verdict on it"}
    (made / "before" / "parts.json").unlink()
    assert set(since(made, "unknown", "--cell", "vm@mem=768").values()) == {"it is not known what that run's guests were made of"}


def test_of_a_bundle(made):
    """It has what is needed; and another host's kernel is told."""
    assert run(made, "whole").returncode == 0
    assert tception("bundle", made / "whole", "-o", made / "before").returncode == 0
    assert "nothing has changed" in run(made, "again", "--changed-since", made / "before", TMPDIR=str(made)).stderr
    (made / "before").unlink()
    shutil.copytree(made / "whole", made / "before")
    record = result(made / "before", "run.json")
    record["host"]["kernel"] = "6.0.0"
    (made / "before" / "run.json").write_text(json.dumps(record))
    assert since(made, "after", "--cell", "vm") == {"vm": "the host's kernel is another"}


def test_told_by_diff(made):
    """What else differs where verdicts do: a part, and the versions of engines in a root image."""
    digest = hashlib.sha256(b"root").hexdigest()
    (made / "engines.manifest").write_text(f"root {digest}\npackage podman 5.4.2 same\npackage crun 1.21 same\n")
    assert run(made, "before", "--cell", "vm").returncode == 0
    assert result(made / "before", "parts.json")["engines"] == {"root": {"podman": "5.4.2", "crun": "1.21"}}
    (made / "root").write_text("root2")
    digest = hashlib.sha256(b"root2").hexdigest()
    (made / "engines.manifest").write_text(f"root {digest}\npackage podman 5.6.0 same\npackage crun 1.21 same\n")
    assert run(made, "after", "--cell", "vm", TCEPTION_STANDIN="vm=kvm-works").returncode == 0
    done = tception("diff", made / "before", made / "after")
    assert done.returncode == 1
    assert "guests: podman in root: 5.4.2 -> 5.6.0\n" in done.stdout and "guests: root: " in done.stdout and "crun" not in done.stdout
    assert run(made, "other", "--cell", "vm", "--like", made / "before").returncode == 2  # not with a case file
