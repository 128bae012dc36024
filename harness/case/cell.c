/* SPDX-License-Identifier: Apache-2.0 */
#include "case/cell.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

struct scan {
	const char *id;
	size_t pos;
	bool outermost;
	struct err *e;
};

/* A word of the ID, where it begins, and what could have been there. */
struct word_at {
	size_t pos, size;
	char expected[240];
};

static int bad(const struct scan *s, size_t pos, const char *what, size_t word_size,
               const char *expected)
{
	return err_set(s->e, -EINVAL, "cell '%.*s', column %zu: %s%s%.*s%s; expected %s",
	               CELL_ID_MAX, s->id, pos + 1, what, word_size ? " '" : "", (int)word_size,
	               s->id + pos, word_size ? "'" : "", expected);
}

static int bad_word(const struct scan *s, const struct word_at *w, const char *what)
{
	return bad(s, w->pos, what, w->size, w->expected);
}

static int take_word(struct scan *s, const char *alphabet, struct word_at *ret)
{
	size_t n = strspn(s->id + s->pos, alphabet);

	if (n == 0)
		return bad(s, s->pos, "no word here", 0, "lower-case letters and digits");
	if (n >= LAYER_WORD_MAX)
		return bad(s, s->pos, "too long a word", 0, "at most 31 characters");
	ret->pos = s->pos;
	ret->size = n;
	ret->expected[0] = '\0';
	s->pos += n;
	return 0;
}

/* ---- what could have been there ---- */
static void may_be(struct word_at *w, const char *name)
{
	size_t used = strlen(w->expected);

	if (name[0])
		snprintf(w->expected + used, sizeof(w->expected) - used, "%s%s", used ? ", " : "",
		         name);
}

static void may_be_kinds(struct word_at *w, bool outermost)
{
	for (int i = 0; i < KIND_COUNT; i++) {
		if (kind_rows[i].outermost == outermost)
			may_be(w, kind_rows[i].name);
	}
}

static void may_be_modes(struct word_at *w, const struct kind *kind)
{
	for (int i = 0; i < MODE_COUNT; i++) {
		if (kind->modes >> i & 1)
			may_be(w, mode_name((enum mode)i));
	}
	if (!w->expected[0])
		may_be(w, "no mode");
}

static void may_be_grants(struct word_at *w, const struct kind *kind)
{
	for (int i = 0; i < GRANT_COUNT; i++) {
		if (kind->grants >> i & 1)
			may_be(w, grant_rows[i].name);
	}
	if (!w->expected[0])
		may_be(w, "no grant");
}

static void may_be_axes(struct word_at *w, const struct kind *kind)
{
	for (int i = 0; i < AXIS_COUNT; i++) {
		if (kind->axes >> i & 1)
			may_be(w, axis_rows[i].name);
	}
}

static void may_be_values(struct word_at *w, enum axis axis, bool outermost)
{
	const struct axis_row *row = &axis_rows[axis];
	const struct axis_range range = outermost ? row->outer : row->inner;
	char number[80];

	if (row->expected) {
		may_be(w, row->expected);
		return;
	}
	for (int i = axis_first_word(axis); i < WORD_COUNT && word_axis((enum word)i) == axis; i++)
		may_be(w, word_text((enum word)i));
	snprintf(number, sizeof(number), "a number%s%s from %u to %u", row->unit ? " of " : "",
	         row->unit ? row->unit : "", range.from, range.to);
	may_be(w, range.to ? number : "");
}

/* ---- the parts of a layer ---- */
static int take_mode(struct scan *s, struct layer *l)
{
	struct word_at w = {.pos = s->pos};
	char what[LAYER_WORD_MAX + 20];
	int r, mode;

	if (s->id[s->pos] != '.') {
		may_be_modes(&w, l->kind);
		snprintf(what, sizeof(what), "no mode after '%s'", l->kind->name);
		return l->kind->modes >> MODE_PLAIN & 1 ? 0 : bad_word(s, &w, what);
	}
	s->pos++;
	r = take_word(s, LOWER DIGITS "-", &w);
	if (r < 0)
		return r;
	mode = mode_find(s->id + w.pos, w.size);
	if (mode < 0 || !(l->kind->modes >> mode & 1)) {
		may_be_modes(&w, l->kind);
		return bad_word(s, &w, "unknown mode");
	}
	l->mode = (enum mode)mode;
	return 0;
}

static int take_grant(struct scan *s, struct layer *l)
{
	struct word_at w;
	int r = take_word(s, LOWER DIGITS "-", &w), grant;

	if (r < 0)
		return r;
	grant = grant_find(s->id + w.pos, w.size);
	if (grant < 0 || !(l->kind->grants >> grant & 1)) {
		may_be_grants(&w, l->kind);
		return bad_word(s, &w, "unknown grant");
	}
	if (layer_has(l, (enum grant)grant))
		return bad(s, w.pos, "repeated grant", w.size, "each grant once");
	layer_grant(l, (enum grant)grant);
	return 0;
}

static int take_value(struct scan *s, enum axis axis, struct axis_value *ret)
{
	struct word_at w;
	int r;

	if (s->id[s->pos] != '=')
		return bad(s, s->pos, "axis without a value", 0, "'=' and a value");
	s->pos++;
	r = take_word(s, LOWER UPPER DIGITS "._-", &w);
	if (r < 0 || axis_read(axis, s->outermost, s->id + w.pos, w.size, ret))
		return r;
	may_be_values(&w, axis, s->outermost);
	return bad_word(s, &w, "unknown value");
}

static int take_axis(struct scan *s, struct layer *l)
{
	struct word_at w;
	int r = take_word(s, LOWER DIGITS "-", &w), axis;

	if (r < 0)
		return r;
	axis = axis_find(s->id + w.pos, w.size);
	if (axis < 0 || !(l->kind->axes >> axis & 1)) {
		may_be_axes(&w, l->kind);
		return bad_word(s, &w, "unknown axis");
	}
	if (layer_said(l, (enum axis)axis))
		return bad(s, w.pos, "repeated axis", w.size, "each axis once");
	r = take_value(s, (enum axis)axis, &l->axis[l->axes]);
	l->axes += r == 0;
	return r;
}

static int check_userns(const struct scan *s, size_t start, const struct layer *l)
{
	const uint32_t own = 1u << MODE_ROOTLESS | 1u << MODE_UNPRIVILEGED | 1u << MODE_USER;

	if (!layer_said(l, AXIS_USERNS))
		return 0;
	if (layer_mode_in(l, own))
		return bad(s, start, "a user namespace in a mode that is one", 0, "no userns");
	if (l->kind == &kind_rows[KIND_INCUS] && l->mode == MODE_PRIVILEGED)
		return bad(s, start, "a user namespace in a mode that is without", 0, "no userns");
	if (l->kind->shifts_no_uid && layer_word(l, AXIS_USERNS) == WORD_USERNS_SHIFTED)
		return bad(s, start, "userns=shifted, which this kind cannot or has a mode for", 0,
		           "userns=identity");
	return 0;
}

/* What would be taken and then do nothing. */
static int check_together(const struct scan *s, size_t start, const struct layer *l)
{
	enum word cap = layer_word(l, AXIS_CAP);

	if (l->mode == MODE_KVM && layer_said(l, AXIS_ARCH))
		return bad(s, start, "another architecture under KVM", 0, "qemu.tcg");
	if (layer_said(l, AXIS_ARCH) && layer_said(l, AXIS_MACHINE))
		return bad(s, start, "a machine type of this architecture with another one", 0,
		           "arch or machine");
	if (layer_said(l, AXIS_ARCH) && layer_has(l, GRANT_BROKER))
		return bad(s, start, "a broker for a machine with one serial line", 0,
		           "no arch, or no broker");
	if (!l->kind->keeps_id && layer_word(l, AXIS_USER) == WORD_USER_KEEP_ID)
		return bad(s, start, "keep-id, which is Podman's", 0, "root or a number");
	if (l->kind->adds_no_cap && cap != WORD_ABSENT && cap != WORD_CAP_NONE)
		return bad(s, start, "a capability added, which this kind cannot", 0, "cap=none");
	if (layer_said(l, AXIS_RELEASE) && (layer_said(l, AXIS_KERNEL) || layer_said(l, AXIS_IMAGE)))
		return bad(s, start, "a release, which has its kernel and its image, with another one", 0,
		           "release alone");
	return check_userns(s, start, l);
}

static int take_layer(struct scan *s, struct layer *l)
{
	size_t start = s->pos;
	struct word_at w;
	int r = take_word(s, LOWER DIGITS, &w);

	if (r < 0)
		return r;
	l->kind = kind_find(s->id + w.pos, w.size, s->outermost);
	if (!l->kind) {
		may_be_kinds(&w, s->outermost);
		return bad_word(s, &w, s->outermost ? "unknown layer 0" : "unknown inner layer");
	}
	r = take_mode(s, l);
	while (r == 0 && s->id[s->pos] == '+') {
		s->pos++;
		r = take_grant(s, l);
	}
	while (r == 0 && s->id[s->pos] == '@') {
		s->pos++;
		r = take_axis(s, l);
	}
	return r < 0 ? r : check_together(s, start, l);
}

int cell_parse(const char *id, struct cell *ret, struct err *e)
{
	struct scan s = {.id = id, .e = e};
	struct cell c = {0};
	int r;

	if (strlen(id) >= CELL_ID_MAX)
		return bad(&s, CELL_ID_MAX - 1, "too long an ID", 0, "at most 255 characters");
	for (;;) {
		struct layer *l = &c.layer[c.layers];

		if (c.layers == CELL_LAYERS_MAX)
			return bad(&s, s.pos, "too many layers", 0, "at most 6");
		s.outermost = c.layers++ == 0;
		r = take_layer(&s, l);
		if (r < 0)
			return r;
		if (id[s.pos] == '\0')
			break;
		if (id[s.pos] != '/')
			return bad(&s, s.pos, "unexpected character", 0,
			           "'.', '+', '@', '/' or the end");
		if (layer_mode_in(l, l->kind->leaf))
			return bad(&s, s.pos, "a further layer", 0,
			           "the end: this one enters no other");
		s.pos++;
	}
	*ret = c;
	return 0;
}

/* Cannot overflow: a cell that was parsed prints to the same length. Others are cut short. */
static size_t put(char out[CELL_ID_MAX], size_t used, const char *mark, const char *word)
{
	int n = snprintf(out + used, CELL_ID_MAX - used, "%s%s", mark, word);

	return n < 0 || (size_t)n >= CELL_ID_MAX - used ? CELL_ID_MAX - 1 : used + (size_t)n;
}

void cell_print(const struct cell *cell, size_t depth, char out[CELL_ID_MAX])
{
	char text[AXIS_TEXT_MAX];
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < depth && i < cell->layers; i++) {
		const struct layer *l = &cell->layer[i];

		used = put(out, used, i ? "/" : "", l->kind->name);
		used = put(out, used, l->mode == MODE_PLAIN ? "" : ".", mode_name(l->mode));
		for (size_t g = 0; g < l->grants; g++)
			used = put(out, used, "+", grant_rows[l->grant[g]].name);
		for (size_t a = 0; a < l->axes; a++) {
			used = put(out, used, "@", axis_rows[l->axis[a].axis].name);
			used = put(out, used, "=", axis_text(&l->axis[a], text));
		}
	}
}

int cell_compare(const struct cell *a, const struct cell *b)
{
	size_t same = 0;

	while (same < a->layers && same < b->layers && layer_same(&a->layer[same], &b->layer[same]))
		same++;
	if (same == a->layers || same == b->layers)
		return (same < a->layers) - (same < b->layers);
	return layer_compare(&a->layer[same], &b->layer[same]);
}

bool cell_same(const struct cell *a, const struct cell *b)
{
	return cell_compare(a, b) == 0;
}
