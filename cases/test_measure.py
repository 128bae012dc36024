# SPDX-License-Identifier: Apache-2.0
"""Emulated trust domains measure what was predicted, and every input shows in the registers it should.

Boots real guests. The registers are cut out of the guest's own TDREPORT by fixed offsets.
"""
import json
import shlex
import subprocess

import pytest

import machines
from conftest import FILES, REGISTERS, RUN, evidence, flipped, result, tception, write_cases


def run(folder, memories, *options):
    """Boots a TD of each size; gives their rungs and what layer 0 reported, by size in MiB."""
    cases = write_cases(folder, {f"td@mem={m}": "{grade: verified}" for m in memories})
    done = tception(*RUN, cases, "--platform", "emulated", "-o", folder / "run", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    record = result(folder / "run", "run.json")
    boots = {b["memory_mib"]: folder / "run" / "boots" / b["id"] for b in record["boots"]}
    rungs = {}
    for cell in result(folder / "run")["cells"]:
        ladder = cell["layers"][0]["ladder"]
        rungs[int(cell["id"].split("=")[1])] = {r["rung"]: r for r in ladder}
    return {m: {"rungs": rungs[m], "boot": boots[m], **evidence(boots[m])} for m in memories}


def predicted(boot):
    p = json.loads((boot / "prediction.json").read_text())
    return {"MRTD": p["mrtd"]["single_pass"], **{f"RTMR{i}": p["rtmr"][i] for i in range(3)}}


def explain(td, memory, **changed):
    """What `measure explain` says of a TD's evidence when told these inputs."""
    record = result(td["boot"].parent.parent, "run.json")
    argv = record["boots"][0]["argv"]
    inputs = {**FILES, "cmdline": argv[argv.index("-append") + 1], **changed}
    options = [f"--{name}={value}" for name, value in inputs.items()]
    done = tception("measure", "explain", "--json", "--tdreport", td["boot"] / "tdreport", "--eventlog",
                    td["boot"] / "ccel", "--memory", memory, "--acpi", td["boot"], "--qemu-version",
                    record["host"]["qemu_version"].split()[0], *options)
    rows = {row["register"]: row for row in json.loads(done.stdout)["registers"]}
    return done.returncode, rows


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return run(tmp_path_factory.mktemp("base"), [1024, 2048, 4096])


@pytest.mark.parametrize("memory", [1024, 2048, 4096])
def test_as_predicted(base, memory):
    td = base[memory]
    assert td["rungs"]["predicted"]["ok"] is True, td["rungs"]["predicted"]
    assert td["registers"] == predicted(td["boot"])
    status, rows = explain(td, memory)
    assert status == 0, rows
    assert {row["state"] for row in rows.values()} == {"same"}


def test_sizes_differ_where_they_should(base):
    """The HOB and the ACPI tables depend on the size; QEMU before 10.0 writes the initrd's address into the kernel."""
    small, middle, large = (base[m]["registers"] for m in (1024, 2048, 4096))
    assert len({small["RTMR0"], middle["RTMR0"], large["RTMR0"]}) == 3
    assert small["MRTD"] == middle["MRTD"] == large["MRTD"]
    assert small["RTMR2"] == middle["RTMR2"] == large["RTMR2"]
    assert middle["RTMR1"] == large["RTMR1"]


def test_what_qemu_writes_into_the_kernel():
    """Genuine OVMF takes the kernel as it is from QEMU 10.0 on, where that is offered; it measures QEMU's changes before."""
    def rtmr1(version):
        done = tception("measure", "rtmr", "--json", "--memory", 2048, "--cmdline", "quiet", "--qemu-version", version,
                        *(f"--{name}={value}" for name, value in FILES.items()))
        return json.loads(done.stdout)["rtmr"][1]
    assert rtmr1("7.2") == rtmr1("9.2") != rtmr1("10.0")
    assert rtmr1("10.0") == rtmr1("10.1") == rtmr1("10.2")


def free_space(firmware):
    """Erased flash behind the files of the main volume: no code, but measured."""
    return firmware.index(b"\xff" * 65536, 0x84000) + 4096


CHANGES = {  # what is changed by one byte -> where, which registers follow, what explain calls it
    "kernel": (lambda k: k.index(b"(debian-kernel@"), {"RTMR1"}, "another kernel"),  # its version text
    "initrd": (6 + 5 * 8 + 7, {"RTMR2"}, "another initrd"),  # the first file's time
    "firmware": (free_space, {"MRTD"}, "another firmware"),
    "variables": (0x40000, {"RTMR0"}, "another firmware"),  # the configuration volume is not in MRTD
}


def file_of(what):
    return "firmware" if what == "variables" else what


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """One TD with all of the changes; by their names, the files with all, and with all but one."""
    folder = tmp_path_factory.mktemp("changed")
    files, others = dict(FILES), {what: dict(FILES) for what in CHANGES}
    for what, (at, _, _) in CHANGES.items():
        name = file_of(what)
        for number, told in enumerate([files, *(others[o] for o in CHANGES if o != what)]):
            told[name] = flipped(told[name], folder / f"{name}-{what}-{number}", at)
    options = [word for name, file in files.items() for word in (f"--{name}", file)]
    return run(folder, [2048], *options)[2048], files, others


def test_all_changes(base, changed):
    td, files, _ = changed
    assert td["rungs"]["predicted"]["ok"] is True
    assert td["registers"] == predicted(td["boot"])
    assert {r for r in REGISTERS if td["registers"][r] != base[2048]["registers"][r]} == set(REGISTERS)
    assert explain(td, 2048, **files)[0] == 0


@pytest.mark.parametrize("what", CHANGES)
def test_one_byte(changed, what):
    """Told a file without this change, `explain` finds just its registers measured otherwise."""
    td, _, others = changed
    _, registers, meaning = CHANGES[what]
    status, rows = explain(td, 2048, **others[what])
    assert status == 1
    assert {r for r in rows if rows[r]["state"] == "differs"} == registers
    for register in registers:
        assert meaning in rows[register]["meaning"]


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A TD with another command line and initrd."""
    folder = tmp_path_factory.mktemp("other")
    return run(folder, [2048], "--append", "tception.test=1", "--initrd", flipped(FILES["initrd"], folder / "initrd", 53))[2048]


def test_other_command_line(base, other):
    assert other["rungs"]["predicted"]["ok"] is True
    assert other["registers"] == predicted(other["boot"])
    assert {r for r in REGISTERS if other["registers"][r] != base[2048]["registers"][r]} == {"RTMR2"}
    status, rows = explain(other, 2048, cmdline="something else")
    assert status == 1
    assert rows["RTMR2"]["first_difference"]["event"] == 0
    assert "another command line" in rows["RTMR2"]["meaning"]


def test_diff_names_the_inputs(base, other):
    """Two runs of the same cell that were started with other things."""
    first = base[2048]["boot"].parent.parent
    done = tception("diff", "--registers", first, other["boot"].parent.parent)
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert [line for line in lines if line.startswith("td@mem=2048: RTMR2: ") and line.endswith(
        ": LOADED_IMAGE::LoadOptions (cmdline, another one); Linux initrd (initrd, another one)")], lines
    assert not [line for line in lines if "RTMR0" in line or "RTMR1" in line or "MRTD" in line]
    assert tception("diff", "--registers", first, first).returncode == 0


def test_a_false_prediction_fails_the_run(base, tmp_path):
    """Judged again with the prediction of another size, a TD is not verified and the reason names the event."""
    folder = base[1024]["boot"].parent.parent
    copy = tmp_path / "run"
    subprocess.run(["cp", "-r", str(folder), str(copy)], check=True)
    boots = {m: copy / "boots" / td["boot"].name for m, td in base.items()}
    (boots[2048] / "prediction.json").write_bytes((base[1024]["boot"] / "prediction.json").read_bytes())
    done = tception("judge", copy, "--json")
    assert done.returncode == 1
    cell = next(c for c in json.loads(done.stdout)["cells"] if c["id"] == "td@mem=2048")
    rung = next(r for r in cell["layers"][0]["ladder"] if r["rung"] == "predicted")
    assert rung["ok"] is False
    assert "RTMR0 is not as predicted: TD HOB: another memory size" in rung["detail"]
    assert cell["outcome"] == "fail" and cell["layers"][0]["grade"] == "quote"


# ---- ACPI tables -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("which", machines.KNOWN)
def test_tables_without_a_boot(which, tmp_path):
    machines.known("qemu-system-x86_64", which, tmp_path)


@pytest.mark.parametrize("who", machines.OTHERS)
def test_command_lines_of_others(who, tmp_path):
    """Each is made one that starts here; what changed is told."""
    done = tception("measure", "acpi", "-o", tmp_path, "--", "qemu-system-x86_64", *shlex.split(machines.OTHERS[who]))
    assert done.returncode == 0, done.stderr
    assert {"acpi-loader", "acpi-rsdp", "acpi-tables"} <= {p.name for p in tmp_path.iterdir()}
    assert "tdx-guest" in done.stderr


@pytest.mark.parametrize("who", ["canonical", "libvirt", "dstack"])
def test_tables_of_others(who, tmp_path):
    """Those with all devices on the root bus or in its root ports are known without a boot."""
    captured, made = machines.both("qemu-system-x86_64", machines.OTHERS[who], tmp_path)
    assert captured == made
