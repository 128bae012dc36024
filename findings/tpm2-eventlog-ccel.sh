#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tpm2_eventlog 5.4 (Debian 12) reads a TPM's event log, and refuses the same log with the register numbers of
# a confidential VM: there the first event, which only says what the digests are, names measurement register 1
# (RTMR0; 0 is MRTD) and not 0. The layout is the same otherwise (UEFI 2.10, chapter 38), and the kernel
# gives such a log as /sys/firmware/acpi/tables/data/CCEL.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq download tpm2-tools=5.4-1 libtss2-esys-3.0.2-0=3.2.1-3 libtss2-mu0=3.2.1-3 libtss2-rc0=3.2.1-3 \
	libtss2-sys1=3.2.1-3 libtss2-tctildr0=3.2.1-3
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
lib=root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch)
/usr/bin/python3 - <<'P'
import hashlib
import struct

SHA384 = 0xc


def log(register):
    """The header, and one event of SHA-384: a separator."""
    spec = b"Spec ID Event03\0" + struct.pack("<IBBBBIHHB", 0, 0, 2, 0, 2, 1, SHA384, 48, 0)
    header = struct.pack("<II20sI", register, 3, bytes(20), len(spec)) + spec
    data = bytes(4)
    return header + struct.pack("<IIIH", 1, 4, 1, SHA384) + hashlib.sha384(data).digest() + struct.pack("<I", 4) + data


for name, register in (("tpm", 0), ("ccel", 1)):
    with open(name, "wb") as f:
        f.write(log(register))
P
for log in tpm ccel; do
	status=0
	LD_LIBRARY_PATH=$lib root/usr/bin/tpm2 eventlog "$log" >"$log.out" 2>"$log.err" || status=$?
	echo "tpm2-tools 5.4-1, first event in register $([ $log = tpm ] && echo 0 || echo 1): status $status, $(grep -c EventNum "$log.out" || :) events; $(head -1 "$log.err")"
	echo "$status" >"$log.status"
done
[ "$(cat tpm.status)" = 0 ] && [ "$(grep -c EventNum tpm.out)" = 2 ] && [ "$(cat ccel.status)" != 0 ] ||
	{ echo "CHANGED: expected 0 with 2 events, and a refusal"; exit 1; }
