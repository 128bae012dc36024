/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the time-stamp counter runs, for who starts the module without saying so: against the
 * local APIC's timer, which counts nanoseconds in 32 bits and stops at 0. So a host that takes the
 * processor away for long is seen, and the measurement is made again.
 */
#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"

#define LVT_TIMER  0x320
#define COUNT_FROM 0x380
#define COUNT      0x390
#define DIVIDE     0x3e0
#define MASKED     0x10000u /* and one-shot */
#define BY_ONE     0xbu
#define SPAN       20000000u /* ns */
#define TRIES      10

struct moment {
	uint64_t tsc;
	uint32_t count; /* ns left */
};

/* Both at once: the narrowest of some tries, because the host may take the CPU away in between. */
static struct moment now(void)
{
	struct moment best = {0};
	uint64_t narrowest = ~0ull;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = rdtsc(), width;
		uint32_t count = mmio_read32(LAPIC + COUNT);

		width = rdtsc() - before;
		if (width < narrowest) {
			narrowest = width;
			best = (struct moment){before + width / 2, count};
		}
	}
	return best;
}

/* kHz, or 0: the timer ran out. */
static uint32_t measure(void)
{
	struct moment first, last;
	uint64_t ns;

	mmio_write32(LAPIC + COUNT_FROM, 0xffffffff);
	first = now();
	do
		last = now();
	while (last.count != 0 && first.count - last.count < SPAN);
	if (last.count == 0)
		return 0;
	ns = first.count - last.count;
	return (uint32_t)(((last.tsc - first.tsc) * 1000000 + ns / 2) / ns);
}

uint32_t tsc_khz(void)
{
	uint32_t lvt = mmio_read32(LAPIC + LVT_TIMER), divide = mmio_read32(LAPIC + DIVIDE);
	uint32_t khz = 0;

	mmio_write32(LAPIC + LVT_TIMER, MASKED);
	mmio_write32(LAPIC + DIVIDE, BY_ONE);
	for (int i = 0; i < TRIES && khz == 0; i++)
		khz = measure();
	mmio_write32(LAPIC + COUNT_FROM, 0);
	mmio_write32(LAPIC + DIVIDE, divide);
	mmio_write32(LAPIC + LVT_TIMER, lvt);
	return khz;
}
