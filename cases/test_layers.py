# SPDX-License-Identifier: Apache-2.0
"""Real layers that do not behave: the cell is broken, with a reason, and the run goes on."""
import pytest

from conftest import RUN, cells, result, tception

CASES = """\
version: 1
cases:
  - {cell: vm/podman.rootful@agent=hang, expect: {grade: none}, deadline: 15, why: it never says a word}
  - {cell: vm/crun@agent=flood, expect: {grade: none}, deadline: 60, why: it never stops}
  - {cell: vm/bwrap@agent=garbage, expect: {grade: none}, deadline: 30, why: it speaks no frames}
  - {cell: vm/docker@agent=hang, expect: {grade: none}, deadline: 45, why: it never says a word}
  - {cell: vm/bwrap, expect: {grade: none, rung: device, errno: ENOENT}, why: it comes last and is well}
"""
REASONS = {
    "vm/podman.rootful@agent=hang": "deadline",
    "vm/crun@agent=flood": "it sent more than 16 MiB",
    "vm/bwrap@agent=garbage": "no frame at byte 0",
    "vm/docker@agent=hang": "deadline",
}


@pytest.fixture(scope="module", name="run")
def run_fixture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layers")
    (folder / "cases.yaml").write_text(CASES)
    done = tception(*RUN, folder / "cases.yaml", "-o", folder / "run")
    return done.returncode, result(folder / "run")["boots"], cells(folder / "run")


@pytest.mark.parametrize("cell", REASONS)
def test_broken_with_a_reason(run, cell):
    found = run[2][cell]
    assert found["outcome"] == "broken"
    assert REASONS[cell] in found["reason"]


def test_the_run_goes_on(run):
    """The layer below ends the container. Only where an engine takes long to let go of it (a tenth of the deadline is left
    for that) the host ends the layer below, and the rest of the cells get a boot of their own: after the two that hang at most."""
    status, boots, found = run
    assert status == 3
    assert found["vm/bwrap"]["outcome"] == "pass"
    assert len(boots) <= 3
