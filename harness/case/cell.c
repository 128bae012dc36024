/* SPDX-License-Identifier: Apache-2.0 */
#include "case/cell.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "format/bytes.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* What every container can be granted, and what only some can. */
#define COMMON_GRANTS                                                                     \
	"dev", "devgroup", "devmode", "kvm", "tsm", "tsm-ro", "tsmmode", "rtmr", "sysrw", \
	        "broker", "measured"
#define ENGINE_GRANTS COMMON_GRANTS, "noapparmor", "noseccomp"
#define COMMON_AXES   "cap", "agent"

/*
 * What each kind of layer may be written with. A mode list without "" means a mode is required. A
 * `leaf` mode (or, with "*", every mode) enters nothing further.
 */
static const struct kind_rule {
	const char *kind;
	bool outermost;
	const char *modes[4], *grants[LAYER_GRANTS_MAX], *axes[8];
	const char *leaf;
} kind_rules[] = {
        {"vm", true, {""}, {NULL}, {"mem", "vcpus", "kernel", "image", "accel"}, NULL},
        {"td", true, {""}, {NULL}, {"mem", "vcpus", "kernel", "image", "exits", "quote"}, NULL},
        {"docker",
         false,
         {"", "privileged", "rootless"},
         {ENGINE_GRANTS},
         {COMMON_AXES, "user"},
         NULL},
        {"podman",
         false,
         {"rootful", "rootless"},
         {ENGINE_GRANTS, "privileged"},
         {COMMON_AXES, "user", "rootfs"},
         NULL},
        {"lxc",
         false,
         {"privileged", "unprivileged"},
         {ENGINE_GRANTS},
         {COMMON_AXES, "user"},
         NULL},
        {"nspawn", false, {""}, {COMMON_GRANTS, "privileged"}, {COMMON_AXES}, NULL},
        {"bwrap", false, {"", "user"}, {COMMON_GRANTS}, {COMMON_AXES}, NULL},
        {"crun", false, {"", "rootless"}, {COMMON_GRANTS}, {COMMON_AXES, "user"}, NULL},
        {"runc", false, {"", "rootless"}, {COMMON_GRANTS}, {COMMON_AXES, "user"}, NULL},
        {"runsc", false, {"systrap", "kvm"}, {COMMON_GRANTS}, {COMMON_AXES, "user"}, "*"},
        {"uml", false, {""}, {"broker", "measured"}, {"mem"}, "*"},
        {"qemu", false, {"kvm", "tcg"}, {"broker", "measured"}, {"mem", "machine", "arch"}, "tcg"},
};
#define LIST_END(list) ((list) + COUNT_OF(list))

struct scan {
	const char *id;
	size_t pos;
	struct err *e;
};

/* "a, b, c" of a list that ends early with NULL. */
static const char *list_text(const char *const *at, const char *const *end, char out[200])
{
	size_t used = 0;

	out[0] = '\0';
	for (; at < end && *at && used < 200; at++) {
		if (**at)
			used += (size_t)snprintf(out + used, 200 - used, "%s%s", used ? ", " : "",
			                         *at);
	}
	return out[0] ? out : "nothing";
}

static bool list_has(const char *const *at, const char *const *end, const char *word)
{
	for (; at < end && *at; at++) {
		if (strcmp(*at, word) == 0)
			return true;
	}
	return false;
}

static int bad(const struct scan *s, size_t pos, const char *what, const char *word,
               const char *expected)
{
	return err_set(s->e, -EINVAL, "cell '%.*s', column %zu: %s%s%.*s%s; expected %s",
	               CELL_ID_MAX, s->id, pos + 1, what, word ? " '" : "", LAYER_WORD_MAX,
	               word ? word : "", word ? "'" : "", expected);
}

static int take_word(struct scan *s, const char *alphabet, char out[LAYER_WORD_MAX])
{
	size_t n = strspn(s->id + s->pos, alphabet);

	if (n == 0)
		return bad(s, s->pos, "no word here", NULL, "lower-case letters and digits");
	if (n >= LAYER_WORD_MAX)
		return bad(s, s->pos, "too long a word", NULL, "at most 31 characters");
	memcpy(out, s->id + s->pos, n);
	out[n] = '\0';
	s->pos += n;
	return 0;
}

/* Takes a word that must be one of the list. */
static int take_known(struct scan *s, const char *what, const char *const *at,
                      const char *const *end, char out[LAYER_WORD_MAX])
{
	size_t start = s->pos;
	char known[200];
	int r = take_word(s, LOWER DIGITS "-", out);

	if (r < 0 || list_has(at, end, out))
		return r;
	return bad(s, start, what, out, list_text(at, end, known));
}

static const struct kind_rule *find_rule(const char *kind, bool outermost)
{
	for (const struct kind_rule *k = kind_rules; k < LIST_END(kind_rules); k++) {
		if (strcmp(k->kind, kind) == 0 && k->outermost == outermost)
			return k;
	}
	return NULL;
}

const char *layer_known_grant(const struct layer *layer, size_t i)
{
	const struct kind_rule *rule = find_rule(layer->kind, false);

	return rule && i < COUNT_OF(rule->grants) ? rule->grants[i] : NULL;
}

bool layer_knows_grant(const struct layer *layer, const char *grant)
{
	const struct kind_rule *rule = find_rule(layer->kind, false);

	return rule && list_has(rule->grants, LIST_END(rule->grants), grant);
}

/* The inner kinds, for messages. */
static const char *list_kinds(char out[200])
{
	size_t used = 0;

	for (const struct kind_rule *k = kind_rules; k < LIST_END(kind_rules); k++) {
		if (!k->outermost && used < 200)
			used += (size_t)snprintf(out + used, 200 - used, "%s%s", used ? ", " : "",
			                         k->kind);
	}
	return out;
}

/* Some values have a meaning of their own; what they are for is known here at once. */
static const struct axis_rule {
	const char *name, *values[4];
} axis_rules[] = {
        {"machine", {"q35", "microvm"}},
        {"arch", {"riscv64"}},
        {"agent", {"hang", "flood", "garbage"}},
        {"rootfs", {"weak", "changed"}},
};

static int check_value(const struct scan *s, size_t at, const struct layer_axis *axis)
{
	char known[200];

	for (const struct axis_rule *a = axis_rules; a < LIST_END(axis_rules); a++) {
		if (strcmp(a->name, axis->name) == 0 &&
		    !list_has(a->values, LIST_END(a->values), axis->value))
			return bad(s, at, "unknown value", axis->value,
			           list_text(a->values, LIST_END(a->values), known));
	}
	if (strcmp(axis->name, "user") == 0 && strcmp(axis->value, "root") != 0 &&
	    strcmp(axis->value, "keep-id") != 0 && axis->value[strspn(axis->value, DIGITS)])
		return bad(s, at, "unknown value", axis->value, "root, keep-id or a number");
	return 0;
}

static int take_grant(struct scan *s, const struct kind_rule *rule, struct layer *l)
{
	size_t start = s->pos;
	char word[LAYER_WORD_MAX];
	int r = take_known(s, "unknown grant", rule->grants, LIST_END(rule->grants), word);

	if (r < 0)
		return r;
	if (layer_has_grant(l, word))
		return bad(s, start, "repeated grant", word, "each grant once");
	memcpy(l->grant[l->grants++], word, sizeof(word)); /* the rules have fewer than MAX */
	return 0;
}

static int take_axis(struct scan *s, const struct kind_rule *rule, struct layer *l)
{
	size_t start = s->pos;
	struct layer_axis axis;
	int r = take_known(s, "unknown axis", rule->axes, LIST_END(rule->axes), axis.name);

	if (r < 0)
		return r;
	if (layer_axis(l, axis.name, NULL))
		return bad(s, start, "repeated axis", axis.name, "each axis once");
	if (s->id[s->pos] != '=')
		return bad(s, s->pos, "axis without a value", NULL, "'=' and a value");
	s->pos++;
	start = s->pos;
	r = take_word(s, LOWER UPPER DIGITS "._-", axis.value);
	if (r == 0)
		r = check_value(s, start, &axis);
	if (r < 0)
		return r;
	l->axis[l->axes++] = axis;
	return 0;
}

static int take_mode(struct scan *s, const struct kind_rule *rule, struct layer *l)
{
	char known[200];

	if (s->id[s->pos] == '.') {
		s->pos++;
		return take_known(s, "unknown mode", rule->modes, LIST_END(rule->modes), l->mode);
	}
	if (list_has(rule->modes, LIST_END(rule->modes), ""))
		return 0;
	return bad(s, s->pos, "no mode after", l->kind,
	           list_text(rule->modes, LIST_END(rule->modes), known));
}

/* What would be taken and then do nothing. */
static int check_axes(const struct scan *s, size_t start, const struct layer *l)
{
	const char *cap = layer_axis(l, "cap", "none");

	if (strcmp(l->mode, "kvm") == 0 && layer_axis(l, "arch", NULL))
		return bad(s, start, "another architecture under KVM", NULL, "qemu.tcg");
	if (layer_axis(l, "arch", NULL) && layer_has_grant(l, "broker"))
		return bad(s, start, "a broker for a machine with one serial line", NULL,
		           "no arch, or no broker");
	if (strcmp(l->kind, "podman") != 0 && strcmp(layer_axis(l, "user", ""), "keep-id") == 0)
		return bad(s, start, "keep-id, which is Podman's", NULL, "root or a number");
	if (strcmp(l->kind, "lxc") == 0 && strcmp(cap, "none") != 0)
		return bad(s, start, "a capability added", cap, "cap=none: LXC adds none");
	return 0;
}

static int take_layer(struct scan *s, bool outermost, struct layer *l)
{
	const struct kind_rule *rule;
	size_t start = s->pos;
	char known[200];
	int r = take_word(s, LOWER DIGITS, l->kind);

	if (r < 0)
		return r;
	rule = find_rule(l->kind, outermost);
	if (!rule)
		return bad(s, start, outermost ? "unknown layer 0" : "unknown inner layer", l->kind,
		           outermost ? "vm or td" : list_kinds(known));
	r = take_mode(s, rule, l);
	while (r == 0 && s->id[s->pos] == '+') {
		s->pos++;
		r = take_grant(s, rule, l);
	}
	while (r == 0 && s->id[s->pos] == '@') {
		s->pos++;
		r = take_axis(s, rule, l);
	}
	return r < 0 ? r : check_axes(s, start, l);
}

static bool is_leaf(const struct layer *l)
{
	for (const struct kind_rule *k = kind_rules; k < LIST_END(kind_rules); k++) {
		if (k->leaf && strcmp(k->kind, l->kind) == 0)
			return strcmp(k->leaf, "*") == 0 || strcmp(k->leaf, l->mode) == 0;
	}
	return false;
}

int cell_parse(const char *id, struct cell *ret, struct err *e)
{
	struct scan s = {.id = id, .e = e};
	struct cell c = {0};
	int r;

	if (strlen(id) >= CELL_ID_MAX)
		return bad(&s, CELL_ID_MAX - 1, "too long an ID", NULL, "at most 255 characters");
	for (;;) {
		if (c.layers == CELL_LAYERS_MAX)
			return bad(&s, s.pos, "too many layers", NULL, "at most 6");
		r = take_layer(&s, c.layers == 0, &c.layer[c.layers]);
		if (r < 0)
			return r;
		c.layers++;
		if (id[s.pos] == '\0')
			break;
		if (id[s.pos] != '/')
			return bad(&s, s.pos, "unexpected character", NULL,
			           "'.', '+', '@', '/' or the end");
		if (is_leaf(&c.layer[c.layers - 1]))
			return bad(&s, s.pos, "a further layer", NULL,
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
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < depth && i < cell->layers; i++) {
		const struct layer *l = &cell->layer[i];

		used = put(out, used, i ? "/" : "", l->kind);
		if (l->mode[0])
			used = put(out, used, ".", l->mode);
		for (size_t g = 0; g < l->grants; g++)
			used = put(out, used, "+", l->grant[g]);
		for (size_t a = 0; a < l->axes; a++) {
			used = put(out, used, "@", l->axis[a].name);
			used = put(out, used, "=", l->axis[a].value);
		}
	}
}

bool layer_has_grant(const struct layer *layer, const char *grant)
{
	for (size_t i = 0; i < layer->grants; i++) {
		if (strcmp(layer->grant[i], grant) == 0)
			return true;
	}
	return false;
}

const char *layer_axis(const struct layer *layer, const char *name, const char *fallback)
{
	for (size_t i = 0; i < layer->axes; i++) {
		if (strcmp(layer->axis[i].name, name) == 0)
			return layer->axis[i].value;
	}
	return fallback;
}

bool layer_is_intrusive(const struct layer *layer)
{
	return strcmp(layer->mode, "privileged") == 0 || layer_has_grant(layer, "privileged") ||
	       layer_has_grant(layer, "sysrw") || layer_has_grant(layer, "rtmr");
}
