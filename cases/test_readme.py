# SPDX-License-Identifier: Apache-2.0
"""The README as a new user takes it: its commands run as typed, its files are there, every room has one of its own."""
import ast
import os
import re
import shlex
import subprocess

import pytest

from conftest import TCEPTION, TOP, tception

TEXT = (TOP / "README.md").read_text()
COMMANDS = [line.split("#")[0].strip() for line in re.findall(r"^    ((?:build/tception|make) .*)$", TEXT, re.M)]
BOOTING = {"run", "grants", "td", "shell"}
ROOMS = ["harness", "guests", "cases", "cases/golden", "scripts", "results"]


def words(command):
    program, *rest = shlex.split(command)
    assert program == "build/tception"
    return rest


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("build/") and words(c)[0] not in BOOTING])
def test_command(command, tmp_path):
    command = command.replace(" /tmp/", f" {tmp_path}/")
    done = subprocess.run(command, shell=True, cwd=TOP, timeout=120, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout and not done.stderr


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("build/") and words(c)[0] not in BOOTING])
def test_output_that_cannot_be_written(command, tmp_path):
    """Whatever the verb: exit 3, said so, and nothing else goes wrong."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command.replace(" /tmp/", f" {tmp_path}/"), shell=True, cwd=TOP, timeout=120, check=False,
                              stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (3, "tception: standard output: No space left on device\n")


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("build/") and words(c)[0] in BOOTING])
def test_command_that_boots(command):
    """Not run here: its options are those of the verb, and its cell can be written so."""
    verb, *rest = words(command)
    said = tception(*([verb, rest.pop(0)] if verb == "td" else [verb]), "--help").stdout
    for word in rest[:rest.index("--")] if "--" in rest else rest:
        if word.startswith("-"):
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", said), word
        elif word.startswith("cases/"):
            listed = tception("list", word)
            assert listed.returncode == 0
            if "--cell" in rest:
                assert rest[rest.index("--cell") + 1] in {line.split()[0] for line in listed.stdout.splitlines()}


def test_make_targets():
    listed = {line.split()[0] for line in subprocess.run(["make", "help"], cwd=TOP, check=True, capture_output=True,
                                                         text=True).stdout.splitlines()}
    targets = {c.split()[1] for c in COMMANDS if c.startswith("make ")}
    assert {"run", "test"} <= targets <= listed


def test_commands_are_many():
    """The expression that finds them finds them."""
    assert len(COMMANDS) >= 10 and TCEPTION.exists()


def test_files_are_there():
    for path in re.findall(r"`((?:harness|guests|cases|scripts|results)/[\w./-]*)`", TEXT):
        if path != "results/":
            assert (TOP / path).exists(), path
    assert re.search(r"man \./(\S+)`", TEXT) and (TOP / re.search(r"man \./(\S+?)`", TEXT)[1]).exists()


def test_every_room_has_a_readme():
    rooms = [TOP / room for room in ROOMS] + [d for top in ("harness", "guests") for d in (TOP / top).iterdir() if d.is_dir()]
    missing = [str(d.relative_to(TOP)) for d in rooms if not (d / "README.md").exists()]
    assert not missing


@pytest.mark.parametrize("room", ["scripts", "cases/golden", "guests"])
def test_what_is_in_a_room_is_told(room):
    told = (TOP / room / "README.md").read_text()
    there = {f.name for f in (TOP / room).iterdir() if not f.name.startswith((".", "__"))} - {"README.md"}
    assert not [name for name in there if f"`{name}" not in told]


def test_harness_is_rooms():
    assert [f.name for f in (TOP / "harness").iterdir() if f.is_file()] == ["README.md"]


def test_a_build_shows_progress(tmp_path):
    """One short line a command, whole commands by V=1, nothing by -s."""
    (tmp_path / ".setup.stamp").touch()
    wanted = tmp_path / "obj/harness/format/code.o"
    said = {}
    for how in ("", "V=1", "-s"):
        wanted.unlink(missing_ok=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        said[how] = subprocess.run(["make", *how.split(), f"B={tmp_path}", wanted], cwd=TOP, env=env, timeout=120, check=True,
                                   stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
        assert wanted.exists()
    assert said[""] == "CC         harness/format/code.c\n" and said["-s"] == ""
    assert " -Wall " in said["V=1"] and str(wanted) in said["V=1"]


def test_the_arrows_are_told():
    """The table of harness/README.md says what scripts/check-arrows enforces."""
    tree = ast.parse((TOP / "scripts/check-arrows").read_text())
    may_use = next(ast.literal_eval(node.value) for node in tree.body
                   if isinstance(node, ast.Assign) and node.targets[0].id == "MAY_USE")
    table = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*?) \|$", (TOP / "harness/README.md").read_text(), re.M))
    for room, rooms in may_use.items():
        told = table[room]
        words = set(re.findall(r"\w+", told.removeprefix("all but")))
        assert rooms == (set(may_use) - {room, "report"} - words if told.startswith("all but") else words), room
