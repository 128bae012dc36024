/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary: that its rows hold together, and that cases/README.md says what they say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case/cell.h"
#include "report/kinds.h"
#include "test/tests.h"

static bool among(const char *name, const char *names[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

TEST(names_are_unique)
{
	const char *name[64];

	for (int i = 0; i < KIND_COUNT; i++) {
		ck_assert(!among(kind_rows[i].name, name, (size_t)i));
		name[i] = kind_rows[i].name;
		ck_assert_ptr_eq(kind_find(name[i], strlen(name[i]), kind_rows[i].outermost),
		                 &kind_rows[i]);
		ck_assert_ptr_null(kind_find(name[i], strlen(name[i]), !kind_rows[i].outermost));
	}
	for (int i = 0; i < MODE_COUNT; i++)
		ck_assert_int_eq(
		        mode_find(mode_name((enum mode)i), strlen(mode_name((enum mode)i))), i);
	for (int i = 0; i < GRANT_COUNT; i++)
		ck_assert_int_eq(grant_find(grant_rows[i].name, strlen(grant_rows[i].name)), i);
	for (int i = 0; i < AXIS_COUNT; i++)
		ck_assert_int_eq(axis_find(axis_rows[i].name, strlen(axis_rows[i].name)), i);
	ck_assert_ptr_null(kind_find("dock", 4, false));
	ck_assert_ptr_null(kind_find("dockers", 7, false));
	ck_assert_int_eq(grant_find("tsm", 2), -1);
}

TEST(rows_hold_together)
{
	uint32_t grants = 0, axes = 0, modes = 0;

	for (const struct kind *k = kind_rows; k < kind_rows + KIND_COUNT; k++) {
		ck_assert_msg(k->name[0] && k->what[0] && k->modes, "%s", k->name);
		ck_assert_msg(!k->outermost || (k->machine && !k->grants), "%s", k->name);
		ck_assert_msg(!(k->tiny & ~k->modes) && !(k->kvm_of_below & ~k->modes), "%s",
		              k->name);
		ck_assert_uint_lt(strlen(k->name), LAYER_WORD_MAX);
		grants |= k->grants;
		axes |= k->axes;
		modes |= k->modes;
	}
	/* Nothing is there that no layer can be written with. */
	ck_assert_uint_eq(grants, (1u << GRANT_COUNT) - 1);
	ck_assert_uint_eq(axes, (1u << AXIS_COUNT) - 1);
	ck_assert_uint_eq(modes, (1u << MODE_COUNT) - 1);
	for (int i = 0; i < AXIS_COUNT; i++)
		ck_assert_msg(axis_first_word((enum axis)i) < WORD_COUNT || axis_rows[i].outer.to ||
		                      axis_rows[i].inner.to,
		              "%s has no value", axis_rows[i].name);
	for (int i = WORD_NUMBER + 2; i < WORD_COUNT; i++) { /* those of an axis stand together */
		enum axis axis = word_axis((enum word)i);

		ck_assert(axis == word_axis((enum word)(i - 1)) ||
		          axis_first_word(axis) == (enum word)i);
	}
}

/* Each mode of each kind with each grant and each word of each axis, written and read again. */
TEST_RANGE(every_word_can_be_written, 0, KIND_COUNT)
{
	const struct kind *k = &kind_rows[_i];
	struct cell cell = {.layers = k->outermost ? 1 : 2,
	                    .layer = {{.kind = &kind_rows[KIND_VM]}}},
	            again;
	struct layer *l = &cell.layer[cell.layers - 1];
	char id[CELL_ID_MAX], text[CELL_ID_MAX];
	struct err e = {0};

	for (int w = WORD_NUMBER + 1; w < WORD_COUNT; w++) {
		enum axis axis = word_axis((enum word)w);

		if (!(k->axes >> axis & 1) || w == WORD_ARCH_RISCV64 ||
		    (w == WORD_USER_KEEP_ID && !k->keeps_id) ||
		    (w == WORD_USERNS_SHIFTED && k->shifts_no_uid) ||
		    (axis == AXIS_CAP && w != WORD_CAP_NONE && k->adds_no_cap))
			continue;
		*l = (struct layer){.kind = k, .axes = 1, .axis = {{axis, (enum word)w, 0}}};
		while (!(k->modes >> l->mode & 1))
			l->mode++;
		for (int g = 0; g < GRANT_COUNT; g++) {
			if (k->grants >> g & 1)
				layer_grant(l, (enum grant)g);
		}
		cell_print(&cell, cell.layers, id);
		ck_assert_msg(cell_parse(id, &again, &e) == 0, "%s", e.text);
		ck_assert(cell_same(&cell, &again));
		cell_print(&again, again.layers, text);
		ck_assert_str_eq(id, text);
	}
}

static char *read_text(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "re");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_gt(fread(text, 1, (1 << 20) - 1, f), 0);
	fclose(f);
	return text;
}

TEST(the_readme_has_the_tables)
{
	char *readme = read_text("cases/README.md"), *text = NULL, *rest, *line;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	kinds_print(out);
	fclose(out);
	if (!strstr(readme, text)) { /* say which line */
		for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
			ck_assert_msg(strstr(readme, line), "cases/README.md lacks: %s", line);
		ck_abort_msg("cases/README.md has another order, or more rows");
	}
	free(text);
	free(readme);
}

TEST(json_has_every_row)
{
	json_t *root = kinds_json();

	ck_assert_uint_eq(json_array_size(json_object_get(root, "kinds")), KIND_COUNT);
	ck_assert_uint_eq(json_array_size(json_object_get(root, "grants")), GRANT_COUNT);
	ck_assert_uint_eq(json_array_size(json_object_get(root, "axes")), AXIS_COUNT);
	json_decref(root);
}

TESTS("kinds")
