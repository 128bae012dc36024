/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"
#include "reference/reference.h"

/* Reference values in CoRIM or JSON, the whole way through the confined process that has libcbor
 * read them.
 * Seeds: cases/golden/corim
 * Runs: 500000 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *images;

	if (reference_read((struct bytes){data, size}, NULL, &images, NULL) == 0)
		json_decref(images);
	return 0;
}
