/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/broken.h"

#include <stdio.h>
#include <string.h>

#include "core/escape.h"
#include "format/bytes.h"
#include "judge/hop.h"
#include "judge/verdict.h"

/* The last line of the console that has anything on it, escaped. */
static void last_line(const char *console, char out[JUDGE_TEXT_MAX])
{
	const char *end = console ? console + strlen(console) : NULL, *start;
	char line[160];

	out[0] = '\0';
	while (end > console && (unsigned char)end[-1] <= ' ')
		end--;
	for (start = end; start > console && start[-1] != '\n'; start--)
		;
	if (start == end)
		return;
	snprintf(line, sizeof(line), "%.*s", (int)(end - start), start);
	text_escape(out, 160, line);
}

bool broken(struct cell_verdict *v, const struct boot_record *b, const char *what,
                   const char *why)
{
	const struct hop *hop = hop_of_qemu(b->qemu_said);
	char line[JUDGE_TEXT_MAX];

	last_line(b->console_tail, line);
	v->outcome = OUTCOME_BROKEN;
	if (hop)
		snprintf(v->reason, sizeof(v->reason), "%s%s%.160s; %s: %s: %s", what,
		         why[0] ? ": " : "", why, hop->name, hop->cause, hop->remedy);
	else
		snprintf(v->reason, sizeof(v->reason), "%s%s%.160s%s%s", what, why[0] ? ": " : "",
		         why, line[0] ? "; last console line: " : "", line);
	return true;
}

bool visit_broken(struct cell_verdict *v, const struct boot_record *b,
                         const struct visit_record *visit, const char *whose)
{
	char what[80];

	if (!visit || visit->state == VISIT_NOT_RUN) {
		const char *why = visit && visit->reason[0] ? visit->reason : b->reason;

		snprintf(what, sizeof(what), "never run%s%s", whose[0] ? ", nor was " : "", whose);
		return broken(v, b, what, why[0] ? why : "the run ended before it");
	}
	if (visit->state == VISIT_DONE)
		return false;
	snprintf(what, sizeof(what), "%s ended in %s", whose[0] ? whose : "the visit", visit_state_names[visit->state]);
	return broken(v, b, what, visit->reason);
}

/* Then nothing that was timed in the guest holds, its costs and its deadlines. */
bool clock_broken(const struct boot_record *b, struct cell_verdict *v)
{
	char why[80];

	if (v->clock.state != CLOCK_WRONG)
		return false;
	for (size_t i = 0; i < v->layers; i++)
		v->layer[i].cost = (struct layer_cost){-1, -1, -1, -1, -1, -1};
	snprintf(why, sizeof(why), "its second is %.3g to %.3g of the host's", v->clock.low,
	         v->clock.high);
	return broken(v, b, "layer 0's clock is wrong", v->clock.low < 0 ? "" : why);
}

/* ---- evidence that is not what was recorded ---- */

static bool same(const struct evidence_digest *d, const struct bytes *channel, uint64_t at)
{
	uint8_t digest[SHA256_SIZE];

	if (at > channel->size || d->size > channel->size - at)
		return false;
	sha256(channel->data + at, (size_t)d->size, digest);
	return memcmp(digest, d->sha256, sizeof(digest)) == 0;
}

void unchanged_check(const struct boot_record *b, const struct bytes *channel,
                     char why[JUDGE_TEXT_MAX])
{
	uint64_t at = 0;

	why[0] = '\0';
	for (size_t i = 0; i < b->visits; i++) {
		const struct visit_record *v = &b->visit[i];

		if (!v->evidence.known)
			continue;
		if (v->end != at + v->evidence.size || !same(&v->evidence, channel, at)) {
			snprintf(why, JUDGE_TEXT_MAX,
			         "boots/%s/channel.bin: not the bytes that were recorded of %.100s",
			         b->boot.id, v->cell_id);
			return;
		}
		at = v->end;
	}
	if (b->tail.known && (channel->size != at + b->tail.size || !same(&b->tail, channel, at)))
		snprintf(why, JUDGE_TEXT_MAX,
		         "boots/%s/channel.bin: not the bytes that were recorded after the last visit",
		         b->boot.id);
}
