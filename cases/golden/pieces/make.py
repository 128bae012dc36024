#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Takes quotes and bundles apart into what each fuzzer of harness/fuzz starts from; see ORIGIN.md."""
import base64
import json
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parent
BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.S)
SGX_OID = bytes.fromhex("06092a864886f84d010d01")


def put(name, data):
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def sgx_extension(leaf):
    at = leaf.index(SGX_OID) + len(SGX_OID)
    assert leaf[at:at + 2] == b"\x04\x82"
    size = int.from_bytes(leaf[at + 2:at + 4], "big")
    return leaf[at + 4:at + 4 + size]


def shortened(value):
    """One of every list of objects, and no words about components: several times as fast to fuzz."""
    for levels in [value, *value.get("tdxModuleIdentities", [])]:
        levels["tcbLevels"] = levels["tcbLevels"][:1]
    value["tdxModuleIdentities"] = value["tdxModuleIdentities"][:1]
    for kind in ("sgxtcbcomponents", "tdxtcbcomponents"):
        for component in value["tcbLevels"][0]["tcb"][kind]:
            component.pop("category", None)
            component.pop("type", None)
    return json.dumps(value, separators=(",", ":"))


def tool_file(bundle, escaped):
    """platform_collaterals.json as Intel's PCCS administration tool writes it: JSON read and dumped again."""
    return {"platforms": [], "collaterals": {
        "version": 4, "pck_certs": [],
        "tcbinfos": [{"fmspc": json.loads(bundle["tcb_info"])["fmspc"],
                      "tdx_tcbinfo": {"tcbInfo": json.loads(bundle["tcb_info"]), "signature": bundle["tcb_info_signature"]}}],
        "pckcacrl": {"processorCrl": "", "platformCrl": bundle["pck_crl"]},
        "qeidentity": "", "qveidentity": "",
        "tdqeidentity": f'{{"enclaveIdentity":{bundle["qe_identity"]},"signature":"{bundle["qe_identity_signature"]}"}}',
        "certificates": {"SGX-PCK-Certificate-Issuer-Chain": {}, "TCB-Info-Issuer-Chain": escaped,
                         "SGX-Enclave-Identity-Issuer-Chain": escaped},
        "rootcacrl": bundle["root_ca_crl"]}}


def as_numbers(bundle):
    """The bundle as JavaScript's and Rust's libraries dump their byte buffers."""
    keys = ("root_ca_crl", "pck_crl", "tcb_info_signature", "qe_identity_signature")
    return {k: list(bytes.fromhex(v)) if k in keys else v for k, v in bundle.items()}


def forms():
    """Short bytes in the forms in which people keep quotes."""
    data = bytes(range(3, 255, 7)) + b"\xff\xfe"
    url = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    token = base64.urlsafe_b64encode(json.dumps({"eat_nonce": "x", "tdx": {"quote": url}}).encode()).rstrip(b"=").decode()
    for name, text in (("hex", "0x" + data.hex()), ("base64", base64.b64encode(data).decode()), ("unpadded", url.replace("_", "/").replace("-", "+")),
                       ("base64url", url), ("imds.json", json.dumps({"quote": url})), ("token", f"eyJhbGciOiJFUzI1NiJ9.{token}.c2ln"),
                       ("pem", f"-----BEGIN TDX QUOTE-----\n{base64.b64encode(data).decode()}\n-----END TDX QUOTE-----\n"),
                       ("data-url", f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"),
                       ("asked.json", json.dumps({"evidence": base64.urlsafe_b64encode(json.dumps({"tdQuote": url}).encode()).decode()})),
                       ("utf16", ("0x" + data.hex()).encode("utf-16")),
                       ("evidence.json", json.dumps([{"cc_eventlog": None, "td_quote": list(data)}]))):
        put(f"form/{name}", text)


def requests():
    """Requests to the emulated PCCS: path and parameters, one a line."""
    for name, text in (("tcb", "tdx/certification/v4/tcb\nfmspc=454d55000000\nupdate=early"),
                       ("tcb-number", "tdx/certification/v4/tcb/\nfmspc=454D55000000\ntcbEvaluationDataNumber=1"),
                       ("identity", "tdx/certification/v4/qe/identity\nupdate=standard"),
                       ("pckcrl", "sgx/certification/v4/pckcrl\nca=platform\nencoding=der"),
                       ("rootcacrl", "sgx/certification/v4/rootcacrl"),
                       ("numbers", "tdx/certification/v4/tcbevaluationdatanumbers")):
        put(f"pccs/{name}", "/" + text)
    numbers = [{"tcbEvaluationDataNumber": n, "tcbRecoveryEventDate": "2025-05-13T00:00:00Z", "tcbDate": "2025-05-14T00:00:00Z"}
               for n in (19, 18, 17)]
    put("fetch/numbers.json", json.dumps({"tcbEvaluationDataNumbers": {"id": "TDX", "version": 1, "tcbEvalNumbers": numbers},
                                          "signature": "00" * 64}, separators=(",", ":")))


def main():
    for quote in ("9c3786b9b3d6", "586c2be0dc38"):
        pem = (GOLDEN / "quote" / f"{quote}.bin").read_bytes()
        pem = pem[pem.index(b"-----BEGIN"):].rstrip(b"\0")
        der = [base64.b64decode(block) for block in BLOCK.findall(pem)]
        put(f"chain/{quote}.pem", pem)
        put(f"chain/{quote}.der", b"".join(der))
        put(f"sgxext/{quote}.der", sgx_extension(der[0]))
    for name in ("60c2bf34", "ccfb0f1d"):
        bundle = json.loads((GOLDEN / "collateral" / f"{name}.json").read_text())
        chain = bundle["tcb_info_issuer_chain"]
        put(f"chain/{name}-signing.pem", chain)
        put(f"crl/{name}-root.der", bytes.fromhex(bundle["root_ca_crl"]))
        put(f"crl/{name}-pck.der", bytes.fromhex(bundle["pck_crl"]))
        put(f"crl/{name}-pck.hex", bundle["pck_crl"])
        put(f"tcb/{name}-tcb.json", shortened(json.loads(bundle["tcb_info"])))
        put(f"tcb/{name}-qe.json", bundle["qe_identity"])
        escaped = "".join(c if c.isalnum() or c == "-" else f"%{ord(c):02X}" for c in chain)
        put(f"served/{name}-tcb.http", "HTTP/1.1 200 OK\r\nTCB-Info-Issuer-Chain: " + escaped + "\r\n\r\n"
            f'{{"tcbInfo":{bundle["tcb_info"]},"signature":"{bundle["tcb_info_signature"]}"}}')
        put(f"served/{name}-qe.json",
            f'{{"enclaveIdentity":{bundle["qe_identity"]},"signature":"{bundle["qe_identity_signature"]}"}}')
        put(f"served/{name}-proxied.http", "HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
            "HTTP/1.1 302 Found\r\nLocation: /v4\r\n\r\n" + (HERE / f"served/{name}-tcb.http").read_text())
        put(f"served/{name}-tool.json", json.dumps(tool_file(bundle, escaped)))
        put(f"served/{name}-bytes.json", json.dumps(as_numbers(bundle), separators=(",", ":")))
        put(f"crl/{name}-pck.b64", base64.b64encode(bytes.fromhex(bundle["pck_crl"])))
    forms()
    requests()


main()
