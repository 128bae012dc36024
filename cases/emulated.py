# SPDX-License-Identifier: Apache-2.0
"""What tests of the emulated platform's certificates and quotes share: a quoting service, asked as a guest asks it."""
import contextlib
import hashlib
import re
import socket
import struct
import subprocess

from conftest import PATIENCE, TCEPTION, TOP

TDX_H = (TOP / "harness" / "format" / "tdx.h").read_text()
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.S)


def label(name, size):
    """One of the texts that mark a report as emulated."""
    return re.search(rf'#define {name}\s+"([^"]*)"', TDX_H)[1].encode().ljust(size, b"\0")


def tdreport(report_data=b"\x22" * 64):
    """A well-formed TDREPORT that says it is emulated; no key made its MAC."""
    report = bytearray(1024)
    report[0] = 0x81
    report[128:192] = report_data
    report[256:264] = struct.pack("<Q", 0x1ff)
    report[280:328] = label("TDX_EMULATED_MRSEAM", 48)
    report[328:376] = label("TDX_EMULATED_MRSIGNERSEAM", 48)
    report[512:528] = struct.pack("<QQ", 1 << 28, 3)  # SEPT_VE_DISABLE; x87 and SSE
    report[528:576] = b"\x11" * 48
    report[32:80] = hashlib.sha384(report[256:495]).digest()
    report[80:128] = hashlib.sha384(report[512:1024]).digest()
    return bytes(report)


@contextlib.contextmanager
def service(*args):
    """`tception ARGS`, once it has printed its first line; ended afterwards."""
    with subprocess.Popen([TCEPTION, *map(str, args)], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline()
        finally:
            process.terminate()


def ask(path, request):
    """Everything that a service on a unix socket answers, until it hangs up."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60 * PATIENCE)
        s.connect(str(path))
        s.sendall(request)
        return b"".join(iter(lambda: s.recv(1 << 16), b""))


def quote_in(folder, version=4):
    """quote.bin, root.pem and bundle.json of a new test authority in `folder`."""
    with service("qgs", "--any-report", "--state-dir", folder / "authority", "--socket", folder / "qgs.socket",
                 "--quote-version", version, "--root", folder / "root.pem", "--collateral", folder / "bundle.json"):
        quote = ask(folder / "qgs.socket", tdreport())
    (folder / "quote.bin").write_bytes(quote)
    return quote


def certificates(folder):
    """Files of root, PCK CA, PCK and TCB Signing certificate, by these names."""
    quote, bundle = (folder / "quote.bin").read_bytes(), (folder / "bundle.json").read_text().replace("\\n", "\n")
    pck, ca, root = PEM.findall(quote.decode("latin-1"))
    signing = PEM.findall(bundle)[0]
    found = {}
    for name, text in (("root", root), ("ca", ca), ("pck", pck), ("signing", signing)):
        found[name] = folder / f"{name}.pem"
        found[name].write_text(text)
    return found
