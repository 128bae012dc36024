# SPDX-License-Identifier: Apache-2.0
"""Tokens of `quote verify --token` before a reader that nobody here wrote: PyJWT, over python3-cryptography."""
import base64
import datetime
import hashlib
import json
import subprocess

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from conftest import GOLDEN, told as tception
from emulated import quote_in

QUOTE = GOLDEN / "quote" / "9c3786b9b3d6.bin"  # UpToDate by this bundle
OLD = GOLDEN / "quote" / "00b2526ab190.bin"  # OutOfDate by it
BUNDLE = ("--collateral", GOLDEN / "collateral" / "60c2bf34.json", "--at", 1770801952)
MRTD = json.loads((GOLDEN / "quote" / "facts.json").read_text())[QUOTE.name]["mr_td"]


def openssl(*args):
    return subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=60).stdout


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """A private key's file and its public key."""
    file = tmp_path_factory.mktemp("key") / "key.pem"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file)
    return file, load_pem_public_key(openssl("pkey", "-in", file, "-pubout"))


def decoded(token, public):
    """Claims of a token whose signature holds; its time is the collateral's and long past."""
    return jwt.decode(token, public, algorithms=["ES256"], options={"verify_exp": False})


def tokens(key, *args):
    status, out, err = tception("quote", "verify", "--token", "--key", key[0], *args)
    return status, [decoded(line, key[1]) for line in out.splitlines()], err


def appraisal(key, *args, name="tdx"):
    status, claims, _ = tokens(key, *args)
    assert len(claims) == 1 and list(claims[0]["submods"]) == [name]
    return status, claims[0]["submods"][name]


def test_claims(key):
    before = int(datetime.datetime.now().timestamp())
    status, (claims,), _ = tokens(key, *BUNDLE, QUOTE)
    said = json.loads(tception("quote", "verify", "--json", *BUNDLE, QUOTE)[1])
    assert status == 0 and before <= claims["iat"] <= before + 600
    expiry = datetime.datetime.strptime(said["collateral"]["next_expiry"], "%Y-%m-%dT%H:%M:%S%z")
    assert claims["exp"] == expiry.timestamp()
    assert {k: claims[k] for k in claims if k not in ("iat", "exp", "submods")} == {
        "eat_profile": "tag:ietf.org,2026:rats/ear#04", "ear_verifier_id": {"developer": "tception", "build": "tception 0.1"}}
    tdx = claims["submods"]["tdx"]
    assert tdx["ear_status"] == "affirming"
    assert tdx["ear_trustworthiness_vector"] == {"instance-identity": 2, "hardware": 2}
    assert tdx["ear_attester_claims"] == {**said.pop("measurements"), "dbgstat": "disabled-since-boot"}
    assert tdx["ear_verifier_claims"] == {**said, "emulated": False}
    assert "ear_appraisal_policy_ids" not in tdx


def test_signature(key, tmp_path):
    """One byte of what is signed, another key, no signature: PyJWT takes none of them."""
    token = tception("quote", "verify", "--token", "--key", key[0], *BUNDLE, QUOTE)[1].strip()
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT"}
    decoded(token, key[1])
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(token, key[1], algorithms=["ES256"])
    header, payload, _ = token.split(".")
    for wrong in (token.replace(payload, payload[:99] + ("A" if payload[99] != "A" else "B") + payload[100:]),
                  f"{header}.{payload}."):
        with pytest.raises(jwt.InvalidTokenError):
            decoded(wrong, key[1])
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", tmp_path / "other.pem")
    other = tception("quote", "verify", "--token", "--key", tmp_path / "other.pem", *BUNDLE, QUOTE)[1].strip()
    with pytest.raises(jwt.InvalidSignatureError):
        decoded(other, key[1])


def test_unsigned(key):
    status, out, _ = tception("quote", "verify", "--token", "--unsigned", *BUNDLE, QUOTE)
    token = out.strip()
    assert status == 0 and token.endswith(".") and jwt.get_unverified_header(token)["alg"] == "none"
    with pytest.raises(jwt.InvalidTokenError):
        decoded(token, key[1])
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["submods"]["tdx"]["ear_status"] == "affirming"


OUT_OF_DATE = {"accepted_statuses": ["OutOfDate"]}


@pytest.mark.parametrize("quote, policy, args, status, tier, vector", [
    (OLD, {}, BUNDLE, 1, "contraindicated", {"instance-identity": 2, "hardware": 32}),
    (OLD, OUT_OF_DATE, BUNDLE, 0, "warning", {"instance-identity": 2, "hardware": 32}),
    (QUOTE, {"mrtd": MRTD}, BUNDLE, 0, "affirming", {"instance-identity": 2, "hardware": 2, "executables": 3}),
    (QUOTE, {"images": [{"mrtd": "ab" * 48}]}, BUNDLE, 1, "contraindicated",
     {"instance-identity": 2, "hardware": 2, "executables": 33}),
    (QUOTE, {"accepted_statuses": ["NotEvaluated"]}, BUNDLE[2:], 0, "none", {}),
    (QUOTE, {}, BUNDLE[2:], 1, "contraindicated", {}),
], ids=["out-of-date", "accepted-out-of-date", "mrtd", "other-image", "not-evaluated", "no-collateral"])
def test_status(key, tmp_path, quote, policy, args, status, tier, vector):
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy))
    code, tdx = appraisal(key, *args, "--policy", file, quote)
    assert (code, tdx["ear_status"], tdx["ear_trustworthiness_vector"]) == (status, tier, vector)
    digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).rstrip(b"=").decode()
    assert tdx["ear_appraisal_policy_ids"] == [f"ni:///sha-256;{digest}"]


def test_unauthentic(key, tmp_path):
    """What a forged quote says is not passed on."""
    data = bytearray(QUOTE.read_bytes())
    data[200] ^= 1
    (tmp_path / "forged").write_bytes(data)
    status, tdx = appraisal(key, *BUNDLE, tmp_path / "forged")
    assert (status, tdx["ear_status"]) == (1, "contraindicated")
    assert set(tdx["ear_trustworthiness_vector"].values()) == {99} and "ear_attester_claims" not in tdx
    assert tdx["ear_verifier_claims"]["reason_code"] == "quote-signature"


def test_emulated(key, tmp_path):
    """Accepted, and nevertheless no hardware: the token says so wherever somebody may look."""
    quote_in(tmp_path)
    args = ("--collateral", tmp_path / "bundle.json", "--root", tmp_path / "root.pem", tmp_path / "quote.bin")
    status, said = appraisal(key, *args, name="emulated-tdx")
    assert status == 0 and said["ear_verifier_claims"]["accepted"]
    assert (said["ear_status"], said["ear_trustworthiness_vector"]["hardware"]) == ("contraindicated", 97)
    assert said["ear_verifier_claims"]["emulated"] is True and said["ear_verifier_claims"]["origin"] == "emulated"


def test_batch(key, tmp_path):
    """A line for each quote, in order; none for what is no quote."""
    for name, data in (("a", QUOTE.read_bytes()), ("b", b"hello"), ("c", OLD.read_bytes())):
        (tmp_path / name).write_bytes(data)
    status, claims, err = tokens(key, *BUNDLE, "--batch", "-j", 2, tmp_path)
    assert status == 1 and f"{tmp_path}/b: no token: " in err
    assert [c["submods"]["tdx"]["ear_verifier_claims"]["file"] for c in claims] == [f"{tmp_path}/a", f"{tmp_path}/c"]


@pytest.mark.parametrize("args, said", [
    (("--token",), "--key=FILE to sign it with, or --unsigned"),
    (("--token", "--unsigned", "--key", "KEY"), "--key=FILE to sign it with, or --unsigned"),
    (("--token", "--unsigned", "--json"), "--token or --json"),
    (("--unsigned",), "are of --token"),
    (("--key", "KEY"), "are of --token"),
    (("--token", "--key", "/nonexistent"), "No such file"),
    (("--token", "--key", "P-384"), "not a key on P-256"),
    (("--token", "--key", "PUBLIC"), "not a private key in PEM"),
    (("--token", "--key", "LOCKED"), "not a private key in PEM, or one with a password"),
], ids=["neither", "both", "json", "unsigned-alone", "key-alone", "absent", "other-curve", "public", "password"])
def test_refused(key, tmp_path, args, said):
    files = {name: tmp_path / name for name in ("P-384", "PUBLIC", "LOCKED")} | {"KEY": key[0]}
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", files["P-384"])
    openssl("pkey", "-in", key[0], "-pubout", "-out", files["PUBLIC"])
    openssl("pkcs8", "-topk8", "-in", key[0], "-passout", "pass:x", "-out", files["LOCKED"])
    status, out, err = tception("quote", "verify", *(files.get(a, a) for a in args), *BUNDLE, QUOTE)
    assert status == 2 and said in err and "eyJ" not in out
