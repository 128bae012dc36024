# SPDX-License-Identifier: Apache-2.0
"""Trust domains that boot a disk by shim and GRUB measure what was predicted from the disk alone.

Debian's own signed programs, one disk each: trixie's GRUB, whose 2.12 measures neither what it reads nor the kernel it
starts, and the next release's. No root is needed to make them.
"""
import json
import shutil
import subprocess

import pytest

import chains
from conftest import CACHE, FILES, RUN, cells, evidence, flipped, start, tception, write_cases

UUID = "1b4f1c4e-8f0a-4c4b-9d9d-0a0b0c0d0e0f"
MEMORY, ESP_MIB, ROOT_MIB = 1024, 40, 64
RELEASE = "6.12-cloud-amd64"
PLACE = "1.0,first,1"  # where `run --disk` puts it, in front of the disk that the agent wants
# As update-grub writes them, in other words.
CONFIG = """
# a comment
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ]; then set default="${next_entry}"; else set default="0"; fi
if [ x"${feature_menuentry_id}" = xy ]; then
  menuentry_id_option="--id"
else
  menuentry_id_option=""
fi
export menuentry_id_option
function load_video {
  if [ x$grub_platform = xbios ]; then insmod vbe; elif [ "$1" ]; then echo "$1"; fi
}
font=unicode
if loadfont $font; then
  set gfxmode=auto
  load_video
  insmod gfxterm
  set locale_dir=$prefix/locale
  set lang=en_US
  insmod gettext
fi
terminal_output gfxterm
if [ "${recordfail}" = 1 ]; then set timeout=30; else set timeout=0; fi
menuentry 'Test' --class gnu-linux $menuentry_id_option 'simple' {
	load_video "a word"
	echo	"$default $chosen" "$fw_path" $color_normal "$color_highlight" "$check_signatures$cmdpath"
	insmod gzio
	insmod part_gpt
	set root='hd0,gpt2'
	search --no-floppy --fs-uuid --set=root --hint-efi=hd0,gpt2 UUID
	echo	'Loading Linux ...'
	linux	/boot/vmlinuz-RELEASE root=UUID=UUID ro console=ttyS0 quiet panic=-1 nokaslr tsc=reliable \
no_timer_check 8250.nr_uarts=1 cryptomgr.notests random.trust_cpu=on
	initrd	/boot/initrd.img-RELEASE
}
submenu 'More' $menuentry_id_option 'advanced' {
	menuentry 'Recovery' { linux /nothing; }
}
if [ "$grub_platform" = "efi" ]; then
	fwsetup --is-supported
	if [ "$?" = 0 ]; then menuentry 'Firmware' { fwsetup; }; fi
fi
if [ -f  ${config_directory}/custom.cfg ]; then
  source ${config_directory}/custom.cfg
fi
""".replace("UUID=UUID", "UUID=" + UUID).replace("gpt2 UUID", "gpt2 " + UUID).replace("RELEASE", RELEASE)
STUB = f"search.fs_uuid {UUID} root hd0,gpt2 \nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n"
LOADERS = {"trixie": "2.12", "next": ""}


def loaders(which):
    """shim and GRUB out of the packages that the guest image was built with."""
    packages = CACHE / "packages"
    grubs = sorted(packages.glob("grub-efi-amd64-signed_*.deb"))
    found = [g for g in grubs if ("deb13" in g.name) == (which == "trixie")]
    if not found:
        pytest.skip(f"no GRUB of {which} was to be had when the guest image was built")
    return next(packages.glob("shim-signed_*.deb")), found[-1]


def member(deb, name):
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as tar:
        return subprocess.run(["bsdtar", "-xOf", "-", name], stdin=tar.stdout, capture_output=True, check=True).stdout


def make_root(tree, file, system):
    """A file system of that kind with the tree in it."""
    if system == "xfs":
        lines = ["boot", "0 0", "d--755 0 0"]

        def add(folder):
            for path in sorted(folder.iterdir()):
                if path.is_dir():
                    lines.append(f"{path.name} d--755 0 0")
                    add(path)
                    lines.append("$")
                else:
                    lines.append(f"{path.name} ---644 0 0 {path}")
        add(tree)
        (tree.parent / "proto").write_text("\n".join([*lines, "$"]) + "\n")
    make = {"ext4": (ROOT_MIB, "mke2fs", "-q", "-t", "ext4", "-U", UUID, "-d", tree, file),
            "btrfs": (160, "mkfs.btrfs", "-q", "-U", UUID, "-r", tree, file),
            "xfs": (320, "mkfs.xfs", "-q", "-m", f"uuid={UUID}", "-p", tree.parent / "proto", file)}
    mib, *command = make[system]
    chains.run("truncate", "-s", f"{mib}M", file)
    chains.run(*command)


def make_disk(folder, which, config=CONFIG, system="ext4", **files):
    """A disk with an EFI system partition and a root; returns its path."""
    tree, root = folder / "root/boot", folder / "root.img"
    (tree / "grub").mkdir(parents=True)
    shim, grub = loaders(which)
    place = "debian" if which == "trixie" else "BOOT"  # GRUB looks beside itself first
    esp = chains.fat(folder / "esp", ESP_MIB, {
        "EFI/debian": None, "EFI/BOOT/BOOTX64.EFI": member(shim, "./usr/lib/shim/shimx64.efi.signed"),
        "EFI/BOOT/grubx64.efi": member(grub, "./usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"),
        f"EFI/{place}/grub.cfg": STUB.encode()})
    (tree / "grub/grub.cfg").write_text(config)
    (tree / "grub/grubenv").write_bytes(b"# GRUB Environment Block\n".ljust(1024, b"#"))
    shutil.copy(files.get("kernel", FILES["kernel"]), tree / f"vmlinuz-{RELEASE}")
    shutil.copy(files.get("initrd", FILES["initrd"]), tree / f"initrd.img-{RELEASE}")
    make_root(folder / "root", root, system)
    shutil.rmtree(folder / "root")
    return chains.gpt(folder / "disk.img", [("U", esp), ("L", root)])


def boot(folder, disk):
    cases = write_cases(folder, {f"td@mem={MEMORY}": "{grade: verified}"})
    return start(*RUN, cases, "--platform", "emulated", "--disk", disk, "-o", folder / "run")


def finish(folder, child):
    said, _ = child.communicate(timeout=240)
    boots = sorted((folder / "run/boots").glob("*/layer0.jsonl"))
    assert boots, said
    assert child.returncode == 0, said
    ladder = cells(folder / "run")[f"td@mem={MEMORY}"]["layers"][0]["ladder"]
    return {"boot": boots[-1].parent, "rungs": {r["rung"]: r for r in ladder}, **evidence(boots[-1].parent)}


def version_text(kernel):
    return kernel.index(b"(debian-kernel@")


def file_time(_):
    return 6 + 5 * 8 + 7


@pytest.fixture(scope="module")
def booted(tmp_path_factory):
    """What each disk's TD measured; side by side."""
    top = tmp_path_factory.mktemp("grub")
    disks = {"trixie": make_disk(top / "trixie", "trixie")}
    if len(list((CACHE / "packages").glob("grub-efi-amd64-signed_*.deb"))) > 1:
        disks["next"] = make_disk(top / "next", "next")
    children = {name: boot(disk.parent, disk) for name, disk in disks.items()}
    return {name: {"disk": disks[name], **finish(disks[name].parent, child)} for name, child in children.items()}


@pytest.fixture
def td(booted, which):
    if which not in booted:
        pytest.skip("the next release's GRUB was not to be had when the guest image was built")
    return booted[which]


def inputs(td, disk):
    return ["--json", "--firmware", FILES["firmware"], "--memory", MEMORY, "--acpi", td["boot"], "--boot-device", PLACE,
            "--disk", disk]


def predicted(td, disk):
    return json.loads(tception("measure", "rtmr", *inputs(td, disk)).stdout)


def explained(td, disk):
    done = tception("measure", "explain", *inputs(td, disk), "--tdreport", td["boot"] / "tdreport", "--eventlog", td["boot"] / "ccel")
    return done.returncode, {row["register"]: row for row in json.loads(done.stdout)["registers"]}


@pytest.mark.parametrize("which", LOADERS)
def test_as_predicted(td, which):
    assert td["rungs"]["predicted"]["ok"] is True, td["rungs"]["predicted"]
    status, rows = explained(td, td["disk"])
    assert status == 0, rows
    assert {row["state"] for row in rows.values()} == {"same"}
    foreseen = predicted(td, td["disk"])
    assert foreseen["rtmr"][:3] == [td["registers"][f"RTMR{i}"] for i in range(3)]
    commands = [e for e in foreseen["events"] if e["what"].startswith("grub_cmd: ")]
    assert bool(commands) == (which == "next")


@pytest.mark.parametrize("which", LOADERS)
def test_as_qcow2(td, which, tmp_path):
    chains.run("qemu-img", "convert", "-O", "qcow2", td["disk"], tmp_path / "disk.qcow2")
    assert predicted(td, tmp_path / "disk.qcow2")["rtmr"] == predicted(td, td["disk"])["rtmr"]


# What is changed -> which registers follow, with each GRUB; the event that says so. shim measures the programs that it
# loads, and trixie's GRUB loads the kernel itself: nobody measures it, so the same registers fit a disk with another one.
CHANGES = {
    "kernel": (set(), {"RTMR1", "RTMR2"}, "kernel, loaded by shim"),
    "initrd": ({"RTMR2"}, {"RTMR2"}, "Linux initrd"),
    "cmdline": ({"RTMR2"}, {"RTMR2"}, "LOADED_IMAGE::LoadOptions"),
    "comment": (set(), {"RTMR2"}, "(hd0,gpt2)/boot/grub/grub.cfg"),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("which", LOADERS)
def test_one_change(td, which, what, tmp_path):
    registers = CHANGES[what][which == "next"]
    config = {"cmdline": CONFIG.replace(" quiet ", " quieT "), "comment": CONFIG.replace("a comment", "A comment")}
    files = {}
    if what == "kernel":
        files["kernel"] = flipped(FILES["kernel"], tmp_path / "kernel", version_text)
    if what == "initrd":
        files["initrd"] = flipped(FILES["initrd"], tmp_path / "initrd", file_time)
    disk = make_disk(tmp_path / "disk", which, config.get(what, CONFIG), **files)
    status, rows = explained(td, disk)
    assert status == (1 if registers else 0)
    assert {r for r in rows if rows[r]["state"] != "same"} == registers, rows
    before, after = ({e["what"]: e["digest"] for e in predicted(td, d)["events"]} for d in (td["disk"], disk))
    changed = {what for what in before if before[what] != after.get(what)}
    assert (CHANGES[what][2] in changed) == bool(registers)
