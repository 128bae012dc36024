# SPDX-License-Identifier: Apache-2.0
"""What a case file may say: each wrong word is refused where it stands; and that a new word takes few files."""
import base64
import json
import re
import subprocess

import pytest

from channel import Frames
from conftest import TOP, told as tception

VISIT, ENTER, LEFT = 1, 21, 24


def case(cell="vm", expect="{grade: none}", more=""):
    return f"  - cell: {cell}\n    expect: {expect}\n    why: x\n{more}"


def cases(*texts):
    return "version: 1\ncases:\n" + "".join(texts)


# A file, and where and how it is refused.
WRONG = [
    (cases(case("vm/qemu.kvm@mem=abc")), "3:11: cell 'vm/qemu.kvm@mem=abc', column 17: unknown value 'abc'; expected a number of MiB"),
    (cases(case("vm/qemu.kvm@mem=1")), "3:11: .* unknown value '1'; expected a number of MiB from 32 to 1048576"),
    (cases(case("vm/uml@mem=x")), "3:11: .* unknown value 'x'"),
    (cases(case("td/qemu.tcg@mem=banana")), "3:11: .* unknown value 'banana'"),
    (cases(case("vm/bwrap@cap=sysadmin")), "3:11: .* unknown value 'sysadmin'; expected none, or a capability .* like sys_admin"),
    (cases(case("vm/crun@cap=sysadmin")), "3:11: .* unknown value 'sysadmin'"),
    (cases(case("vm/podman.rootful@cap=sysadmin")), "3:11: .* unknown value 'sysadmin'"),
    (cases(case("vm/docker@vcpus=2")), "3:11: .* unknown axis 'vcpus'; expected cap, agent, user"),
    (cases(case("td@exits=foo")), "3:11: cell 'td@exits=foo', column 10: unknown value 'foo'; expected passthrough, ve"),
    (cases(case("td@mem=16")), "3:11: .* unknown value '16'; expected a number of MiB from 512 to 1048576"),
    (cases(case("td@mem=999999999")), "3:11: .* unknown value '999999999'"),
    (cases(case("td@mem=18446744073709553664")), "3:11: .* unknown value '18446744073709553664'"),
    (cases(case("td@vcpus=0")), "3:11: .* unknown value '0'; expected a number from 1 to 1024"),
    (cases(case("td@kernel=9.9")), "3:11: .* unknown value '9.9'; expected trixie, backports"),
    (cases(case("td/docker+gpu")), "3:11: .* unknown grant 'gpu'; expected dev, "),
    (cases(case("td/warp")), "3:11: .* unknown inner layer 'warp'; expected docker, "),
    (cases(case(expect="{grade: none, rung: device, errno: ENOFOO}")), "4:48: not an errno 'ENOFOO'"),
    (cases(case("vm"), case("vm/bwrap", "{grade: none, rung: device, errno: enoent}")), "7:48: not an errno 'enoent'"),
    (cases(case(more="    xfail: later\n    xfail-until: 2026-02-30\n")), "7:18: not a date '2026-02-30'; expected a day of the calendar"),
    (cases(case(more="    xfail: later\n    xfail-until: 2027-02-29\n")), "7:18: not a date '2027-02-29'"),
    (cases(case(more="    xfail: later\n    xfail-until: tomorrow\n")), "7:18: not a date 'tomorrow'"),
    (cases(case(more="    deadline: 0\n")), "6:15: not a deadline '0'"),
    ("cases:\n" + case(), "1:1: no version; expected version: 1"),
    ("version: 2\ncases:\n" + case(), "1:10: unknown version '2'; expected 1"),
    (cases(case()) + "---\nversion: 1\n", "6:1: a second document; expected the end"),
    (cases(case("td/docker+dev+tsm"), case("td/docker+tsm+dev")),
     "6:5: repeated cell 'td/docker\\+tsm\\+dev'; expected each cell once, and line 3 has 'td/docker\\+dev\\+tsm'"),
    (cases(case("td@mem=1024@vcpus=2"), case("td@vcpus=2@mem=1024")), "6:5: repeated cell"),
    (cases(case("vm"), case("vm@kernel=trixie")), "6:5: repeated cell 'vm@kernel=trixie'; .* line 3 has 'vm'"),
    (cases(case("vm/docker"), case("vm@mem=2048/docker@user=root")), "6:5: repeated cell"),
    (cases(case(more="    why: again\n")), "6:5: repeated key 'why'"),
]


@pytest.mark.parametrize("verb", ["list", "run"])
@pytest.mark.parametrize("text, complaint", WRONG, ids=range(len(WRONG)))
def test_refused(text, complaint, verb, tmp_path):
    """One line that says where, what was found and what was expected, and nothing is begun."""
    file, folder = tmp_path / "cases.yaml", tmp_path / "run"
    file.write_text(text)
    status, out, err = tception(verb, file, *(["-o", folder] if verb == "run" else []))
    assert status == 2 and not out and not folder.exists()
    assert err.count("\n") == 1 and re.match(f"tception: {re.escape(str(file))}:{complaint}", err), err


def test_accepted(tmp_path):
    """What differs only where it matters, and each errno by the name that evidence has."""
    file = tmp_path / "cases.yaml"
    file.write_text(cases(
        case("vm"), case("vm@kernel=backports"), case("td"), case("td@exits=passthrough"), case("td@quote=4"),
        case("td/docker+dev"), case("td/docker+dev+tsm"), case("vm/bwrap@cap=sys_admin"), case("vm/uml@mem=256"),
        case("vm/nspawn", "{grade: none, rung: device, errno: ENOENT}", "    xfail: x\n    xfail-until: 2028-02-29\n"),
    ))
    assert tception("list", file)[0] == 0
    listed = json.loads(tception("list", "--json", file)[1])
    assert [c["cell"] for c in listed][1:3] == ["vm@kernel=backports", "td"] and listed[1]["line"] == 6


def test_readme_has_the_tables():
    status, out, _ = tception("list", "--kinds")
    assert status == 0 and out in (TOP / "cases" / "README.md").read_text()
    known = json.loads(tception("list", "--kinds", "--json")[1])
    assert {k["name"] for k in known["kinds"]} >= {"td", "docker", "qemu"}
    assert next(g for g in known["grants"] if g["name"] == "devmode")["needs"] == ["dev", "privileged"]


# ---- a new word -------------------------------------------------------------------------------------------------
DRIVER = """\
/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/driver.h"

static int prepare(struct entry *e, struct trouble *t)
{
	(void)t;
	command_add_all(&e->command, "echo", mode_name(e->layer.mode), NULL);
	return 0;
}

static const struct driver warp = {.kind = KIND_WARP, .prepare = prepare, .good_exit = -1};
DRIVER(warp);
"""


def copy_to(top):
    """The sources and what was built of them: only what a change reaches is compiled again."""
    for name in ("harness", "guests", "scripts", "cases", "Makefile"):
        subprocess.run(["cp", "-a", TOP / name, top], check=True)
    (top / "build").mkdir()
    built = [TOP / "build" / name for name in ("obj", "agent-obj", "libtception.a", "tception", "agent", ".setup.stamp")]
    subprocess.run(["cp", "-a", *(b for b in built if b.exists()), top / "build"], check=True)


def sources(top):
    """Path -> bytes of what is not built."""
    return {path.relative_to(top): path.read_bytes() for name in ("harness", "guests", "scripts", "cases")
            for path in (top / name).rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def changed(before, after):
    return {str(path) for path in before | after if before.get(path) != after.get(path)}


def edit(path, *pairs):
    text = path.read_text()
    for old, new in pairs:
        assert text.count(old) == 1, f"{path} has {text.count(old)} times: {old}"
        text = text.replace(old, new)
    path.write_text(text)


def build_with_tables(top):
    """Builds; then, as one would, what --kinds prints takes the place of the tables of the manual."""
    program = top / "build" / "tception"
    before = tception("list", "--kinds", program=program)[1]
    done = subprocess.run(["make", "-j2", "WARN=-Wall -Werror -Wno-format-truncation -O0 -g0", "build/tception", "build/agent"],
                          cwd=top, timeout=900, check=False, capture_output=True, text=True)  # what comes last counts
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    edit(top / "cases" / "README.md", (before, tception("list", "--kinds", program=program)[1]))


def enter(agent, layer):
    """The frames of an agent that enters this layer."""
    visit = {"visit": 1, "stack": [
        {"id": "vm", "kind": "vm", "mode": "", "grants": [], "axes": {}, "probe": False},
        {"id": "vm/x", "axes": {}, "grants": [], "deadline_ms": 20000, **layer}]}
    for one in visit["stack"]:
        one["nonce"] = base64.b64encode(bytes(32)).decode()
    sent = Frames([[VISIT, 0, json.dumps(visit).encode()]]).bytes()
    done = subprocess.run([agent, "layer"], input=sent, timeout=60, check=False, capture_output=True)
    return {kind: json.loads(payload) for kind, _, payload in Frames.parse(done.stdout)}


def test_a_new_word_takes_few_files(tmp_path):
    """A container kind four, one of them a case that tries it; a grant that gives a node two: its row says so. What no
    row can say of a grant is a third, in the agent."""
    copy_to(tmp_path)
    kinds, seen = tmp_path / "harness" / "format" / "kinds.def", [sources(tmp_path)]
    edit(kinds, ("KIND(QEMU,", """\
KIND(WARP, .name = "warp", .what = "made up", .modes = M(PLAIN) | M(ROOTLESS),
     .grants = COMMON_GRANTS, .axes = COMMON_AXES)
KIND(QEMU,"""))
    (tmp_path / "guests" / "agent" / "driver_warp.c").write_text(DRIVER)
    edit(tmp_path / "cases" / "full.yaml", ("cases:\n", "cases:\n" + case("vm/warp.rootless+dev+fuse")))
    seen.append(sources(tmp_path))
    edit(kinds, ("GRANT(KVM,", 'GRANT(FUSE, .name = "fuse", .weight = 3, .device = "/dev/fuse", .what = "made up")\nGRANT(KVM,'),
         ("#define COMMON_GRANTS ", "#define COMMON_GRANTS G(FUSE) | "))
    seen.append(sources(tmp_path))
    build_with_tables(tmp_path)
    seen.append(sources(tmp_path))
    tables = changed(seen[2], seen[3])
    assert tables == {"cases/README.md"}
    assert len(changed(seen[0], seen[1]) | tables) == 4 and len(changed(seen[1], seen[2]) | tables) == 2
    check_new_words(tmp_path / "build" / "tception", tmp_path / "build" / "agent", tmp_path / "cases" / "full.yaml")


def check_new_words(program, agent, file):
    status, out, _ = tception("list", file, program=program)
    assert status == 0 and "vm/warp.rootless+dev+fuse " in out
    assert "unknown inner layer 'warp'" in tception("list", file)[2]
    known = json.loads(tception("list", "--kinds", "--json", program=program)[1])
    assert next(g for g in known["grants"] if g["name"] == "fuse")["weight"] == 3
    frames = enter(agent, {"kind": "warp", "mode": "rootless", "grants": ["dev", "fuse"]})
    assert frames[ENTER]["driver"] == "warp" and frames[ENTER]["argv"] == ["echo", "rootless"]
    assert frames[LEFT]["step"] == "done"
    assert enter(TOP / "build" / "agent", {"kind": "warp", "mode": ""})[LEFT]["reason"] == "no driver for 'warp'"
