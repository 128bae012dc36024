# SPDX-License-Identifier: Apache-2.0
"""The top README's commands that boot guests, as a new user types them (those of `tception td` are in full_td.py, those that boot
nothing in test_readme.py). `run --disk` is left out: the disk is the user's own, and test_local.py and others boot some."""
import os
import re
import shlex
import subprocess

import pytest

from conftest import PATIENCE, TOP, scratch
from td_common import read_until, terminal

HOURS = 4 * 3600
COMMANDS = [line.strip() for line in re.findall(r"^    (build/tception (?:run|grants|shell) .*)$", (TOP / "README.md").read_text(), re.M)
            if "--disk" not in line]


@pytest.fixture(scope="module", name="env")
def new_user():
    """Keys and places of their own."""
    return {**os.environ, "XDG_STATE_HOME": str(scratch("state-")), "XDG_RUNTIME_DIR": str(scratch("runtime-"))}


def test_they_are_found():
    assert {shlex.split(c)[1] for c in COMMANDS} == {"run", "grants", "shell"}


@pytest.mark.parametrize("command", [c for c in COMMANDS if " shell " not in c])
def test_command(command, env, tmp_path):
    command = command.replace(" -o results/mine", f" -o {tmp_path}/mine")
    if " run " in command and " -o " not in command:
        command += f" -o {tmp_path}/run"
    command = command.replace(" run ", f" run --boot-deadline {180 * PATIENCE} ")
    done = subprocess.run(["bash", "-c", command], cwd=TOP, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, timeout=HOURS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout and "EMULATED" in done.stderr


@pytest.mark.parametrize("command", [c for c in COMMANDS if " shell " in c])
def test_shell(command, env):
    cell = shlex.split(command)[-1]
    with terminal("bash", "-c", command, cwd=TOP, env=env) as (fd, child):
        read_until(fd, rb"\[" + re.escape(cell.encode()) + rb"\] / [#$] ", seconds=900)
        os.write(fd, b"exit 3\r")
        assert child.wait(timeout=900) == 3
