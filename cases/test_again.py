# SPDX-License-Identifier: Apache-2.0
"""A cell's evidence as files and as operands: what is written verifies by the command that is printed."""
import json
import shlex
import shutil

import pytest

from conftest import GOLDEN, tception

RUN = GOLDEN / "runs" / "layers"


def commands(said):
    return [shlex.split(line)[1:] for line in said.splitlines() if line.startswith("tception ")]


def test_extract(tmp_path):
    done = tception("extract", RUN, "td/nspawn", "-o", tmp_path / "out of it")
    assert done.returncode == 0 and "td/nspawn gave no TDREPORT" in done.stderr
    assert {f.name for f in (tmp_path / "out of it").iterdir()} == {"quote.bin", "eventlog.bin", "dmesg.txt"}
    verify, log = commands(done.stdout)
    assert tception(*verify).stdout.startswith(f"{tmp_path}/out of it/quote.bin: accepted")
    assert tception(*log).returncode == 0
    quote = tmp_path / "out of it" / "quote.bin"
    data = bytearray(quote.read_bytes())
    data[600] ^= 1
    quote.write_bytes(data)
    assert tception(*verify).returncode == 1


def test_report_data_is_of_this_cell(tmp_path):
    """The command asks for the nonce, layer and evidence of the cell: another cell's quote is refused."""
    verify = commands(tception("extract", RUN, "td/nspawn", "-o", tmp_path / "a").stdout)[0]
    tception("extract", RUN, "td", "-o", tmp_path / "b")
    shutil.copy(tmp_path / "b" / "quote.bin", tmp_path / "a" / "quote.bin")
    done = tception(*verify)
    assert done.returncode == 1 and "report_data" in done.stdout.lower() + done.stderr.lower()


def test_operands(tmp_path):
    tception("extract", RUN, "td", "-o", tmp_path)
    for verb in (("quote", "parse", "--json"),):
        assert json.loads(tception(*verb, f"{RUN}:td").stdout) == json.loads(tception(*verb, tmp_path / "quote.bin").stdout)
    assert tception("eventlog", f"{RUN}:td").stdout == tception("eventlog", tmp_path / "eventlog.bin").stdout
    assert tception("eventlog", "--tdreport", f"{RUN}:td", f"{RUN}:td").returncode == 0


@pytest.mark.parametrize("args, says", [
    ((RUN, "td/none"), "has no cell 'td/none'; 'tception list"),
    ((RUN / "nope", "td"), "no run's folder"),
])
def test_refused(args, says, tmp_path):
    done = tception("extract", *args, "-o", tmp_path / "x")
    assert (done.returncode, done.stdout) == (3, "") and says in done.stderr
    assert not (tmp_path / "x").exists()


def test_without_collateral(tmp_path):
    """A run that kept none: the command that is printed runs as it stands, and says that nothing tells the TCB."""
    shutil.copytree(RUN, tmp_path / "run", ignore=shutil.ignore_patterns("collateral"))
    verify = commands(tception("extract", tmp_path / "run", "td", "-o", tmp_path / "x").stdout)[0]
    said = tception(*verify).stdout
    assert "--collateral" not in verify and "authentic  yes" in said and "no collateral (no-collateral)" in said
