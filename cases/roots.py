# SPDX-License-Identifier: Apache-2.0
"""Folders of the image cache that tests of `make test-full` make once: root file systems of Debian, images."""
import fcntl
import hashlib
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from conftest import CACHE, TOP

KEPT = CACHE / ".kept"  # with a dot, so that `guests/image/build CACHE pack` leaves it out


def kept(name, inputs, make):
    """A folder as `make(folder)` leaves it; again only when its inputs, a text, are others."""
    digest = hashlib.sha256(inputs.encode()).hexdigest()[:16]
    folder = KEPT / f"{name}-{digest}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with open(KEPT / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = pathlib.Path(tempfile.mkdtemp(prefix=f".{name}-", dir=KEPT))
            try:
                make(made)
                made.rename(folder)
            finally:
                shutil.rmtree(made, ignore_errors=True)
            for old in KEPT.glob(f"{name}-{'?' * 16}"):
                if old != folder:
                    shutil.rmtree(old, ignore_errors=True)
    return folder


def root(name, variant, suites, *packages):
    """A root file system by cases/root; skips the test where the packages are not to be had."""
    argv = [variant, suites, *packages]

    def make(folder):
        folder.rmdir()
        done = subprocess.run([TOP / "cases" / "root", folder, *argv], check=False, timeout=1800, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(done.stderr.strip())
    return kept(name, (TOP / "cases" / "root").read_text() + " ".join(argv), make)
