#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# libcbor 0.8.0 (Debian 12) does not decode CBOR tags 6 to 20: cbor_load() calls the data malformed. RFC 8949
# gives a one-byte head to tags 0 to 23, and a decoder need not know what a tag means to pass it on. Registered in
# that range are COSE_Encrypt0 (16), COSE_Mac0 (17) and COSE_Sign1 (18), so that no tagged signed statement
# (a CoRIM, an EAT) can be read; tags 0 to 5 and 21 to 23 are passed on.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq download libcbor0.8=0.8.0-2+b1 libcbor-dev=0.8.0-2+b1
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
lib=root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch)
cat >tags.c <<'C'
#include <cbor.h>
#include <stdio.h>

int main(void)
{
	for (unsigned tag = 0; tag < 24; tag++) {
		const unsigned char data[] = {0xc0 | tag, 0x80}; /* the tag, on an empty array */
		struct cbor_load_result result;
		cbor_item_t *item = cbor_load(data, sizeof(data), &result);

		printf("%u:%s ", tag, item ? "ok" : "error");
		if (item)
			cbor_decref(&item);
	}
	putchar('\n');
	return 0;
}
C
cc -Iroot/usr/include tags.c -L"$lib" -lcbor -o tags
seen=$(LD_LIBRARY_PATH=$lib ./tags)
echo "libcbor 0.8.0-2+b1: $seen"
want=
for tag in {0..23}; do
	if ((tag > 5 && tag < 21)); then want+="$tag:error "; else want+="$tag:ok "; fi
done
[ "$seen" = "$want" ] || { echo "CHANGED: expected $want"; exit 1; }
