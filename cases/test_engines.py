# SPDX-License-Identifier: Apache-2.0
"""Whether a guest image's engines are Debian's: said of the image, and a changed byte is found."""
import json
import subprocess

import pytest

from conftest import CACHE, TOP, tception

PROGRAM = "usr/bin/crun"


def doctor():
    return {finding["what"]: finding for finding in json.loads(tception("doctor", "--json").stdout)}


def test_the_image():
    assert doctor()["engines"]["ok"], doctor()["engines"]["text"]
    manifest = (CACHE / "engines.manifest").read_text().splitlines()
    for name in ("docker.io", "podman", "lxc", "qemu-system-x86", "conmon"):
        assert any(line.startswith(f"package {name} ") and line.endswith(" same") for line in manifest), name


@pytest.mark.parametrize("kernel", ["", "-backports"])
def test_kernel(kernel):
    """The unpacked kernel is the one within the bzImage, and no module has the signature that takes long to verify."""
    packed, modules = CACHE / f"vmlinuz{kernel}", sorted((CACHE / f"modules{kernel}").glob("*.ko"))
    if not packed.exists():
        pytest.skip("the image has no such kernel")
    data = packed.read_bytes()
    done = subprocess.run(["zstd", "-dcq"], input=data[data.index(b"\x28\xb5\x2f\xfd"):], check=False, capture_output=True)
    assert done.stdout[:4] == b"\x7fELF" and (CACHE / f"vmlinux{kernel}").read_bytes() == done.stdout
    assert modules and not any(b"Module signature appended" in module.read_bytes() for module in modules)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """crun's package, unpacked."""
    folder = tmp_path_factory.mktemp("crun")
    deb, = (CACHE / "packages").glob("crun_*.deb")
    subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)
    return folder


def engines(files, tmp_path):
    image = tmp_path / "root.squashfs"
    with subprocess.Popen(["bsdtar", "-cf", "-", "-C", files, "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(["tar2sqfs", "--quiet", "--compressor", "zstd", image], stdin=tar.stdout, check=True)
    return subprocess.run([TOP / "guests/image/engines", CACHE / "packages", image, "crun"], check=False, timeout=120,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


def test_as_packaged(files, tmp_path):
    done = engines(files, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" same")


def test_a_changed_byte(files, tmp_path):
    program = files / PROGRAM
    data = program.read_bytes()
    try:
        program.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        done = engines(files, tmp_path)
    finally:
        program.write_bytes(data)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].endswith(f" changed /{PROGRAM}")


def test_another_package(tmp_path):
    """A .deb that is not the signed one is refused."""
    deb, = (CACHE / "packages").glob("crun_*.deb")
    (tmp_path / deb.name).write_bytes(deb.read_bytes()[:-1] + b"\0")
    (tmp_path / "Packages").write_text((CACHE / "packages/Packages").read_text())
    done = subprocess.run([TOP / "guests/image/engines", tmp_path, "/dev/null", "crun"], check=False, timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 1 and "not the file" in done.stderr
