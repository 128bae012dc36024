# SPDX-License-Identifier: Apache-2.0
"""The harness inside a plain VM: nested SVM gives it a real /dev/kvm, so `-accel kvm` is exercised."""
import subprocess

import pytest

from conftest import TOP, result


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    out = tmp_path_factory.mktemp("nested")
    done = subprocess.run([TOP / "scripts/nested-run", out], capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return out


def test_inner_run_passed(nested):
    assert (nested / "run.out").read_text().rstrip().endswith("exit 0"), (nested / "run.out").read_text()
    cell, = result(nested / "results")["cells"]
    assert cell["outcome"] == "pass", cell


def test_inner_qemu_used_kvm(nested):
    run = result(nested / "results", "run.json")
    for boot in run["boots"]:
        argv = boot["argv"]
        assert argv[argv.index("-accel") + 1].split(",")[0] == "kvm", argv


def test_doctor_says_why(nested):
    said = [line.split(None, 2) for line in (nested / "doctor.out").read_text().splitlines()]
    kvm, = [words for words in said if words[0] == "kvm"]
    assert kvm[1] == "yes" and "-accel kvm" in kvm[2], kvm
