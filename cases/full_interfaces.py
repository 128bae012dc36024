# SPDX-License-Identifier: Apache-2.0
"""The kernel's attestation interfaces at their edges, on both kernels, held against the table of results/INTERFACES.md."""
import functools
import re

import pytest

from conftest import CACHE, TOP, scratch
from td_common import Td, compiled

TABLE = [[cell.strip() for cell in line.strip("|\n").split("|")]
         for line in (TOP / "results" / "INTERFACES.md").read_text().splitlines() if line.startswith("| ")]
KERNELS = TABLE[0][1:]


@functools.cache
def said(kernel):
    """Lines of the program in a TD of this kernel."""
    if kernel == "backports" and not (CACHE / "vmlinuz-backports").exists():
        pytest.skip("the image has no second kernel")
    td, program = Td(), compiled(scratch("interfaces-"), "interfaces")
    done = td("run", "--name", "edges", "--platform", "emulated", "--kernel", kernel, "--network", "none", "--copy", program,
              "--", "./interfaces")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def name(kernel):
    return kernel.strip("`")


def test_table():
    assert [name(k) for k in KERNELS] == ["trixie", "backports"] and len(TABLE) > 25


@pytest.mark.parametrize("row", TABLE[1:], ids=lambda row: row[0])
@pytest.mark.parametrize("kernel", KERNELS, ids=name)
def test_row(kernel, row):
    found = dict(line.split(": ", 1) for line in said(name(kernel)) if not line.startswith("#"))
    expected = row[1 + KERNELS.index(kernel)]
    assert found.get(row[0], "–") == expected


@pytest.mark.parametrize("kernel", KERNELS, ids=name)
def test_nothing_more(kernel):
    """Every line has its row."""
    found = {line.split(": ", 1)[0] for line in said(name(kernel)) if not line.startswith("#")}
    assert found <= {row[0] for row in TABLE[1:]}


def test_a_second_each():
    """The newer driver looks for the answer once a second, whoever asked: a bound from below, which a busy machine keeps."""
    line = next(line for line in said("backports") if line.startswith("#"))
    quotes, busy, seconds = re.fullmatch(r"# 3 asked at once: (\d) quotes, (\d) EBUSY, ([\d.]+) s", line).groups()
    assert (quotes, busy) == ("3", "0") and float(seconds) >= 2.5
