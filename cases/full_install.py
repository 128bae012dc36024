# SPDX-License-Identifier: Apache-2.0
"""Installed and used as others do: by a user who may write nothing here, from anywhere, without HOME, twice at once; and the
Debian packages."""
import os
import pwd
import shutil
import subprocess

import pytest

from conftest import CACHE, RUN, TCEPTION, TOP, cells, scratch, write_cases

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture(name="folder")
def of_nobody():
    folder = scratch("install-")
    os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
    return folder


def begin(program, folder, out, *options, **env):
    """As nobody, for whom all else is read-only, with nothing in the environment that a service lacks."""
    return subprocess.Popen([program, *RUN, folder / "cases.yaml", "-o", folder / out, *options], cwd="/", user=NOBODY.pw_uid,
                            group=NOBODY.pw_gid, extra_groups=[], env={"PATH": os.environ["PATH"], "TCEPTION_CACHE": str(CACHE), **env},
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_anybody_anywhere_twice(folder):
    write_cases(folder, {"vm": "{grade: none}"})
    assert not os.access(TOP, os.W_OK, effective_ids=True) or os.stat(TOP).st_uid != NOBODY.pw_uid
    before = {f: f.stat().st_mtime_ns for f in (TOP / "build").iterdir()}
    both = [begin(TCEPTION, folder, out) for out in ("one", "two")]
    for out, run in zip(("one", "two"), both):
        said = run.communicate(timeout=600)[0]
        assert run.returncode == 0, said
        assert cells(folder / out)["vm"]["outcome"] == "pass"
    assert {f: f.stat().st_mtime_ns for f in (TOP / "build").iterdir()} == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_no_home(folder):
    """Only emulated trust domains need a place for keys, and the complaint says which option names one."""
    write_cases(folder, {"td": "{grade: verified}"})
    run = begin(TCEPTION, folder, "out", "--platform", "emulated")
    said = run.communicate(timeout=120)[0]
    assert run.returncode == 3 and "--state-dir" in said


def test_debian_packages(folder):
    """Built in a copy, without an error of lintian's; the program in them works where they are unpacked."""
    if not shutil.which("dh"):
        pytest.skip("no debhelper here")
    done = subprocess.run([TOP / "scripts" / "packaging" / "build-deb", folder], check=False, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    debs = {f.name.split("_")[0]: f for f in folder.glob("*.deb")}
    assert {"tception", "libtception0", "libtception-dev", "python3-tception"} <= set(debs)
    for deb in debs.values():
        subprocess.run(["dpkg-deb", "-x", deb, folder / "root"], check=True)
    program = folder / "root/usr/bin/tception"
    listed = subprocess.run([program, "list"], cwd="/", env={}, check=True, capture_output=True, text=True).stdout
    assert "td/docker" in listed
    assert (folder / "root/usr/share/bash-completion/completions/tception").exists()
    assert subprocess.run(["man", "-l", folder / "root/usr/share/man/man1/tception.1.gz"], check=True, capture_output=True).stdout
