# SPDX-License-Identifier: Apache-2.0
"""Quotes that were judged wrongly once, each with what is right: what Intel's own library says, or the form it came in."""
import json
import re
import urllib.parse

import pytest

from conftest import GOLDEN, told as tception

FOLDER = GOLDEN / "quotes"
WRONG = json.loads((FOLDER / "expected.json").read_text())
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.S)
BUNDLE = json.loads((GOLDEN / "collateral" / "86e3287e.json").read_text())  # a genuine platform's, of 2026-06
QUOTE = GOLDEN / "quote" / "fefa572273e5.bin"
AT = 1782215795


def verify(*args):
    status, out, err = tception("quote", "verify", "--json", *args)
    return status, json.loads(out), err


@pytest.mark.parametrize("case", WRONG, ids=lambda c: f"{c['quote']}-{c['collateral']}{'-policy' if 'policy' in c else ''}")
def test_made_up(case, tmp_path):
    (tmp_path / "policy.json").write_text(json.dumps(case.get("policy", {})))
    status, said, _ = verify(FOLDER / case["quote"], "--collateral", FOLDER / case["collateral"], "--root", FOLDER / "root.pem",
                             "--at", "2026-05-15T00:00:00Z", "--policy", tmp_path / "policy.json")
    assert {k: said[k] for k in case["expected"]} == case["expected"]
    assert status == (0 if case["expected"]["accepted"] else 1)
    if "refusals" in case:
        assert [r["code"] for r in said["refusals"]] == case["refusals"]


def test_made_up_without_their_root():
    for case in WRONG:
        _, said, _ = verify(FOLDER / case["quote"], "--collateral", FOLDER / case["collateral"], "--at", "2026-05-15T00:00:00Z")
        assert (said["accepted"], said["authentic"], said["reason_code"]) == (False, False, "pck-chain-untrusted")


# ---- genuine collateral, in the forms that people have it in ----

def body(member, key):
    return f'{{"{key}":{BUNDLE[member]},"signature":"{BUNDLE[f"{member}_signature"]}"}}'


def answers(before=""):
    """What Intel's service says, by the names of files; headers of others may stand before its own."""
    chain = urllib.parse.quote(BUNDLE["tcb_info_issuer_chain"])
    pck_chain = urllib.parse.quote(BUNDLE["pck_crl_issuer_chain"])
    head = f"{before}HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    return {
        "tcb": (f"{head}TCB-Info-Issuer-Chain: {chain}\r\n\r\n" + body("tcb_info", "tcbInfo")).encode(),
        "qe": (f"{head}SGX-Enclave-Identity-Issuer-Chain: {chain}\r\n\r\n" + body("qe_identity", "enclaveIdentity")).encode(),
        "pckcrl": f"{head}SGX-PCK-CRL-Issuer-Chain: {pck_chain}\r\n\r\n".encode() + bytes.fromhex(BUNDLE["pck_crl"]),
        "rootcrl": f"{head}\r\n".encode() + bytes.fromhex(BUNDLE["root_ca_crl"]),
    }


@pytest.mark.parametrize("before", [
    "", "HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.0 200 Connection established\r\nProxy-agent: x\r\n\r\nHTTP/1.1 301 Moved Permanently\r\nLocation: https://x/\r\n\r\n",
], ids=["alone", "proxy", "continue", "redirect"])
def test_header_blocks(tmp_path, before):
    for name, data in answers(before).items():
        (tmp_path / name).write_bytes(data)
    status, said, _ = verify(QUOTE, "--collateral", tmp_path, "--at", AT)
    assert (status, said["status"], said["tcb_evaluation_data_number"]) == (0, "UpToDate", 19)


SIGNERS = {"old": PEM.findall(json.loads((GOLDEN / "collateral" / "7f029eab.json").read_text())["tcb_info_issuer_chain"])[0],
           "new": PEM.findall(BUNDLE["tcb_info_issuer_chain"])[0]}


@pytest.mark.parametrize("names", [{"old": "a", "new": "z"}, {"old": "z", "new": "a"}, {"old": "m0", "new": "m1"}],
                         ids=["old-first", "new-first", "in-between"])
def test_signing_certificate_issued_again(tmp_path, names):
    """Intel's of 2018 and of 2025 have one key, name and number: the order of files decides nothing."""
    assert SIGNERS["old"] != SIGNERS["new"]
    for name, data in (("l", body("tcb_info", "tcbInfo").encode()), ("n", body("qe_identity", "enclaveIdentity").encode()),
                       ("o", bytes.fromhex(BUNDLE["pck_crl"])), ("p", bytes.fromhex(BUNDLE["root_ca_crl"]))):
        (tmp_path / name).write_bytes(data)
    for signer, name in names.items():
        (tmp_path / f"{name}.pem").write_text(SIGNERS[signer])
    status, said, _ = verify(QUOTE, "--collateral", tmp_path, "--at", AT)
    assert (status, said["status"]) == (0, "UpToDate")
    (tmp_path / f"{names['new']}.pem").unlink()
    status, said, _ = verify(QUOTE, "--collateral", tmp_path, "--at", AT)
    assert (status, said["reason_code"]) == (1, "tcb-signing-expired") and "valid 2018-05-21 to 2025-05-21" in said["reason"]
