# SPDX-License-Identifier: Apache-2.0
"""Emulated quotes before verifiers and certificate readers that nobody here wrote. `make test-full` runs it.

The verifiers fetch the emulated platform's collateral from `tception pccs` themselves and are told another root, nothing else.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import types

import pytest

from conftest import tception
from emulated import certificates, quote_in, service
from td_common import Td, compiled

HERE = pathlib.Path(__file__).resolve().parent / "verifiers"


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """The pinned npm packages, installed; skips where npm's registry can't be reached."""
    folder = tmp_path_factory.mktemp("npm")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, timeout=600,
                          capture_output=True, text=True, check=False)
    if done.returncode and re.search("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH", done.stderr):
        pytest.skip("npm's registry can't be reached")
    assert done.returncode == 0, done.stderr
    return folder


@contextlib.contextmanager
def pccs(authority, profile="UpToDate"):
    with service("pccs", "--port", 0, "--profile", profile, "--state-dir", authority) as said:
        yield re.search(r"http://\S+?:\d+", said)[0]


def theirs(modules, url, quote, root):
    done = subprocess.run(["node", HERE / "verify.js", url, quote, root], timeout=300, capture_output=True, text=True,
                          check=False, env={**os.environ, "VERIFIERS": str(modules), "no_proxy": "127.0.0.1"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def verdicts(modules, quote, authority, root, profile="UpToDate"):
    with pccs(authority, profile) as url:
        return theirs(modules, url, quote, root)


@pytest.mark.parametrize("version", [4, 5])
def test_only_the_root_is_missing(modules, tmp_path, version):
    quote_in(tmp_path, version)
    said = verdicts(modules, tmp_path / "quote.bin", tmp_path / "authority", tmp_path / "root.pem")
    assert said["js"] == "UpToDate"
    # With Intel's root: refused for it. Its own revocation is the first that the Rust original asks for.
    assert re.fullmatch(r"refused: Failed to verify certificate chain.*", said["js_with_intels_root"])
    # That build reads no quote of version 5, genuine ones neither.
    assert said["rust_with_intels_root"] == "refused: " + ("UnknownRevocationStatus" if version == 4 else "Failed to get collateral")


def test_nothing_else_passes(modules, tmp_path):
    quote = bytearray(quote_in(tmp_path))
    quote[184] ^= 1  # MRTD
    (tmp_path / "changed.bin").write_bytes(quote)
    args = (tmp_path / "authority", tmp_path / "root.pem")
    assert verdicts(modules, tmp_path / "changed.bin", *args)["js"].startswith("refused: ")
    (tmp_path / "other").mkdir()
    quote_in(tmp_path / "other")
    other = (tmp_path / "other" / "authority", tmp_path / "other" / "root.pem")
    assert verdicts(modules, tmp_path / "quote.bin", args[0], other[1])["js"].startswith("refused: ")
    assert verdicts(modules, tmp_path / "quote.bin", other[0], args[1])["js"].startswith("refused: ")


# ---- quotes of trust domains that run -------------------------------------------------------------------------------

PROFILES = {  # -> what dcap-qvl says; the rule by which ours refuses, None: it accepts
    "UpToDate": ("UpToDate", None),
    "SWHardeningNeeded": ("SWHardeningNeeded", "SWHardeningNeeded"),
    "ConfigurationNeeded": ("ConfigurationNeeded", "ConfigurationNeeded"),
    "ConfigurationAndSWHardeningNeeded": ("ConfigurationAndSWHardeningNeeded", "ConfigurationAndSWHardeningNeeded"),
    "OutOfDate": ("OutOfDate", "OutOfDate"),
    "OutOfDateConfigurationNeeded": ("OutOfDateConfigurationNeeded", "OutOfDateConfigurationNeeded"),
    "Revoked": ("refused: TCB status is invalid: Revoked", "Revoked"),
    "PCKRevoked": ("refused: Certificate is revoked", "revoked"),
    "Expired": ("refused: TCBInfo expired", "expired"),
    # dcap-qvl 0.3.9 looks at no TDX module's identity: an old module is UpToDate to it, and no relaunch is advised.
    "TDRelaunchAdvised": ("UpToDate", "TDRelaunchAdvised"),
}


@pytest.fixture(scope="module", name="running")
def fixture_running(tmp_path_factory):
    """Two quotes that the unchanged program got in a TD: of one as it is, of one whose module was replaced while it ran. All
    other profiles are the platform's collateral alone."""
    folder, td = tmp_path_factory.mktemp("running"), Td()
    quoter = compiled(folder)
    for started in ("UpToDate", "TDRelaunchAdvised"):
        done = td("run", "--json", "--platform", "emulated", "--profile", started, "--copy", quoter, "-o", folder / started, "--",
                  "sh", "-c", f"./quoter configfs {started} >quote", seconds=3600)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert said["emulated"] is True and said["profile"] == started
        [quote] = said["quotes"]
        assert quote["report_data"].startswith(started.encode().hex()) and quote["version"] == (5 if started != "UpToDate" else 4)
    return types.SimpleNamespace(folder=folder, authority=td.state / "tception", td=td)


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles(modules, running, tmp_path, profile):
    """Each state that the emulation's platform can be in, before a verifier that nobody here wrote and before ours; both fetch
    from the PCCS what there is of the platform, and are told another root."""
    quote = running.folder / ("TDRelaunchAdvised" if profile == "TDRelaunchAdvised" else "UpToDate") / "quote"
    assert running.td("trust", tmp_path / "trust").returncode == 0
    root, says = tmp_path / "trust/root.pem", PROFILES[profile]
    with pccs(running.authority, profile) as url:
        assert theirs(modules, url, quote, root)["js"] == says[0]
        fetched = tception("quote", "fetch", "--url", url, "--root-crl-url", f"{url}/sgx/certification/v4/rootcacrl", "-o",
                           tmp_path / "collateral", quote)
        assert fetched.returncode == 0, fetched.stderr
    shipped = ("quote", "verify", "--collateral", tmp_path / "collateral", "--policy", tmp_path / "trust/policy.json")
    done = tception(*shipped, "--root", root, quote)
    if says[1] is None:
        assert done.returncode == 0 and "UpToDate" in done.stdout and "origin emulated" in done.stdout
        done = tception(*shipped, quote)  # nothing else was missing
        assert done.returncode == 1 and "pck-chain-untrusted" in done.stdout
        return
    because = re.findall(r"^  because +(.*)$", done.stdout, re.M)
    assert done.returncode == 1 and because and re.search(rf"\b{says[1]}\b", because[0]), done.stdout


GO = """package main
import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)
func read(path string) *x509.Certificate {
	text, _ := os.ReadFile(path)
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil { fmt.Println(path, err); os.Exit(1) }
	return cert
}
func main() {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(read(os.Args[1]))
	between.AddCert(read(os.Args[2]))
	for _, path := range os.Args[3:] {
		_, err := read(path).Verify(x509.VerifyOptions{Roots: roots, Intermediates: between,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		if err != nil { fmt.Println(path, err); os.Exit(1) }
	}
}
"""


def test_go(tmp_path):
    quote_in(tmp_path)
    cert = certificates(tmp_path)
    (tmp_path / "main.go").write_text(GO)
    env = {**os.environ, "GOCACHE": str(tmp_path / "cache"), "GO111MODULE": "off"}
    assert subprocess.run(["go", "build", "-o", "reader", "main.go"], cwd=tmp_path, env=env, check=False, timeout=600).returncode == 0
    done = subprocess.run([tmp_path / "reader", *(cert[n] for n in ("root", "ca", "pck", "signing"))], timeout=60,
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    done = subprocess.run([tmp_path / "reader", *(cert[n] for n in ("signing", "ca", "pck"))], timeout=60,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "unknown authority" in done.stdout
