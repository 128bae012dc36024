# SPDX-License-Identifier: Apache-2.0
"""From a bare Debian to a prompt in a trust domain, by the README's own line. `make test-full` runs it, as root.

Bare is what mmdebstrap calls minbase, with make; everything else the line sets up itself, the guest image too.
"""
import os
import re
import shutil
import subprocess
import time

import pytest

from conftest import TOP, scratch
from td_common import read_until, terminal

HOURS = 3600
RELEASE = "trixie"
MIRROR = os.environ.get("TCEPTION_MIRROR", "http://deb.debian.org/debian")
# Mounts and processes of its own, which are gone when it ends.
ENTER = """mount -t proc proc "$0/proc" && mount -t sysfs sys "$0/sys" && mount -t tmpfs tmp "$0/tmp" &&
exec chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=vt100 LANG=C.UTF-8 sh -c "cd /root/tception && $1" """


def entered(root, line):
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, root, line]


@pytest.fixture(name="root")
def fixture_root():
    """A bare system with a clone of this tree, as it is now."""
    if os.geteuid() != 0:
        pytest.skip("a bare system is made as root")
    folder = scratch("bare-")
    root = folder / RELEASE
    done = subprocess.run(["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--include=make,ca-certificates",
                           '--aptopt=APT::Sandbox::User "root"', RELEASE, root, MIRROR], capture_output=True, check=False,
                          timeout=HOURS)
    if done.returncode:
        pytest.skip(f"no {RELEASE} from {MIRROR}: {done.stderr.decode()[-200:]}")
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    (root / "root/tception").mkdir()
    files = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, check=True).stdout
    packed = subprocess.run(["tar", "--null", "-T", "-", "-cf", "-"], cwd=TOP, input=files, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-C", root / "root/tception", "-xf", "-"], input=packed, check=True)
    yield root
    shutil.rmtree(folder)


def test_bare(root):
    line = re.search(r"^    (make .*td shell)$", (TOP / "README.md").read_text(), re.M)[1]
    begun = time.monotonic()
    with terminal(*map(str, entered(root, line))) as (ours, child):
        said = read_until(ours, rb"\[EMULATED TD td1\] root:/work# ", seconds=4 * HOURS)
        assert b"setup: installing" in said and b"EMULATED trust domain" in said
        print(f"{root.name}: {time.monotonic() - begun:.0f} s to the prompt")
        os.write(ours, b"systemd-detect-virt --cvm; ls $TCEPTION_TRUST; exit 3\r")
        read_until(ours, rb"(?s)\rtdx\r.*root.pem")
        assert child.wait(timeout=900) == 3
