# SPDX-License-Identifier: Apache-2.0
"""Run folders of an earlier build, judged again: nothing that was said of them may have changed."""
import json
import shutil

import pytest

from conftest import GOLDEN, result, tception

RUNS = GOLDEN / "runs"
# Both were recorded beside other load, by a build that took what the guest's own deadlines had cut off for verdicts
# (a trial of a system call after 1 s, probes after 10 s). It is in the evidence, and no verdict any more.
CUT_OFF = {"layers": {"td", "td/nspawn", "td/lxc.privileged"}, "measured": {"td@kernel=backports/uml+broker+measured"}}


def by_name(value):
    """A ladder by its rungs' names, findings by theirs: a later build has more of them."""
    for key in ("rung", "name"):
        if isinstance(value, list) and value and all(isinstance(r, dict) and key in r for r in value):
            return {r[key]: r for r in value}
    return value


def lost(then, now, at=""):
    """What `then` says and `now` does not, by path."""
    then, now = by_name(then), by_name(now)
    if isinstance(then, dict) and isinstance(now, dict):
        for key, value in then.items():
            if key in now:
                yield from lost(value, now[key], f"{at}.{key}")
            else:
                yield f"{at}.{key}: was {value!r}, is gone"
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for i, (a, b) in enumerate(zip(then, now)):
            yield from lost(a, b, f"{at}[{i}]")
    elif then != now and not (".cost." in at and now is None):  # costs need a guest's clock that is known to be right
        yield f"{at}: was {then!r}, is {now!r}"


def judge(folder):
    return tception("judge", folder).returncode, result(folder)


@pytest.mark.parametrize("name", ["layers", "measured"])
def test_same_verdicts(name, tmp_path):
    folder = tmp_path / name
    shutil.copytree(RUNS / name, folder)
    then = result(folder)
    (folder / "result.json").unlink()
    status, now = judge(folder)
    cut = {cell["id"] for cell in now["cells"] if cell["outcome"] == "broken" and "was cut off in the guest" in cell["reason"]}
    assert cut == CUT_OFF[name] and status == 3
    for verdicts in (then, now):
        del verdicts["summary"]
        for cell in verdicts["cells"]:
            if cell["id"] in cut:
                del cell["outcome"], cell["reason"]
    assert not list(lost(then, now))


def test_a_changed_byte_is_seen(tmp_path):
    """The comparison above can fail: one bit of the TD's quote is enough."""
    folder = tmp_path / "layers"
    shutil.copytree(RUNS / "layers", folder)
    _, then = judge(folder)
    channel = folder / "boots" / "td-1" / "channel.bin"
    data = bytearray(channel.read_bytes())
    at = data.index(b'"interface":"configfs"')
    at = data.index(b'"data":"', at) + 1200  # inside the quote's body, base64
    data[at] = ord("A") if data[at] != ord("A") else ord("B")
    channel.write_bytes(data)
    _, now = judge(folder)
    assert list(lost(then, now))


def test_registers_are_compared_as_measured(tmp_path):
    """A quote with another RTMR2 is told, though what was predicted is the same."""
    folder = tmp_path / "layers"
    shutil.copytree(RUNS / "layers", folder)
    same = tception("diff", "-r", RUNS / "layers", folder)
    assert (same.returncode, same.stdout) == (0, "")
    channel = folder / "boots" / "td-1" / "channel.bin"
    data = bytearray(channel.read_bytes())
    at = data.index(b'"data":"', data.index(b'"interface":"configfs"')) + len(b'"data":"')
    at += 472 // 3 * 4 + 4  # RTMR2 of a version 4 quote begins at byte 472
    data[at] = ord("A") if data[at] != ord("A") else ord("B")
    channel.write_bytes(data)
    done = tception("diff", "-r", RUNS / "layers", folder)
    told = [line for line in done.stdout.splitlines() if line.startswith("td: RTMR")]
    assert done.returncode == 1
    assert len(told) == 1 and told[0].startswith("td: RTMR2: ") and "no input that is known explains it" in told[0]
    said = json.loads(tception("diff", "-r", "--json", RUNS / "layers", folder).stdout)
    lines = done.stdout.splitlines()
    assert said["differs"] is True and len(said["differences"]) == len(lines)
    for line, one in zip(lines, said["differences"]):
        assert line.startswith(f"{one['layer']}: {one['what']}: ")
    register, = (one for one in said["differences"] if one["what"] == "RTMR2")
    assert len(register["before"]) == len(register["after"]) == 96 and register["before"] != register["after"]
    assert json.loads(tception("diff", "--json", folder, folder).stdout) == {"differs": False, "differences": [], "environment": []}
