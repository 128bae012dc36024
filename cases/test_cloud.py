# SPDX-License-Identifier: Apache-2.0
"""Evidence of trust domains that clouds booted: recordings judged right, and each part of them with one bit flipped wrong."""
import base64
import datetime
import hashlib
import json
import os
import struct
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from conftest import GOLDEN, tception

CLOUD = GOLDEN / "cloud"
AT = {"azure-trustee": "2025-03-01T00:00:00Z", "azure-2025-12": "2025-12-03T00:00:00Z", "azure-2026-06": "2026-06-15T00:00:00Z"}
ROOT = CLOUD / "azure-virtual-tpm-root-2023.pem"
QUOTE, LOG = GOLDEN / "quote" / "00b2526ab190.bin", GOLDEN / "eventlog" / "cos-113.bin"
GCP_AT = "2024-08-01T00:00:00Z"


def judge(*words):
    done = tception("cloud", *words, "--json")
    answer = json.loads(done.stdout)
    return done.returncode, {row["what"]: row for row in answer["checks"]}, answer


def wrong(checks):
    return {what for what in checks if checks[what]["ok"] is False}


# ---- Azure ----

@pytest.mark.parametrize("name", AT)
def test_azure(name):
    """What can be judged holds; zero RTMRs are no agreement, and what the quote covers is said."""
    status, checks, answer = judge("azure", CLOUD / f"{name}.json", "--at", AT[name])
    assert (status, answer["holds"], wrong(checks)) == (0, True, set())
    assert {what for what in checks if checks[what]["ok"]} == {
        "quote", "chain", "hcl report", "runtime data", "same td", "ak", "tpm quote", "pcrs"}
    assert checks["registers"]["ok"] is None and "all zero" in checks["registers"]["detail"]
    assert checks["bound"]["ok"] is None and "may be an old one" in checks["bound"]["detail"]
    assert "paravisor" in answer["covers"][0] and "not the guest's firmware" in answer["covers"][0]


def test_azure_nonce():
    for nonce, ok in ((b"challenge", True), (b"challengf", False), (b"challenge0", False)):
        status, checks, _ = judge("azure", CLOUD / "azure-trustee.json", "--at", AT["azure-trustee"], "--nonce", nonce.hex())
        assert (status, checks["bound"]["ok"]) == (0 if ok else 1, ok)


def test_azure_chain(tmp_path):
    """The AK's certificate ends in Microsoft's root by the ones above it, not without them, and not in another root."""
    status, checks, _ = judge("azure", CLOUD / "azure-2026-06.json", "--at", AT["azure-2026-06"], "--root", ROOT)
    assert (status, checks["ak chain"]["ok"]) == (0, True)
    evidence = json.loads((CLOUD / "azure-2026-06.json").read_text())
    del evidence["tpm_attestation"]["ak_intermediate_certificates_pem"]
    (tmp_path / "bare.json").write_text(json.dumps(evidence))
    assert wrong(judge("azure", tmp_path / "bare.json", "--at", AT["azure-2026-06"], "--root", ROOT)[1]) == {"ak chain"}
    assert wrong(judge("azure", CLOUD / "azure-2026-06.json", "--at", "2028-01-01T00:00:00Z", "--root", ROOT)[1]) == {"ak chain"}
    other = json.loads((CLOUD / "azure-2025-12.json").read_text())["tpm_attestation"]["ak_certificate_pem"]
    (tmp_path / "other.pem").write_text(other)
    checks = judge("azure", CLOUD / "azure-2026-06.json", "--at", AT["azure-2026-06"], "--root", ROOT, "--ak-cert", tmp_path / "other.pem")[1]
    assert "another key" in checks["ak chain"]["detail"] and checks["ak chain"]["ok"] is False


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


FLIPS = {  # part -> byte, what is wrong then beside what follows from it
    "td_quote": {48 + 200: {"chain", "same td"}, 48 + 520: {"chain", "same td"}, 700: {"chain"}},
    "hcl_report": {0: {"hcl report"}, 32 + 130: {"runtime data", "ak", "same td"}, 32 + 600: {"hcl report"},
                   32 + 1184 + 20 + 900: {"runtime data", "ak"}},
    "message": {0: {"tpm quote"}, 45: {"tpm quote"}, -1: {"tpm quote"}},
    "signature": {100: {"tpm quote"}},
    "pcr": {7: {"pcrs"}},
}


@pytest.mark.parametrize("part, byte", [(part, byte) for part in FLIPS for byte in FLIPS[part]])
def test_azure_one_bit(tmp_path, part, byte):
    evidence = json.loads((CLOUD / "azure-trustee.json").read_text())
    holder, key = (evidence, part) if part in evidence else (evidence["tpm_quote"], part)
    if part == "pcr":
        holder, key = evidence["tpm_quote"]["pcrs"], 4
    is_hex = holder is not evidence
    data = bytearray(bytes.fromhex(holder[key]) if is_hex else unpadded(holder[key]))
    data[byte] ^= 1
    holder[key] = data.hex() if is_hex else base64.urlsafe_b64encode(data).decode()
    (tmp_path / "flipped.json").write_text(json.dumps(evidence))
    status, checks, answer = judge("azure", tmp_path / "flipped.json", "--at", AT["azure-trustee"])
    assert (status, answer["holds"]) == (1, False)
    assert wrong(checks) == FLIPS[part][byte]


def test_azure_snp():
    status, checks, _ = judge("azure", "--hcl", CLOUD / "kinvolk-hcl-report-snp.bin")
    assert (status, wrong(checks)) == (1, {"hcl report"})
    assert "SEV-SNP" in checks["hcl report"]["detail"]


# ---- Google ----

def test_gcp():
    status, checks, answer = judge("gcp", QUOTE, "--eventlog", LOG, "--at", GCP_AT)
    assert (status, wrong(checks)) == (0, set())
    assert checks["event log"]["detail"].endswith("events replay to RTMR0-2") and checks["event log"]["ok"]
    assert checks["firmware"]["ok"] is None and "<MRTD>.binarypb" in checks["endorsement"]["detail"]
    assert "Google's where the row firmware says yes" in answer["covers"][0]


def test_nothing_given():
    """Nothing is wrong with what is not there, and nothing holds."""
    status, checks, answer = judge("azure")
    assert (status, answer["holds"], wrong(checks)) == (1, False, set())


@pytest.mark.parametrize("byte, says", [(48 + 136, {"chain"}), (48 + 376, {"chain", "event log"})])
def test_gcp_one_bit(tmp_path, byte, says):
    data = bytearray(QUOTE.read_bytes())
    data[byte] ^= 1
    (tmp_path / "quote").write_bytes(data)
    assert wrong(judge("gcp", tmp_path / "quote", "--eventlog", LOG, "--at", GCP_AT)[1]) == says


def field(number, data):
    """protobuf: a varint, or bytes with their length."""
    def varint(n):
        return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    return varint(number << 3 | 2) + varint(len(data)) + data


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")


def certificate(name, key, issuer, signer, ca, critical=None):
    builder = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(datetime.datetime(2024, 1, 1))
            .not_valid_after(datetime.datetime(2034, 1, 1))
            .add_extension(x509.BasicConstraints(ca, None), True))
    if critical is not None:
        builder = builder.add_extension(UNKNOWN, critical)
    return builder.sign(signer, hashes.SHA256())


@pytest.fixture(scope="module")
def keys():
    root, signer = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    return root, signer, certificate("root", root, "root", root, True), certificate("signer", signer, "root", root, False)


def endorse(folder, keys, mrtd, flip=None):
    """A launch endorsement, as proto/endorsement.proto has it, and the root in PEM."""
    _, signer, root_cert, cert = keys
    tdx = field(1, 3) + field(2, field(1, 8) + field(2, 1) + field(3, b"\1" * 48)) + field(2, field(1, 16) + field(3, mrtd))
    golden = (field(1, field(1, 1700000000)) + field(2, 5) + field(4, cert.public_bytes(serialization.Encoding.DER)) +
              field(5, hashlib.sha384(b"firmware").digest()) + field(8, tdx))
    signature = signer.sign(golden, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    data = bytearray(field(1, golden) + field(2, signature))
    if flip is not None:
        data[flip] ^= 1
    (folder / "endorsement").write_bytes(data)
    (folder / "root.pem").write_bytes(root_cert.public_bytes(serialization.Encoding.PEM))
    return "--endorsement", folder / "endorsement"


def test_gcp_endorsement_before_another(tmp_path, keys):
    """The firmware of a message that nobody signed, before one that somebody did."""
    mrtd = QUOTE.read_bytes()[48 + 136:48 + 184]
    endorse(tmp_path, keys, b"\2" * 48)
    signed = (tmp_path / "endorsement").read_bytes()
    (tmp_path / "endorsement").write_bytes(field(1, field(8, field(2, field(3, mrtd)))) + signed)
    status, checks, _ = judge("gcp", QUOTE, "--at", GCP_AT, "--endorsement", tmp_path / "endorsement",
                              "--root", tmp_path / "root.pem")
    assert (status, wrong(checks)) == (1, {"endorsement"}) and "firmware" not in checks


def test_gcp_endorsement(tmp_path, keys):
    mrtd = QUOTE.read_bytes()[48 + 136:48 + 184]
    words = ("gcp", QUOTE, "--at", GCP_AT)
    endorsed = endorse(tmp_path, keys, mrtd)
    status, checks, _ = judge(*words, *endorsed, "--root", tmp_path / "root.pem")
    assert (status, checks["endorsement"]["ok"], checks["firmware"]["ok"]) == (0, True, True)
    checks = judge(*words, *endorsed)[1]  # by whoever made it
    assert (checks["endorsement"]["ok"], checks["firmware"]["ok"]) == (None, None)
    checks = judge(*words, *endorsed, "--root", ROOT)[1]  # by somebody else than Google
    assert wrong(checks) == {"endorsement"} and checks["firmware"]["ok"] is None
    assert wrong(judge(*words, *endorse(tmp_path, keys, mrtd, flip=20), "--root", tmp_path / "root.pem")[1]) >= {"endorsement"}
    assert wrong(judge(*words, *endorse(tmp_path, keys, mrtd, flip=-5), "--root", tmp_path / "root.pem")[1]) == {"endorsement"}
    assert wrong(judge(*words, *endorse(tmp_path, keys, b"\2" * 48), "--root", tmp_path / "root.pem")[1]) == {"firmware"}


@pytest.mark.parametrize("critical", [False, True])
def test_critical_extension(tmp_path, keys, critical):
    """What nobody here understands is left alone, unless the certificate says that it must not be."""
    root, signer, root_cert, _ = keys
    cert = certificate("signer", signer, "root", root, False, critical)
    mrtd = QUOTE.read_bytes()[48 + 136:48 + 184]
    checks = judge("gcp", QUOTE, "--at", GCP_AT, *endorse(tmp_path, (root, signer, root_cert, cert), mrtd),
                   "--root", tmp_path / "root.pem")[1]
    assert checks["endorsement"]["ok"] is not critical
    if critical:
        assert "unhandled critical extension" in checks["endorsement"]["detail"]


# ---- the TPM's log ----

def event(pcr, kind, data, digest=None):
    digest = digest or hashlib.sha256(data).digest()
    return struct.pack("<IIIH", pcr, kind, 1, 0xb) + digest + struct.pack("<I", len(data)) + data


SPEC = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, 1) + struct.pack("<HH", 0xb, 32) + b"\0"
HEAD = struct.pack("<II", 0, 3) + bytes(20) + struct.pack("<I", len(SPEC)) + SPEC


def test_tpm_log(tmp_path):
    """Against the recording's PCRs a log of other things is wrong, and names the PCR; a cut one is malformed."""
    (tmp_path / "log").write_bytes(HEAD + event(4, 0x80000003, b"loader"))
    words = ("azure", CLOUD / "azure-trustee.json", "--at", AT["azure-trustee"], "--eventlog", tmp_path / "log")
    checks = judge(*words)[1]
    assert wrong(checks) == {"tpm log"} and checks["tpm log"]["detail"] == "does not replay to PCR 4"
    (tmp_path / "log").write_bytes(HEAD + event(4, 0x80000003, b"loader")[:-1])
    assert "malformed" in judge(*words)[1]["tpm log"]["detail"]


# ---- a whole vTPM: swtpm, whose AK is in an HCL report of our own making ----

@pytest.fixture
def tpm(tmp_path):
    """A TPM 2.0 in software, and a function that runs one of tpm2-tools on it."""
    state = tmp_path / "state"
    state.mkdir()
    with subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--flags", "not-need-init,startup-clear",
                           "--server", f"type=unixio,path={tmp_path}/tpm", "--ctrl", f"type=unixio,path={tmp_path}/tpm.ctrl"]) as swtpm:
        def tool(*words):
            for _ in range(100):  # one client at a time: the last one may still be leaving
                done = subprocess.run([str(word) for word in words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
                                      env={**os.environ, "TPM2TOOLS_TCTI": f"swtpm:path={tmp_path}/tpm"})
                if done.returncode == 0:
                    return done.stdout
                time.sleep(0.1)
            raise AssertionError(done.stderr)
        yield tool
        swtpm.kill()


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_vtpm(tmp_path, tpm):
    """The way from REPORTDATA to the log's events, with a TPM quote over a fresh nonce; another nonce, log, PCR or key is wrong."""
    tpm("tpm2_createprimary", "-C", "e", "-G", "rsa2048:rsassa-sha256:null", "-c", "ak.ctx", "-a",
        "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign")
    tpm("tpm2_readpublic", "-c", "ak.ctx", "-f", "pem", "-o", "ak.pem")
    loaded = b"what was loaded"
    tpm("tpm2_pcrextend", f"4:sha256={hashlib.sha256(loaded).hexdigest()}")
    nonce = os.urandom(32)
    tpm("tpm2_quote", "-c", "ak.ctx", "-l", "sha256:" + ",".join(map(str, range(24))), "-q", nonce.hex(), "-g", "sha256",
        "-m", "message", "-s", "signature", "-f", "plain")
    read = tpm("tpm2_pcrread", "sha256")
    pcrs = [line.split("0x")[1].strip().lower() for line in read.splitlines() if "0x" in line]
    numbers = serialization.load_pem_public_key((tmp_path / "ak.pem").read_bytes()).public_numbers()
    runtime = json.dumps({"keys": [{"kid": "HCLAkPub", "kty": "RSA", "e": b64url(numbers.e.to_bytes(3, "big")),
                                    "n": b64url(numbers.n.to_bytes(256, "big"))}]}).encode()
    report = bytearray((GOLDEN / "tdreport" / "coco-tdx15.bin").read_bytes()[:1024])
    report[128:192] = hashlib.sha256(runtime).digest() + bytes(32)
    hcl = (b"HCLA" + struct.pack("<I", 2) + bytes(24) + bytes(report) + bytes(160) +
           struct.pack("<IIIII", 20 + len(runtime), 1, 4, 1, len(runtime)) + runtime)
    (tmp_path / "log").write_bytes(HEAD + event(4, 0x80000003, loaded))
    evidence = {"hcl_report": b64url(hcl), "tpm_quote": {
        "message": (tmp_path / "message").read_bytes().hex(), "signature": (tmp_path / "signature").read_bytes().hex(), "pcrs": pcrs}}

    def judged(log="log", given=nonce, **changes):
        (tmp_path / "evidence.json").write_text(json.dumps({**evidence, **changes}))
        return judge("azure", tmp_path / "evidence.json", "--nonce", given.hex(), "--eventlog", tmp_path / log)
    status, checks, answer = judged()
    assert (status, answer["holds"], wrong(checks)) == (1, False, set())  # a TDREPORT alone is anybody's
    assert {what for what in checks if checks[what]["ok"]} == {
        "hcl report", "runtime data", "tpm quote", "bound", "pcrs", "tpm log"}
    assert checks["ak"]["ok"] is None and "no TD quote that holds" in checks["ak"]["detail"]
    (tmp_path / "head").write_bytes(HEAD)  # which names no PCR that could be equal
    assert judged(log="head")[1]["tpm log"]["ok"] is None
    assert wrong(judged(given=os.urandom(32))[1]) == {"bound"}
    (tmp_path / "other").write_bytes(HEAD + event(4, 0x80000003, b"something else"))
    assert wrong(judged(log="other")[1]) == {"tpm log"}
    assert wrong(judged(tpm_quote={**evidence["tpm_quote"], "pcrs": pcrs[:4] + pcrs[5:] + ["00" * 32]})[1]) == {"pcrs"}
    stranger = json.loads((CLOUD / "azure-trustee.json").read_text())["hcl_report"]
    assert "tpm quote" in wrong(judged(hcl_report=stranger)[1])
