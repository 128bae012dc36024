/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile guest: a sequence of TDCALLs with any registers and any memory. Whatever it does, its
 * identity and the key stay, and only a report the module made has a right MAC.
 */
#include "tdxemu/test/fake.h"

#define CALLS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct td_info before;
	struct td_regs r;
	uint8_t key[32];

	fake_start(size > 0 && data[0] & 1);
	memcpy(&before, &td.info, sizeof(before));
	memcpy(key, td.mac_key, sizeof(key));
	if (setjmp(fake.stopped))
		return 0;
	for (unsigned n = 0; n < CALLS_MAX && size >= sizeof(r); n++) {
		memcpy(&r, data, sizeof(r));
		data += sizeof(r);
		size -= sizeof(r);
		memcpy(fake.ram, data, size < FAKE_SIZE ? size : FAKE_SIZE);
		if (r.rbp & 1) /* bias addresses into RAM */
			r.rcx = FAKE_RAM + (r.rcx & 0xfc00), r.rdx = FAKE_RAM + (r.rdx & 0xffc0);
		td_call(&td, &vcpu, &r);
		if (r.rbp & 2)
			mailbox.answered = mailbox.requested;
	}
	memcpy(before.rtmr, td.info.rtmr, sizeof(before.rtmr));
	if (memcmp(&before, &td.info, sizeof(before)) != 0 || memcmp(key, td.mac_key, 32) != 0)
		__builtin_trap();
	if (fake.msr_writes && (fake.last_msr == 0x1b || fake.last_msr >= 0xc0010000u))
		__builtin_trap();
	return 0;
}
