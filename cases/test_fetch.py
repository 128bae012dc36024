# SPDX-License-Identifier: Apache-2.0
"""`tception quote fetch` before servers whose certificates differ, and for quotes of SGX."""
import contextlib
import http.server
import ssl
import subprocess
import threading

import pytest

from conftest import GOLDEN, told


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path)
        self.send_error(404)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *args):
        """A client that does not like our certificate."""


@contextlib.contextmanager
def serving(certificate=None):
    """A server that has nothing, and the paths that it was asked for."""
    server = Server(("127.0.0.1", 0), Handler)
    server.paths = []
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def fetch(tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return lambda *args: told("quote", "fetch", "-o", tmp_path / "out", *args)


def test_certificates(tmp_path, fetch):
    """Whom a server's certificate must be trusted by, and what is said when it is not."""
    pem = tmp_path / "server.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", pem, "-out", tmp_path / "cert.pem"],
                   check=True, capture_output=True)
    pem.write_text(pem.read_text() + (tmp_path / "cert.pem").read_text())
    with serving(pem) as server:
        args = ("--fmspc", "00806f050000", "--url", f"https://localhost:{server.server_port}")
        status, _, err = fetch(*args)
        assert status == 3 and "certificate is not trusted" in err and "--cacert" in err
        assert not server.paths
        status, _, err = fetch(*args, "--cacert", tmp_path / "cert.pem")
        assert status == 3 and "HTTP status 404" in err
        status, _, err = fetch(*args, "--insecure")
        assert status == 3 and "HTTP status 404" in err
        status, _, err = fetch("--fmspc", "00806f050000", "--url", f"https://127.0.0.1:{server.server_port}",
                               "--cacert", tmp_path / "cert.pem")
        assert status == 3 and "certificate is not trusted" in err


@pytest.mark.parametrize("args, path", [
    ((GOLDEN / "quote" / "9c3786b9b3d6.bin",), "/tdx/certification/v4/tcb?fmspc=00806f050000"),
    ((next((GOLDEN / "quote").glob("sgx*.bin")),), "/sgx/certification/v4/tcb?fmspc="),
    (("--fmspc", "00806f050000", "--tee", "sgx", "--update", "early"), "/sgx/certification/v4/tcb?fmspc=00806f050000&update=early"),
    (("--fmspc", "00806f050000", "--evaluation", "all"), "/tdx/certification/v4/tcbevaluationdatanumbers"),
    (("--fmspc", "00806f050000", "--evaluation", "19"), "/tdx/certification/v4/tcb?fmspc=00806f050000&tcbEvaluationDataNumber=19"),
])
def test_what_is_asked_for(fetch, args, path):
    with serving() as server:
        status, _, err = fetch("--url", f"http://127.0.0.1:{server.server_port}/sgx/certification/v4/", *args)
        assert status == 3 and "HTTP status 404" in err
        assert len(server.paths) == 1 and server.paths[0].startswith(path)


@pytest.mark.parametrize("args, said", [
    (("--fmspc", "00806f050000", "--update", "late"), "--update"),
    (("--fmspc", "00806f050000", "--update", "early", "--evaluation", "18"), "one --update or --evaluation"),
    (("--fmspc", "00806f050000", "--evaluation", "0"), "--evaluation"),
    (("--tee", "sgx", GOLDEN / "quote" / "9c3786b9b3d6.bin"), "--fmspc"),
    (("--fmspc", "00806f050000", "--url", "http://127.0.0.1/sgx/certification/v3"), "v3"),
])
def test_unusable(fetch, args, said):
    status, out, err = fetch(*args)
    assert (status, out) == (2, "") and said in err
