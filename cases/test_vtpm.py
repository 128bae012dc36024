# SPDX-License-Identifier: Apache-2.0
"""A local layer whose machine has no TDX interface but a paravisor's vTPM, as on Azure. The agent asks a genuine TPM in software (swtpm)
by its device; the paravisor's report in it, and the metadata service, are made here, of emulated quotes. Roots alone make namespaces."""
import base64
import hashlib
import json
import os
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import threading
import tty

import pytest
from cryptography.hazmat.primitives import serialization

from conftest import TCEPTION, tception, wait_for
from emulated import service, tdreport
from test_cloud import HEAD, b64url, event

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a device and an address of one's own take root")
LOADED = b"what was loaded"
RETRY = struct.pack(">HII", 0x8001, 10, 0x922)  # TPM_RC_RETRY: it could not start the command

# A machine with this TPM, this log of it, and this metadata service; nothing of it is there outside.
MACHINE = """
dev=$1 tpm=$2 log=$3 imds=$4
shift 4
mount -t tmpfs tmpfs "$dev"
for node in null zero full random urandom; do touch "$dev/$node"; mount --bind "/dev/$node" "$dev/$node"; done
mkdir "$dev/pts" "$dev/shm"
touch "$dev/tpmrm0"
mount --bind "$tpm" "$dev/tpmrm0"
mount -t tmpfs tmpfs /sys/kernel/security
mkdir /sys/kernel/security/tpm0
cp "$log" /sys/kernel/security/tpm0/binary_bios_measurements
mount --rbind "$dev" /dev
ip link set lo up
if [ "$imds" ]; then
	ip address add 169.254.169.254/32 dev lo
	"$PYTHON" -c "$SERVER" "$imds" &
	trap "kill $!" EXIT
	read -r _ <"$READY"
fi
"$@"
"""
SERVER = """
import base64, http.server, json, os, socket, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["report"]
        assert self.path == "/acc/tdquote" and not set(text) & set("+/=")
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(sys.argv[1])
            s.sendall(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            quote = b"".join(iter(lambda: s.recv(1 << 16), b""))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"quote": base64.urlsafe_b64encode(quote).rstrip(b"=").decode()}).encode())
server = http.server.HTTPServer(("169.254.169.254", 80), Handler)
open(os.environ["READY"], "w").write("yes\\n")
server.serve_forever()
"""


class Vtpm:
    """swtpm behind a line that is raw in both directions: who opens it meets a TPM's device."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "state").mkdir()
        self.swtpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}/state", "--flags",
                                       "not-need-init,startup-clear", "--server", f"type=unixio,path={folder}/tpm",
                                       "--ctrl", f"type=unixio,path={folder}/tpm.ctrl"])
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.device = os.ttyname(slave)
        self.slave = slave

    def tool(self, *words):
        for _ in range(100):  # one client at a time: the last one may still be leaving
            done = subprocess.run([str(word) for word in words], cwd=self.folder, capture_output=True, text=True, timeout=60, check=False,
                                  env={**os.environ, "TPM2TOOLS_TCTI": f"swtpm:path={self.folder}/tpm"})
            if done.returncode == 0:
                return
            threading.Event().wait(0.1)
        raise AssertionError(done.stderr)

    def serve(self):
        wait_for((self.folder / "tpm").exists)
        self.forward()

    def forward(self):
        """Commands one way, responses the other, each as long as its header says."""
        def message(take):
            data = b""
            while len(data) < 10 or len(data) < struct.unpack(">I", data[2:6])[0]:
                more = take()
                if not more:
                    raise EOFError
                data += more
            return data

        def loop():
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(str(self.folder / "tpm"))
                try:
                    while True:
                        command, response = message(lambda: os.read(self.master, 4096)), RETRY
                        while response[6:10] == RETRY[6:10]:  # as Linux' driver does
                            s.sendall(command)
                            response = message(lambda: s.recv(4096))
                        os.write(self.master, response)
                except (EOFError, OSError):
                    pass
        threading.Thread(target=loop, daemon=True).start()

    def end(self):
        self.swtpm.kill()
        self.swtpm.wait()
        os.close(self.slave)
        os.close(self.master)


def make_report(vtpm, folder, stranger=False):
    """The paravisor's part: an AK at its handle, and the report that names it in its NV index."""
    vtpm.tool("tpm2_createprimary", "-C", "e", "-G", "rsa2048:rsassa-sha256:null", "-c", "ak.ctx", "-a",
              "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign")
    vtpm.tool("tpm2_evictcontrol", "-C", "o", "-c", "ak.ctx", "0x81000003")
    vtpm.tool("tpm2_readpublic", "-c", "ak.ctx", "-f", "pem", "-o", "ak.pem")
    vtpm.tool("tpm2_flushcontext", "-t")  # which a resource manager would do
    vtpm.tool("tpm2_pcrextend", f"4:sha256={hashlib.sha256(LOADED).hexdigest()}")
    numbers = serialization.load_pem_public_key((folder / "ak.pem").read_bytes()).public_numbers()
    modulus = bytearray(numbers.n.to_bytes(256, "big"))
    modulus[100] ^= stranger
    runtime = json.dumps({"keys": [{"kid": "HCLAkPub", "kty": "RSA", "e": b64url(numbers.e.to_bytes(3, "big")),
                                    "n": b64url(modulus)}]}).encode()
    hcl = (b"HCLA" + struct.pack("<I", 2) + bytes(24) + tdreport(hashlib.sha256(runtime).digest() + bytes(32)) + bytes(160) +
           struct.pack("<IIIII", 20 + len(runtime), 1, 4, 1, len(runtime)) + runtime)
    (folder / "hcl").write_bytes(hcl)
    vtpm.tool("tpm2_nvdefine", "0x01400001", "-C", "o", "-s", len(hcl) + 100, "-a", "ownerread|ownerwrite")
    vtpm.tool("tpm2_nvwrite", "0x01400001", "-C", "o", "-i", "hcl")


def run(folder, vtpm, log, metadata=True):
    """`tception run` of the cell `local` in there; its rungs and layer, judged with the test root beside the run."""
    (folder / "log").write_bytes(log)
    (folder / "dev").mkdir()
    (folder / "cases.yaml").write_text("version: 1\ncases:\n- cell: local\n  expect: {grade: quote}\n  why: as on Azure\n")
    os.mkfifo(folder / "ready")
    with service("qgs", "--any-report", "--state-dir", folder / "authority", "--socket", folder / "qgs.socket", "--root", folder / "root.pem"):
        subprocess.run(["unshare", "--mount", "--net", "--propagation", "private", "sh", "-euc", MACHINE, "-", folder / "dev", vtpm.device,
                        folder / "log", folder / "qgs.socket" if metadata else "", TCEPTION, "run", folder / "cases.yaml", "-o",
                        folder / "run"], check=False, timeout=300, capture_output=True,
                       env={**os.environ, "SERVER": SERVER, "READY": str(folder / "ready"), "PYTHON": sys.executable})
    shutil.copy(folder / "root.pem", folder / "run" / "root.pem")
    cell = json.loads(tception("judge", folder / "run", "--json").stdout)["cells"][0]
    return cell, {r["rung"]: r for r in cell["layers"][0]["ladder"]}


@pytest.fixture
def vtpm(tmp_path):
    made = Vtpm(tmp_path)
    yield made
    made.end()


def sent(folder):
    """The evidence as the agent sent it."""
    frames = [json.loads(line) for line in (folder / "run/boots/local-1/layer0.jsonl").read_text().splitlines()]
    report, = (f["payload"] for f in frames if f["type"] == "REPORT" and f["payload"]["interface"] == "vtpm")
    return report, json.loads(base64.b64decode(report["data"])) if report["ok"] else None


def test_attests(tmp_path, vtpm):
    """From our nonce by the TPM quote, its key and the paravisor's report to the TD quote; the guest is in no register of that."""
    make_report(vtpm, tmp_path)
    vtpm.serve()
    cell, told = run(tmp_path, vtpm, HEAD + event(4, 0x80000003, LOADED))
    layer = cell["layers"][0]
    assert (cell["outcome"], layer["grade"], layer["origin"]) == ("pass", "quote", "emulated"), told
    assert (told["device"]["ok"], told["device"]["errno"]) == (False, "ENOENT")
    assert {rung for rung in told if told[rung]["ok"]} == {"provider", "quote", "parsed", "bound", "chain", "eventlog"}
    assert told["registers"]["ok"] is None and "all zero" in told["registers"]["detail"]
    assert told["covers"]["ok"] is None and "not the guest" in told["covers"]["detail"]
    report, evidence = sent(tmp_path)
    assert report["step"] == "done"
    hcl = base64.b64decode(evidence["hcl_report"])
    assert hcl.startswith((tmp_path / "hcl").read_bytes()) and len(hcl) == (tmp_path / "hcl").stat().st_size + 100
    program, *words = shlex.split(tception("extract", tmp_path / "run", "local", "-o", tmp_path / "out").stdout.splitlines()[-1])
    checks = json.loads(tception(*words, "--json").stdout)["checks"]
    assert program == "tception"
    assert {c["what"] for c in checks if c["ok"]} == {"quote", "hcl report", "runtime data", "same td", "tpm quote", "bound", "pcrs", "tpm log"}


def test_no_metadata(tmp_path, vtpm):
    """Without a TD quote the TPM's word is anybody's."""
    make_report(vtpm, tmp_path)
    vtpm.serve()
    cell, told = run(tmp_path, vtpm, HEAD + event(4, 0x80000003, LOADED), metadata=False)
    assert cell["layers"][0]["grade"] == "none" and told["quote"]["ok"] is False
    assert "metadata service" in told["quote"]["detail"] and told["bound"]["ok"] is None
    assert sent(tmp_path)[0]["step"] == "td quote"


def test_another_key(tmp_path, vtpm):
    """Runtime data that name another AK than the TPM signs with."""
    make_report(vtpm, tmp_path, stranger=True)
    vtpm.serve()
    cell, told = run(tmp_path, vtpm, HEAD + event(4, 0x80000003, b"something else"))
    assert cell["layers"][0]["grade"] == "none" and told["bound"]["ok"] is False
    assert "not signed by the AK" in told["bound"]["detail"]


def test_another_log(tmp_path, vtpm):
    make_report(vtpm, tmp_path)
    vtpm.serve()
    told = run(tmp_path, vtpm, HEAD + event(4, 0x80000003, b"something else"))[1]
    assert told["bound"]["ok"] and told["eventlog"]["ok"] is False and "PCR 4" in told["eventlog"]["detail"]


def test_a_tpm_alone(tmp_path, vtpm):
    """A machine with a TPM and no paravisor: no such report, and nothing else is asked."""
    vtpm.serve()
    cell, told = run(tmp_path, vtpm, HEAD)
    assert cell["layers"][0]["grade"] == "none" and told["quote"]["ok"] is None
    report, _ = sent(tmp_path)
    assert (report["step"], report["errname"]) == ("hcl report", "ENOENT")
