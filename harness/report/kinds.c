/* SPDX-License-Identifier: Apache-2.0 */
#include "report/kinds.h"

#include "format/kinds.h"

static const char *name_of_mode(int i)
{
	return mode_name((enum mode)i);
}

static const char *name_of_grant(int i)
{
	return grant_rows[i].name;
}

static const char *name_of_axis(int i)
{
	return axis_rows[i].name;
}

/* ---- Markdown ---- */
static void print_set(uint32_t set, const char *(*name)(int), FILE *out)
{
	const char *comma = "";

	if (!set)
		fputs("–", out);
	for (int i = 0; i < 32; i++) {
		if (!(set >> i & 1))
			continue;
		if (name(i)[0])
			fprintf(out, "%s`%s`", comma, name(i));
		else
			fprintf(out, "%snone", comma);
		comma = ", ";
	}
}

static uint32_t common_grants(void)
{
	uint32_t set = ~0u;

	for (const struct kind *k = kind_rows; k < kind_rows + KIND_COUNT; k++)
		set &= k->outermost || k->machine ? ~0u : k->grants;
	return set;
}

static void print_kinds(FILE *out)
{
	const uint32_t common = common_grants();

	fputs("| layer | what it is | modes | grants | axes |\n|---|---|---|---|---|\n", out);
	for (const struct kind *k = kind_rows; k < kind_rows + KIND_COUNT; k++) {
		bool has_common = (k->grants & common) == common;

		fprintf(out, "| `%s` | %s | ", k->name, k->what);
		print_set(k->modes, name_of_mode, out);
		fprintf(out, " | %s", has_common ? "common" : "");
		if (has_common && k->grants != common)
			fputs(", ", out);
		if (!has_common || k->grants != common)
			print_set(has_common ? k->grants & ~common : k->grants, name_of_grant, out);
		fputs(" | ", out);
		print_set(k->axes, name_of_axis, out);
		fputs(" |\n", out);
	}
	fputs("\nCommon: ", out);
	print_set(common, name_of_grant, out);
	fputs(".\n\n", out);
}

static void print_grants(FILE *out)
{
	fputs("| grant | what the layer gets | weight | does nothing without one of |\n"
	      "|---|---|---|---|\n",
	      out);
	for (const struct grant_row *g = grant_rows; g < grant_rows + GRANT_COUNT; g++) {
		fprintf(out, "| `%s` | %s | %u | ", g->name, g->what, g->weight);
		print_set(g->needs, name_of_grant, out);
		fputs(" |\n", out);
	}
	fputs("\n", out);
}

static const char *print_range(struct axis_range r, const char *unit, const char *where,
                               const char *comma, FILE *out)
{
	if (!r.to)
		return comma;
	fprintf(out, "%s%u to %u%s%s%s", comma, r.from, r.to, unit ? " " : "", unit ? unit : "",
	        where);
	return ", ";
}

static void print_axes(FILE *out)
{
	fputs("| axis | what it is | values |\n|---|---|---|\n", out);
	for (int i = 0; i < AXIS_COUNT; i++) {
		const struct axis_row *row = &axis_rows[i];
		const char *comma = "";

		fprintf(out, "| `%s` | %s | ", row->name, row->what);
		for (int w = axis_first_word((enum axis)i);
		     !row->expected && w < WORD_COUNT && word_axis((enum word)w) == (enum axis)i;
		     w++) {
			fprintf(out, "%s`%s`", comma, word_text((enum word)w));
			comma = ", ";
		}
		if (row->expected)
			fputs(row->expected, out);
		comma = print_range(row->outer, row->unit, row->inner.to ? " for layer 0" : "",
		                    comma, out);
		print_range(row->inner, row->unit, row->outer.to ? " further in" : "", comma, out);
		fputs(" |\n", out);
	}
}

void kinds_print(FILE *out)
{
	print_kinds(out);
	print_grants(out);
	print_axes(out);
}

/* ---- JSON ---- */
static json_t *set_json(uint32_t set, const char *(*name)(int))
{
	json_t *list = json_array();

	for (int i = 0; i < 32; i++) {
		if (set >> i & 1)
			json_array_append_new(list, json_string(name(i)));
	}
	return list;
}

static json_t *kind_json(const struct kind *k)
{
	return json_pack("{s:s, s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:o}", "name", k->name, "what",
	                 k->what, "layer0", k->outermost, "machine", k->machine, "bundle",
	                 k->bundle, "modes", set_json(k->modes, name_of_mode), "leaf",
	                 set_json(k->leaf & k->modes, name_of_mode), "grants",
	                 set_json(k->grants, name_of_grant), "axes",
	                 set_json(k->axes, name_of_axis));
}

static json_t *grant_json(const struct grant_row *g)
{
	return json_pack("{s:s, s:s, s:i, s:o, s:b}", "name", g->name, "what", g->what, "weight",
	                 (int)g->weight, "needs", set_json(g->needs, name_of_grant), "intrusive",
	                 g->intrusive);
}

static json_t *range_json(struct axis_range r)
{
	return r.to ? json_pack("{s:i, s:i}", "from", (int)r.from, "to", (int)r.to) : json_null();
}

static json_t *axis_json(enum axis axis)
{
	const struct axis_row *row = &axis_rows[axis];
	json_t *words = json_array();

	for (int w = axis_first_word(axis); w < WORD_COUNT && word_axis((enum word)w) == axis; w++)
		json_array_append_new(words, json_string(word_text((enum word)w)));
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", row->name, "what", row->what, "words",
	                 words, "layer0", range_json(row->outer), "inner", range_json(row->inner));
}

json_t *kinds_json(void)
{
	json_t *kinds = json_array(), *grants = json_array(), *axes = json_array();

	for (int i = 0; i < KIND_COUNT; i++)
		json_array_append_new(kinds, kind_json(&kind_rows[i]));
	for (int i = 0; i < GRANT_COUNT; i++)
		json_array_append_new(grants, grant_json(&grant_rows[i]));
	for (int i = 0; i < AXIS_COUNT; i++)
		json_array_append_new(axes, axis_json((enum axis)i));
	return json_pack("{s:o, s:o, s:o}", "kinds", kinds, "grants", grants, "axes", axes);
}
