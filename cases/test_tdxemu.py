# SPDX-License-Identifier: Apache-2.0
"""The software TDX module against a guest that wants to forge reports: where its MAC key is, what a hostile kernel
(guests/tdxemu/test/hostile.c, in place of Linux) gets out of it, and how it stops."""
import functools
import mmap
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from conftest import PATIENCE, RUN, TOP, result, run_once, start, tception, wait_for, write_cases

HOSTILE = TOP / "build" / "hostile.efi"
MODULE_MEMORY = 256 << 20  # in the RAM file, behind the TD's shared memory: harness/format/tdxemu.h
GIB4 = 4 << 30
SERVICE_ERROR = 0x8000000000000000
MAGIC = b"!HOSTILETO0RDER!"  # of struct order in hostile.c
UD, GP = 6, 13
CR, WRMSR = 28, 32  # VMX's exit reasons
VE = 0x1000  # said of a #VE, with its reason
both = pytest.mark.parametrize("exits", ["passthrough", "ve"])


def boot(folder, cell, *options):
    return start(*RUN, write_cases(folder, {cell: "{grade: verified}"}), "--platform", "emulated", "-o", folder / "run",
                 *options)


def finish(child, folder):
    """Its exit status, and what became of the one boot's first attempt: console, module.log, reason. No second is waited for."""
    wait_for(lambda: child.poll() is not None or list(folder.glob("run/boots/*.2")), seconds=300)
    child.send_signal(signal.SIGINT)
    try:
        said, _ = child.communicate(timeout=60)
    finally:
        child.kill()  # nothing where it has ended
    assert child.returncode in (0, 1, 3), said
    first = result(folder / "run", "run.json")["boots"][0]
    files = folder / "run" / "boots" / first["id"]
    return {"status": child.returncode, "reason": first["reason"], "said": said,
            "console": (files / "console.log").read_text(errors="replace"), "module": (files / "module.log").read_text()}


def lines(console):
    """The last "hostile: NAME VALUE" of each name."""
    return {name: int(value, 16) for name, value in re.findall(r"^hostile: (\S+) (0x[0-9a-f]+)\r?$", console, re.M)}


@pytest.fixture(scope="module")
def attempt(tmp_path_factory):
    @functools.cache
    def made(word, exits="passthrough", axes="@mem=1024"):
        folder = tmp_path_factory.mktemp(word)
        cell = f"td@vcpus=2@exits={exits}{axes}"
        seen = finish(boot(folder, cell, "--kernel", HOSTILE, "--append", f"hostile={word}"), folder)
        assert "hostile: begins" in seen["console"], seen
        return {**seen, **lines(seen["console"])}
    return made


# ---- the MAC key -----------------------------------------------------------------------------------------------------

def argv_of(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")


class Memory:
    """A running TD's RAM file and, from the image that QEMU loaded, the MAC key of this boot."""

    def __init__(self, child, mib):
        self.qemu = wait_for(lambda: self.find_qemu(child.pid), child)
        argv = " ".join(argv_of(self.qemu))
        self.ram = os.open(self.descriptor(argv, r"mem-path=/proc/self/fd/(\d+)"), os.O_RDWR)
        self.key = pathlib.Path(self.descriptor(argv, r"loader,file=/proc/self/fd/(\d+)")).read_bytes()[-32:]
        self.low = int(re.search(r"max-ram-below-4g=(\d+)", argv)[1])
        self.memory = mib << 20  # the TD's shared; the module's follows, then the TD's private
        self.view = mmap.mmap(self.ram, 0)

    @staticmethod
    def find_qemu(parent):
        for pid in pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            if "memory-backend-file" in " ".join(argv_of(pid)):
                return pid
        return None

    def descriptor(self, argv, pattern):
        return f"/proc/{self.qemu}/fd/{re.search(pattern, argv)[1]}"

    def close(self):
        self.view.close()
        os.close(self.ram)

    def data(self):
        """The parts of the file that were ever written."""
        end = 0
        while True:
            try:
                begin = os.lseek(self.ram, end, os.SEEK_DATA)
            except OSError:
                return
            end = os.lseek(self.ram, begin, os.SEEK_HOLE)
            yield begin, end

    def find(self, needle):
        found = []
        for begin, end in self.data():
            at = self.view.find(needle, begin, end)
            while at >= 0:
                found.append(at)
                at = self.view.find(needle, at + 1, end)
        return found

    def key_in_guest(self):
        """Offsets of the key in the TD's parts of the memory, or of any half of it."""
        return sorted(at for part in (self.key[:16], self.key[8:24], self.key[16:])
                      for at in self.find(part) if not self.of_module(at))

    def key_in_module(self):
        return [at for at in self.find(self.key) if self.of_module(at)]

    def of_module(self, at):
        return self.memory <= at < self.memory + MODULE_MEMORY

    def physical(self, offset):
        return offset if offset < self.low else offset - self.low + GIB4


def module_symbol(name):
    for line in subprocess.run(["nm", "-S", TOP / "build/tdxemu/module.elf"], check=True, capture_output=True,
                               text=True).stdout.splitlines():
        words = line.split()
        if words[-1] == name:
            return int(words[0], 16), int(words[1], 16)
    raise KeyError(name)


def in_its_place(memory):
    """One copy in all of the module's memory: in the TD's own structure."""
    at, size = module_symbol("the_td")
    found = memory.key_in_module()
    assert len(found) == 1, found
    return at <= found[0] - memory.memory < at + size


def test_key_is_not_in_linux_memory(tmp_path):
    """Searched from outside: when the guest's agent speaks first, and in what the TD leaves behind after its quotes."""
    child = boot(tmp_path, "td@mem=1024")
    memory = Memory(child, 1024)
    wait_for(lambda: any(f.stat().st_size for f in tmp_path.glob("run/boots/*/channel.bin")), child)
    assert in_its_place(memory)
    assert memory.key_in_guest() == []
    seen = finish(child, tmp_path)
    assert seen["status"] == 0, seen
    assert in_its_place(memory)
    assert memory.key_in_guest() == []
    assert memory.find(b"Linux version 6.")  # it is the right memory
    for at in 0x5003, memory.memory + MODULE_MEMORY + 0x5003:  # shared and private
        memory.view[at:at + 32] = memory.key
        assert memory.key_in_guest() == [at, at + 8, at + 16]
        memory.view[at:at + 32] = bytes(32)
    memory.close()


def test_key_is_not_in_what_a_guest_can_read(tmp_path):
    """Searched from inside by a guest that is told the key's complement; then with a copy planted. Where private and
    shared memory are one, a guest can read the most: also where QEMU's loader had put the module."""
    child = boot(tmp_path, "td@mem=512@pages=shared", "--kernel", HOSTILE, "--append", "hostile=search")
    memory = Memory(child, 512)
    order, = wait_for(lambda: [at for at in memory.find(MAGIC) if at % 4096 == 0], child)

    def put(offset, data):
        memory.view[order + offset:order + offset + len(data)] = data
    put(16, bytes(b ^ 0xff for b in memory.key))
    put(48, memory.low.to_bytes(8, "little") + (memory.memory - memory.low).to_bytes(8, "little"))
    assert memory.key_in_guest() == []
    put(64, b"\1")
    console, = tmp_path.glob("run/boots/td-1/console.log")
    wait_for(lambda: "hostile: copies" in console.read_text(errors="replace"), child)
    planted = order + 1003
    put(1003, memory.key)
    put(64, b"\2")
    wait_for(lambda: "hostile: ends" in console.read_text(errors="replace"), child)
    child.send_signal(signal.SIGINT)  # the boot would be tried again
    child.communicate(timeout=60)
    seen = lines(console.read_text(errors="replace"))
    assert seen["searched"] == memory.memory
    assert (seen["copies"], seen["copies-when-planted"]) == (0, 1)
    assert seen["found"] == memory.physical(planted)
    memory.close()


def test_module_memory_cannot_be_read(attempt):
    seen = attempt("touch")
    assert "touched" not in seen
    assert "STOP: the guest touched memory that is not its own" in seen["reason"]


@both
@pytest.mark.parametrize("report", ["flipped-mac", "other-rtmr", "no-mac", "made-up"])
def test_forged_report_gets_no_quote(attempt, report, exits):
    seen = attempt("rules", exits)
    assert seen["report"] == 0
    assert (seen["genuine"], seen["genuine-again"]) == (0, 0)
    assert seen[report] == SERVICE_ERROR


# ---- private and shared memory ---------------------------------------------------------------------------------------

ACCEPTED, MISMATCH = 0x00000b0a00000000, 0xc0000b0b00000000  # and the level: 0 is 4 KiB, 1 is 2 MiB
INVALID_REPORTMACSTRUCT = 0xc000100100000000
QEMU = int.from_bytes(b"QEMU", "little")  # what fw_cfg's item 0 is
AREA = 0x20000000


def test_a_page_is_accepted_once(attempt):
    seen = attempt("pages")
    assert (seen["accept-2m-again"], seen["accept-4k-inside"]) == (ACCEPTED | 1, ACCEPTED | 1)
    assert (seen["accept-2m-split"], seen["accept-4k-again"]) == (MISMATCH | 1, ACCEPTED | 0)
    assert seen["attributes"] == AREA + 4096


def test_conversion_loses_the_content(attempt):
    seen = attempt("pages")
    assert (seen["to-shared"], seen["shared-reads"]) == (0, 0)
    assert (seen["to-private"], seen["accept"], seen["private-reads"]) == (0, 0, 0)
    assert seen["neighbour-reads"] == 0xab


def test_devices_reach_shared_memory_only(attempt):
    seen = attempt("pages")
    assert (seen["private-after-dma"], seen["shared-after-dma"]) == (0xcc, QEMU)


def test_shared_alias_of_a_private_page(attempt):
    """As with KVM and QEMU: converted without a word, and the private content is gone for good."""
    seen = attempt("pages")
    assert seen["alias-reads"] == 0
    assert f"private memory is touched as shared, and converted: {AREA + 4 * 4096:#x}" in seen["module"]
    assert "private-then-reads" not in seen
    assert f"not accepted: {AREA + 4 * 4096:#x}" in seen["module"]
    assert "STOP: the guest used private memory before accepting it" in seen["reason"]


def test_memory_that_was_never_accepted(attempt):
    seen = attempt("pending", axes="@mem=3072")
    assert "pending-reads" not in seen
    assert "STOP: the guest used private memory before accepting it" in seen["reason"]


def test_pending_memory_with_ve(tmp_path):
    """ATTRIBUTES without SEPT_VE_DISABLE: the guest is told where it was, and goes on."""
    subprocess.run([TOP / "guests/tdxemu/run-td", "--out", tmp_path, "--attributes", "0", "--flags", "2",
                    "--memory", "3072", "--seconds", str(280 * PATIENCE), "--kernel", HOSTILE, "--append", "hostile=pending"],
                   check=True, stdin=subprocess.DEVNULL, capture_output=True)
    seen = lines((tmp_path / "console.log").read_text(errors="replace"))
    where = GIB4 + 0x10000008
    assert (seen["pending"], seen["reason"]) == (20, 48)
    # a read; the linear address is valid, the page is its own and writable by the page tables
    assert seen["qualification"] == 1 << 10 | 1 << 8 | 1 << 7 | 1
    assert (seen["linear"], seen["physical"]) == (where, where)
    assert (seen["accept-2m"], seen["pending-reads"]) == (0, 0)


def test_pages_of_the_fast_profile(attempt):
    """@pages=shared has no states: what its name says, and what README says of it."""
    seen = attempt("pages", axes="@mem=1024@pages=shared")
    assert {seen[name] for name in ("accept-2m-again", "accept-4k-inside", "accept-2m-split", "to-shared")} == {0}
    assert (seen["shared-reads"], seen["private-reads"], seen["private-then-reads"]) == (0xaa, 0xbb, 0xdd)
    assert seen["private-after-dma"] & 0xffffffff == QEMU


def test_local_attestation(attempt):
    seen = attempt("pages")
    assert (seen["verify"], seen["verify-flipped"]) == (0, INVALID_REPORTMACSTRUCT)


def test_notice_of_a_quote(attempt):
    seen = attempt("pages")
    assert (seen["notify"], seen["asked"], seen["told-status"], seen["notices"]) == (0, 0, 0, 1)


# ---- the CPU ---------------------------------------------------------------------------------------------------------

@both
@pytest.mark.parametrize("way", ["msr", "vmcall-msr", "vmcall-mmio", "vmcall-msi"])
def test_no_init_and_sipi(attempt, way, exits):
    """A CPU woken in real mode would run outside the TD."""
    seen = attempt("rules", exits)
    assert seen["still-here"] == 1
    assert seen[f"escaped-by-{way}"] == 0


@both
def test_no_xapic(attempt, exits):
    seen = attempt("rules", exits)
    assert "escaped-by-page" not in seen
    assert "STOP: the guest touched the xAPIC, which a TD has not" in seen["reason"]


@pytest.mark.parametrize("exits, io", [("passthrough", 0), ("ve", VE | 30)])
def test_what_faults(attempt, exits, io):
    """SVM is out of reach, and @exits=ve makes #VE of port I/O too."""
    seen = attempt("rules", exits)
    assert {seen[insn] for insn in ("vmrun", "vmmcall", "clgi", "stgi")} == {UD}
    assert {seen[register] for register in ("efer", "apicbase", "hsave", "vm-cr")} == {VE | WRMSR}
    assert seen["io"] == io
    assert io == 0 or seen["io-qualification"] == 0x80 << 16 | 1 << 6  # out, one byte, the port in the instruction


@both
def test_control_registers(attempt, exits):
    """As Intel's module answers them, and none of them ends the TD."""
    seen = attempt("rules", exits)
    assert {seen[what] for what in ("cr4-vmxe", "cr4-mce", "cr0-cd", "cr0-real")} == {VE | CR}
    assert {seen[what] for what in ("cr4-pks", "cr4-high", "cr0-ne", "cr0-pe", "cr3-high", "dr7-high", "xcr0-pkru")} == {GP}
    assert {seen[what] for what in ("cr4-tsd", "cr4-back", "cr4-osxsave", "cr0-am")} == {0}
    assert (seen["cr4-tsd-set"], seen["lmsw-em"]) == (1, 1)


@both
def test_instructions(attempt, exits):
    """#VE for what the VMM may be asked, with VMX's exit reasons; #UD and #GP for the rest."""
    seen = attempt("rules", exits)
    reasons = {"wbinvd": 54, "invd": 13, "vmcall-itself": 18, "monitor": 39, "mwait": 36}
    assert {insn: seen[insn] for insn in reasons} == {insn: VE | reason for insn, reason in reasons.items()}
    assert {seen[insn] for insn in ("vmxoff", "lock-tdcall", "repne-tdcall")} == {UD}
    assert {seen[insn] for insn in ("femms", "pfadd", "extrq")} == {UD}  # AMD's 3DNow! and SSE4A
    assert seen["rdpmc"] == GP
    assert {seen[what] for what in ("ve-rf", "gp-rf", "ud-rf")} == {1}  # as each fault saves it
    assert seen["steps"] == 1
    assert seen["interrupts"] == 4


@both
def test_registers_of_a_vmcall(attempt, exits):
    """KVM makes its TDs with NO_RBP_MOD; XMM registers may be exposed."""
    seen = attempt("rules", exits)
    assert (seen["vmcall-rbp"], seen["vmcall-xmm"]) == (0xc000010000000001, 0)


@both
def test_instructions_that_qemu_lacks(attempt, exits):
    seen = attempt("rules", exits)
    assert {seen[insn] for insn in ("cmpxchg16b", "cmpxchg16b-other", "movdiri", "movdir64b")} == {1}
    assert seen["invpcid"] == 0
    assert {seen[insn] for insn in ("cmpxchg16b-odd", "invpcid-type")} == {GP}


@both
def test_nmi_is_the_guests(attempt, exits):
    seen = attempt("rules", exits)
    assert seen["nmis"] == 1
    assert seen["halt"] == 0


def test_fault_in_the_module_is_named(tmp_path):
    """A module whose TDCALL is an undefined instruction: no silent reset."""
    image = bytearray((TOP / "build/tdxemu.bin").read_bytes())
    at = image.index((TOP / "build/tdxemu/module.bin").read_bytes()) + module_symbol("td_call")[0]
    image[at:at + 2] = b"\x0f\x0b"
    (tmp_path / "module").write_bytes(image)
    seen = finish(boot(tmp_path, "td@mem=1024", "--module", tmp_path / "module"), tmp_path)
    assert "tdxemu: exception 0x6 at 0x" in seen["module"]
    assert "QEMU ended with exit status 3" in seen["reason"]
    assert "STOP: a fault in the module itself" in seen["reason"]


# ---- the module's other shapes, with Linux ---------------------------------------------------------------------------

def test_shapes():
    status, said, folder = run_once("cases/tdxemu.yaml", "tdxemu")
    assert status == 0, said
    for boot in result(folder, "run.json")["boots"]:
        said = (folder / "boots" / boot["id"] / "layer0.jsonl").read_text()
        assert f"smpboot: Total of {boot['vcpus']} processors activated" in said


def test_container_image_of_x86_64_v3(tmp_path):
    """The agent, which is all of a container's image, its formats built for x86-64-v3 and all of it marked so: its C library
    ends it at its start where CPUID shows less, as those of other distributions do."""
    shutil.copytree(TOP / "build/agent-obj", tmp_path / "v3/agent-obj", copy_function=shutil.copy2)
    shutil.rmtree(tmp_path / "v3/agent-obj/harness")
    shutil.copy2(TOP / "build/.setup.stamp", tmp_path / "v3")
    subprocess.run(["make", "-s", "CC=gcc -march=x86-64-v3 -Wl,-z,x86-64-v3", f"B={tmp_path}/v3", f"{tmp_path}/v3/initrd.cpio"],
                   cwd=TOP, check=True, stdin=subprocess.DEVNULL, timeout=600)
    notes = subprocess.run(["readelf", "-n", tmp_path / "v3/agent"], check=True, capture_output=True, text=True).stdout
    assert re.search(r"x86 ISA needed:.*x86-64-v3", notes), notes
    cases = write_cases(tmp_path, {"td/crun": "{grade: none, kvm: no-cpu}", "vm/crun": "{grade: none}"})
    done = tception(*RUN, cases, "--platform", "emulated", "-o", tmp_path / "run",
                    env={**os.environ, "TCEPTION_INITRD": str(tmp_path / "v3/initrd.cpio")})
    assert done.returncode == 0, done.stdout + done.stderr
