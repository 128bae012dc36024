/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/unchanged.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
