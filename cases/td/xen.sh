#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The init of a dom0 and of its domUs, `who` by the kernel's command line: what the agent says of the domain, and in dom0 what
# Xen lets it do and then each domU, by xl, with what its console said.
export PATH=/bin
/bin/busybox mkdir -p /proc /sys /dev /tmp /run/xen /run/xenstored /var/lock /var/lib/xen/xenstore /var/log/xen/console /etc/xen
/bin/busybox ln -s /run /var/run
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
for module in /modules/*.ko; do
	[ -e "$module" ] || break
	insmod "$module" 2>/tmp/why || echo "$who: $(basename "$module" .ko) refused: $(sed 's/.*: //' /tmp/why)"
done
mount -t configfs configfs /sys/kernel/config 2>/dev/null
echo "$who: hypervisor $(cat /sys/hypervisor/type), guest type $(cat /sys/hypervisor/guest_type)"
echo "$who: agent"
agent layer </visit 2>/tmp/why | gzip -9 | base64
echo "$who: agent end $(head -c 200 /tmp/why)"
if [ "$who" = dom0 ]; then
	mount -t xenfs xenfs /proc/xen
	echo "dom0: capabilities $(cat /proc/xen/capabilities)"
	export PATH=/bin:/usr/lib/xen-4.20/bin
	touch /etc/xen/xl.conf
	xenstored --pid-file=/run/xenstored.pid
	xen-init-dom0
	xenconsoled --log=guest
	for who in pv pvh; do
		printf 'name="%s"\ntype="%s"\nmemory=192\nkernel="/domu/vmlinuz"\nramdisk="/domu/rd"\nextra="console=hvc0 panic=-1 quiet who=%s"\ntsc_mode="native"\non_poweroff="destroy"\non_reboot="destroy"\non_crash="destroy"\n' $who $who $who >/tmp/$who.cfg
		begin=$(cut -d' ' -f1 /proc/uptime)
		xl create /tmp/$who.cfg || echo "$who: xl failed"
		for i in $(seq 200); do
			xl list $who >/dev/null 2>&1 || break
			sleep 1
		done
		echo "# $who: from $begin to $(cut -d' ' -f1 /proc/uptime) s"
		tr -d '\r' </var/log/xen/console/guest-$who.log
		xl destroy $who 2>/dev/null
	done
	echo "dom0: end"
fi
poweroff -f
