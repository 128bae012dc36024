# SPDX-License-Identifier: Apache-2.0
"""Reference values: from predictions to documents and back to a verdict, and by readers that are not ours.

The prediction and the quote are those of one emulated boot of the golden runs, made apart from each other. A foreign
CBOR reader takes the CoRIMs apart, OpenSSL checks their signature.
"""
import base64
import hashlib
import json
import subprocess

import cbor2
import pytest

from channel import REPORT, Frames
from conftest import GOLDEN, tception

RUN = GOLDEN / "runs/measured"
BOOT = RUN / "boots/td-1"
WHEN = json.loads((RUN / "run.json").read_text())["started"]
SHA384 = 7  # Named Information Hash Algorithm Registry
RTMR2 = 472  # in a quote of version 4


def ec_key(folder, name):
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private], check=True)
    subprocess.run(["openssl", "ec", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private, public


def reference(form, *args, code=0):
    done = tception("measure", "reference", "-f", form, *args)
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.fixture
def prediction():
    return json.loads((BOOT / "prediction.json").read_text())


@pytest.fixture
def quote(tmp_path):
    frames = Frames.parse((BOOT / "channel.bin").read_bytes())
    reports = [json.loads(p) for kind, _, p in frames if kind == REPORT]
    found = [base64.b64decode(r["data"]) for r in reports if r["interface"] == "configfs"]
    (tmp_path / "quote").write_bytes(found[0])
    return tmp_path / "quote"


@pytest.fixture
def other(tmp_path, prediction):
    """The prediction of another kernel: its last event of RTMR2 differs."""
    event = [e for e in prediction["events"] if e["rtmr"] == 2][-1]
    event["digest"] = "11" * 48
    register = bytes(48)
    for e in prediction["events"]:
        if e["rtmr"] == 2:
            register = hashlib.sha384(register + bytes.fromhex(e["digest"])).digest()
    prediction["rtmr"][2] = register.hex()
    (tmp_path / "B.json").write_text(json.dumps(prediction))
    return tmp_path / "B.json"


def verify(quote, *args):
    done = tception("quote", "verify", "--json", "--root", RUN / "root.pem", "--collateral", RUN / "collateral/emulated.json",
                    "--at", WHEN, *args, quote)
    return done.returncode, json.loads(done.stdout)


FORMS = ["json", "corim", "policy"]


@pytest.mark.parametrize("form", FORMS)
def test_round_trip(tmp_path, quote, other, form):
    """One of two alternatives is right; the other alone is not."""
    option = "--policy" if form == "policy" else "--reference"
    both, wrong = tmp_path / "both", tmp_path / "wrong"
    reference(form, "-o", both, other, BOOT / "prediction.json")
    reference(form, "-o", wrong, other)
    assert verify(quote, option, both)[0] == 0
    code, said = verify(quote, option, wrong)
    assert code == 1 and "images" in json.dumps(said)
    changed = bytearray(quote.read_bytes())
    changed[RTMR2] ^= 1
    quote.write_bytes(changed)
    assert verify(quote, option, both)[0] == 1


def test_many_documents(tmp_path, quote, other):
    """Each --reference adds alternatives; a policy's own images beside them are refused."""
    reference("corim", "-o", tmp_path / "a", other)
    reference("json", "-o", tmp_path / "b", BOOT / "prediction.json")
    assert verify(quote, "--reference", tmp_path / "a", "--reference", tmp_path / "b")[0] == 0
    reference("policy", "-o", tmp_path / "p", other)
    code, said = verify(quote, "--policy", tmp_path / "p", "--reference", tmp_path / "b")
    assert code == 2 and "images of its own" in json.dumps(said)


def comids(document):
    """The CoMIDs of an unsigned CoRIM, by draft-ietf-rats-corim-10 sections 4.1 and 5.1."""
    corim = cbor2.loads(document)
    assert corim.tag == 501 and set(corim.value) == {0, 1} and isinstance(corim.value[0], str)
    for tag in corim.value[1]:
        assert tag.tag == 506
        yield cbor2.loads(tag.value)


def test_another_reader(tmp_path, prediction, other):
    """What cbor2 finds by the keys of the draft is what was predicted."""
    reference("corim", "-o", tmp_path / "c", BOOT / "prediction.json", other)
    first, second = comids((tmp_path / "c").read_bytes())
    assert (first[1], second[1]) == ({0: "prediction"}, {0: "B"})
    true = json.loads((BOOT / "prediction.json").read_text())
    for comid, p in ((first, true), (second, prediction)):
        assert set(comid) == {1, 4} and set(comid[4]) == {0}
        seen = []
        for environment, (mrtd, rtmr) in comid[4][0]:
            assert set(environment) == {0} and set(environment[0]) == {1, 2}
            assert (mrtd[0], rtmr[0]) == ("mrtd", "rtmr")
            [[algorithm, value]] = mrtd[1][2]
            assert algorithm == SHA384
            seen.append(value.hex())
            assert rtmr[1] == {14: {i: [[SHA384, bytes.fromhex(p["rtmr"][i])]] for i in range(3)}}
        assert seen == [p["mrtd"]["single_pass"], p["mrtd"]["two_pass"]]


def test_signed(tmp_path, quote):
    private, public = ec_key(tmp_path, "signer")
    _, stranger = ec_key(tmp_path, "stranger")
    signed, plain = tmp_path / "signed", tmp_path / "plain"
    reference("corim", "-o", signed, "--key", private, "--signer", "ACME", BOOT / "prediction.json")
    reference("corim", "-o", plain, BOOT / "prediction.json")
    assert verify(quote, "--reference", signed, "--reference-key", public)[0] == 0
    for args, says in (((signed, "--reference-key", stranger), "the signature is wrong"), ((signed,), "give its signer's key"),
                       ((plain, "--reference-key", public), "not signed")):
        code, said = verify(quote, "--reference", *args)
        assert code == 2 and says in json.dumps(said)

    sign1 = cbor2.loads(signed.read_bytes())
    assert sign1.tag == 18
    header, unprotected, payload, signature = sign1.value
    assert payload == plain.read_bytes() and unprotected == {}
    header_map = cbor2.loads(header)
    assert header_map[1] == -7 and header_map[3] == "application/rim+cbor"
    assert cbor2.loads(header_map[8]) == {0: {0: "ACME"}}
    check_by_openssl(tmp_path, public, cbor2.dumps(["Signature1", header, b"", payload]), signature)

    for at in (60, len(signed.read_bytes()) - 1):
        damaged = bytearray(signed.read_bytes())
        damaged[at] ^= 1
        (tmp_path / "damaged").write_bytes(damaged)
        assert verify(quote, "--reference", tmp_path / "damaged", "--reference-key", public)[0] == 2


def check_by_openssl(folder, public, what, signature):
    def number(b):
        b = b.lstrip(b"\0")
        b = b"\0" + b if b[0] & 0x80 else b
        return b"\2" + bytes([len(b)]) + b
    body = number(signature[:32]) + number(signature[32:])
    (folder / "what").write_bytes(what)
    (folder / "der").write_bytes(b"\x30" + bytes([len(body)]) + body)
    subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature", folder / "der", folder / "what"], check=True)


def corim(*triples, tags=None):
    comid = {1: {0: "made"}, 4: {0: [[{0: {1: "x"}}, t] for t in triples]}}
    return cbor2.dumps(cbor2.CBORTag(501, {0: "id", 1: tags or [cbor2.CBORTag(506, cbor2.dumps(comid))]}))


MRTD = {0: "mrtd", 1: {2: [[SHA384, bytes(48)]]}}
REFUSED = {
    "empty": (b"", "damaged"),
    "cut": (corim([MRTD])[:-1], "damaged"),
    "behind": (corim([MRTD]) + b"\0", "damaged"),
    "other": (cbor2.dumps({1: 2}), "damaged, or something else"),
    "deep": (b"\x81" * 100000, "damaged"),
    "svn": (corim([{0: "mrtd", 1: {1: 5}}]), "neither MRTD nor an RTMR"),
    "more": (corim([{0: "mrtd", 1: {**MRTD[1], 1: 5}}]), "neither MRTD nor an RTMR"),
    "by-others": (corim([{**MRTD, 2: []}]), "neither MRTD nor an RTMR"),
    "element": (corim([{0: "kernel", 1: MRTD[1]}]), "neither MRTD nor an RTMR"),
    "sha256": (corim([{0: "mrtd", 1: {2: [[1, bytes(32)]]}}]), "without one digest of SHA-384"),
    "short": (corim([{0: "mrtd", 1: {2: [[SHA384, bytes(47)]]}}]), "without one digest of SHA-384"),
    "twice": (corim([MRTD, MRTD]), "without one digest of SHA-384"),
    "register": (corim([{1: {14: {4: [[SHA384, bytes(48)]]}}}]), "that a TD has not"),
    "nothing": (corim([]), "without measurements"),
    "no-triples": (corim(), "without reference values"),
    "coswid": (corim(tags=[cbor2.CBORTag(505, b"")]), "without reference values"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(tmp_path, quote, what):
    data, says = REFUSED[what]
    (tmp_path / "c").write_bytes(data)
    done = tception("quote", "verify", "--reference", tmp_path / "c", quote)
    assert done.returncode == 2 and done.stdout == ""
    assert says in done.stderr and done.stderr.count("\n") == 1


def test_unknown_registers(tmp_path, quote, prediction):
    """A register that is not known is no register that may be anything, unless that is asked for."""
    prediction["rtmr"][0], prediction["unknown"][0], prediction["complete"][0] = None, "no tables", False
    (tmp_path / "P.json").write_text(json.dumps(prediction))
    done = tception("measure", "reference", tmp_path / "P.json")
    assert done.returncode == 2 and "P: RTMR0 is not known (no tables)" in done.stderr and "--partial" in done.stderr
    for form in FORMS[:2]:
        reference(form, "--partial", "-o", tmp_path / "r", tmp_path / "P.json")
        assert verify(quote, "--reference", tmp_path / "r")[0] == 0
    done = tception("measure", "reference", "-f", "rego", "--partial", tmp_path / "P.json")
    assert "concat(\":\", [body.mr_td, body.rtmr_1, body.rtmr_2])" in done.stdout
    done = tception("measure", "reference", "-f", "rvps", "--partial", tmp_path / "P.json", BOOT / "prediction.json")
    assert done.returncode == 2 and "do not know the same registers" in done.stderr


def test_trustee(prediction, other):
    """Lists by the names that Trustee's own policy asks for, and one of values that hold together."""
    message = json.loads(reference("rvps", BOOT / "prediction.json", other))
    assert (message["version"], message["type"]) == ("0.1.0", "sample")
    values = json.loads(base64.b64decode(message["payload"]))
    true = json.loads((BOOT / "prediction.json").read_text())
    orders = list(true["mrtd"].values())
    assert values["mr_td"] == orders
    assert values["rtmr_1"] == [true["rtmr"][1]]
    assert values["rtmr_2"] == [true["rtmr"][2], prediction["rtmr"][2]]
    assert values["td_images"] == [":".join([m, *p["rtmr"][:3]]) for p in (true, prediction) for m in orders]


def test_from_inputs(tmp_path):
    """Given what a TD is started with instead of predictions; two of a name are refused."""
    inputs = ("--firmware", GOLDEN / "measure/tiny.fd", "--disk", GOLDEN / "grub/grub.qcow2")
    done = tception("measure", "reference", *inputs)
    assert done.returncode == 2 and "td: RTMR0 is not known" in done.stderr
    told = json.loads(reference("json", "--partial", "--name", "A", *inputs))
    [image] = told["images"]
    assert image["name"] == "A" and set(image) == {"name", "mrtd", "rtmr1", "rtmr2"}
    predicted = json.loads(tception("measure", "rtmr", "--json", *inputs).stdout)
    assert image["rtmr1"] == predicted["rtmr"][1]
    done = tception("measure", "reference", BOOT / "prediction.json", BOOT / "prediction.json")
    assert done.returncode == 2 and "two predictions are called 'prediction'" in done.stderr
