/* SPDX-License-Identifier: Apache-2.0 */
#include "format/kinds.h"

#include "format/bytes.h"

/* The sets that kinds.def is written with. */
#define M(id)     (1u << MODE_##id)
#define K(id)     (1u << KIND_##id)
#define G(id)     (1u << GRANT_##id)
#define A(id)     (1u << AXIS_##id)
#define ALL_MODES ((1u << MODE_COUNT) - 1)
#define ALL_KINDS ((1u << KIND_COUNT) - 1)

_Static_assert(KIND_COUNT < 32 && MODE_COUNT < 32 && GRANT_COUNT < 32 && AXIS_COUNT < 32,
               "sets have 32 bits");

static const char *const mode_names[MODE_COUNT] = {
#define MODE(id, text) [MODE_##id] = text,
#include "format/kinds.def"
};
const struct kind kind_rows[KIND_COUNT] = {
#define KIND(id, ...) [KIND_##id] = {__VA_ARGS__},
#include "format/kinds.def"
};
const struct grant_row grant_rows[GRANT_COUNT] = {
#define GRANT(id, ...) [GRANT_##id] = {__VA_ARGS__},
#include "format/kinds.def"
};
const struct axis_row axis_rows[AXIS_COUNT] = {
#define AXIS(id, ...) [AXIS_##id] = {__VA_ARGS__},
#include "format/kinds.def"
};
static const struct {
	enum axis axis;
	const char *text;
} words[WORD_COUNT] = {
        [WORD_ABSENT] = {AXIS_COUNT, ""},
        [WORD_NUMBER] = {AXIS_COUNT, ""},
#define WORD(axis, id, text) [WORD_##axis##_##id] = {AXIS_##axis, text},
#include "format/kinds.def"
};
static const struct {
	uint32_t kinds, modes;
	struct axis_value value;
} usual[] = {
#define USUAL(kinds, modes, axis, ...) {kinds, modes, {AXIS_##axis, __VA_ARGS__}},
#include "format/kinds.def"
};

static bool is_name(const char *name, const char *text, size_t size)
{
	size_t i = 0;

	while (i < size && name[i] && name[i] == text[i])
		i++;
	return i == size && !name[i];
}

const struct kind *kind_find(const char *name, size_t size, bool outermost)
{
	for (int i = 0; i < KIND_COUNT; i++) {
		if (kind_rows[i].outermost == outermost && is_name(kind_rows[i].name, name, size))
			return &kind_rows[i];
	}
	return NULL;
}

int mode_find(const char *name, size_t size)
{
	for (int i = 0; i < MODE_COUNT; i++) {
		if (is_name(mode_names[i], name, size))
			return i;
	}
	return -1;
}

int grant_find(const char *name, size_t size)
{
	for (int i = 0; i < GRANT_COUNT; i++) {
		if (is_name(grant_rows[i].name, name, size))
			return i;
	}
	return -1;
}

int axis_find(const char *name, size_t size)
{
	for (int i = 0; i < AXIS_COUNT; i++) {
		if (is_name(axis_rows[i].name, name, size))
			return i;
	}
	return -1;
}

const char *mode_name(enum mode mode)
{
	return mode_names[mode];
}

const char *word_text(enum word word)
{
	return words[word].text;
}

enum axis word_axis(enum word word)
{
	return words[word].axis;
}

enum word axis_first_word(enum axis axis)
{
	int i = WORD_NUMBER + 1;

	while (i < WORD_COUNT && words[i].axis != axis)
		i++;
	return (enum word)i;
}

const char *axis_choice_name(enum axis axis, unsigned choice)
{
	return words[axis_first_word(axis) + choice].text;
}

int axis_choice_find(enum axis axis, const char *name, size_t size)
{
	struct axis_value value;

	return axis_read(axis, true, name, size, &value) ? (int)(value.word - axis_first_word(axis))
	                                                 : -1;
}

/* One way to write each number: no sign, no leading zero. */
static bool read_number(const char *text, size_t size, struct axis_range range, uint32_t *ret)
{
	uint64_t n = 0;

	if (size == 0 || size > 9 || text[0] == '0')
		return false;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	*ret = (uint32_t)n;
	return n >= range.from && n <= range.to;
}

bool axis_read(enum axis axis, bool outermost, const char *text, size_t size,
               struct axis_value *ret)
{
	const struct axis_row *row = &axis_rows[axis];
	uint32_t number = 0;

	for (int i = axis_first_word(axis); i < WORD_COUNT && words[i].axis == axis; i++) {
		if (is_name(words[i].text, text, size)) {
			*ret = (struct axis_value){.axis = axis, .word = (enum word)i};
			return true;
		}
	}
	if (!read_number(text, size, outermost ? row->outer : row->inner, &number))
		return false;
	*ret = (struct axis_value){axis, WORD_NUMBER, number};
	return true;
}

const char *axis_text(const struct axis_value *value, char out[AXIS_TEXT_MAX])
{
	char *p = out + AXIS_TEXT_MAX - 1;
	uint32_t n = value->number;

	if (value->word != WORD_NUMBER)
		return words[value->word].text;
	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	return p;
}

uint32_t layer_grant_set(const struct layer *layer)
{
	uint32_t set = 0;

	for (size_t i = 0; i < layer->grants; i++)
		set |= 1u << layer->grant[i];
	return set;
}

bool layer_has(const struct layer *layer, enum grant grant)
{
	return layer_grant_set(layer) >> grant & 1;
}

void layer_grant(struct layer *layer, enum grant grant)
{
	layer->grant[layer->grants++] = grant;
}

const struct axis_value *layer_said(const struct layer *layer, enum axis axis)
{
	for (size_t i = 0; i < layer->axes; i++) {
		if (layer->axis[i].axis == axis)
			return &layer->axis[i];
	}
	return NULL;
}

static struct axis_value value_of(const struct layer *layer, enum axis axis)
{
	const struct axis_value *said = layer_said(layer, axis);

	if (said)
		return *said;
	for (size_t i = 0; i < COUNT_OF(usual); i++) {
		if (usual[i].value.axis == axis &&
		    usual[i].kinds >> (layer->kind - kind_rows) & 1 &&
		    layer_mode_in(layer, usual[i].modes))
			return usual[i].value;
	}
	return (struct axis_value){.axis = axis, .word = WORD_ABSENT};
}

enum word layer_word(const struct layer *layer, enum axis axis)
{
	const struct axis_value value = value_of(layer, axis);

	return value.word == WORD_NUMBER ? WORD_ABSENT : value.word;
}

uint32_t layer_number(const struct layer *layer, enum axis axis)
{
	const struct axis_value value = value_of(layer, axis);

	return value.number;
}

unsigned layer_choice(const struct layer *layer, enum axis axis)
{
	return layer_word(layer, axis) - axis_first_word(axis);
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

int layer_compare(const struct layer *a, const struct layer *b)
{
	int order = ORDER(a->kind, b->kind);

	order = order ? order : ORDER(a->mode, b->mode);
	order = order ? order : ORDER(layer_grant_set(a), layer_grant_set(b));
	for (int i = 0; i < AXIS_COUNT && !order; i++) {
		const struct axis_value x = value_of(a, (enum axis)i);
		const struct axis_value y = value_of(b, (enum axis)i);

		order = ORDER(x.word, y.word);
		order = order ? order : ORDER(x.number, y.number);
	}
	return order;
}

bool layer_same(const struct layer *a, const struct layer *b)
{
	return layer_compare(a, b) == 0;
}

bool layer_mode_in(const struct layer *layer, uint32_t modes)
{
	return modes >> layer->mode & 1;
}

bool layer_is_intrusive(const struct layer *layer)
{
	for (size_t i = 0; i < layer->grants; i++) {
		if (grant_rows[layer->grant[i]].intrusive)
			return true;
	}
	return layer->mode == MODE_PRIVILEGED;
}
