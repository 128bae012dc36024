/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "run/tsc.h"

/* The host's frequency as a run takes it before it starts a guest, for cases/full_slow.py: so many lines of kHz. */
int main(int argc, char **argv)
{
	for (int n = argc > 1 ? atoi(argv[1]) : 1; n > 0; n--)
		printf("%" PRIu32 "\n", host_tsc_khz());
	return 0;
}
