# SPDX-License-Identifier: Apache-2.0
"""QEMU command lines of others, and machines whose ACPI tables are known without a boot."""
import re
import shlex
import subprocess

import pytest

from conftest import CACHE, tception

OVMF = CACHE / "OVMF.fd"
# As each project has them, 2025 to 2026; descriptors, sockets and files are of a host that is not here.
OTHERS = {
    # tdx/guest-tools/run_td
    "canonical": f"-D /tmp/log -accel kvm -m 2G -smp 16 -name td,process=td,debug-threads=on -cpu host,-avx10 "
                 '-object \'{"qom-type":"tdx-guest","id":"tdx","quote-generation-socket":{"type":"vsock","cid":"2","port":"4050"}}\' '
                 "-object memory-backend-ram,id=mem0,size=2G -machine q35,kernel_irqchip=split,confidential-guest-support=tdx,memory-backend=mem0 "
                 f"-bios {OVMF} -nographic -daemonize -nodefaults -vga none -device virtio-net-pci,netdev=nic0_td "
                 "-netdev user,id=nic0_td,hostfwd=tcp::10022-:22 -drive file=td.qcow2,if=none,id=virtio-disk0 "
                 "-device virtio-blk-pci,drive=virtio-disk0 -device vhost-vsock-pci,guest-cid=3 -pidfile /tmp/pid",
    # src/qemu, launch-security-tdx
    "libvirt": "-name guest=td,debug-threads=on -S -object '{\"qom-type\":\"secret\",\"id\":\"masterKey0\",\"format\":\"raw\",\"file\":\"/k\"}' "
               "-machine q35,usb=off,dump-guest-core=off,memory-backend=pc.ram,confidential-guest-support=lsec0,hpet=off,acpi=on -accel kvm "
               "-cpu host,migratable=on -m size=2097152k "
               "-object '{\"qom-type\":\"memory-backend-memfd\",\"id\":\"pc.ram\",\"share\":true,\"size\":2147483648}' "
               "-overcommit mem-lock=off -smp 1,sockets=1,cores=1,threads=1 -uuid c7a5fdbd-edaf-9455-926a-d65c16db1809 -display none "
               "-no-user-config -nodefaults -chardev socket,id=charmonitor,fd=1729,server=on,wait=off "
               f"-mon chardev=charmonitor,id=monitor,mode=control -rtc base=utc -no-shutdown -boot strict=on -bios {OVMF} "
               '-device \'{"driver":"pcie-root-port","port":8,"chassis":1,"id":"pci.1","bus":"pcie.0","multifunction":true,"addr":"0x1"}\' '
               '-blockdev \'{"driver":"file","filename":"/g,1","node-name":"s"}\' '
               '-blockdev \'{"node-name":"f","read-only":false,"driver":"raw","file":"s"}\' '
               '-device \'{"driver":"virtio-blk-pci","bus":"pci.1","drive":"f","bootindex":1}\' '
               '-netdev \'{"type":"tap","fd":"27","vhost":true,"vhostfd":"29","id":"hostnet0"}\' '
               '-device \'{"driver":"virtio-net-pci","netdev":"hostnet0","bus":"pcie.0","addr":"0x3"}\' '
               '-object \'{"qom-type":"tdx-guest","id":"lsec0"}\' -sandbox on,spawn=deny -msg timestamp=on',
    # src/runtime, govmm
    "kata": "-name sandbox-1 -machine q35,accel=kvm,kernel_irqchip=split,confidential-guest-support=tdx -cpu host,pmu=off "
            "-qmp unix:fd=3,server=on,wait=off -m 2048M -object '{\"qom-type\":\"tdx-guest\",\"id\":\"tdx\"}' "
            "-device pci-bridge,bus=pcie.0,id=pci-bridge-0,chassis_nr=1,shpc=off,addr=2 -device virtio-serial-pci,id=serial0 "
            "-device virtconsole,chardev=c0,id=console0 -chardev socket,id=c0,path=/run/c.sock,server=on,wait=off "
            "-device virtio-scsi-pci,id=scsi0 -object rng-random,id=rng0,filename=/dev/urandom -device virtio-rng-pci,rng=rng0 "
            "-chardev socket,id=char0,path=/run/kata/fs.sock -device vhost-user-fs-pci,chardev=char0,tag=kataShared,queue-size=1024 "
            "-device vhost-vsock-pci,disable-modern=false,vhostfd=3,id=vsock-1,guest-cid=123 "
            "-netdev tap,id=network-0,vhost=on,vhostfds=4,fds=5 -device driver=virtio-net-pci,netdev=network-0,mq=on,vectors=4 "
            "-rtc base=utc,driftfix=slew,clock=host -global kvm-pit.lost_tick_policy=discard -vga none -no-user-config -nodefaults "
            "-nographic --no-reboot -object memory-backend-memfd,id=dimm1,size=2048M,share=on -numa node,memdev=dimm1 "
            f"-kernel /k -append -quiet -bios {OVMF} -pidfile /p -D /log -smp 1,cores=1,threads=1,sockets=1,maxcpus=1",
    # vmm/src/app/qemu.rs
    "dstack": f"-accel kvm -cpu host -nographic -nodefaults -chardev null,id=c0 -serial chardev:c0 -qmp unix:/q,server,wait=off -bios {OVMF} "
              "-smp 4 -m 8192M -kernel k -initrd i -drive file=hda.img,if=none,id=hd1 -device virtio-blk-pci,drive=hd1 "
              "-netdev user,id=net0 -device virtio-net-pci,netdev=net0 -device vhost-vsock-pci,guest-cid=9 "
              "-virtfs local,path=/s,mount_tag=host-shared,readonly=off,security_model=mapped,id=v0 -cdrom rootfs.iso "
              "-machine q35,kernel-irqchip=split,confidential-guest-support=tdx,hpet=off -object tdx-guest,id=tdx -append x",
}
# Of a plain machine, as `-machine q35,smm=off` takes more: what follows it.
KNOWN = {
    "alone": " -m 2048",
    "split memory": ",hpet=off -m 4096 -smp 4 -device virtio-rng-pci -serial null",
    "small memory": ",hpet=off,pic=off -m 1024 -smp 6,sockets=2,cores=3,threads=1 -device virtio-rng-pci,addr=5.0",
    "bare": ",hpet=off,i8042=off,sata=off -m 2048 -serial null",
    "root ports": ",hpet=off -m 2048 -smp 2 -device pcie-root-port,id=p1,addr=5,chassis=1 "
                  "-device pcie-root-port,id=p2,addr=3.0,chassis=2,multifunction=on -device pcie-root-port,id=p3,addr=3.1,chassis=3 "
                  "-device pcie-root-port,id=p4,chassis=4 -device virtio-rng-pci,bus=p3 -device virtio-rng-pci -device virtio-rng-pci,bus=p1 "
                  "-device virtio-serial-pci",
    "many devices": ",pic=off -m 2815 -smp 12 " + "-device virtio-rng-pci " * 9,
}


def version(qemu):
    said = subprocess.run([qemu, "--version"], capture_output=True, text=True, timeout=120, check=True).stdout
    return re.search(r"version (\d+\.\d+\.\d+)", said)[1]


def both(qemu, line, folder):
    """The files of a control VM, and those made without one; skips where this QEMU's are not known."""
    command = ["--", qemu, *shlex.split(line)]
    made = tception("measure", "acpi", "--generate", "--qemu-version", version(qemu), "-o", folder / "made", *command)
    if "of QEMU" in made.stderr:
        pytest.skip(made.stderr.strip())
    assert made.returncode == 0, made.stderr
    done = tception("measure", "acpi", "-o", folder / "captured", *command)
    assert done.returncode == 0, done.stderr
    names = ("acpi-loader", "acpi-rsdp", "acpi-tables")
    return [[(folder / which / name).read_bytes() for name in names] for which in ("captured", "made")]


def known(qemu, which, folder):
    line = f"-nodefaults -cpu max,phys-bits=48 -bios {OVMF} -machine q35,smm=off{KNOWN[which]}"
    captured, made = both(qemu, line, folder)
    assert captured == made, which
