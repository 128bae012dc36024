# SPDX-License-Identifier: Apache-2.0
"""The verbs that read evidence from files, run as a user runs them: exit codes, JSON, text forms."""
import base64
import bz2
import datetime
import gzip
import hashlib
import json
import lzma
import subprocess

import pytest

from conftest import GOLDEN, TOP, told as tception

QUOTES = json.loads((GOLDEN / "quote" / "facts.json").read_text())
LOGS = json.loads((GOLDEN / "eventlog" / "facts.json").read_text())
V4 = GOLDEN / "quote" / "00b2526ab190.bin"
CERTIFICATION = GOLDEN / "quote" / "certification"


@pytest.mark.parametrize("name", QUOTES)
def test_quote_parse(name):
    status, out, _ = tception("quote", "parse", "--json", GOLDEN / "quote" / name)
    said, fact = json.loads(out), QUOTES[name]
    assert status == 0
    assert said["version"] == fact["version"]
    assert said["trailing"] == fact["trailing"]
    assert said["emulated"] is False
    assert said["signature"]["certification_size"] == fact["inner_cert_size"]
    if said["tee"] == "TDX":
        assert said["body"]["mrtd"] == fact["mr_td"]
        assert said["body"]["rtmr"] == [fact[f"rtmr{i}"] for i in range(4)]
        assert int(said["body"]["attributes"]["value"], 16).to_bytes(8, "little").hex() == fact["td_attributes"]
    else:
        assert said["body"]["mrenclave"] == fact["sgx_mrenclave"]
    if "pck" in fact:
        assert said["pck"]["fmspc"] == fact["pck"]["fmspc"]


@pytest.mark.parametrize("name, ppid", [("ppid-plain", 16), ("ppid-rsa2048", 256), ("ppid-rsa3072", 384)])
def test_quote_parse_named_certificate(name, ppid):
    status, out, _ = tception("quote", "parse", "--json", CERTIFICATION / f"{name}.bin")
    said, fact = json.loads(out), QUOTES["9c3786b9b3d6.bin"]["pck"]
    assert status == 0 and "pck" not in said and said["signature"]["certification_size"] == ppid + 20
    assert {k: said["pck_id"][k] for k in ("cpusvn", "pcesvn", "pceid")} == {k: fact[k] for k in ("cpusvn", "pcesvn", "pceid")}
    if ppid == 16:
        assert said["pck_id"]["ppid"] == fact["ppid"]
    else:
        assert len(said["pck_id"]["encrypted_ppid"]) == 2 * ppid
    status, out, _ = tception("quote", "parse", CERTIFICATION / f"{name}.bin")
    assert status == 0 and fact["cpusvn"] in out


@pytest.mark.parametrize("name", ["pck-leaf", "pck-leaf-der"])
def test_quote_parse_leaf(name):
    status, out, _ = tception("quote", "parse", "--json", CERTIFICATION / f"{name}.bin")
    said, fact = json.loads(out), QUOTES["9c3786b9b3d6.bin"]["pck"]
    assert status == 0 and len(said["pck"]["certificates"]) == 1
    assert said["pck"]["ppid"] == fact["ppid"] and said["pck"]["fmspc"] == fact["fmspc"]


def wrapped(text):
    return b"\r\n".join(text[i:i + 76] for i in range(0, len(text), 76)) + b"\n"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(claims):
    return f"{base64url(b'{}')}.{base64url(json.dumps(claims).encode())}.{base64url(b'unsigned')}\n".encode()


@pytest.mark.parametrize("form, encode", [
    ("binary", bytes),
    ("hex", lambda b: b.hex().encode()),
    ("hex", lambda b: b"0x" + b.hex().upper().encode() + b"\n"),
    ("hex", lambda b: wrapped(b.hex().encode())),
    ("base64", base64.b64encode),
    ("base64", lambda b: wrapped(base64.b64encode(b))),
    ("base64", lambda b: base64.b64encode(b).rstrip(b"=")),
    ("base64url", base64.urlsafe_b64encode),
    ("base64url", lambda b: base64url(b).encode()),
    ("base64url", lambda b: wrapped(base64url(b).encode())),
    ("json", lambda b: json.dumps({"quote": base64url(b)}).encode()),  # Azure's metadata service
    ("json", lambda b: json.dumps({"quote": b.hex(), "event_log": "[]"}, indent=1).encode()),  # dstack
    ("json", lambda b: json.dumps({"cc_eventlog": None, "quote": base64.b64encode(b).decode()}).encode()),
    ("json", lambda b: json.dumps([{"evidence": {"td_quote": list(b)}}]).encode()),
    ("jwt", lambda b: token({"eat_nonce": "x", "submods": {"tdx": {"quote": base64url(b)}}})),
    ("json", lambda b: json.dumps({"tdxCcel": {"tdQuote": base64.b64encode(b).decode()}}).encode()),  # Google's API
    ("json", lambda b: json.dumps({"intel_quote": b.hex(), "nvidia_payload": "{}"}).encode()),
    ("json", lambda b: json.dumps({"provider": "tdx_guest", "outblob": base64.b64encode(b).decode()}).encode()),  # configfs-tsm
    ("json", lambda b: json.dumps({"quote": "none", "evidence": base64url(json.dumps(  # as a verifier is asked
        {"cc_eventlog": None, "quote": base64.b64encode(b).decode()}).encode())}).encode()),
    ("base64", lambda b: base64.b64encode(json.dumps({"quote": b.hex()}).encode())),
    ("pem", lambda b: b"-----BEGIN TDX QUOTE-----\n" + base64.encodebytes(b) + b"-----END TDX QUOTE-----\n"),
    ("data-url", lambda b: b"data:application/octet-stream;base64," + base64.b64encode(b)),
    ("json", lambda b: json.dumps({"quote": "data:;base64," + base64.b64encode(b).decode()}).encode()),
    ("base64", lambda b: b"\xef\xbb\xbf" + base64.b64encode(b) + b"\r\n"),
    ("hex", lambda b: (b.hex() + "\r\n").encode("utf-16")),  # PowerShell's >
    ("json", lambda b: b"\xfe\xff" + json.dumps({"quote": b.hex()}).encode("utf-16-be")),
])
@pytest.mark.parametrize("more", [0, 1, 2])
def test_forms(form, encode, more):
    status, out, _ = tception("quote", "parse", "--json", "-", stdin=encode(V4.read_bytes() + bytes(more)))
    assert status == 0
    assert json.loads(out)["form"] == form
    assert json.loads(out)["body"]["mrtd"] == QUOTES[V4.name]["mr_td"]


@pytest.mark.parametrize("data, said", [
    (gzip.compress(V4.read_bytes()), "gunzip"),
    (b"\x28\xb5\x2f\xfd\0\0", "zstd"),
    (b"PK\3\4\0\0", "ZIP"),
    (b"HCLA\2\0\0\0" + bytes(2000), "metadata service"),
    ((GOLDEN / "tdreport" / "coco-tdx15.bin").read_bytes(), "a TDREPORT, which only its own machine can check"),
    (b"\2\0\0\0" + bytes(1180), "SEV-SNP"),
    (b"00000000: 0400 0200 8100 0000  ........\n", "xxd -r"),
    (b"0000000 0004 0002 0081 0000\n", "xxd -r"),
    (b"<html><title>502 Bad Gateway</title></html>", "HTML"),
    (b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "PEM of a CERTIFICATE"),
    (b"-----BEGIN TDX QUOTE-----\nnonsense\n", "malformed PEM"),
    (b"data:text/plain,hello", "not of base64"),
    (b'{"nothing": 1}', '"outblob"'),
    (b'{"quote": ""}', "JSON without a quote"),
    (b'{"quote": "\\u0001"}', "JSON without a quote"),
    ("\N{SNOWMAN}".encode("utf-16"), "UTF-16"),
    (base64.b64encode(gzip.compress(b"x")), "base64: compressed by gzip"),
    (base64.b64encode(base64.b64encode(base64.b64encode(base64.b64encode(base64.b64encode(V4.read_bytes()))))), "too often"),
], ids=["gzip", "zstd", "zip", "hcl", "tdreport", "snp", "xxd", "od", "html", "certificate", "torn-pem", "data-url", "json",
        "empty", "control", "utf16", "base64-of-gzip", "layers"])
def test_named_for_what_it_is(data, said):
    status, out, err = tception("quote", "parse", "-", stdin=data)
    assert (status, out) == (1, "") and said in err and err.count("\n") == 1
    status, out, _ = tception("quote", "verify", "--json", "-", stdin=data)
    assert status == 1 and said in json.loads(out)["error"]["text"] and said in json.loads(out)["refusals"][0]["reason"]


def test_trailing():
    padded = V4.read_bytes() + bytes(65)
    status, out, _ = tception("quote", "parse", "--json", "-", stdin=padded)
    assert (status, json.loads(out)["trailing"]) == (0, 65)
    status, out, _ = tception("quote", "parse", "--json", "--strict", "-", stdin=padded)
    assert status == 1
    assert json.loads(out)["error"]["code"] == "trailing"
    assert json.loads(out)["error"]["offset"] == len(padded) - 65


@pytest.mark.parametrize("args", [
    ("quote",), ("quote", "nonsense"), ("quote", "parse"), ("quote", "parse", "/nonexistent"),
    ("eventlog",), ("eventlog", "/nonexistent"), ("eventlog", "--no-such-option", "x"),
    ("measure",), ("measure", "mrtd"), ("measure", "mrtd", "/nonexistent"), ("measure", "mrtd", "/dev/zero"),
])
def test_unusable_input(args):
    status, out, err = tception(*args)
    assert (status, out) == (2, "")
    assert err


@pytest.mark.parametrize("args", [("quote", "parse"), ("eventlog",), ("measure", "mrtd")])
@pytest.mark.parametrize("data", [b"", b"\0", b"hello world", b"{}", b"[[[[", b"a.b.c", b"-_+/", b'{"quote":"zz"}',
                                  b'{"quote":[1,256]}', V4.read_bytes()[:1000]])
def test_refused_bytes(args, data):
    status, out, err = tception(*args, "--json", "-", stdin=data)
    assert status == 1
    assert json.loads(out)["error"]["code"] not in ("ok", "?")
    assert json.loads(out)["error"]["offset"] <= max(len(data), 1)
    assert err.startswith("tception: ")


@pytest.mark.parametrize("name", LOGS)
def test_eventlog(name):
    status, out, _ = tception("eventlog", "--json", GOLDEN / "eventlog" / name)
    said = json.loads(out)
    assert status == 0
    assert said["rtmr"] == LOGS[name]["rtmr"]
    assert len(said["events"]) == LOGS[name]["records"]
    status, out, _ = tception("eventlog", GOLDEN / "eventlog" / name)
    assert status == 0
    assert out.isascii() and out.isprintable() is False  # line ends and nothing else
    assert all(line.isprintable() for line in out.splitlines())


def replayed(*events):
    rtmr = [bytes(48)] * 4
    for index, data in events:
        rtmr[index] = hashlib.sha384(rtmr[index] + hashlib.sha384(data).digest()).digest()
    return [r.hex() for r in rtmr]


@pytest.mark.parametrize("name, events", [
    ("two-banks.hex", [(0, bytes(4)), (1, b"act"), (2, b"x")]),
    ("two-banks.b64", [(0, bytes(4)), (1, b"act"), (2, b"x")]),
    ("two-banks.bin.gz", [(0, bytes(4)), (1, b"act"), (2, b"x")]),
    ("two-specids.bin", [(0, bytes(4)), (0, b"a")]),
])
def test_eventlog_forms(name, events):
    status, out, err = tception("eventlog", "--json", GOLDEN / "eventlog-forms" / name)
    assert (status, err) == (0, "")
    assert json.loads(out)["rtmr"] == replayed(*events)


@pytest.mark.parametrize("data, said", [
    ("aael.txt", "attestation agent"),
    ("ccel-table.bin", "/sys/firmware/acpi/tables/data/CCEL"),
    ("evapi.json", "evidence API"),
    ("ita.json", "Intel Trust Authority"),
    (b"\x1e{\"pcr\":11,\"digests\":[{\"hashAlg\":\"sha256\",\"digest\":\"00\"}]}\n", "systemd"),
    (b"\xff" * 65536, "erased"),
    (bytes(65536), "zeros"),
    (b"", "empty"),
], ids=lambda value: value if isinstance(value, str) else "bytes")
def test_eventlog_names_what_is_none(data, said):
    data = data if isinstance(data, bytes) else (GOLDEN / "eventlog-forms" / data).read_bytes()
    status, out, err = tception("eventlog", "-", stdin=data)
    assert (status, out) == (1, "")
    assert said in err and err.count("\n") == 1


BINARY = GOLDEN / "eventlog" / "cos-113.bin"
WRAPPED = {
    "bom": lambda b: b"\xef\xbb\xbf" + base64.b64encode(b),
    "pem": lambda b: b"-----BEGIN EVENT LOG-----\n" + base64.encodebytes(b) + b"-----END EVENT LOG-----\n",
    "ccel": lambda b: json.dumps({"quote": "AA==", "ccel": base64.b64encode(b).decode()}).encode(),
    "trustee": lambda b: json.dumps({"cc_eventlog": base64.b64encode(b).decode(), "quote": ""}).encode(),
    "gzip of json": lambda b: gzip.compress(json.dumps({"ccel": b.hex()}).encode()),
}


@pytest.mark.parametrize("form", WRAPPED)
def test_eventlog_wrapped(form):
    plain = tception("eventlog", "--json", "-", stdin=BINARY.read_bytes())
    assert plain[0] == 0
    assert tception("eventlog", "--json", "-", stdin=WRAPPED[form](BINARY.read_bytes())) == plain


@pytest.mark.parametrize("pack, said", [
    (lzma.compress, "xz -d"), (bz2.compress, "bzip2 -d"), (lambda b: b"\x28\xb5\x2f\xfd" + b, "zstd -d"),
    (lambda b: "\ufeff0102".encode("utf-16-le") + b, "UTF-16"), (lambda b: b"PK\x03\x04" + b, "zip"),
], ids=["xz", "bzip2", "zstd", "utf-16", "zip"])
def test_eventlog_packed(pack, said):
    status, out, err = tception("eventlog", "-", stdin=pack(BINARY.read_bytes()))
    assert (status, out) == (1, "")
    assert said in err and err.count("\n") == 1


def test_eventlog_in_base64url():
    """As tokens and cloud services write it, with and without padding; this log has both letters that differ."""
    log = (GOLDEN / "eventlog" / "cos-113.bin").read_bytes()
    text = base64.urlsafe_b64encode(log)
    assert b"-" in text and b"_" in text
    plain = tception("eventlog", "--json", "-", stdin=log)
    assert plain[0] == 0
    for form in (text, text.rstrip(b"="), wrapped(text)):
        assert tception("eventlog", "--json", "-", stdin=form) == plain


def test_eventlog_against_quote():
    log = (GOLDEN / "eventlog" / "cos-113.bin").read_bytes()
    status, out, _ = tception("eventlog", "--json", "--quote", V4, "-", stdin=log)
    assert (status, json.loads(out)["matches"]) == (0, True)
    flipped = bytearray(log)
    flipped[65 + 14] ^= 1  # the TD HOB's digest: its data is not what was hashed
    status, out, _ = tception("eventlog", "--json", "--quote", V4, "-", stdin=bytes(flipped))
    said = json.loads(out)
    assert (status, said["matches"]) == (1, False)
    assert [c["match"] for c in said["compared"]] == ["differs", "matches", "matches", "matches"]
    assert said["compared"][0]["event"] is None  # nothing in the log tells which one it was
    separator = log.index(bytes.fromhex("394341b7182cd227"))  # its data tells what it should be
    flipped = bytearray(log)
    flipped[separator] ^= 1
    status, out, _ = tception("eventlog", "--json", "--quote", V4, "-", stdin=bytes(flipped))
    event = json.loads(out)["compared"][0]["event"]
    assert status == 1
    assert json.loads(out)["events"][event]["type"] == "EV_SEPARATOR"
    status, out, _ = tception("eventlog", "--quote", V4, "-", stdin=bytes(flipped))
    assert status == 1
    assert f"event {event} (separator 00000000)" in out


def test_eventlog_against_tdreport():
    report = GOLDEN / "tdreport" / "coco-tdx15.bin"
    status, out, _ = tception("eventlog", "--json", "--tdreport", report, GOLDEN / "eventlog" / "cos-113.bin")
    assert status == 1
    assert json.loads(out)["compared"][0]["quoted"].startswith("f4ec1a04670f")


def test_measure_mrtd():
    image = GOLDEN / "tdvf" / "small.fd"
    reference = subprocess.run([GOLDEN / "tdvf" / "make.py", image], capture_output=True, check=True)
    values = [line.split()[-1] for line in reference.stdout.decode().splitlines()]
    status, out, _ = tception("measure", "mrtd", "--json", image)
    said = json.loads(out)
    assert status == 0
    assert [said["mrtd"]["single_pass"], said["mrtd"]["two_pass"]] == values
    assert len(said["sections"]) == 7
    status, out, _ = tception("measure", "mrtd", "--json", image, "--quote", V4)
    assert (status, json.loads(out)["match"]) == (1, None)
    quote = V4.read_bytes()
    quote = quote[:184] + bytes.fromhex(values[1]) + quote[232:]
    status, out, _ = tception("measure", "mrtd", "--json", image, "--quote", "/dev/stdin", stdin=quote)
    assert (status, json.loads(out)["match"]) == (0, "two_pass")


VERIFY = ("quote", "verify", "--json", "--at", 1770801952)
UP_TO_DATE = GOLDEN / "quote" / "9c3786b9b3d6.bin"
BUNDLE = GOLDEN / "collateral" / "60c2bf34.json"
KEYS = {"schema_version", "file", "error", "accepted", "authentic", "origin", "reason_code", "reason", "cure", "refusals",
        "status", "platform_status", "module_status", "qe_status", "tcb_date", "tcb_evaluation_data_number", "advisories",
        "fmspc", "platform", "collateral", "measurements", "policy"} | {
            f"{which}_{what}" for which in ("launch", "current") for what in ("status", "tcb_date", "advisories", "missing")}


@pytest.mark.parametrize("args, data, status, expected", [
    (("--collateral", BUNDLE), UP_TO_DATE.read_bytes(), 0,
     {"accepted": True, "authentic": True, "origin": "hardware", "status": "UpToDate", "error": None,
      "platform_status": "UpToDate", "module_status": "UpToDate", "qe_status": "UpToDate", "fmspc": "00806f050000"}),
    (("--collateral", GOLDEN / "collateral"), UP_TO_DATE.read_bytes().hex().encode(), 0, {"status": "UpToDate"}),
    (("--collateral", BUNDLE), V4.read_bytes(), 1, {"accepted": False, "authentic": True, "status": "OutOfDate"}),
    (("--collateral", BUNDLE), (CERTIFICATION / "pck-leaf.bin").read_bytes(), 0, {"accepted": True, "status": "UpToDate"}),
    (("--collateral", BUNDLE), (CERTIFICATION / "ppid-plain.bin").read_bytes(), 1,
     {"accepted": False, "authentic": False, "origin": "unknown", "status": None,
      "reason": "the collateral has no PCK certificate for PPID 9e33a1b2d5b76a301cc4a7d9f1e0c91b, "
                "CPUSVN 08080202040100060000000000000000, PCESVN 11, PCEID 0000"}),
    (("--collateral", BUNDLE, "--collateral", GOLDEN / "pieces" / "chain" / "9c3786b9b3d6.pem"),
     (CERTIFICATION / "ppid-rsa3072.bin").read_bytes(), 0, {"accepted": True, "status": "UpToDate"}),
    ((), UP_TO_DATE.read_bytes(), 1, {"accepted": False, "authentic": True, "status": None, "reason": "no collateral"}),
    (("--collateral", BUNDLE), UP_TO_DATE.read_bytes()[:-100], 1,
     {"accepted": False, "authentic": False, "origin": "unknown", "status": None}),
    (("--collateral", BUNDLE), b"\x09" + UP_TO_DATE.read_bytes()[1:], 1,
     {"authentic": False, "error": {"code": "bad-version", "offset": 0}}),
    (("--collateral", BUNDLE), UP_TO_DATE.read_bytes()[:700] + bytes([UP_TO_DATE.read_bytes()[700] ^ 1])
     + UP_TO_DATE.read_bytes()[701:], 1, {"authentic": False, "origin": "unknown", "status": None, "advisories": []}),
])
def test_quote_verify(args, data, status, expected):
    code, out, _ = tception(*VERIFY, *args, "-", stdin=data)
    said = json.loads(out)
    assert code == status
    assert set(said) == KEYS
    assert {k: said[k] for k in expected} == expected
    if said["error"]:
        assert {"code", "offset"} <= set(said["error"])


@pytest.mark.parametrize("args", [
    ("/nonexistent",), ("--collateral", "/nonexistent", UP_TO_DATE), ("--policy", TOP / "LICENSE", UP_TO_DATE),
    ("--root", TOP / "LICENSE", UP_TO_DATE), ("--at", "yesterday", UP_TO_DATE), ("--collateral", TOP / "LICENSE", UP_TO_DATE),
])
def test_quote_verify_unusable(args):
    status, _, err = tception(*VERIFY, *args)
    assert status == 2
    assert err or args == ("/nonexistent",)


def test_quote_verify_of_nothing(tmp_path):
    """A folder without quotes or without collateral, a file that gives none: errors, and no silence."""
    empty, below = tmp_path / "empty", tmp_path / "below"
    (below / "folder").mkdir(parents=True)
    empty.mkdir()
    (empty / ".keep").touch()
    for folder in (empty, below):
        status, out, err = tception("quote", "verify", "--batch", folder)
        assert (status, out) == (2, "") and f"{folder}: no quote in it" in err
        status, out, err = tception("quote", "verify", "--collateral", folder, UP_TO_DATE)
        assert (status, out) == (2, "") and f"{folder}: no collateral in it" in err
    (below / "x.pem").write_text("-----BEGIN%20CERTIFICATE-----\n")
    status, _, err = tception("quote", "verify", "--collateral", below / "x.pem", UP_TO_DATE)
    assert status == 2 and "PEM" in err
    status, _, err = tception("quote", "verify", "--collateral", below, UP_TO_DATE)
    assert status == 2 and "left out" in err and "no collateral in it" in err


def test_quote_verify_policy(tmp_path):
    """A policy turns acceptance, never authenticity."""
    policy = tmp_path / "policy.json"
    for text, accepted in (('{"accepted_statuses": ["OutOfDate"]}', False), ('{"mrtd": "' + "00" * 48 + '"}', False),
                           ('{"min_tcb_evaluation": 18}', True), ('{"min_tcb_evaluation": 19}', False)):
        policy.write_text(text)
        status, out, _ = tception(*VERIFY, "--collateral", BUNDLE, "--policy", policy, UP_TO_DATE)
        said = json.loads(out)
        assert (status, said["accepted"], said["authentic"], said["status"]) == (not accepted, accepted, True, "UpToDate")


FLAGS = [("--mrtd", "", "mr_td"), *(("--rtmr", f"{i}=", f"rtmr{i}") for i in range(4)), ("--report-data", "", "report_data")]


@pytest.mark.parametrize("option, before, name", FLAGS)
def test_quote_verify_flags(option, before, name):
    """One line for what is asked most: the fact is accepted, another is not, both together are."""
    good = QUOTES[UP_TO_DATE.name][name]
    other = "ab" * (len(good) // 2)
    for values, status in (([good], 0), ([other], 1), ([other, good], 0)):
        given = [word for value in values for word in (option, before + value)]
        code, out, _ = tception(*VERIFY, "--collateral", BUNDLE, *given, UP_TO_DATE)
        said = json.loads(out)
        assert (code, said["accepted"], said["authentic"]) == (status, not status, True)
        if status:
            assert [r["code"] for r in said["refusals"]] == [f"policy-{name.replace('mr_td', 'mrtd')}"]
            assert good in said["refusals"][0]["reason"] and other in said["refusals"][0]["reason"]
    status, out, err = tception(*VERIFY, option, before + good[:-1], UP_TO_DATE)
    assert status == 2 and f"{option}: " in err and f"expected {len(good)} hexadecimal digits" in err
    assert json.loads(out)["error"]["code"] == "policy-unusable"


@pytest.mark.parametrize("value", ["4=00", "00", "=00", "", "1"])
def test_quote_verify_flag_without_register(value):
    status, out, err = tception(*VERIFY, "--rtmr", value, UP_TO_DATE)
    assert status == 2 and "--rtmr: expected N=HEX, N from 0 to 3" in err and json.loads(out)["error"]["code"] == "usage"


def test_quote_verify_flags_beside_a_policy(tmp_path):
    """Neither makes up for the other."""
    fact, policy = QUOTES[UP_TO_DATE.name], tmp_path / "policy.json"
    for inside, outside, accepted in ((fact["mr_td"], fact["mr_td"], True), ("00" * 48, fact["mr_td"], False),
                                      (fact["mr_td"], "00" * 48, False)):
        policy.write_text(json.dumps({"mrtd": inside}))
        status, _, _ = tception(*VERIFY, "--collateral", BUNDLE, "--policy", policy, "--mrtd", outside, UP_TO_DATE)
        assert status == (0 if accepted else 1)


def test_quote_verify_mistyped_key(tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text('{\n "allow_debug": false,\n "min_tcb_dat": "2025-01-01"\n}\n')
    status, _, err = tception("quote", "verify", "--policy", policy, UP_TO_DATE)
    assert status == 2
    assert f'{policy}: policy, line 3: "min_tcb_dat": unknown key; accepted: min_tcb_date, accepted_statuses, ' in err


def test_collateral_show():
    """What the bundle's texts say, read here by themselves."""
    bundle = json.loads(BUNDLE.read_text())
    info, identity = json.loads(bundle["tcb_info"]), json.loads(bundle["qe_identity"])
    status, out, _ = tception("collateral", "show", "--json", BUNDLE)
    said = json.loads(out)
    assert status == 0
    for shown, there in ((said["tcb_infos"], info), (said["qe_identities"], identity)):
        assert [{k: s[k] for k in ("id", "tee", "issued", "next_update", "tcb_evaluation_data_number")} for s in shown] == [
            {"id": there["id"], "tee": "TDX", "issued": there["issueDate"], "next_update": there["nextUpdate"],
             "tcb_evaluation_data_number": there["tcbEvaluationDataNumber"]}]
        assert shown[0]["signer"]["name"] == "Intel SGX TCB Signing"
    assert said["tcb_infos"][0]["fmspc"] == info["fmspc"].lower()
    assert {(c["issuer"], c["number"]) for c in said["crls"]} == {("Intel SGX Root CA", "1"), ("Intel SGX PCK Platform CA", "1")}
    for crl, der in zip(said["crls"], (bundle["root_ca_crl"], bundle["pck_crl"])):
        text = subprocess.run(["openssl", "crl", "-inform", "DER", "-noout", "-nextupdate"], input=bytes.fromhex(der), check=True,
                              capture_output=True).stdout.decode().strip().removeprefix("nextUpdate=")
        assert crl["next_update"] == datetime.datetime.strptime(text, "%b %d %H:%M:%S %Y GMT").strftime("%Y-%m-%dT%H:%M:%SZ")
    assert said["next_expiry"] == min(info["nextUpdate"], identity["nextUpdate"], *(c["next_update"] for c in said["crls"]))
    assert info["fmspc"] in said["next_expiry_of"].upper()
    assert {c["name"] for c in said["certificates"]} == {"Intel SGX TCB Signing", "Intel SGX Root CA", "Intel SGX PCK Platform CA"}
    status, out, _ = tception("collateral", "show", BUNDLE)
    assert status == 0 and f"expires      {said['next_expiry']} (TCB info" in out


def test_collateral_show_of_sgx(tmp_path):
    """Pieces that no TDX quote needs are told of, too."""
    for name, body in (("tcb", {"tcbInfo": {"id": "SGX", "version": 3, "issueDate": "2026-01-27T09:01:45Z",
                                            "nextUpdate": "2026-02-26T09:01:45Z", "fmspc": "00906ED50000", "pceId": "0000",
                                            "tcbType": 0, "tcbEvaluationDataNumber": 19, "tcbLevels": []}}),
                       ("qe", {"enclaveIdentity": {"id": "QE", "version": 2, "issueDate": "2026-01-28T09:01:45Z",
                                                   "nextUpdate": "2026-02-27T09:01:45Z", "tcbEvaluationDataNumber": 20}})):
        (tmp_path / name).write_text(json.dumps({**body, "signature": "00" * 64}))
    status, out, _ = tception("collateral", "show", "--json", tmp_path)
    said = json.loads(out)
    assert status == 0
    assert [(i["tee"], i["fmspc"], i["tcb_evaluation_data_number"]) for i in said["tcb_infos"]] == [("SGX", "00906ed50000", 19)]
    assert [(i["tee"], i["id"], i["next_update"]) for i in said["qe_identities"]] == [("SGX", "QE", "2026-02-27T09:01:45Z")]
    assert said["next_expiry"] == "2026-02-26T09:01:45Z"


def test_collateral_show_of_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "LICENSE").write_text("no collateral")
    for path in (tmp_path / "empty", tmp_path, tmp_path / "LICENSE", tmp_path / "absent"):
        status, out, err = tception("collateral", "show", path)
        assert (status, out) == (2, "") and str(path) in err
        status, out, _ = tception("collateral", "show", "--json", path)
        assert status == 2 and str(path) in json.loads(out)["error"]["text"]


def test_quote_verify_batch(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.bin").write_bytes(UP_TO_DATE.read_bytes() if i else V4.read_bytes())
    status, out, _ = tception(*VERIFY, "--batch", "--collateral", BUNDLE, tmp_path)
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 1
    assert [line["status"] for line in lines] == ["OutOfDate", "UpToDate", "UpToDate"]
