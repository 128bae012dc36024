/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/extends.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/escape.h"
#include "format/extend.h"
#include "format/tdreport.h"
#include "format/text.h"
#include "judge/frames.h"
#include "judge/ladder.h"

/* ---- frames ---- */

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
	extend_digest(event, payload, size, digest);
	x->known_event = memcmp(digest, x->digest, sizeof(digest)) == 0;
	if (x->launch) {
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

/* ---- replay ---- */

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

/* ---- interfaces ---- */

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

/* ---- covers ---- */

#define DENY(r, ...) rung_set(r, RUNG_FALSE, __VA_ARGS__)

static const struct extend_evidence *find_launch(const struct layer_evidence *below)
{
	for (size_t i = 0; below && i < below->extends; i++) {
		if (below->extend[i].launch)
			return &below->extend[i];
	}
	return NULL;
}

/* The event says what was started: whether it was this layer, by this command. */
static const char *contradiction(const struct covers_input *in, const struct extend_evidence *x)
{
	const char *id = member_text(x->what, "layer"), *config = member_text(x->what, "config");
	char own[97];

	hex_encode(in->layer->config, 48, own);
	if (!x->known_event)
		return "the digest is not that of the launch event on record";
	if (!id || strcmp(id, in->id) != 0)
		return "the launch event is about another layer";
	if (!config || strcmp(config, own) != 0)
		return "the launch event is about another command than the one it was started by";
	return NULL;
}

static void weigh_image(const struct covers_input *in, const char *image, struct rung_result *ret)
{
	if (!in->expected)
		rung_set(ret, RUNG_NULL, "image %s is in RTMR3, but nothing says what it should be",
		         image);
	else if (strcmp(image, in->expected) != 0)
		DENY(ret, "image %s is not the one expected by %s, %.16s...", image, in->source,
		     in->expected);
	else
		rung_set(ret, RUNG_TRUE,
		         "RTMR3 replays from %zu extends, one of them this layer's image and "
		         "command; "
		         "the image is %.16s..., as expected by %s",
		         in->replayed.count, image, in->source);
}

void covers_weigh(const struct covers_input *in, struct rung_result *ret, char ret_image[97])
{
	const struct extend_evidence *x = find_launch(in->below);
	const char *image = x ? member_text(x->what, "image") : NULL, *wrong;

	ret_image[0] = '\0';
	if (image && strlen(image) == 96 && strspn(image, "0123456789abcdef") == 96)
		memcpy(ret_image, image, 97);
	if (!in->quoted)
		rung_set(ret, RUNG_NULL, "no quote");
	else if (!in->below)
		rung_set(ret, RUNG_NULL,
		         "no reference values to compare the TD's measurements with");
	else if (!x || !x->ok)
		DENY(ret, "the quote covers the TD only: nothing measured identifies this layer");
	else if (memcmp(in->quoted, in->replayed.rtmr3, 48) != 0)
		DENY(ret, "the %zu extends on record do not replay to the quote's RTMR3",
		     in->replayed.count);
	else if ((wrong = contradiction(in, x)) != NULL)
		DENY(ret, "%s", wrong);
	else if (!ret_image[0])
		DENY(ret, "the launch event names no image");
	else if (!in->below_covered)
		DENY(ret, "measured by a layer that is itself not covered");
	else
		weigh_image(in, ret_image, ret);
}
