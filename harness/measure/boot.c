/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/boot.h"

#include <string.h>

#include "format/eventlog.h"
#include "measure/acpi.h"
#include "measure/bootvar.h"
#include "measure/kernel.h"
#include "measure/smbios.h"

void boot_measure_separator(struct event_list *l, unsigned rtmr)
{
	static const uint8_t zero[4];

	event_hash(l, (struct event_tag){rtmr, EV_SEPARATOR, INPUT_CONSTANT}, zero, sizeof(zero),
	           "separator");
}

/* An EV_EFI_ACTION: its text is what is hashed. */
static void measure_action(struct event_list *l, const char *text)
{
	event_hash(l, (struct event_tag){1, EV_EFI_ACTION, INPUT_CONSTANT}, text, strlen(text),
	           "%s", text);
}

static int measure_smbios(struct event_list *l, const struct firmware *f,
                          const struct measure_inputs *in, struct err *e)
{
	const struct event_tag tag = {0, EV_EFI_HANDOFF_TABLES, INPUT_SMBIOS};
	uint8_t digest[48];
	int r;

	if (!in->acpi || !in->acpi->smbios.data) {
		event_unknown(l, tag, "SMBIOS tables");
		return 0;
	}
	r = smbios_digest(in->acpi->smbios, f->smbios_speeds, digest, e);
	if (r == 0)
		event_add(l, tag, digest, "SMBIOS tables, without serial numbers");
	return r;
}

int boot_measure_ready(struct event_list *l, const struct firmware *f,
                       const struct measure_inputs *in, struct err *e)
{
	int r = f->measures_smbios ? measure_smbios(l, f, in, e) : 0;

	if (r < 0)
		return r;
	bootvar_measure(l, f, in);
	measure_action(l, "Calling EFI Application from Boot Option");
	if (f->separator >= 0) {
		boot_measure_separator(l, (unsigned)f->separator);
		return 0;
	}
	for (unsigned i = 0; i < 2; i++)
		event_open(l, i,
		           "the firmware's version does not tell whether the ready-to-boot "
		           "separator goes into RTMR0 or RTMR1");
	return 0;
}

struct bytes boot_smbios(const struct measure_inputs *in)
{
	return in->acpi ? in->acpi->smbios : (struct bytes){NULL, 0};
}

bool boot_stub_measures(struct event_list *l, struct bytes kernel)
{
	enum kernel_stub stub = kernel_stub(kernel);

	if (stub == KERNEL_STUB_UNKNOWN)
		event_open(l, 2, "whether the kernel's EFI stub measures in a TD was not found");
	return stub == KERNEL_STUB_MEASURES;
}

void boot_measure_exit(struct event_list *l)
{
	measure_action(l, "Exit Boot Services Invocation");
	measure_action(l, "Exit Boot Services Returned with Success");
}
