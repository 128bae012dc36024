# SPDX-License-Identifier: Apache-2.0
"""A trust domain of `tception td run`, as somebody uses it: one for all of these tests, which ends when they do."""
import os
import re
import subprocess
import types
import urllib.request

import pytest

from conftest import PATIENCE, TCEPTION, flipped, processes_of, sha384, tception, wait_for
from emulated import ask, service
from td_common import Td, compiled, read_until, terminal, verify as verified

REPORT_DATA = 568  # in a quote: behind its header of 48 bytes
STATUSES = {  # profile -> what 'quote verify' says of it: status or, where nothing is evaluated, the reason
    "UpToDate": ("UpToDate", 0),
    "SWHardeningNeeded": ("SWHardeningNeeded", 1),
    "ConfigurationNeeded": ("ConfigurationNeeded", 1),
    "ConfigurationAndSWHardeningNeeded": ("ConfigurationAndSWHardeningNeeded", 1),
    "OutOfDate": ("OutOfDate", 1),
    "OutOfDateConfigurationNeeded": ("OutOfDateConfigurationNeeded", 1),
    "Revoked": ("Revoked", 1),
    "PCKRevoked": ("revoked", 1),
    "Expired": ("expired", 1),
}


@pytest.fixture(scope="module", name="td")
def fixture_td(tmp_path_factory):
    """One that runs, with the quoter in /work."""
    td = Td()
    folder = tmp_path_factory.mktemp("td")
    quoter = compiled(folder)
    (folder / "share/sub").mkdir(parents=True)
    (folder / "secret").write_text("secret")
    with td.start("run", "--name", "shared", "--platform", "emulated", "--copy", quoter, "--share", f"{folder}/share:/src", "--share",
                  f"{folder}/share:/ro:ro", "--", "sh", "-c", "echo up; cat; exit 6",
                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        if child.stdout.readline() != b"up\n":
            pytest.fail(child.communicate()[1].decode())
        yield types.SimpleNamespace(call=td, env=td.env, folder=folder, quoter=quoter)
        said = child.communicate()[1].decode()
    assert child.returncode == 6 and "EMULATED trust domain" in said
    wait_for(lambda: not td.places())


def verify(td, path, profile="UpToDate"):
    td.call.folder = td.folder
    return verified(td.call, path, profile)


def in_td(td, *args, **options):
    return td.call("exec", "shared", "--", *args, **options)


def quote(td, how, text, name):
    """A file with what the quoter made, by one of the ways."""
    path = td.folder / name
    with open(path, "wb") as f:
        done = subprocess.run([TCEPTION, "td", "exec", "shared", "./quoter", how, text], env=td.env, stdout=f, stderr=subprocess.PIPE,
                              check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.parametrize("how", ["configfs", "vsock"])
def test_quote(td, how):
    """By either way, of a program that knows nothing of us: accepted once its root is known, and not without."""
    path = quote(td, how, f"by {how}", how)
    data = path.read_bytes()
    assert data[REPORT_DATA:].startswith(f"by {how}".encode().ljust(64, b"\0"))
    assert b"EMULATED" in data
    done = verify(td, path)
    assert done.returncode == 0 and "origin emulated" in done.stdout and "UpToDate" in done.stdout
    trust = td.folder / "trust-UpToDate"
    done = tception("quote", "verify", "--collateral", trust / "collateral.json", path)
    assert done.returncode == 1 and "REJECTED" in done.stdout and "pck-chain-untrusted" in done.stdout
    changed = verify(td, flipped(path, td.folder / "changed", REPORT_DATA))
    assert changed.returncode == 1


def test_quotes_are_of_one_td(td):
    """Its report gets no quote from a service that has another TD's key, and none when it is changed."""
    report = td.folder / "report"
    with open(report, "wb") as f:
        subprocess.run([TCEPTION, "td", "exec", "shared", "./quoter", "ioctl", "x"], env=td.env, stdout=f, check=True, timeout=300)
    data = report.read_bytes()
    assert len(data) == 1024 and data[128:192] == b"x".ljust(64, b"\0")
    own = td.call.runtime / "tception/td/shared/qgs.socket"
    key = td.folder / "key"
    key.write_text("17" * 32)
    with service("qgs", "--key", key, "--state-dir", td.call.state / "tception", "--socket", td.folder / "other.socket"):
        assert ask(own, data) and not ask(td.folder / "other.socket", data)
    assert not ask(own, data[:600] + bytes([data[600] ^ 1]) + data[601:])


@pytest.mark.parametrize("profile", STATUSES)
def test_profile(td, profile):
    """What the platform's profile says is what a verifier says, of the same quote."""
    path = td.folder / "profiled"
    if not path.exists():
        quote(td, "configfs", "profile", "profiled")
    done = verify(td, path, profile)
    status, code = STATUSES[profile]
    assert done.returncode == code, done.stdout
    assert re.search(rf"\b{status}\b", done.stdout), done.stdout
    if profile in ("PCKRevoked", "Expired"):
        return
    assert re.search(rf"^  status +{status} ", done.stdout, re.M), done.stdout


def test_pccs_from_inside(td):
    """Programs in there find the collateral where the environment and Intel's own configuration say; it is the host's."""
    url = in_td(td, "sh", "-c", "echo $PCCS_URL").stdout.strip()
    configured = in_td(td, "cat", "/etc/sgx_default_qcnl.conf").stdout
    assert url.startswith("http://10.0.2.2:") and f'"{url}/sgx/certification/v4/"' in configured
    port = url.rsplit(":", 1)[1]
    path = "sgx/certification/v4/pckcrl?ca=platform&encoding=der"
    done = in_td(td, "bash", "-c", f"exec 3<>/dev/tcp/10.0.2.2/{port}; printf 'GET /{path} HTTP/1.0\\r\\n\\r\\n' >&3; grep -ac EMULATED <&3")
    assert int(done.stdout) > 0
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60 * PATIENCE) as answer:
        assert b"EMULATED" in answer.read()
    assert in_td(td, "cat", "/etc/tdx-attest.conf").stdout == "port=4050\n"


def test_trust_is_inside(td):
    done = in_td(td, "sh", "-c", "cd $TCEPTION_TRUST && ls && cat root.pem README.txt")
    assert done.stdout.startswith("README.txt\ncollateral.json\npolicy.json\nroot.pem\n")
    verify(td, td.quoter)
    assert (td.folder / "trust-UpToDate" / "root.pem").read_text() in done.stdout and "EMULATED" in done.stdout


def test_files_come_and_go(td):
    (td.folder / "in").mkdir()
    (td.folder / "in" / "a").write_bytes(os.urandom(300000))
    done = td.call("exec", "--copy", td.folder / "in", "-o", td.folder / "out", "shared", "--", "sh", "-c",
                   "cp in/a b; ln -s /etc/passwd link; exit 5")
    assert done.returncode == 5, done.stderr
    original = (td.folder / "in" / "a").read_bytes()
    assert sha384((td.folder / "out" / "b").read_bytes()) == sha384(original)
    assert os.readlink(td.folder / "out" / "link") == "/etc/passwd"


def test_streams_and_status(td):
    done = in_td(td, "sh", "-c", "cat; echo no >&2; kill -9 $$", stdin=b"yes\n" * 100000)
    assert (done.returncode, done.stdout, done.stderr) == (137, "yes\n" * 100000, "no\n")
    done = in_td(td, "no-such-program")
    assert done.returncode == 127 and "cannot start no-such-program in the TD: ENOENT" in done.stderr


def test_terminal(td):
    """`td shell` in one that runs: its prompt says EMULATED, its terminal is one, and what is typed is echoed there."""
    with terminal(TCEPTION, "td", "shell", "shared", env=td.env, rows=31, columns=97) as (ours, child):
        read_until(ours, rb"\[EMULATED TD shared\] root:/work# ")
        os.write(ours, b"stty size; tty; exit 4\r")
        said = read_until(ours, rb"/dev/pts/\d+\r\n")
        assert b"31 97\r\n" in said
        assert child.wait(timeout=120) == 4


def test_hung_up_program_ends(td):
    """A client that is killed takes its program along."""
    with td.call.start("exec", "shared", "sleep", "98765", stdin=subprocess.DEVNULL) as child:
        wait_for(lambda: "sleep" in in_td(td, "ps", "-o", "args", "-A").stdout)
        child.kill()
    wait_for(lambda: "98765" not in in_td(td, "ps", "-o", "args", "-A").stdout)
    assert not processes_of(f"XDG_RUNTIME_DIR={td.call.runtime}", "98765")


def test_shared_folder(td):
    """What is written on one side is on the other, and the guest's root gets nowhere else."""
    here = td.folder / "share"
    (here / "data").write_bytes(os.urandom(1 << 20))
    (here / "out").symlink_to("../secret")
    done = in_td(td, "sh", "-c", "sha384sum </src/data; cp /src/data /src/sub/copy && echo more >>/src/sub/copy; ln -s sub/copy /src/down; "
                 "cat /ro/data | sha384sum; touch /ro/x; mknod /src/null c 1 3; ln -s ../secret /src/up; cat /src/out; ls /src/..")
    digest = sha384((here / "data").read_bytes())
    assert done.stdout.count(digest if isinstance(digest, str) else digest.hex()) == 2
    assert (here / "sub/copy").read_bytes() == (here / "data").read_bytes() + b"more\n"
    assert os.readlink(here / "down") == "sub/copy" and sorted(os.listdir(here)) == ["data", "down", "out", "sub"]
    for refusal in ("/ro/x': Read-only file system", "/src/null: Operation not permitted", "/src/up': Operation not permitted",
                    "/src/out: No such file"):
        assert refusal in done.stderr, done.stderr
    assert "secret" not in done.stdout.split() and (td.folder / "secret").read_text() == "secret"
