#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# QEMU 10.0 (Debian 13) gives each queue of virtio-serial 1024 entries, the one for control messages too, without an option
# that says otherwise and for old machine types as well; 7.2 and 11.1 have 128, and 32 for control messages. Linux keeps the
# queue of each port full of buffers of a page: 4 MiB a port, and 4 MiB more. In a confidential guest all of that is bounce
# buffer: one of 32 MiB was full with seven ports, the eighth could not be added, and the disk could not be read.
set -euo pipefail
version=1:10.0.13+ds-0+deb13u1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mode=unshare
[ "$(id -u)" -ne 0 ] || mode=root
chmod 755 "$work"
mmdebstrap --quiet --mode=$mode --variant=extract --include="qemu-system-x86=$version" --aptopt='APT::Install-Recommends "false"' \
	--aptopt='APT::Sandbox::User "root"' trixie "$work/root" "deb http://deb.debian.org/debian trixie main" </dev/null >/dev/null 2>&1
lib=$work/root/usr/lib/x86_64-linux-gnu
entries() { # MACHINE QUEUE
	printf 'info virtio-queue-status /machine/peripheral/s/virtio-backend %s\nquit\n' "$2" |
		QEMU_MODULE_DIR=$lib/qemu "$work/root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$lib" \
			"$work/root/usr/bin/qemu-system-x86_64" -L "$work/root/usr/share/qemu" -L "$work/root/usr/share/seabios" -S \
			-nodefaults -display none -accel tcg -m 64 -machine "$1" -device virtio-serial-pci,id=s -monitor stdio |
		tr '\r' '\n' | sed -n 's/^ *num: *\([0-9]*\)$/\1/p'
}
seen=
for machine in pc-q35-10.0 pc-q35-7.2; do
	for queue in 0 2 4; do seen+="$machine queue $queue: $(entries $machine $queue) entries; "; done
done
echo "qemu-system-x86 $version: $seen"
[ "$(grep -o ': 1024 entries' <<<"$seen" | wc -l)" = 6 ] || { echo "CHANGED: expected 1024 of each"; exit 1; }
