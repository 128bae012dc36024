# SPDX-License-Identifier: Apache-2.0
"""Completion in bash and zsh: what the program itself says of its verbs, options and their words."""
import shutil
import subprocess

import pytest

from conftest import TCEPTION, TOP, tception

HERE = TOP / "scripts" / "completion"
BASH = """source {here}/tception.bash
COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_tception && printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# What zsh's own functions are given, in place of its line editor.
ZSH = """compadd() {{ [[ $1 == -a ]] && print -rl -- ${{(P)2}} }}
_describe() {{ print -rl -- ${{${{(P)2}}%%:*}} }}
_files() {{ print -l FILES }}
compset() {{ PREFIX=${{PREFIX#*=}} }}
words=({words}) CURRENT=${{#words}} PREFIX=${{words[-1]}}
source {here}/_tception
"""


def quoted(words):
    return " ".join(f"'{w}'" for w in words)


def bash(*words):
    """With `=` as bash splits it."""
    split = [part for word in words for part in (word.replace("=", " = ").split(" ") if "=" in word else [word])]
    script = BASH.format(here=HERE, words=quoted([TCEPTION, *split]))
    return subprocess.run(["bash", "-c", script], cwd=TOP, check=True, capture_output=True, text=True).stdout.split()


def zsh(*words):
    if not shutil.which("zsh"):
        pytest.skip("no zsh here")
    done = subprocess.run(["zsh", "-f", "-c", ZSH.format(here=HERE, words=quoted([TCEPTION, *words]))], cwd=TOP, check=True,
                          capture_output=True, text=True)
    assert not done.stderr
    return [w for w in done.stdout.split() if w.startswith(words[-1].rpartition("=")[2])]


@pytest.mark.parametrize("shell", [bash, zsh])
def test_completion(shell):
    listed = [line.split()[0] for line in tception("list").stdout.splitlines() if line.split()]
    assert {"run", "judge", "quote"} <= set(shell("")) and shell("ru") == ["run"]
    assert shell("quote", "") == ["parse", "verify", "fetch"] and shell("quote", "pa") == ["parse"]
    assert [o.rstrip("=") for o in shell("run", "--pl")] == ["--platform"]
    assert shell("run", "--platform=") == ["auto", "emulated", "hardware"] == shell("run", "--platform", "")
    assert shell("report", "-f", "j") == ["json", "junit"]
    assert shell("run", "--cell", "td/docker.p") == [cell for cell in listed if cell.startswith("td/docker.p")] != []


def test_values_that_are_anything():
    """Numbers and files are no words; nothing is run on the way."""
    assert bash("run", "--jobs=") != ["a", "number"] and "README.md" in bash("judge", "RE")
    assert zsh("run", "--output=F") == zsh("judge", "F") == ["FILES"]
