/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_keep.h"

#include <stdio.h>
#include <string.h>

#include "core/enum.h"
#include "td/td.h"

void run_keep_note(struct run_keep *k, const char *boot_id, const struct cell_verdict *v)
{
	if (!k->seconds || k->asked || (v->outcome != OUTCOME_FAIL && v->outcome != OUTCOME_BROKEN))
		return;
	if (strcmp(k->boot_id, boot_id) == 0) /* the first of its cells is told */
		return;
	snprintf(k->boot_id, sizeof(k->boot_id), "%s", boot_id);
	snprintf(k->cell_id, sizeof(k->cell_id), "%s", v->id);
	k->outcome = v->outcome;
}

bool run_keep_wants(struct run_keep *k, const char *boot_id)
{
	bool wants = !k->asked && strcmp(k->boot_id, boot_id) == 0;

	k->asked |= wants;
	return wants;
}

static void tell(const struct run_keep *k, const struct td_spec *s)
{
	const char *name = s->place.name;

	fprintf(stderr, "tception: %s: %s: its boot %s stays up as '%s', %s, for %u s\n", k->cell_id,
	        outcome_names[k->outcome], k->boot.boot.id, name, td_title(s), k->seconds);
	fprintf(stderr, "  a shell in layer 0:    tception td shell %s\n", name);
	if (strchr(k->cell_id, '/'))
		fprintf(stderr, "  the cell, once more:   tception shell --in %s %s\n", name,
		        k->cell_id);
	fprintf(stderr, "  to end it:             tception td down %s, or Ctrl-C here\n", name);
}

void run_keep_wait(struct run_keep *k, struct authority *authority)
{
	struct td_spec s = {.boot = k->boot.boot,
	                    .authority = k->boot.boot.platform == PLATFORM_EMULATED ? authority : NULL,
	                    .layers = true,
	                    .console = -1,
	                    .kept = &k->boot,
	                    .kept_s = k->seconds};
	struct err e = {0};
	int r;

	if (!k->boot.machine)
		return;
	r = place_make(NULL, &s.place, &e);
	if (r == 0) {
		tell(k, &s);
		r = td_keep(&s, -1, -1, &e);
		place_remove(&s.place);
		place_done(&s.place);
	}
	fprintf(stderr, "tception: %s has ended%s%s\n", k->boot.boot.id, r < 0 ? ": " : "",
	        r < 0 ? e.text : "");
	kept_boot_done(&k->boot);
}
