# SPDX-License-Identifier: Apache-2.0
"""Trust domains for people's own work, as a new user has them: containers, disks, several at once. `make test-full` runs it."""
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request

import pytest

import chains
from conftest import PATIENCE, TCEPTION, TOP, sha384, tception, wait_for
from emulated import ask
from td_common import Td, compiled, parent_of, read_until, terminal, verify
from test_grub import RELEASE, UUID, make_disk

REPORT_DATA = 568
HOURS = 3600


def new(folder, *args, name="work"):
    """A TD that stays, and the program that asks for quotes."""
    td = Td()
    td.folder, td.name, td.quoter = folder, name, compiled(folder)
    done = td("up", name, "--platform", "emulated", *args, seconds=HOURS)
    assert done.returncode == 0, done.stderr
    return td


@pytest.fixture(scope="module", name="td")
def fixture_td(tmp_path_factory):
    td = new(tmp_path_factory.mktemp("td"))
    assert td("exec", "--copy", td.quoter, td.name, "true").returncode == 0
    yield td
    td("down", "--all")
    wait_for(lambda: not td.places() and not td.processes())


def run(td, *words):
    """Standard output, as bytes, of a program in there."""
    done = subprocess.run([TCEPTION, "td", "exec", td.name, "--", *words], env=td.env, capture_output=True, check=False, timeout=HOURS)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


# ---- in containers ---------------------------------------------------------------------------------------------------

ENGINES = {
    "docker": "docker run --rm --network none --security-opt apparmor=unconfined --security-opt seccomp=unconfined",
    "podman": "podman run --rm --network host --security-opt apparmor=unconfined --security-opt seccomp=unconfined",
}
WAYS = {"configfs": "-v /sys/kernel/config:/sys/kernel/config", "ioctl": "--device /dev/tdx_guest", "vsock": "--device /dev/tdx_guest"}


@pytest.fixture(scope="module")
def imported(td):
    for engine in ENGINES:
        run(td, "sh", "-c", f"tar -C /work -c quoter | {engine} import - quoter >&2")


@pytest.mark.usefixtures("imported")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("how", WAYS)
def test_in_a_container(td, engine, how):
    """The same static program, by the options that the page names and no others."""
    text = f"{how} in {engine}"
    data = run(td, "sh", "-c", f"{ENGINES[engine]} {WAYS[how]} quoter /quoter {how} '{text}'")
    at = 128 if how == "ioctl" else REPORT_DATA
    assert data[at:at + 64] == text.encode().ljust(64, b"\0")
    if how == "ioctl":
        assert len(data) == 1024 and ask(td.runtime / f"tception/td/{td.name}/qgs.socket", data)
        return
    path = td.folder / f"{engine}-{how}"
    path.write_bytes(data)
    assert verify(td, path).returncode == 0


@pytest.mark.usefixtures("imported")
@pytest.mark.parametrize("engine", ENGINES)
def test_not_in_a_closed_container(td, engine):
    """Without them there is nothing: the program says so and no quote comes."""
    done = td("exec", td.name, "--", "sh", "-c", f"{engine} run --rm --network none quoter /quoter configfs x")
    assert done.returncode != 0 and "/sys/kernel/config" in done.stderr


# ---- somebody's disk -------------------------------------------------------------------------------------------------

def disk_with(folder, program):
    """GPT: an EFI system partition, and an ext4 root with that program."""
    tree = folder / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "usr").mkdir()
    (tree / "etc/os-release").write_text("ID=somebodys\n")
    shutil.copy(program, tree)
    root = folder / "root"
    chains.run("truncate", "-s", "32M", root)
    chains.run("mke2fs", "-q", "-t", "ext4", "-d", tree, root)
    return chains.gpt(folder / "disk.img", [("U", chains.fat(folder / "esp", 8, {})), ("L", root)])


@pytest.mark.parametrize("form", ["raw", "qcow2"])
def test_image(tmp_path, form):
    """A program of somebody's disk in the disk's own root: a quote, and the disk as it was."""
    td = Td()
    td.folder = tmp_path
    disk = disk_with(tmp_path, compiled(tmp_path))
    if form == "qcow2":
        subprocess.run(["qemu-img", "convert", "-O", "qcow2", disk, tmp_path / "disk.qcow2"], check=True)
        disk = tmp_path / "disk.qcow2"
    before = sha384(disk.read_bytes())
    with open(tmp_path / "quote", "wb") as out:
        done = subprocess.run([TCEPTION, "td", "run", "--platform", "emulated", "--image", disk, "--", "/quoter", "configfs", "image"],
                              env=td.env, stdout=out, stderr=subprocess.PIPE, check=False, timeout=HOURS)
    assert done.returncode == 0, done.stderr
    assert verify(td, tmp_path / "quote").returncode == 0
    assert sha384(disk.read_bytes()) == before


@pytest.mark.parametrize("agent", [True, False])
def test_boot(tmp_path, agent):
    """A disk by shim, GRUB and a kernel of its own: what it says and reads is here, what it writes is nowhere."""
    td = Td()
    init = compiled(tmp_path, "init")
    files = ["init"]
    if agent:
        shutil.copy(TOP / "build/agent", tmp_path)
        files.append("agent")
    (tmp_path / "init.cpio").write_bytes(subprocess.run(["bsdtar", "--format", "newc", "-cf", "-", "-C", init.parent, *files],
                                                        check=True, capture_output=True).stdout)
    config = (f"search --no-floppy --fs-uuid --set=root {UUID}\nlinux /boot/vmlinuz-{RELEASE} console=ttyS0 quiet rdinit=/init\n"
              f"initrd /boot/initrd.img-{RELEASE}\nboot\n")
    disk = make_disk(tmp_path / "disk", "trixie", config, initrd=tmp_path / "init.cpio")
    before = sha384(disk.read_bytes())
    with td.start("boot", "--platform", "emulated", disk, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        for line in child.stdout:
            if b"BOOTED" in line:
                break
        assert b"BOOTED in a TD" in line
        if agent:
            wait_for(lambda: td("exec", "td1", "/init").stdout == "once more\n", seconds=300)
            assert td("exec", "td1", "/init").returncode == 5
        else:
            assert "no agent answers in the TD" in td("exec", "td1", "/init").stderr
        child.stdin.write(b"hello\n")
        child.stdin.flush()
        said, banner = child.communicate(timeout=HOURS)
    assert b"GOT hello" in said and b"EMULATED trust domain boots" in banner and child.returncode == 0
    assert sha384(disk.read_bytes()) == before
    wait_for(lambda: not td.places() and not td.processes())


# ---- several, and killed ---------------------------------------------------------------------------------------------

def test_two_at_once(td, tmp_path):
    """The same program, the same text: other reports and quotes, and neither's service quotes the other."""
    other = Td()
    other.env, other.runtime, other.state = td.env, td.runtime, td.state
    other.name = "other"
    done = td("up", "other", "--platform", "emulated", seconds=HOURS)
    assert done.returncode == 0, done.stderr
    assert td("exec", "--copy", td.quoter, "other", "true").returncode == 0
    report, quote, socket = {}, {}, {}
    for one in (td, other):
        report[one.name] = run(one, "./quoter", "ioctl", "same")
        quote[one.name] = run(one, "./quoter", "configfs", "same")
        socket[one.name] = td.runtime / f"tception/td/{one.name}/qgs.socket"
        (tmp_path / one.name).write_bytes(quote[one.name])
        td.folder = tmp_path
        assert verify(td, tmp_path / one.name).returncode == 0
    for own, foreign in ((td.name, "other"), ("other", td.name)):
        assert ask(socket[own], report[own]) and not ask(socket[own], report[foreign])
    assert report[td.name] != report["other"] and quote[td.name] != quote["other"]
    assert report[td.name][224:256] != report["other"][224:256]  # the MAC: other keys
    assert report[td.name][128:192] == report["other"][128:192]
    boots = {run(one, "cat", "/proc/sys/kernel/random/boot_id") for one in (td, other)}
    assert len(boots) == 2
    assert td("down", "other").returncode == 0


@pytest.mark.parametrize("victim", ["client", "keeper", "guardian"])
def test_killed(tmp_path, victim):
    """With a shared folder and a real guest: whoever is killed, no process and no file is left."""
    td = Td()
    (tmp_path / "shared").mkdir()
    with td.start("run", "--platform", "emulated", "--share", tmp_path / "shared", "--", "sh", "-c", "echo up; sleep 1000",
                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"up\n", child.stderr.read()
        keeper = json.loads(td("list", "--json").stdout)[0]["pid"]
        assert len(td.processes()) >= 5  # client, guardian, keeper, QEMU, the folder's
        os.kill({"client": child.pid, "keeper": keeper, "guardian": parent_of(keeper)}[victim], signal.SIGKILL)
        child.communicate(timeout=HOURS)
    wait_for(lambda: not td.places() and not td.processes())
    assert json.loads(td("list", "--json").stdout) == []


# ---- what is said of it ----------------------------------------------------------------------------------------------

def certificates_in(data):
    data = data.replace(rb"\n", b"\n")  # as JSON has them
    return re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", data, re.S)


def test_says_emulated(td, tmp_path):
    """Every quote, certificate, banner, prompt and JSON; and without the test root nothing is accepted."""
    td.folder = tmp_path
    path = tmp_path / "quote"
    path.write_bytes(run(td, "./quoter", "configfs", "said"))
    trust = tmp_path / "trust-UpToDate"
    accepted = verify(td, path)
    assert accepted.returncode == 0 and "origin emulated" in accepted.stdout
    bundle = ("--collateral", trust / "collateral.json")
    answer = json.loads(tception("quote", "verify", "--json", "--root", trust / "root.pem", *bundle, path).stdout)
    assert '"emulated"' in json.dumps(answer) and '"hardware"' not in json.dumps(answer)
    refused = tception("quote", "verify", *bundle, path)
    assert refused.returncode == 1 and "REJECTED" in refused.stdout
    texts = {"quote": path.read_bytes(), "root": (trust / "root.pem").read_bytes()}
    texts.update({p.name: p.read_bytes() for p in trust.iterdir()})
    url = json.loads(td("list", "--json").stdout)[0]["pccs"]
    for service in ("tcb?fmspc=454d55000000", "qe/identity"):
        with urllib.request.urlopen(f"{url}/tdx/certification/v4/{service}", timeout=60 * PATIENCE) as got:
            texts[service] = urllib.parse.unquote(" ".join(f"{k}: {v}" for k, v in got.headers.items())).encode()
    chains = [c for text in texts.values() for c in certificates_in(text)]
    assert len(chains) >= 6  # of the quote, the root's file, two of the service's headers
    for certificate in chains:
        said = subprocess.run(["openssl", "x509", "-noout", "-subject", "-issuer"], input=certificate, capture_output=True, check=True).stdout
        assert [b"EMULATED" in line for line in said.splitlines()] == [True, True], said
    for name, text in texts.items():  # what has no certificate that says so says it itself
        assert certificates_in(text) or b"EMULATED" in text.upper(), name
    assert b"EMULATED" in texts["quote"] and b"EMULATED" in texts["README.txt"]
    for where in ("cat /etc/motd", "echo $PS1", "cat /run/tception/bashrc", "echo $TCEPTION_TD | tr a-z A-Z"):
        assert b"EMULATED" in run(td, "sh", "-c", where), where
    listed = td("list").stdout.splitlines()
    assert len(listed) == 2 and "EMULATED" in listed[1]
    assert all(o["emulated"] is True and o["platform"] == "emulated" for o in json.loads(td("list", "--json").stdout))
    assert "EMULATED" in td("trust", tmp_path / "again").stdout


# ---- the README alone, as it is typed ---------------------------------------------------------------------------------

def test_readme():
    """Every command of a trust domain that the README has, in its order, in the folder that it means; the shell at a terminal."""
    td, said = Td(), {}
    lines = re.findall(r"^    (.*build/tception td .*)$", (TOP / "README.md").read_text(), re.M)
    assert len(lines) >= 6
    for line in lines:
        line = line.removeprefix("make all image && ")  # which is done
        if line.endswith(" shell"):
            with terminal("bash", "-c", line, cwd=TOP, env=td.env) as (ours, child):
                read_until(ours, rb"(?s)EMULATED trust domain.*\[EMULATED TD td1\] root:/work# ", seconds=900)
                os.write(ours, b"systemd-detect-virt --cvm; exit 3\r")
                read_until(ours, rb"\rtdx\r")
                assert child.wait(timeout=900) == 3
            continue
        done = subprocess.run(["bash", "-c", line], cwd=TOP, env=td.env, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=HOURS)
        assert done.returncode == 0, (line, done.stderr)
        said[line.split("td ")[1].split()[0]] = done
    assert said["run"].stdout == (TOP / "README.md").read_bytes() and b"EMULATED" in said["run"].stderr
    assert said["up"].stdout == b"mine\n" and b"EMULATED" in said["up"].stderr
    assert said["exec"].stdout.startswith(b"Linux mine ") and re.search(rb"^mine +EMULATED ", said["list"].stdout, re.M)
    wait_for(lambda: not td.places() and not td.processes())


# ---- the page, as it is typed ----------------------------------------------------------------------------------------

PAGE = TOP / "harness/td/README.md"


def typed(heading):
    """The commands of the first indented block below a heading, or of the page."""
    text = PAGE.read_text()
    text = text[text.index(heading):]
    return re.search(r"(?:^    .*\n)+", text, re.M)[0]


@pytest.fixture(name="desk")
def fixture_desk(tmp_path):
    """A new user's folder: the build, a test, a program, a disk. Docker of the host's is a stand-in: what it exports is the disk's tree."""
    td = Td()
    quoter = compiled(tmp_path)
    (tmp_path / "build").mkdir()
    (tmp_path / "build/tception").write_text(f'#!/bin/sh\nexec {TCEPTION} "$@"\n')
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/run.sh").write_text("#!/bin/sh\necho tested in $(hostname)\n")
    (tmp_path / "attest").write_text("#!/bin/sh\nexec /work/quoter configfs page\n")
    disk = disk_with(tmp_path, quoter)
    app = tmp_path / "tree/app"
    app.mkdir()
    shutil.copy(quoter, app / "attest")
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", disk, tmp_path / "disk.qcow2"], check=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text(f'#!/bin/sh\n[ "$1" = create ] || exec tar -C {tmp_path}/tree -c .\n')
    (tmp_path / "bin/tception").write_text(f'#!/bin/sh\nexec {TCEPTION} "$@"\n')
    (tmp_path / "bin/your-verifier").write_text('#!/bin/sh\n[ "$1" != --root ] || more="--root $2 --collateral trust/collateral.json"\n'
                                                'for quote; do :; done\nexec tception quote verify $more "$quote"\n')
    for program in ("build/tception", "tests/run.sh", "attest", "bin/docker", "bin/tception", "bin/your-verifier"):
        (tmp_path / program).chmod(0o755)
    shutil.copy(quoter, tmp_path / "make-quote.static")
    (tmp_path / "make-quote").write_text("#!/bin/sh\nexec ./quoter configfs page\n")
    (tmp_path / "make-quote").chmod(0o755)
    env = {**td.env, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    yield types_at(tmp_path, env)
    wait_for(lambda: not td.places() and not td.processes())


def types_at(folder, env):
    def do(text, **options):
        return subprocess.run(["bash", "-c", text], cwd=folder, env=env, capture_output=True, check=False, timeout=HOURS, **options)
    do.folder = folder
    return do


def test_page(desk):
    """Each line of the page's first block, one after the other, with what a person would see."""
    lines = [line.split("  #")[0].strip() for line in typed("# td").splitlines()]
    said = {}
    for line in lines:
        if "--image" in line or "docker export" in line:  # the program there is somebody's own: told what to do
            line = line.replace("/app/attest", "/quoter configfs page") if "--image" in line else line + " configfs page"
        if " td boot " in line:
            continue  # test_boot: this disk has no loader
        if "td exec" in line:
            line = line.replace("--copy attest", "--copy attest --copy quoter")
        done = desk(line, input=b"exit\n")
        said[line] = done
        assert done.returncode == 0, (line, done.stderr)
        assert b"EMULATED" in done.stderr, line
    out = b"".join(d.stdout for d in said.values())
    assert b"Linux td1" in out and out.count(b"tested in td1") == 2
    assert (desk.folder / "quote.bin").read_bytes()[REPORT_DATA:].startswith(b"page")
    assert len([d for d in said.values() if d.stdout[REPORT_DATA:].startswith(b"page")]) == 2


def test_page_of_refusal(desk):
    """The test that production refuses it, as it stands on the page."""
    text = typed("## A test that production refuses it").replace("--copy make-quote", "--copy make-quote --copy quoter")
    done = desk("set -e\n" + text)
    assert done.returncode == 0, done.stderr + done.stdout
    refused, accepted = done.stdout.split(b"EMULATED, profile")
    assert b"pck-chain-untrusted" in refused and b"origin emulated" in accepted
    shutil.move(desk.folder / "bin/your-verifier", desk.folder / "bin/moved")
    (desk.folder / "bin/your-verifier").symlink_to("/bin/true")  # a verifier that accepts it as shipped
    assert desk("set -e\n" + "! your-verifier out/quote.bin; [ $? = 0 ]").returncode != 0
