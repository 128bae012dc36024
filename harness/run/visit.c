/* SPDX-License-Identifier: Apache-2.0 */
#include "run/visit.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/random.h>

#include "format/frame.h"
#include "format/text.h"

static int mint(uint8_t nonce[REPORT_NONCE_SIZE], struct err *e)
{
	/* At most 256 bytes: never short, and blocks only before the pool is ready. */
	if (getrandom(nonce, REPORT_NONCE_SIZE, 0) != REPORT_NONCE_SIZE)
		return err_sys(e, -errno, "getrandom");
	return 0;
}

/* Layer `i` (0 is the outermost) gets a tenth less time than its parent. */
static json_t *layer_json(const struct cell *cell, size_t i, const struct visit_record *v,
                          int deadline_s)
{
	const uint8_t *nonce = v->nonce[i];
	const bool probe = i > 0 || v->probe0, secret = v->secret.wanted && i + 1 == v->layers;
	json_t *object;
	const struct layer *l = &cell->layer[i];
	char id[CELL_ID_MAX], text[BASE64_ENCODED_SIZE(REPORT_NONCE_SIZE)], value[AXIS_TEXT_MAX];
	json_t *grants = json_array(), *axes = json_object();
	int deadline_ms = (int)((int64_t)deadline_s * 100 * (10 - (int)i));

	for (size_t g = 0; g < l->grants; g++)
		json_array_append_new(grants, json_string(grant_rows[l->grant[g]].name));
	for (size_t a = 0; a < l->axes; a++)
		json_object_set_new(axes, axis_rows[l->axis[a].axis].name,
		                    json_string(axis_text(&l->axis[a], value)));
	cell_print(cell, i + 1, id);
	base64_encode(nonce, REPORT_NONCE_SIZE, text);
	object = json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:b, s:i}", "id", id, "kind",
	                   l->kind->name, "mode", mode_name(l->mode), "grants", grants, "axes", axes,
	                   "nonce", text, "probe", probe, "deadline_ms", deadline_ms);
	if (secret)
		json_object_set_new(object, "secret", json_true());
	return object;
}

int visit_plan(const struct cell *cell, size_t layers, struct visit_record *ret, struct err *e)
{
	struct visit_record v = {.layers = layers, .probe0 = layers == 1, .state = VISIT_NOT_RUN};
	int r = 0;

	cell_print(cell, layers, v.cell_id);
	for (size_t i = 0; i < layers && r == 0; i++)
		r = mint(v.nonce[i], e);
	if (r == 0)
		*ret = v;
	return r;
}

int visit_frame(const struct cell *cell, const struct visit_record *v, unsigned number,
                int deadline_s, char **ret_json, struct err *e)
{
	json_t *stack = json_array();
	json_auto_t *root = json_pack("{s:i, s:o}", "visit", (int)number, "stack", stack);
	char *text;

	for (size_t i = 0; i < v->layers; i++) {
		json_t *layer = layer_json(cell, i, v, deadline_s);

		if (!root || !layer || json_array_append_new(stack, layer) < 0)
			return err_set(e, -ENOMEM, "VISIT frame: out of memory");
	}
	text = json_dumps(root, JSON_COMPACT);
	if (!text)
		return err_set(e, -ENOMEM, "VISIT frame: out of memory");
	*ret_json = text;
	return 0;
}

void visit_close(struct frame_scanner *s, struct evidence_digest *ret)
{
	ret->size = s->digest.length;
	ret->known = true;
	sha256_final(&s->digest, ret->sha256);
	sha256_init(&s->digest);
}
