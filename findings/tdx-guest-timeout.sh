#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Linux's TDX guest driver waits up to 30 s for a quote, looking once a second, and its last line takes the count for the
# outcome: wait_for_quote_completion() is right to give up after the 30th second, but by then has counted one more, so
#   no answer at all is success (0), and the reader gets an empty quote or EIO by what happens to be in the buffer,
#   an answer that came in the 30th second, a good quote too, is -ETIMEDOUT.
# The function itself, out of Debian's source of 6.12.117, with a clock of whole seconds: a quote that comes at the second
# given, or never. In an emulated trust domain whose host answers at 30 s, 7.3.4 of trixie-backports says ETIMEDOUT, too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mirror=$(apt-get indextargets --format '$(SITE) $(ORIGIN)' | awk '$2 == "Debian" && $1 !~ /security/ { print $1; exit }')
deb=linux-source-6.12_6.12.117-1_all.deb
curl -fsSLO --retry 3 "${mirror:-http://deb.debian.org/debian}/pool/main/l/linux/$deb"
dpkg-deb --fsys-tarfile "$deb" | bsdtar -xOf - ./usr/src/linux-source-6.12.tar.xz |
	bsdtar -xOf - --fast-read linux-source-6.12/drivers/virt/coco/tdx-guest/tdx-guest.c >driver.c
{
	cat <<'C'
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef uint32_t u32;
typedef uint64_t u64;
typedef uint8_t u8;
#define MSEC_PER_SEC 1000
static u64 *status; /* in flight, until the answer comes */
static unsigned second, answer_at;
static int msleep_interruptible(unsigned ms)
{
	second += ms / MSEC_PER_SEC;
	if (second == answer_at)
		*status = 0; /* success */
	return 0;
}
C
	grep -E '^#define GET_QUOTE_IN_FLIGHT|^static u32 getquote_timeout' driver.c
	sed -n '/^struct tdx_quote_buf {/,/^}/p; /^static int wait_for_quote_completion/,/^}/p' driver.c
	cat <<'C'
int main(void)
{
	static const unsigned at[] = {1, 29, 30, 0};
	static struct tdx_quote_buf buf;

	status = &buf.status;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		second = 0;
		answer_at = at[i];
		buf.status = GET_QUOTE_IN_FLIGHT;
		int r = wait_for_quote_completion(&buf, getquote_timeout);
		char name[32] = "never";
		if (at[i])
			snprintf(name, sizeof(name), "after %u s", at[i]);
		printf("answered %s: %s, %s\n", name, r ? strerrorname_np(-r) : "success",
		       buf.status == GET_QUOTE_IN_FLIGHT ? "still in flight" : "answered");
	}
	return 0;
}
C
} >test.c
gcc -D_GNU_SOURCE -O1 -Wall -o test test.c
seen=$(./test)
echo "$seen"
[ "$seen" = "\
answered after 1 s: success, answered
answered after 29 s: success, answered
answered after 30 s: ETIMEDOUT, answered
answered never: success, still in flight" ] || { echo "CHANGED"; exit 1; }
