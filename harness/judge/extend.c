/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/extend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/escape.h"
#include "format/extend.h"
#include "format/tdreport.h"
#include "judge/frames.h"

/* 0, -EINVAL for bytes of another size. */
static int member_digest(const json_t *o, const char *name, uint8_t ret[48])
{
	uint8_t *data = NULL;
	size_t size = 0;
	int rc = member_bytes(o, name, &data, &size);

	if (rc == 0 && size != 48)
		rc = -EINVAL;
	if (rc == 0)
		memcpy(ret, data, 48);
	free(data);
	return rc;
}

/* Whether the digest is that of an event which this layer may make, in this visit. */
static int read_event(const json_t *o, const uint8_t *nonce, const char *id,
                      struct extend_evidence *x)
{
	const char *event = member_text(o, "event");
	uint8_t digest[48], expected[EXTEND_PROBE_MAX], *payload = NULL;
	size_t size = 0, n;
	int rc = member_bytes(o, "payload", &payload, &size);

	if (rc < 0 || !event) {
		free(payload);
		return rc == -ENOMEM ? rc : 0;
	}
	x->launch = strcmp(event, EXTEND_LAUNCH) == 0;
	x->key = strcmp(event, EXTEND_KEY) == 0;
	extend_digest(event, payload, size, digest);
	x->known_event = memcmp(digest, x->digest, sizeof(digest)) == 0;
	if (x->launch || x->key) {
		x->what = json_loadb((const char *)payload, size, JSON_REJECT_DUPLICATES, NULL);
	} else {
		n = extend_probe_payload(
		        nonce, strcmp(x->name, "rtmr-ioctl") == 0 ? EXTEND_IOCTL : EXTEND_SYSFS, id,
		        expected);
		x->known_event = x->known_event && strcmp(event, EXTEND_PROBE) == 0 && n == size &&
		                 memcmp(payload, expected, n) == 0;
	}
	free(payload);
	return 0;
}

static void read_back(const json_t *o, struct extend_evidence *x)
{
	uint8_t before[48], after[48];

	x->read_back =
	        member_digest(o, "before", before) == 0 && member_digest(o, "after", after) == 0;
	if (!x->read_back)
		return;
	rtmr_extend(before, x->digest);
	x->as_read = memcmp(before, after, sizeof(before)) == 0;
}

int extend_read(const json_t *o, const uint8_t *nonce, const char *id, struct extend_evidence *ret)
{
	struct extend_evidence x = {.ms = member_number(o, "ms", -1)};
	const json_t *writable = json_object_get(o, "writable");
	int rc = member_digest(o, "digest", x.digest);

	if (rc < 0 || member_integer(o, "rtmr", -1) != 3)
		return rc == -ENOMEM ? rc : -EINVAL;
	text_escape(x.name, sizeof(x.name), member_text(o, "interface"));
	text_escape(x.step, sizeof(x.step), member_text(o, "step"));
	snprintf(x.error, sizeof(x.error), "%s", member_errno(o, "errno"));
	x.ok = member_bool(o, "ok", false);
	x.told_writable = json_array_size(writable) == 4;
	for (size_t i = 0; x.told_writable && i < 4; i++)
		x.writable[i] = json_is_true(json_array_get(writable, i));
	read_back(o, &x);
	rc = read_event(o, nonce, id, &x);
	if (rc == 0)
		*ret = x;
	return rc;
}
