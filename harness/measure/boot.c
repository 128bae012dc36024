/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/boot.h"

#include <string.h>

#include "format/eventlog.h"
#include "measure/bootvar.h"

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

void boot_measure_ready(struct event_list *l, const struct firmware *f,
                        const struct measure_inputs *in)
{
	bootvar_measure(l, f, in);
	measure_action(l, "Calling EFI Application from Boot Option");
	boot_measure_separator(l, f->separator_in_rtmr0 ? 0 : 1);
}

void boot_measure_exit(struct event_list *l)
{
	measure_action(l, "Exit Boot Services Invocation");
	measure_action(l, "Exit Boot Services Returned with Success");
}
