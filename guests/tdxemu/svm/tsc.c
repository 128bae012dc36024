/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the time-stamp counter runs: against the PIT, before a TD can use either. */
#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"

#define PIT_HZ      1193182u
#define PIT_COUNT   0x42 /* channel 2, the speaker's */
#define PIT_CONTROL 0x43
#define SPEAKER     0x61
#define TICKS       (PIT_HZ / 50) /* 20 ms */
#define TRIES       10

struct moment {
	uint64_t tsc;
	uint32_t pit; /* counts down from 0xffff */
};

static uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return low | (uint64_t)high << 32;
}

/* Both at once: the narrowest of some tries, because the host may take the CPU away in between. */
static struct moment now(void)
{
	struct moment best = {0};
	uint64_t narrowest = ~0ull;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = rdtsc(), width;
		uint32_t pit;

		out8(PIT_CONTROL, 0x80); /* latch */
		width = rdtsc() - before;
		pit = in8(PIT_COUNT);
		pit |= (uint32_t)in8(PIT_COUNT) << 8;
		if (width < narrowest) {
			narrowest = width;
			best = (struct moment){before + width / 2, pit};
		}
	}
	return best;
}

uint32_t tsc_mhz(void)
{
	uint8_t speaker = in8(SPEAKER);
	struct moment first, last;
	uint64_t hz;

	out8(SPEAKER, (uint8_t)((speaker & ~2) | 1)); /* gate on, sound off */
	out8(PIT_CONTROL, 0xb0);                      /* channel 2, both bytes, mode 0 */
	out8(PIT_COUNT, 0xff);
	out8(PIT_COUNT, 0xff);
	first = now();
	do
		last = now();
	while (last.pit <= first.pit && first.pit - last.pit < TICKS);
	out8(SPEAKER, speaker);
	if (last.pit >= first.pit) /* the host slept through it */
		return 0;
	hz = (last.tsc - first.tsc) * PIT_HZ / (first.pit - last.pit);
	return (uint32_t)((hz + 500000) / 1000000);
}
