/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/extends.h"

#include <stdio.h>
#include <string.h>

#include "format/tdreport.h"

void extends_add(struct extends *x, const struct layer_evidence *l, size_t count)
{
	for (size_t i = 0; i < count && i < l->extends; i++) {
		if (!l->extend[i].ok)
			continue;
		rtmr_extend(x->rtmr3, l->extend[i].digest);
		x->count++;
	}
}

int extends_add_visit(struct extends *x, const struct visit_record *v, const struct bytes *channel,
                      struct err *e)
{
	struct layer_evidence layer[CELL_LAYERS_MAX] = {0};
	struct cell cell;
	int rc = cell_parse(v->cell_id, &cell, e);

	/* a record that names another cell than it has layers is refused where it is read */
	if (rc < 0 || v->layers > cell.layers || v->state == VISIT_NOT_RUN)
		return 0;
	rc = visit_evidence_read(&cell, v, channel, layer, e);
	for (size_t i = 0; i < v->layers; i++) {
		extends_add(x, &layer[i], layer[i].extends);
		layer_evidence_done(&layer[i]);
	}
	return rc;
}

static const char *failure(const struct extend_evidence *trial)
{
	if (strcmp(trial->step, "device") == 0)
		return "no TDX guest device in sysfs";
	if (strcmp(trial->step, "measurements") == 0)
		return "the kernel has no sysfs measurements (Linux 6.16 and later have)";
	if (strcmp(trial->step, "ioctl") == 0 && strcmp(trial->error, "ENOTTY") == 0)
		return "no such ioctl: only out-of-tree drivers ever had it";
	return NULL;
}

void extends_interface(const struct extend_evidence *trial, const uint8_t *quoted,
                       const struct extends *replayed, struct interface_result *ret)
{
	const char *why = failure(trial);

	*ret = (struct interface_result){.ms = trial->ms};
	snprintf(ret->name, sizeof(ret->name), "%s", trial->name);
	snprintf(ret->error, sizeof(ret->error), "%s", trial->error);
	if (!trial->ok)
		snprintf(ret->detail, sizeof(ret->detail), "%s%s%s", trial->step, why ? ": " : "",
		         why ? why : "");
	else if (!trial->known_event)
		snprintf(ret->detail, sizeof(ret->detail),
		         "the digest is not that of this layer's event in this visit");
	else if (trial->read_back && !trial->as_read)
		snprintf(ret->detail, sizeof(ret->detail),
		         "RTMR3 as read afterwards is not the one before, extended");
	else if (!quoted)
		snprintf(ret->detail, sizeof(ret->detail), "extended; no report to see it in");
	else if (memcmp(quoted, replayed->rtmr3, 48) != 0)
		snprintf(ret->detail, sizeof(ret->detail),
		         "the next report's RTMR3 is not what the %zu extends on record give",
		         replayed->count);
	else
		snprintf(ret->detail, sizeof(ret->detail),
		         "RTMR3 carries our digest into the next report: %zu extends replay to it",
		         replayed->count);
	ret->ok = trial->ok && quoted && trial->known_event &&
	          (!trial->read_back || trial->as_read) && memcmp(quoted, replayed->rtmr3, 48) == 0;
}
