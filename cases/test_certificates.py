# SPDX-License-Identifier: Apache-2.0
"""Certificates of the emulated platform before readers that nobody here wrote: OpenSSL, GnuTLS, NSS."""
import subprocess

import pytest

from emulated import certificates, quote_in

MARKER = "1.2.840.113556.1.8000.2554.54049.44905.29137.17053.44758.15039451.11243351.1"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    quote_in(folder)
    return folder, certificates(folder)


def run(*args, stdin=""):
    return subprocess.run([*map(str, args)], input=stdin, capture_output=True, text=True, timeout=60, check=False)


def flipped(path):
    """The certificate with another signature: what every check below must notice."""
    lines = path.read_text().splitlines()
    lines[-3] = lines[-3][:20] + ("A" if lines[-3][20] != "A" else "B") + lines[-3][21:]
    other = path.with_name(f"flipped-{path.name}")
    other.write_text("\n".join(lines) + "\n")
    return other


def test_openssl(made):
    _, cert = made
    for name, between in (("pck", ["-untrusted", cert["ca"]]), ("signing", [])):
        args = ("openssl", "verify", "-x509_strict", "-CAfile", cert["root"], *between)
        assert run(*args, cert[name]).returncode == 0
        assert run(*args, flipped(cert[name])).returncode != 0
        text = run("openssl", "x509", "-noout", "-text", "-in", cert[name]).stdout
        assert MARKER in text and "EMULATED" in text


def test_gnutls(made):
    _, cert = made
    for name, between in (("pck", cert["ca"].read_text()), ("signing", "")):
        verify = ("certtool", "--verify", "--verify-profile", "medium", "--load-ca-certificate", cert["root"])
        assert run(*verify, stdin=cert[name].read_text() + between).returncode == 0
        assert run(*verify, stdin=flipped(cert[name]).read_text() + between).returncode != 0
        shown = run("certtool", "--certificate-info", "--infile", cert[name])
        assert shown.returncode == 0 and MARKER in shown.stdout


def test_nss(made):
    folder, cert = made
    store = f"sql:{folder / 'nss'}"
    (folder / "nss").mkdir()
    assert run("certutil", "-N", "-d", store, "--empty-password").returncode == 0
    for name, trust in (("root", "CT,C,C"), ("ca", ",,"), ("pck", ",,"), ("signing", ",,")):
        assert run("certutil", "-A", "-d", store, "-n", name, "-t", trust, "-i", cert[name]).returncode == 0, name
    for name in ("pck", "signing"):
        assert "is valid" in run("certutil", "-V", "-d", store, "-n", name, "-u", "C", "-e").stdout
    run("certutil", "-M", "-d", store, "-n", "root", "-t", ",,")
    assert "is valid" not in run("certutil", "-V", "-d", store, "-n", "pck", "-u", "C", "-e").stdout
