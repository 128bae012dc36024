# SPDX-License-Identifier: Apache-2.0
"""Emulated quotes before verifiers and certificate readers that nobody here wrote. `make test-full` runs it.

The verifiers fetch the emulated platform's collateral from `tception pccs` themselves and are told another root, nothing else.
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import tception
from emulated import ask, certificates, quote_in, service, tdreport

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


def verdicts(modules, quote, authority, root, profile="UpToDate"):
    with service("pccs", "--port", 0, "--profile", profile, "--state-dir", authority) as said:
        url = re.search(r"http://\S+?:\d+", said)[0]
        done = subprocess.run(["node", HERE / "verify.js", url, quote, root], timeout=300, capture_output=True, text=True,
                              check=False, env={**os.environ, "VERIFIERS": str(modules), "no_proxy": "127.0.0.1"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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


def launched_before_update():
    """A report of a TD whose module was replaced by a newer one since: TEE_TCB_SVN2 is higher than TEE_TCB_SVN."""
    report = bytearray(tdreport())
    report[265], report[384:386] = 1, b"\1\1"
    report[32:80] = hashlib.sha384(report[256:495]).digest()
    return bytes(report)


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles(modules, tmp_path, profile):
    """Each state of a platform that the emulation plays, before a verifier that nobody here wrote and before ours."""
    authority, quote = tmp_path / "authority", tmp_path / "quote.bin"
    with service("qgs", "--any-report", "--state-dir", authority, "--socket", tmp_path / "socket", "--quote-version", 5,
                 "--root", tmp_path / "root.pem"):
        quote.write_bytes(ask(tmp_path / "socket", launched_before_update() if profile == "TDRelaunchAdvised" else tdreport()))
    theirs, ours = PROFILES[profile]
    assert verdicts(modules, quote, authority, tmp_path / "root.pem", profile)["js"] == theirs
    trust = tmp_path / "trust"
    assert tception("td", "trust", trust, "--state-dir", authority, "--profile", profile).returncode == 0
    done = tception("quote", "verify", "--root", trust / "root.pem", "--collateral", trust / "collateral.json", "--policy",
                    trust / "policy.json", quote)
    if ours is None:
        assert done.returncode == 0 and "UpToDate" in done.stdout
        return
    because = re.findall(r"^  because +(.*)$", done.stdout, re.M)
    assert done.returncode == 1 and because and re.search(rf"\b{ours}\b", because[0]), done.stdout


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
