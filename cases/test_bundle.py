# SPDX-License-Identifier: Apache-2.0
"""A run as one file: the same verdicts from it, the same bytes each time, and nothing in it but what the statement says."""
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import tarfile

import pytest

from conftest import GOLDEN, tception

RUN = GOLDEN / "runs" / "layers"
FIRST = "statement.json"


@pytest.fixture(scope="module", name="made")
def bundled(tmp_path_factory):
    """A bundle of that run, and its members as tar and zstd have them."""
    path = tmp_path_factory.mktemp("bundle") / "run.tar.zst"
    done = tception("bundle", RUN, "-o", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}\n"
    plain = subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        members = {m.name: tar.extractfile(m).read() for m in tar}
    return path, members


def pack(path, members):
    """A bundle of these: bytes, or a tar member's type and where it leads."""
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if isinstance(data, tuple):
                info.type, info.linkname = data
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return path


def refused(path, says=""):
    """In one line, by every verb that takes it, and nothing stays."""
    done = tception("judge", path, env={**os.environ, "TMPDIR": str(path.parent)})
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.startswith(f"tception: {path}: ") and says in done.stderr
    assert not [name for name in os.listdir(path.parent) if name.startswith("tception-bundle-")]


def test_statement(made):
    """Every other member is a subject, in order, as sha256sum sees it; nothing derived is there."""
    members = dict(made[1])
    assert next(iter(members)) == FIRST
    statement = json.loads(members.pop(FIRST))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [(s["name"], s["digest"]["sha256"], s["annotations"]["size"]) for s in statement["subject"]] == [
        (name, hashlib.sha256(data).hexdigest(), len(data)) for name, data in members.items()]
    run = json.loads(members["run.json"])
    assert statement["predicate"] == {"run": run["id"], "started": run["started"], "platform": "emulated", "ended": True}
    there = {str(f.relative_to(RUN)) for f in RUN.rglob("*") if f.is_file()}
    assert there - set(members) == {"result.json"}


def test_same_bytes(made, tmp_path):
    """Of a copy of the folder too, judged, with other times and owners' modes."""
    shutil.copytree(RUN, tmp_path / "copy")
    tception("judge", tmp_path / "copy")
    assert (tmp_path / "copy" / "cells").is_dir()
    (tmp_path / "copy" / "run.json").chmod(0o600)
    tception("bundle", tmp_path / "copy", "-o", tmp_path / "again.tar.zst")
    assert (tmp_path / "again.tar.zst").read_bytes() == made[0].read_bytes()


def test_judged(made, tmp_path):
    """The verbs say of a bundle what they say of the folder, and write nothing beside what they are told to."""
    shutil.copytree(RUN, tmp_path / "run")
    shutil.copy(made[0], tmp_path)
    bundle = tmp_path / made[0].name
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    for verb in (("judge",), ("report",), ("compare",)):
        folder, packed = (tception(*verb, "-f", "json", of, env=env) for of in (tmp_path / "run", bundle))
        assert (packed.returncode, packed.stdout) == (folder.returncode, folder.stdout)
    assert tception("diff", "-r", bundle, tmp_path / "run", env=env).returncode == 0
    assert tception("eventlog", f"{bundle}:td", env=env).stdout == tception("eventlog", f"{tmp_path / 'run'}:td").stdout
    assert bundle.read_bytes() == made[0].read_bytes() and set(os.listdir(tmp_path)) == {"run", bundle.name}


def test_extract(made, tmp_path):
    """The command that is printed needs nothing of the bundle."""
    done = tception("extract", made[0], "td/nspawn", "-o", tmp_path / "out")
    verify = next(line.split()[1:] for line in done.stdout.splitlines() if " verify " in line)
    assert str(made[0]) not in verify
    assert tception(*verify).stdout.startswith(f"{tmp_path}/out/quote.bin: accepted")


def test_keep_collateral(made):
    done = tception("judge", "--collateral", RUN / "collateral", made[0])
    assert done.returncode == 2 and "this is a bundle" in done.stderr


CHANNEL = "boots/td-1/channel.bin"


@pytest.mark.parametrize("change, says", [
    (lambda m: m.update({CHANNEL: m[CHANNEL][:-1] + b"?"}), f"{CHANNEL} has another SHA-256"),
    (lambda m: m.update({CHANNEL: m[CHANNEL][:-1]}), f"{CHANNEL} has 327209 bytes"),
    (lambda m: m.pop(CHANNEL), f"{CHANNEL} is missing"),
    (lambda m: m.pop("run.json"), "run.json is missing"),
    (lambda m: m.update({"boots/td-9/channel.bin": b"x"}), "'boots/td-9/channel.bin' is not in the statement, or there twice"),
    (lambda m: m.update({"../x": b"x"}), "'../x' is not in the statement, or there twice"),
    (lambda m: m.update({"/etc/x": b"x"}), "'/etc/x' is not in the statement, or there twice"),
    (lambda m: m.update({"a\nb\x1b": b"x"}), r"'a\x0ab\x1b' is not in the statement, or there twice"),
    (lambda m: m.update({"run.json": (tarfile.SYMTYPE, "/etc/passwd")}), "'run.json' is no regular file"),
    (lambda m: m.update({"run.json": (tarfile.LNKTYPE, "cases.yaml")}), "'run.json' is no regular file"),
    (lambda m: m.update({"run.json": (tarfile.DIRTYPE, "")}), "'run.json"),
    (lambda m: m.update({"run.json": (tarfile.FIFOTYPE, "")}), "'run.json' is no regular file"),
    (lambda m: m.update({"run.json": m.pop("run.json"), FIRST: m.pop(FIRST)}), f"its first member is no {FIRST}"),
    (lambda m: m.update({FIRST: b"{"}), "no JSON"),
    (lambda m: m.update({FIRST: b"{}"}), "no in-toto statement about a run"),
    (lambda m: m.update({FIRST: m[FIRST].replace(b"td-1/", b"../")}), "a run's folder has no such file"),
    (lambda m: m.update({FIRST: m[FIRST].replace(b'"run.json"', b'"run.sh"')}), "a run's folder has no such file"),
    (lambda m: m.update({FIRST: m[FIRST].replace(b": 327210", b": 99999999999999")}), "subject"),
    (lambda m: m.update({FIRST: m[FIRST].replace(b"vm-1/", b"td-1/")}), "not in the order of names"),
])
def test_changed(change, says, made, tmp_path):
    members = dict(made[1])
    change(members)
    refused(pack(tmp_path / "changed.tar", members.items()), says)


def test_twice(made, tmp_path):
    """A second member of a name, which other programs would unpack over the first."""
    members = list(made[1].items())
    refused(pack(tmp_path / "twice.tar", [*members, members[-1]]), "'run.json' is not in the statement, or there twice")


def test_not_even_a_bundle(made, tmp_path):
    data = made[0].read_bytes()
    for i, what in enumerate((b"", b"\0" * 1000, b"no bundle", data[:5], data[:1000], data[:-40], data[:-1])):
        path = tmp_path / f"{i}.tar.zst"
        path.write_bytes(what)
        refused(path)
    bomb = subprocess.run(["zstd", "-q", "-19"], input=bytes(64 << 20), check=True, capture_output=True).stdout
    (tmp_path / "bomb.tar.zst").write_bytes(bomb)
    refused(tmp_path / "bomb.tar.zst")


def test_flipped(made, tmp_path):
    """One bit anywhere in the packed bytes: never another verdict."""
    data, good = made[0].read_bytes(), tception("judge", made[0]).stdout
    choose = random.Random(14)
    for _ in range(20):
        changed = bytearray(data)
        changed[choose.randrange(len(data))] ^= 1 << choose.randrange(8)
        (tmp_path / "flipped.tar.zst").write_bytes(changed)
        said = tception("judge", tmp_path / "flipped.tar.zst").stdout
        assert said in ("", good.replace(str(made[0]), str(tmp_path / "flipped.tar.zst")))


def test_forged(made, tmp_path):
    """Whoever makes a statement anew is not found by it, but run.json has the hash of each visit's evidence, too."""
    shutil.copytree(RUN, tmp_path / "run")
    channel = tmp_path / "run" / CHANNEL
    channel.write_bytes(channel.read_bytes().replace(b"nspawn", b"nspawm", 1))
    tception("bundle", tmp_path / "run", "-o", tmp_path / "forged.tar.zst")
    said = tception("judge", tmp_path / "forged.tar.zst").stdout
    assert said != tception("judge", made[0]).stdout


@pytest.mark.parametrize("names, says", [
    (["collateral/a file.json"], "rename it"),
    (["collateral/" + "n" * 99], "rename it"),
])
def test_no_name_for_it(names, says, tmp_path):
    shutil.copytree(RUN, tmp_path / "run")
    for name in names:
        (tmp_path / "run" / name).write_text("{}")
    done = tception("bundle", tmp_path / "run", "-o", tmp_path / "b.tar.zst")
    assert done.returncode == 3 and says in done.stderr and not (tmp_path / "b.tar.zst").exists()


def test_links_are_not_followed(tmp_path):
    shutil.copytree(RUN, tmp_path / "run")
    (tmp_path / "run" / "host.json").symlink_to("/etc/passwd")
    done = tception("bundle", tmp_path / "run", "-o", tmp_path / "b.tar.zst")
    assert done.returncode == 3 and "host.json" in done.stderr and not (tmp_path / "b.tar.zst").exists()


def test_full_disk():
    done = tception("bundle", RUN, "-o", "/dev/full")
    assert done.returncode == 3 and done.stderr == "tception: /dev/full: No space left on device\n"
