# SPDX-License-Identifier: Apache-2.0
"""The host's side of `tception td`: no guest is booted, cases/td/standin-qemu stands in for it."""
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile

import pytest
import yaml

from conftest import GOLDEN, TCEPTION, TOP, processes_of, tception, wait_for
from td_common import HERE, Td, parent_of, read_until, terminal

STANDIN = str(HERE / "standin-qemu")
BOOT = ("--qemu", STANDIN, "--platform", "emulated")
FAKE = (*BOOT, "--kernel", "/dev/./null", "--initrd", "/dev/null")


@pytest.fixture(name="td")
def fixture_td(tmp_path):
    td = Td(TCEPTION_STANDIN_WORK=str(tmp_path), TCEPTION_ROOT="/dev/null", TCEPTION_FIRMWARE="/dev/null")
    yield td
    td("down", "--all")
    wait_for(lambda: not td.places())


def run(td, *args, options=(), **more):
    return td("run", *FAKE, *options, "--", *args, **more)


def test_status_and_streams(td):
    done = run(td, "sh", "-c", "cat; echo no >&2; exit 7", stdin=b"yes\n")
    assert (done.returncode, done.stdout) == (7, "yes\n")
    first, *rest = done.stderr.splitlines()
    assert first.startswith("tception: td1: EMULATED trust domain") and rest == ["no"]
    assert td.places() == []


@pytest.mark.parametrize("args, status, says", [
    (("sh", "-c", "kill -TERM $$"), 143, ""),
    (("/no/such/program",), 127, "cannot start /no/such/program in the TD: ENOENT"),
])
def test_other_ends(td, args, status, says):
    done = run(td, *args)
    assert done.returncode == status and says in done.stderr


@pytest.mark.parametrize("options", [("--quote", "v4"), ("--quote", "v5"), ("--exits", "ve"), ("--exits", "passthrough"),
                                     ("--network", "none"), ("--memory", "512"), ("--vcpus", "2"), ("--profile", "Revoked"),
                                     ("--profile", "TDRelaunchAdvised"), ("--profile", "TDRelaunchAdvised", "--quote", "v5")])
def test_options(td, options):
    """Each value that the help names is one that a TD is made with."""
    done = run(td, "true", options=(*options, "--json"))
    assert done.returncode == 0, done.stderr
    said, wanted = json.loads(done.stdout), dict(zip(options[::2], options[1::2]))
    assert said["profile"] == wanted.get("--profile", "UpToDate")
    assert said["memory_mib"] == int(wanted.get("--memory", 2048)) and said["vcpus"] == int(wanted.get("--vcpus", 1))


@pytest.mark.parametrize("option", ["--kernel", "--initrd", "--copy", "--share", "--root", "--image", "--qemu"])
def test_named_file_is_missing(td, option):
    """Told by its name, and before a TD is booted."""
    td.env["TCEPTION_STANDIN"] = "mute"
    done = td("run", *FAKE, option, "/no/such/file", "--", "true")
    assert done.returncode == 125 and td.places() == []
    assert re.fullmatch(rf"tception: ({option} )?/no/such/file: no .*\n", done.stderr, re.I)


def test_copy(td, tmp_path):
    """A folder by its name, and what is in one: as cp has it."""
    made = tmp_path / "made"
    (made / "tests").mkdir(parents=True)
    (made / "tests/run.sh").write_text("x")
    for args, wanted in (((made,), "made/tests/run.sh"), ((made / "tests", made / "tests/run.sh"), "tests/run.sh"),
                         ((f"{made}/.",), "tests/run.sh")):
        work = tmp_path / f"work{len(args)}{str(args[0])[-1]}"
        work.mkdir()
        td.env["TCEPTION_STANDIN_WORK"] = str(work)
        done = run(td, "cat", wanted, options=[word for file in args for word in ("--copy", file)])
        assert (done.returncode, done.stdout) == (0, "x"), done.stderr


@pytest.mark.parametrize("fault, says", [
    ("trouble", "the TD could not be made ready: network: No such device"),
    ("dies", "the TD has ended"),
    ("garbage", "the TD does not answer as it should"),
])
def test_faults(td, fault, says):
    td.env["TCEPTION_STANDIN"] = fault
    done = run(td, "true")
    assert done.returncode == 125 and says in done.stderr
    assert td.places() == []


def test_much_both_ways(td):
    """More than any window or socket holds, and nobody waits for the other for ever."""
    data = os.urandom(3 << 20)
    done = subprocess.run([TCEPTION, "td", "run", *FAKE, "cat"], env=td.env, input=data, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest()


def test_reader_that_leaves(td):
    """`| head`: the program is told, and the TD ends."""
    with td.start("run", *FAKE, "yes", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        child.stdout.read(100)
        child.stdout.close()
        assert child.wait(timeout=120) != 0
    wait_for(lambda: not td.places())


def test_interrupted(td):
    """The program gets the signal; who does not listen is left at the third."""
    with td.start("run", *FAKE, "sh", "-c", "trap 'echo got; exit 3' INT; echo up; while :; do sleep 0.1; done",
                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=120)[0] == b"got\n" and child.returncode == 3
    with td.start("run", *FAKE, "sh", "-c", "trap '' INT QUIT TERM; echo up; while :; do sleep 0.1; done",
                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
            child.send_signal(number)
        assert b"interrupted by SIG" in child.communicate(timeout=120)[1] and child.returncode == 125


def test_ignored_signal(td):
    """As nohup and a script's '&' start it: what it ignores neither ends it nor reaches the program, the rest does."""
    with td.start("run", *FAKE, "sh", "-c", "trap 'echo got; exit 3' TERM; echo up; while :; do sleep 0.1; done",
                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                  preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as child:
        child.stdout.readline()
        child.send_signal(signal.SIGHUP)
        child.send_signal(signal.SIGTERM)
        assert child.communicate(timeout=120)[0] == b"got\n" and child.returncode == 3


def test_up_exec_down(td):
    assert [td("up", *FAKE).stdout, td("up", "own", *FAKE).stdout] == ["td1\n", "own\n"]
    again = td("up", "own", *FAKE)
    assert again.returncode == 125 and "there is a TD of the name 'own' already" in again.stderr
    listed = {o["name"]: o for o in json.loads(td("list", "--json").stdout)}
    assert set(listed) == {"td1", "own"} and all(o["emulated"] is True for o in listed.values())
    assert listed["td1"]["pccs"] != listed["own"]["pccs"]
    assert all("EMULATED" in line for line in td("list").stdout.splitlines()[1:])
    assert td("exec", "own", "--", "sh", "-c", "echo $PS1").stdout == "[EMULATED TD own] #\n"
    assert td("down", "own").returncode == 0 and td.places() == ["td1"]
    gone = td("exec", "own", "true")
    assert gone.returncode == 125 and gone.stderr == "tception: no TD of the name 'own' runs; there are: td1\n"
    assert td("down", "--all").returncode == 0
    wait_for(lambda: not td.places())


@pytest.fixture(name="disk")
def fixture_disk(tmp_path):
    disk = tmp_path / "disk.img"
    disk.write_bytes(bytes(1 << 20))
    return disk


@pytest.mark.parametrize("agent", [True, False])
def test_boot_in_the_background(td, disk, agent):
    """What boots a disk of its own is listed and ended as others are, and runs programs where it has the agent."""
    if not agent:
        td.env["TCEPTION_STANDIN"] = "mute"
    with td.start("boot", *BOOT, disk, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert b"EMULATED trust domain boots" in child.stderr.readline()
        [one] = json.loads(td("list", "--json").stdout)
        assert one["emulated"] is True and one["disk"] == str(disk)
        if agent:
            wait_for(lambda: td("exec", "td1", "sh", "-c", "echo $TCEPTION_TD; exit 3").stdout == "emulated\n", child)
            assert td("exec", "td1", "sh", "-c", "exit 3").returncode == 3
        else:
            done = td("exec", "td1", "true")
            assert done.returncode == 125 and "no agent answers in the TD" in done.stderr and "td run --image" in done.stderr
        assert td("down", "td1").returncode == 0
        child.communicate(timeout=120)
    assert child.returncode == 0 and not td.places()


def test_boot_behind_a_terminal(td, disk):
    """`td boot DISK &` in somebody's shell: not stopped for wanting the terminal."""
    line = f"{TCEPTION} td boot {' '.join(BOOT)} {disk} & wait $!; echo ended $?"
    with terminal("bash", "-ic", line, env=td.env) as (ours, shell):
        wait_for(lambda: td.places() == ["td1"])
        assert td("down", "td1").returncode == 0
        said = read_until(ours, rb"ended \d+")
        assert b"ended 0" in said and b"Stopped" not in said and shell.wait(timeout=120) == 0


# ---- for scripts -----------------------------------------------------------------------------------------------------

def test_json(td, tmp_path):
    """One object on standard output, whatever the program writes there; quotes are told from other files."""
    work, out = tmp_path / "work", tmp_path / "out"
    work.mkdir()
    shutil.copy(GOLDEN / "quote/00b2526ab190.bin", work / "quote.bin")
    (work / "no quote").write_text("x")
    (work / "link").symlink_to("quote.bin")
    td.env["TCEPTION_STANDIN_WORK"] = str(work)
    done = run(td, "sh", "-c", "echo said; exit 7", options=("--json", "-o", out))
    assert done.returncode == 7 and done.stderr.endswith("said\n")
    said = json.loads(done.stdout)
    quotes = said.pop("quotes")
    assert said == {"name": "td1", "emulated": True, "platform": "emulated", "profile": "UpToDate", "vcpus": 1, "memory_mib": 2048,
                    "program": ["sh", "-c", "echo said; exit 7"], "status": 7, "error": None, "output": str(out)}
    parsed = json.loads(tception("quote", "parse", "--json", work / "quote.bin").stdout)
    assert [q["file"] for q in quotes] == [str(out / "quote.bin")] and quotes[0]["version"] == parsed["version"]
    assert quotes[0]["mrtd"] in json.dumps(parsed) and quotes[0]["report_data"] in json.dumps(parsed)


@pytest.mark.parametrize("program, status, error", [
    ("/no/such", 127, "cannot start /no/such in the TD: ENOENT"),
    ("true", 125, "the TD has ended"),
])
def test_json_of_failures(td, program, status, error):
    if status == 125:
        td.env["TCEPTION_STANDIN"] = "dies"
    done = run(td, program, options=("--json",))
    said = json.loads(done.stdout)
    assert done.returncode == said["status"] == status and said["emulated"] is True
    assert said["error"].startswith(error) and said["error"] in done.stderr and said["quotes"] == []


def test_json_of_trust(td, tmp_path):
    said = json.loads(td("trust", "--json", "--profile", "Revoked", tmp_path / "trust").stdout)
    assert said.pop("emulated") is True and said.pop("profile") == "Revoked"
    assert set(said) == {"root", "collateral", "policy"} and all(os.path.isfile(path) for path in said.values())


def test_programs_at_once(td):
    """Six; the seventh is refused, until one of them has ended."""
    td("up", "six", *FAKE)
    waiting = [td.start("exec", "six", "sh", "-c", "echo up; cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(6)]
    for child in waiting:
        child.stdout.readline()
    more = td("exec", "six", "true")
    assert more.returncode == 125 and "6 programs run in the TD already" in more.stderr
    for child in waiting[:3]:
        assert child.communicate(timeout=120) and child.returncode == 0
    for child in waiting[3:]:  # what is killed here is hung up on there, and its port is free again
        child.kill()
        child.communicate()
    wait_for(lambda: td("exec", "six", "true").returncode == 0)


def standins(td):
    return processes_of(f"XDG_RUNTIME_DIR={td.runtime}", STANDIN)


@pytest.mark.parametrize("victim", ["qemu", "keeper", "guardian"])
def test_killed(td, victim):
    """Whichever of its processes is killed: no process, no folder, no key is left."""
    td("up", "victim", *FAKE)
    ours = standins(td)
    keeper = json.loads(td("list", "--json").stdout)[0]["pid"]
    qemu = next(p for p in ours if parent_of(p) == keeper)
    os.kill({"qemu": qemu, "keeper": keeper, "guardian": parent_of(keeper)}[victim], signal.SIGKILL)
    wait_for(lambda: not td.places())
    wait_for(lambda: not standins(td))
    assert json.loads(td("list", "--json").stdout) == []


def test_all_killed_at_once(td):
    """Then nobody is left to remove its folder; the next who looks does."""
    td("up", "victim", *FAKE)
    keeper = json.loads(td("list", "--json").stdout)[0]["pid"]
    guardian = parent_of(keeper)
    os.kill(guardian, signal.SIGSTOP)
    os.kill(keeper, signal.SIGKILL)
    os.kill(guardian, signal.SIGKILL)
    wait_for(lambda: json.loads(td("list", "--json").stdout) == [] and td.places() == [])


def last_words(child):
    """Its input stays open until it has ended: at the end of input `cat` ends by itself and well."""
    child.wait(60)
    return child.stderr.read()


def test_share_killed(td, tmp_path):
    """Nobody in there gets an answer any more: the TD ends, and whoever runs a program in it is told why."""
    with td.start("run", *FAKE, "--share", tmp_path, "--", "sh", "-c", "echo up; cat",
                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        keeper = json.loads(td("list", "--json").stdout)[0]["pid"]
        [share] = [p for p in td.processes() if parent_of(p) == keeper and os.path.samefile(f"/proc/{p}/exe", TCEPTION)]
        os.kill(share, signal.SIGKILL)
        said = last_words(child).decode()
    assert child.returncode == 125
    assert f"the TD has ended: --share {tmp_path}: its process was killed by signal 9\n" in said
    wait_for(lambda: not td.places() and not td.processes())


def test_end_is_told(td):
    """The same of QEMU."""
    td("up", "told", *FAKE)
    with td.start("exec", "told", "sh", "-c", "echo up; cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                  stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        keeper = json.loads(td("list", "--json").stdout)[0]["pid"]
        os.kill(next(p for p in standins(td) if parent_of(p) == keeper), signal.SIGKILL)
        said = last_words(child)
    assert child.returncode == 125 and said == b"tception: the TD has ended: QEMU was killed by signal 9 (Killed)\n"


def test_client_killed(td):
    with td.start("run", *FAKE, "sh", "-c", "echo up; cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        child.kill()
    wait_for(lambda: not td.places())
    wait_for(lambda: not standins(td))


def test_place_of_another(td, tmp_path):
    """Without XDG_RUNTIME_DIR the place is in /tmp, where somebody may have been before."""
    (tmp_path / "tception").mkdir(mode=0o777)
    (tmp_path / "tception").chmod(0o777)
    td.env["XDG_RUNTIME_DIR"] = str(tmp_path)
    done = td("up", *FAKE)
    td.env["XDG_RUNTIME_DIR"] = str(td.runtime)
    assert done.returncode == 125 and "others may write there" in done.stderr


def test_root_is_packed(td, tmp_path):
    """A folder and an archive become the disk that programs see as their root."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("x")
    with tarfile.open(tmp_path / "tree.tar", "w") as tar:
        tar.add(tmp_path / "tree", ".")
    for root in ("tree", "tree.tar"):
        assert td("up", root.replace(".", "-"), *FAKE, "--root", tmp_path / root).returncode == 0
        image = td.runtime / "tception/td" / root.replace(".", "-") / "root.squashfs"
        assert "file" in subprocess.run(["rdsquashfs", "-d", image], capture_output=True, text=True, check=True).stdout
    bad = td("up", *FAKE, "--root", STANDIN)
    assert bad.returncode == 125 and "could not be packed" in bad.stderr


# ---- for CI ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["action.yml", "gitlab.yml", "buildkite.yml"])
def test_ci_snippets(td, name):
    """They are YAML, and every option that they give to `td run` is one of its own."""
    text = (TOP / "scripts" / "ci" / name).read_text()
    assert yaml.safe_load(text)
    given = set(re.findall(r"(?<![\w-])--(profile|memory|vcpus|copy|output|[a-z-]*tty)\b", text))
    known = set(re.findall(r"--([a-z-]+)", td("run", "--help").stdout))
    assert "copy" in given and given <= known
    assert "EMULATED" in text


def test_action_needs_nothing_of_the_shell():
    """What a job writes into its inputs gets into the environment, never into a script's text."""
    action = yaml.safe_load((TOP / "scripts/ci/action.yml").read_text())
    assert action["runs"]["using"] == "composite"
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        assert "shell" in step or "uses" in step
