# SPDX-License-Identifier: Apache-2.0
"""A run like an earlier one, and one of its cells again: by what run.json kept. A stand-in boots, see test_faults.py."""
import json
import shlex

import pytest

from conftest import GOLDEN, result, tception
from test_faults import STANDIN, environment, run


@pytest.fixture(name="folder")
def first(tmp_path):
    assert run(tmp_path, "--boot-deadline", "77").returncode == 0
    return tmp_path


def replay(folder, cell, *args, **more):
    return tception("replay", folder / "run", cell, "-o", folder / "again", *args, env=environment(folder, **more))


def printed(said):
    return [shlex.split(line) for line in said.splitlines() if line.startswith(("tception ", STANDIN, "standin"))]


def test_same(folder):
    """QEMU's command, the layer's, the run's; then the cell alone, with the same cases and options."""
    done = replay(folder, "vm/docker")
    assert done.returncode == 0, done.stdout + done.stderr
    machine, layer, whole = printed(done.stdout)
    assert machine == result(folder / "run", "run.json")["boots"][0]["argv"] and layer == ["standin"]
    assert whole == ["tception", "run", "--like", str(folder / "run"), "--cell", "vm/docker", "-o", str(folder / "again")]
    assert done.stdout.endswith("the same verdict\n")
    after = result(folder / "again", "run.json")
    assert (folder / "again" / "cases.yaml").read_text() == (folder / "run" / "cases.yaml").read_text()
    assert [(len(b["steps"]), b["boot_deadline_s"]) for b in after["boots"]] == [(1, 77)]
    assert [c["id"] for c in result(folder / "again")["cells"]] == ["vm/docker"]


def test_what_is_printed_runs(folder):
    done = replay(folder, "vm/docker", "--print")
    assert done.returncode == 0 and not (folder / "again").exists()
    whole = printed(done.stdout)[-1]
    assert tception(*whole[1:], env=environment(folder)).returncode == 0
    assert [c["id"] for c in result(folder / "again")["cells"]] == ["vm/docker"]


def test_differs(folder):
    done = replay(folder, "vm/docker", TCEPTION_STANDIN="vm/docker=kvm-works")
    assert done.returncode == 1 and done.stdout.endswith("vm/docker: kvm: no-node -> works\n")


def test_broken(folder):
    done = replay(folder, "vm/docker", TCEPTION_STANDIN="vm/docker=panic")
    assert done.returncode == 3 and "vm/docker: outcome: pass -> broken\n" in done.stdout


def test_like_is_kept(folder):
    """A run like another can itself be gone on with and be like another; options given here go over those."""
    done = tception("run", "--like", folder / "run", "--cell", "vm", "--boot-deadline", "66", "-o", folder / "b",
                    env=environment(folder))
    assert done.returncode == 0, done.stderr
    words = result(folder / "b", "run.json")["command"]["words"]
    assert "--like" not in words and words[-2:] == ["-o", str(folder / "b")]
    assert tception("run", "--resume", folder / "b", env=environment(folder)).returncode == 0
    assert tception("run", "--like", folder / "b", "-o", folder / "c", env=environment(folder)).returncode == 0
    assert {b["boot_deadline_s"] for b in result(folder / "c", "run.json")["boots"]} == {66}
    assert len(result(folder / "c")["cells"]) == 4  # --cell is of each run


@pytest.mark.parametrize("args, code, says", [
    (("replay", GOLDEN / "runs" / "layers", "td/none"), 3, "has no cell 'td/none'"),
    (("replay", GOLDEN / "runs" / "layers", "td"), 3, "did not keep how it was begun"),
    (("replay", GOLDEN / "runs" / "layers"), 2, "no CELL"),
    (("run", "--like", "/nonexistent"), 3, "/nonexistent: No such file or directory"),
    (("run", "--like", GOLDEN, "cases/full.yaml"), 2, "--like takes the cases of the run that it names"),
])
def test_refused(args, code, says, tmp_path):
    done = tception(*args, "-o", tmp_path / "x")
    assert done.returncode == code and says in done.stderr
    assert not (tmp_path / "x").exists()


def test_in_the_way(folder):
    """A folder that holds a run is not written to, and nothing is compared with it."""
    done = tception("replay", folder / "run", "vm", "-o", folder / "run", env=environment(folder))
    assert done.returncode == 3 and "holds a run already" in done.stderr and not done.stdout


def test_diff_says_what_else(folder):
    """Where a verdict differs: the host's and the case file's differences behind it; where none does, nothing of them."""
    assert replay(folder, "vm/docker").returncode == 0
    record = result(folder / "again", "run.json")
    record["host"] |= {"kernel": "9.9.9", "qemu_version": "77"}
    (folder / "again" / "run.json").write_text(json.dumps(record))
    first, second = folder / "run", folder / "again"
    cases = (second / "cases.yaml").read_text().replace("vm/docker, expect: {grade: none}", "vm/docker, expect: {grade: none, kvm: works}")
    for cell in ("vm, ", "vm/podman.rootful", "vm/podman.rootless"):  # the run has it not: neither should the other
        assert cell in cases
    done = tception("diff", "--json", first, second)
    said = json.loads(done.stdout)
    assert done.returncode == 1 and {d["what"] for d in said["differences"]} == {"cell"}
    assert {(d["layer"], d["what"], d["after"]) for d in said["environment"]} == {("host", "QEMU", "77"), ("host", "kernel", "9.9.9")}
    (second / "cases.yaml").write_text(cases)
    done = tception("diff", first, second)
    verdicts, _, others = done.stdout.partition("\nwhat else differs, and may be why:\n")
    assert "vm/docker: outcome: pass -> fail" in verdicts and "host: kernel: " in others
    assert "vm/docker: expected: entered, grade none -> entered, grade none, kvm works\n" in others
    assert tception("diff", first, first).stdout == ""
