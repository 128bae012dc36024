# SPDX-License-Identifier: Apache-2.0
"""The conformance program: its forms, its tables beside Intel's, its verdict in a run, two of its reports."""
import json
import re
import subprocess

import pytest

from channel import FACT, Folder
from conftest import GOLDEN, TOP, cells, rung, run_once, tception

PROGRAM = TOP / "build" / "conformance"
SOURCE = TOP / "guests" / "conformance"
REPORTS = GOLDEN / "conformance"
CELL = "td@exits=ve@vcpus=2/conformance"
REGISTERS = ["EAX", "EBX", "ECX", "EDX"]
NOT_HERE = {"cpuid-1-ecx", "cpuid-7-ebx", "cpuid-xsave"}  # no PCID, SHA, XSAVEC, XSAVES: guests/tdxemu/README.md


# ---- the program, on a machine that is no trust domain ----------------------------------------------------------------

def ktap(text):
    """The rows of KTAP as {name: (state, what comes after)}; its form is held on the way."""
    lines = text.splitlines()
    assert lines[0] == "KTAP version 1"
    plan, = (int(line[3:]) for line in lines if line.startswith("1.."))
    rows = [re.fullmatch(r"(ok|not ok) (\d+) (\S+)(?: # (SKIP|TIMEOUT) ?(.*))?", line)
            for line in lines if not line.startswith("#") and not line.startswith(("KTAP", "1.."))]
    assert all(rows) and [int(row[2]) for row in rows] == list(range(1, plan + 1))
    return {row[3]: ("skip" if row[4] == "SKIP" else "pass" if row[1] == "ok" else "fail", row[5]) for row in rows}


def test_elsewhere():
    """Without a TD one row fails, no other was looked at, and both forms say the same."""
    done = subprocess.run([PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    if "GenuineIntel" in done.stdout and "ok 1 cpuid-tdx\n" in done.stdout.replace("not ok 1", ""):
        pytest.skip("this machine is a trust domain")
    assert done.returncode == 1 and done.stderr == ""
    rows = ktap(done.stdout)
    assert rows.pop("cpuid-tdx")[0] == "fail" and {state for state, _ in rows.values()} == {"skip"}
    asjson = subprocess.run([PROGRAM, "--json"], capture_output=True, text=True, timeout=60, check=False)
    report = json.loads(asjson.stdout)
    assert asjson.returncode == 1 and {row["name"]: row["state"] for row in report["rows"][1:]} == {n: s for n, (s, _) in rows.items()}
    for row in report["rows"]:
        assert set(row) == {"name", "state", "saw", "says", "source"} and row["says"] and row["source"]


@pytest.mark.parametrize("args, status", [(["--nope"], 2), (["more"], 2), (["--help"], 0)], ids=["option", "word", "help"])
def test_usage(args, status):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status and "usage: conformance [--json] [--extend]" in done.stdout + done.stderr


def test_is_static():
    said = subprocess.run(["readelf", "-lW", PROGRAM], capture_output=True, text=True, check=True).stdout
    assert "INTERP" not in said and "DYNAMIC" not in said


# ---- its tables beside Intel's ----------------------------------------------------------------------------------------

def golden_cpuid():
    """(leaf, subleaf) -> per register the bits that are 1 in every TD, and those that are 0."""
    table = {}
    for line in (GOLDEN / "tdx-module" / "cpuid").read_text().splitlines():
        word = [int(w, 0) for w in line.split()]
        one, zero, mask, value = (word[4 + 4 * i:8 + 4 * i] for i in range(4))
        table[word[0], word[1]] = [(one[r] | mask[r] & value[r] & ~zero[r], zero[r]) for r in range(4)]
    return table


def value_of(expression):
    return eval(re.sub(r"(\d)u\b", r"\1", expression), {"__builtins__": {}})  # pylint: disable=eval-used


def test_cpuid_rows():
    table, seen = golden_cpuid(), 0
    text = re.sub(r"\s+", " ", (SOURCE / "cpu.c").read_text().split("rows[] =")[1])
    for leaf, subleaf, register, one, zero, names in re.findall(
            r'BITS\((\w+), (\w+), (E.X), ([^,]+), ([^,]+), ((?:"[^"]*" ?)+)\)', text):
        leaf, one, zero = int(leaf, 0), value_of(one), value_of(zero)
        row = table.get((leaf, int(subleaf, 0)), table.get((leaf, 0xffffffff)))[REGISTERS.index(register)]
        assert one & ~row[0] == 0, f"leaf {leaf:#x} {register}: {one & ~row[0]:#x} is not 1 in every TD"
        assert zero & ~row[1] == 0 or leaf == 0x80000001 and zero == 4, f"leaf {leaf:#x} {register}: {zero & ~row[1]:#x} is not 0"
        bits = sum(1 << int(bit) for bit in re.findall(r"\w+:(\d+)", names))
        assert bits == one | zero or leaf == 0x12, f"leaf {leaf:#x} {register}: a bit without a name"
        seen += 1
    assert seen == len(re.findall(r"BITS\(\w+, ", text)) > 10


def test_msr_rows():
    table = {}
    for line in (GOLDEN / "tdx-module" / "msrs").read_text().splitlines():
        first, last, read, _ = line.split()
        table.update(dict.fromkeys(range(int(first, 0), int(last, 0) + 1), read))
    rows = re.findall(r"MSR\(\.number = (\w+)(, \.works = true)?", (SOURCE / "kernel.c").read_text())
    assert len(rows) > 8
    for number, works in rows:
        if int(number, 0) == 0x1b:  # #VE: the VMM's to answer
            assert int(number, 0) not in table
        else:
            assert table[int(number, 0)] == ("native" if works else "gp"), number


# ---- in a run ---------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def emulated():
    """The run with such a cell that test_tdxemu.py looks at too."""
    status, said, folder = run_once("cases/tdxemu.yaml", "tdxemu")
    assert status == 0, said
    return folder


def rows_of(*args):
    return json.loads(tception("conformance", "--json", *args).stdout)["rows"]


def test_emulated_td(emulated):
    """Every row that a TD on hardware passes, but for what this CPU has not."""
    layer = cells(emulated)[CELL]["layers"][1]
    told, rows = rung(layer, "conforms"), rows_of(emulated)
    assert {name for name, row in rows.items() if row["state"] == "fail"} == NOT_HERE
    assert told["ok"] is False and all(name in told["detail"] for name in NOT_HERE)
    assert rung(cells(emulated)[CELL]["layers"][0], "conforms")["ok"] is None
    looked = {name for name, row in rows.items() if row["state"] == "pass"}
    assert looked >= {"quote-registers", "ccel-rtmr2", "msr-smm", "mmio-program", "insn-port-program", "tsc-order"}
    assert len(looked) > 75


def test_a_failing_row_is_a_verdict(emulated, tmp_path):
    """One row changed in the evidence: it is named. REPORTDATA tells that it was changed."""
    def fail(frames):
        frames.change(FACT, {"probe": "conformance"},
                      lambda fact: next(r for r in fact["report"]["rows"] if r["name"] == "report-data").update(state="fail"))
    folder = Folder(emulated, tmp_path / "copy")
    folder.edit_child(CELL, fail)
    tception("judge", folder.path)
    layer = cells(folder.path)[CELL]["layers"][1]
    assert "report-data" in rung(layer, "conforms")["detail"] and rung(layer, "bound")["ok"] is False


def test_without_the_program_s_report(emulated, tmp_path):
    def drop(frames):
        frames.change(FACT, {"probe": "conformance"}, lambda fact: fact.update(probe="another"))
    folder = Folder(emulated, tmp_path / "copy")
    folder.edit_child(CELL, drop)
    tception("judge", folder.path)
    cell = cells(folder.path)[CELL]
    assert cell["outcome"] == "broken" and "no report of the conformance program" in cell["reason"]


# ---- two reports ------------------------------------------------------------------------------------------------------

def test_compare(emulated, tmp_path):
    """A run beside a machine's report: the same, and with a row that turned."""
    report = json.loads((REPORTS / "emulated-ve.json").read_text())
    machine = tmp_path / "machine.json"
    for row in report["rows"]:
        if row["name"] in NOT_HERE:  # as a machine has it
            row["state"], row["saw"] = "pass", "0xffffffff"
    machine.write_text(json.dumps(report))
    done = tception("conformance", emulated, machine)
    assert done.returncode == 1 and {line.split(":")[0] for line in done.stdout.splitlines() if ": fail -> pass" in line} == NOT_HERE
    assert tception("conformance", machine, machine).returncode == 0
    same = json.loads(tception("conformance", "--json", emulated, machine).stdout)
    assert same["differs"] is True and {row["name"] for row in same["rows"] if row["same"] is False} == NOT_HERE


def test_profiles():
    """What `passthrough` lets a program do that hardware does not."""
    done = tception("conformance", REPORTS / "emulated-ve.json", REPORTS / "emulated-passthrough.json")
    assert done.returncode == 1
    assert {line.split(":")[0] for line in done.stdout.splitlines() if ": pass -> fail" in line} == {"insn-port-program", "mmio-program"}


@pytest.mark.parametrize("text, says", [
    ("{}", "no report of 'conformance --json'"), ("", "no report of 'conformance --json'"),
    ('{"schema_version": 1, "program": "conformance", "rows": []}', "without rows"),
], ids=["object", "empty", "rows"])
def test_bad_report(tmp_path, text, says):
    (tmp_path / "report").write_text(text)
    done = tception("conformance", tmp_path / "report")
    assert done.returncode == 2 and says in done.stderr and str(tmp_path / "report") in done.stderr and done.stderr.count("\n") == 1


def test_run_without_it():
    done = tception("conformance", GOLDEN / "runs" / "layers")
    assert done.returncode == 3 and "no cell that ends in /conformance" in done.stderr
