/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a control VM hands out: the table loader's commands, and the SMBIOS table, whose digest must
 * not depend on what is left out of it.
 * Seeds: cases/golden/acpi
 */
#include "fuzz/fuzz.h"
#include "measure/acpi.h"
#include "measure/smbios.h"

static void fetch(const char *name, struct bytes blob, void *userdata)
{
	size_t *count = userdata;

	FUZZ_CHECK(name && strlen(name) <= 56 && (blob.size == 0 || blob.data));
	++*count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bytes all = {data, size};
	const struct acpi_blobs blobs = {.loader = all, .rsdp = all, .tables = all};
	uint8_t with[48], without[48];
	size_t count = 0;
	int r;

	r = acpi_fetch_order(&blobs, fetch, &count, NULL);
	FUZZ_CHECK(r < 0 || count <= size / 128 + 1);
	r = smbios_digest(all, true, with, NULL);
	FUZZ_CHECK(smbios_digest(all, false, without, NULL) == r);
	return 0;
}
