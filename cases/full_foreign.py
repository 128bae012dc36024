# SPDX-License-Identifier: Apache-2.0
"""Programs that nobody here wrote, in a trust domain, by what they say of it. `make test-full` runs it.

They come from Debian's mirror: the kernel's TDX selftest from the source of the very kernels that the guests boot, google's
go-tdx-guest, virt-what and cpuid; systemd's are in the guest image.
"""
import base64
import os
import pathlib
import re
import shutil
import subprocess
import types

import pytest

from conftest import CACHE, TOP, debs, scratch, tception
from emulated import quote_in
from td_common import Td
from test_grub import member

KERNELS = {"trixie": "kernel.release", "backports": "kernel-backports.release"}
SUITES = {"trixie": "trixie", "backports": "trixie-backports"}
GO = ["golang-1.24-go", "golang-1.24-src"]
GO_TDX = ["golang-github-google-go-tdx-guest-dev", "golang-github-google-go-configfs-tsm-dev", "golang-github-google-logger-dev",
          "golang-github-google-go-cmp-dev", "golang-go.uber-multierr-dev", "golang-golang-x-crypto-dev", "golang-golang-x-sys-dev",
          "golang-google-protobuf-dev", "golang-github-google-uuid-dev"]
REPORT_DATA = 568  # in a quote: behind its header of 48 bytes
QUOTED = bytes(range(64))


# ---- where they come from ---------------------------------------------------------------------------------------------

def unpacked(folder, release, *packages):
    """These packages' files below a folder; skips where Debian's mirror has them not."""
    if not debs(folder / "debs", release, *packages):
        pytest.skip(f"{' '.join(packages)} of {release} not to be had")
    for deb in (folder / "debs").glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)
        deb.unlink()
    return folder


def kernel_source(folder, kernel):
    """What the selftest is made of, from the source package of the guest's kernel: the same version, or the newest of its line."""
    release = (CACHE / KERNELS[kernel]).read_text().strip()
    version = re.search(rf"^linux-image-{re.escape(release)} (\S+)", (CACHE / "packages.manifest").read_text(), re.M)[1]
    name = "linux-source-" + re.match(r"\d+\.\d+", release)[0]
    if not debs(folder, SUITES[kernel], f"{name}={version}") and not debs(folder, SUITES[kernel], name):
        pytest.skip(f"{name} is not to be had")
    tar = folder / "linux.tar.xz"
    tar.write_bytes(member(next(folder.glob("*.deb")), f"./usr/src/{name}.tar.xz"))
    subprocess.run(["tar", "-xf", tar, "-C", folder, "--strip-components=1", "--wildcards", f"{name}/include/uapi/linux/tdx-guest.h",
                    f"{name}/tools/testing/selftests/tdx", f"{name}/tools/testing/selftests/kselftest*.h"], check=True, timeout=900)
    tar.unlink()
    return folder


def selftest(folder, kernel):
    """tools/testing/selftests/tdx, built with the flags of its Makefile; returns the program."""
    tree = kernel_source(folder, kernel)
    tests, program = tree / "tools/testing/selftests", folder / "tdx_guest_test"
    subprocess.run(["gcc", "-O3", "-Wall", "-static", "-I", tree / "include/uapi", "-I", tests, "-o", program,
                    tests / "tdx/tdx_guest_test.c"], check=True, timeout=300)
    return program


@pytest.fixture(scope="module", name="go")
def fixture_go():
    """`go build` with go-tdx-guest and what it needs as Debian packs them, whatever Go this machine has."""
    root = unpacked(unpacked(scratch("foreign-go-"), "trixie", *GO), "forky", *GO_TDX)
    home, library = root / "usr/lib/go-1.24", root / "usr/share/gocode"
    # Debian's package has go-tdx-guest's verifier without the root that it is to embed: any will do, the callers name theirs.
    shutil.copy(TOP / "cases/golden/runs/layers/root.pem", library / "src/github.com/google/go-tdx-guest/verify/trusted_root.pem")
    env = {**os.environ, "GOROOT": str(home), "GOPATH": str(library), "GO111MODULE": "off", "CGO_ENABLED": "0",
           "GOCACHE": str(root / "cache"), "GOTOOLCHAIN": "local"}

    def build(name, what):
        subprocess.run([home / "bin/go", "build", "-o", root / name, what], env=env, cwd=root, check=True, timeout=1800)
        return root / name
    return build


@pytest.fixture(scope="module", name="tools")
def fixture_tools():
    return unpacked(scratch("foreign-tools-"), "trixie", "virt-what", "cpuid")


# ---- the trust domains --------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module", params=list(KERNELS), name="td")
def fixture_td(request):
    """One that runs, by each kernel: programs are copied into it as they are needed."""
    kernel, td = request.param, Td()
    if not (CACHE / KERNELS[kernel]).exists():
        pytest.skip(f"no kernel of {kernel} in the guest image")
    done = td("up", "foreign", "--platform", "emulated", "--kernel", kernel)
    assert done.returncode == 0, done.stderr
    yield types.SimpleNamespace(call=td, env=td.env, kernel=kernel)
    assert td("down", "foreign").returncode == 0


def in_td(td, *args, copy=()):
    """Exit status and output of a program there."""
    copies = [word for path in copy for word in ("--copy", path)]
    done = td.call("exec", *copies, "foreign", "--", *args)
    return done.returncode, done.stdout + done.stderr


def test_kernel_selftest(td, tmp_path):
    program = selftest(tmp_path, td.kernel)
    status, said = in_td(td, "./tdx_guest_test", copy=[program])
    assert status == 0 and re.search(r"^ok 1 .*verify_report$", said, re.M) and "fail:0" in said, said
    if not pathlib.Path("/dev/tdx_guest").exists():
        here = subprocess.run([program], capture_output=True, text=True, check=False, timeout=60)
        assert here.returncode != 0 and "not ok 1" in here.stdout


def test_systemd_says_tdx(td):
    assert in_td(td, "systemd-detect-virt", "--cvm") == (0, "tdx\n")
    assert in_td(td, "systemd-detect-virt") == (0, "kvm\n")
    assert in_td(td, "systemd-analyze", "condition", "ConditionSecurity=cvm")[0] == 0
    assert in_td(td, "systemd-analyze", "condition", "ConditionSecurity=!cvm")[0] == 1


def test_others_say_tdx(td, tools):
    assert in_td(td, "./virt-what-cvm", copy=[tools / "usr/sbin/virt-what-cvm"]) == (0, "intel-tdx\n")
    status, said = in_td(td, "./cpuid", "-1", "-l", "0x21", copy=[tools / "usr/bin/cpuid"])
    assert status == 0 and re.search('= "IntelTDX    "$', said, re.M), said


def test_go_attests(td, go, tmp_path):
    """A quote by google's own program, with its REPORTDATA; accepted once our root is known."""
    attest = go("attest", "github.com/google/go-tdx-guest/tools/attest")
    status, said = in_td(td, "sh", "-c", f"./attest -inform hex -in {QUOTED.hex()} -out quote 2>&1 && base64 quote >coded", copy=[attest])
    assert status == 0, said
    status, said = in_td(td, "cat", "coded")
    quote, trust = tmp_path / "quote.bin", tmp_path / "trust"
    quote.write_bytes(base64.b64decode(said))
    assert quote.read_bytes()[REPORT_DATA:].startswith(QUOTED)
    assert td.call("trust", trust).returncode == 0
    args = ("quote", "verify", "--collateral", trust / "collateral.json", "--policy", trust / "policy.json")
    assert tception(*args, "--root", trust / "root.pem", quote).returncode == 0
    assert tception(*args, quote).returncode == 1


def test_go_refuses_for_the_root(go, tmp_path):
    """google's verifier knows its root by name: that is all that it finds wrong, and of a quote cut short something else."""
    quote_in(tmp_path)
    verify = go("verify", TOP / "cases/verifiers/verify.go")

    def says(path):
        return subprocess.run([verify, path, tmp_path / "root.pem"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "Expected \"Intel SGX Root CA\"" in says(tmp_path / "quote.bin")
    (tmp_path / "short.bin").write_bytes((tmp_path / "quote.bin").read_bytes()[:1000])
    assert "could not convert raw bytes" in says(tmp_path / "short.bin")
