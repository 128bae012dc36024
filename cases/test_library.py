# SPDX-License-Identifier: Apache-2.0
"""libtception as others get it: installed below a prefix, linked from C, included from C++, used from Python."""
import json
import os
import re
import subprocess
import sys

import pytest

from conftest import GOLDEN, TOP, tception

QUOTES = sorted((GOLDEN / "quote").glob("*.bin"))
COLLATERAL = GOLDEN / "collateral"  # and other things beside it
AT = 1770801952  # 2026-02-11T09:25:52Z: some of the collateral holds
POLICY = {"accepted_statuses": ["UpToDate", "OutOfDate"], "rtmr3": "00" * 48, "min_tcb_evaluation": 5}


def make(*words):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    subprocess.run(["make", *words], cwd=TOP, env=env, timeout=300, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def files_below(folder):
    return {str(f.relative_to(folder)) for f in folder.rglob("*") if not f.is_dir()}


@pytest.fixture(scope="module", name="root")
def fixture_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    make("install", f"DESTDIR={root}", "prefix=/usr")
    return root


def package(root, *words):
    env = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(root), "PKG_CONFIG_PATH": f"{root}/usr/lib/pkgconfig"}
    return subprocess.run(["pkg-config", *words], env=env, check=True, capture_output=True, text=True).stdout.split()


def verify(program, *args, **env):
    done = subprocess.run([program, *args], env={**os.environ, **env}, check=False, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


def python(root, text, data=None):
    """What a program with the installed binding prints, as JSON."""
    env = {**os.environ, "PYTHONPATH": f"{root}/usr/lib/python3/dist-packages", "LD_LIBRARY_PATH": f"{root}/usr/lib"}
    done = subprocess.run([sys.executable, "-B", "-c", text], env=env, input=json.dumps(data), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_installed_and_uninstalled(tmp_path):
    make("install", f"DESTDIR={tmp_path}", "prefix=/opt/t", "libdir=/opt/t/lib64")
    assert {"opt/t/bin/tception", "opt/t/share/man/man1/tception.1", "opt/t/include/tception/tception.h", "opt/t/lib64/libtception.a",
            "opt/t/lib64/libtception.so", "opt/t/lib64/libtception.so.0", "opt/t/lib64/pkgconfig/tception.pc",
            "opt/t/lib/tception/tdxemu.bin", "opt/t/lib/tception/initrd.cpio"} <= files_below(tmp_path)
    make("uninstall", f"DESTDIR={tmp_path}", "prefix=/opt/t", "libdir=/opt/t/lib64")
    assert not files_below(tmp_path)


def test_program_finds_its_parts_below_the_prefix(root, tmp_path):
    """No part is looked for beside the program or in the tree it was built in; nothing is booted."""
    case = tmp_path / "one.yaml"
    case.write_text("version: 1\ncases:\n  - cell: td\n    expect: {grade: verified}\n    why: for its parts\n")
    run = ["run", case, "--platform", "emulated", "-o", tmp_path / "out"]
    program, parts = root / "usr/bin/tception", root / "usr/lib/tception"
    env = {k: v for k, v in os.environ.items() if not k.startswith("TCEPTION_")}
    assert (parts / "cases/default.yaml").read_bytes() == (TOP / "cases/default.yaml").read_bytes()
    done = subprocess.run([program, "list"], cwd=tmp_path, env=env, check=True, capture_output=True, text=True)
    assert done.stdout == tception("list").stdout
    done = tception(*run, program=program, env=env)
    assert done.returncode == 3 and f"{parts}/cache/root.squashfs" in done.stderr and "make install-image" in done.stderr
    cache = tmp_path / "cache"
    cache.mkdir()
    for name in ("root.squashfs", "vmlinuz", "OVMF.fd"):
        (cache / name).touch()
    for name in ("initrd.cpio", "fwcfg.efi", "tdxemu.bin"):
        (parts / name).rename(parts / (name + ".away"))
        done = tception(*run, program=program, env={**env, "TCEPTION_CACHE": str(cache)})
        (parts / (name + ".away")).rename(parts / name)
        assert done.returncode == 3 and f"{parts}/{name}: No such file" in done.stderr


@pytest.mark.parametrize("how", ["shared", "static"])
def test_linked(root, tmp_path, how):
    """The example, by what pkg-config says; its answers are those of the program at the same time."""
    libraries = package(root, "--libs", "tception")
    if how == "static":
        libraries = [f"{root}/usr/lib/libtception.a", *package(root, "--libs", "libcrypto", "jansson")]
    program = tmp_path / "verify"
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-std=c11", TOP / "harness/example/verify.c", "-o", program,
                    *package(root, "--cflags", "tception"), *libraries], check=True)
    needed = "libtception.so.0" in subprocess.run(["readelf", "-d", program], check=True, capture_output=True, text=True).stdout
    assert needed == (how == "shared")
    said = {}
    for quote in QUOTES[:12]:
        said[quote] = verify(program, quote, *sorted(COLLATERAL.iterdir()), LD_LIBRARY_PATH=f"{root}/usr/lib")
        answer = json.loads(tception("quote", "verify", "--json", "--collateral", COLLATERAL, quote).stdout)
        assert said[quote]["authentic"] == ("yes" if answer["authentic"] else "no")
        assert said[quote]["accepted"] == ("yes" if answer["accepted"] else "no")
        assert (said[quote]["origin"], said[quote]["status"]) == (answer["origin"], answer["status"] or "none")
    assert {s["authentic"] for s in said.values()} == {"yes", "no"}


@pytest.mark.parametrize("language", ["c", "c++"])
def test_header_alone(root, language):
    standard = {"c": "c11", "c++": "c++11"}[language]
    done = subprocess.run(["g++" if language == "c++" else "gcc", "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic",
                           "-Werror", "-fsyntax-only", root / "usr/include/tception/tception.h"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("library", ["libtception.so.0", "libtception.a"])
def test_one_prefix(root, library):
    """All that is exported is declared in the header, and the reverse."""
    words = ["nm", "-g", "--defined-only", "--format=posix", *(["-D"] if ".so" in library else []), root / "usr/lib" / library]
    lines = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
    exported = {line.split()[0] for line in lines if len(line.split()) > 1}
    header = (root / "usr/include/tception/tception.h").read_text()
    assert exported == set(re.findall(r"^TCEPTION_PUBLIC [^;]*?(\w+)\(", header, re.M)) and len(exported) > 5
    assert all(name.startswith("tception_") for name in exported)


def test_version(root):
    said = package(root, "--modversion", "tception")[0]
    assert tception("--version").stdout.split()[1] == said
    assert python(root, "import json, tception; print(json.dumps(tception.version()))") == said


VERIFY = """
import json, sys, tception
asked = json.load(sys.stdin)
verifier = tception.Verifier(policy=asked["policy"])
for path in asked["collateral"]:
    try:
        verifier.add(open(path, "rb").read())
    except tception.Error as e:
        assert e.code == -74, e
print(json.dumps([verifier.verify(open(q, "rb").read(), at=asked["at"], name=q) for q in asked["quotes"]]))
"""


@pytest.mark.parametrize("policy", [None, POLICY], ids=["default", "policy"])
@pytest.mark.parametrize("collateral", [None, COLLATERAL], ids=["none", "all"])
def test_python_says_what_the_program_says(root, tmp_path, collateral, policy):
    """Every genuine, foreign, damaged and wrong file gets the same JSON from both."""
    (tmp_path / "truncated").write_bytes(QUOTES[0].read_bytes()[:700])
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(bytes(5 << 20))
    (tmp_path / "long").write_bytes(bytes(200 << 10))
    (tmp_path / "hex").write_text(QUOTES[0].read_bytes().hex())
    (tmp_path / "text").write_text("no quote")
    names = [str(f) for f in [*QUOTES, *sorted(tmp_path.iterdir())]]
    words = ["quote", "verify", "--json", "--batch", "--at", str(AT), *(["--collateral", collateral] if collateral else [])]
    if policy:
        (tmp_path / "policy").write_text(json.dumps(policy))
        words += ["--policy", tmp_path / "policy"]
    program = [json.loads(line) for line in tception(*words, *names).stdout.splitlines()]
    asked = {"collateral": [str(f) for f in sorted(collateral.iterdir())] if collateral else [], "policy": policy, "at": AT, "quotes": names}
    said = python(root, VERIFY, asked)
    for one, other in zip(program, said, strict=True):
        assert one == other
    assert {a["authentic"] for a in said} == {True, False} and any(a["error"] for a in said)
    assert bool(collateral) == any(a["accepted"] for a in said)
    assert len({a["status"] for a in said}) >= (3 if collateral else 1)


def test_python_measurements(root):
    """They are the body that `quote parse` shows, and what another reader found in the file."""
    text = ("import json, sys, tception\n"
            "print(json.dumps([tception.measurements(open(q, 'rb').read()) for q in json.load(sys.stdin)]))")
    quotes = [q for q in QUOTES if not q.name.startswith("sgx-")]
    for quote, said in zip(quotes, python(root, text, [str(q) for q in quotes]), strict=True):
        assert said == json.loads(tception("quote", "parse", "--json", quote).stdout)["body"]


def test_python_errors(root):
    text = """
import json, sys, tception
def failure(what, *words, **options):
    try:
        what(*words, **options)
    except tception.Error as e:
        return [e.code, str(e)]
quote = open(json.load(sys.stdin), "rb").read()
verifier = tception.Verifier()
verifier.verify(quote)
print(json.dumps([failure(tception.Verifier, test_root=b"none"), failure(tception.Verifier, policy={"no_such": 1}),
                  failure(verifier.add, b"nothing"), failure(tception.measurements, quote[:100]),
                  failure(tception.measurements, bytes(5 << 20)), failure(verifier.add, b"")]))
"""
    root_bad, policy_bad, collateral_bad, quote_bad, too_large, empty = python(root, text, str(QUOTES[0]))
    assert root_bad[0] == collateral_bad[0] == quote_bad[0] == empty[0] == -74  # EBADMSG
    assert policy_bad[0] == -22 and "no_such" in policy_bad[1]
    assert too_large[0] == -27 and "4194304 bytes" in too_large[1]
    assert quote_bad[1].startswith("not a quote: ") and all("\n" not in e[1] for e in (root_bad, policy_bad, collateral_bad))
