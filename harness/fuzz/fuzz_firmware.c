/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"
#include "measure/predict.h"

/* Firmware images: TDVF metadata, volumes, LZMA sections (a confined process each), the variable
 * store.
 * Seeds: cases/golden/measure cases/golden/tdvf
 * Runs: 1000000 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct measure_inputs in = {.firmware = {data, size}, .memory = 1u << 30};
	struct prediction p;

	if (predict(&in, &p, NULL) == 0)
		prediction_done(&p);
	return 0;
}
