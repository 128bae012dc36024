/* SPDX-License-Identifier: Apache-2.0 */
#include "report/grants.h"

#include <string.h>

#include "core/enum.h"
#include "format/bytes.h"

void grants_done(struct grants *g)
{
	for (size_t i = 0; i < GRANTS_TRIALS_MAX; i++)
		json_decref(g->command[i]);
	grant_search_done(&g->search);
}

size_t grants_broken(const struct grants *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->search.trials; i++)
		n += !g->search.trial[i].known;
	return n;
}

static const char *name_of(const struct grants *g, size_t candidate)
{
	return grant_rows[g->candidate[candidate]].name;
}

struct cell grants_cell(const struct grants *g, uint32_t set)
{
	struct cell cell = g->cell;
	struct layer *inner = &cell.layer[cell.layers - 1];

	for (size_t i = 0; i < g->search.candidates; i++) {
		if (set & 1u << i)
			layer_grant(inner, g->candidate[i]);
	}
	return cell;
}

void grants_cell_id(const struct grants *g, uint32_t set, char out[CELL_ID_MAX])
{
	struct cell cell = grants_cell(g, set);

	cell_print(&cell, cell.layers, out);
}

static json_t *set_json(const struct grants *g, uint32_t set)
{
	json_t *list = json_array();

	for (size_t i = 0; i < g->search.candidates; i++) {
		if (set & 1u << i)
			json_array_append_new(list, json_string(name_of(g, i)));
	}
	return list;
}

static void set_text(const struct grants *g, uint32_t set, char *out, size_t size)
{
	size_t used = 0;

	snprintf(out, size, "%s", set ? "" : "none");
	for (size_t i = 0; i < g->search.candidates && used < size; i++) {
		if (set & 1u << i)
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " + " : "",
			                         name_of(g, i));
	}
}

/* The false rung that keeps a trial from this one: itself, or the nearest before it; or -1. */
static int obstacle(const struct grant_trial *t, enum rung rung)
{
	int i = (int)rung;

	while (i >= 0 && t->ok[i] != 0)
		i--;
	return i;
}

/* "provider: EACCES", or that the layer was not entered. */
static void failure_text(const struct grant_trial *t, enum rung rung, char *out, size_t size)
{
	int at = t ? obstacle(t, rung) : -1;

	if (!t || !t->known)
		snprintf(out, size, "not known: the trial broke");
	else if (!t->entered)
		snprintf(out, size, "not entered");
	else if (at < 0)
		snprintf(out, size, "%s is not come to", rung_names[rung]);
	else
		snprintf(out, size, "%s%s%s", rung_names[at], t->error[at][0] ? ": " : "",
		         t->error[at]);
}

/* ---- the command line ---- */
static const json_t *command_of(const struct grants *g, const struct grant_trial *t)
{
	return g->command[t - g->search.trial];
}

/* What a grant makes over is bound from a path of the agent's, whose name is of no use. */
static json_t *word_to_copy(const char *word)
{
	static const char staged[] = GRANT_DELEGATED_DIR "/";
	const char *at = strstr(word, staged);
	size_t size = at ? sizeof(staged) - 1 + strcspn(at + sizeof(staged) - 1, ":,\"") : 0;

	if (!at)
		return json_string(word);
	return json_sprintf("%.*sENTRY%s", (int)(at - word), word, at + size);
}

/*
 * The command as somebody else would type it: an image of one's own in place of the agent's, and
 * without the name the harness gave.
 */
static json_t *command_to_copy(const json_t *command)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(command); i++) {
		const char *word = json_string_value(json_array_get(command, i));

		if (strcmp(word, "--name") == 0) {
			i++;
		} else if (strcmp(word, "--rootfs") == 0) {
			json_array_append_new(list, json_string("IMAGE"));
			i++;
		} else if (strcmp(word, "tception-agent") == 0 ||
		           strcmp(word, "tception-agent-nest") == 0) {
			json_array_append_new(list, json_string("IMAGE"));
		} else if (strcmp(word, "/agent") == 0) {
			json_array_append_new(list, json_string("COMMAND"));
			i++; /* "layer" */
		} else {
			json_array_append_new(list, word_to_copy(word));
		}
	}
	return list;
}

/* In single quotes where a shell would see more in it than letters. */
static void print_word(const char *word, FILE *out)
{
	if (word[0] && !word[strspn(word,
	                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                            "0123456789_-./=:,+@%")]) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++)
		fputs(*word == '\'' ? "'\\''" : (char[2]){*word, 0}, out);
	fputc('\'', out);
}

static void print_command(const json_t *command, FILE *out)
{
	json_t *words = command_to_copy(command);

	for (size_t i = 0; i < json_array_size(words); i++) {
		fputc(i ? ' ' : '\t', out);
		print_word(json_string_value(json_array_get(words, i)), out);
	}
	fputc('\n', out);
	json_decref(words);
}

/* ---- text ---- */
/* Rungs `first` to `last`, which pass with the same set. */
static void print_rungs(const struct grants *g, enum rung first, enum rung last, FILE *out)
{
	const struct grant_trial *t = grant_search_smallest(&g->search, first), *without;
	char text[CELL_ID_MAX], why[80];

	if (t)
		set_text(g, t->set, text, sizeof(text));
	snprintf(why, sizeof(why), "%s%s%s", rung_names[first], first < last ? " ... " : "",
	         first < last ? rung_names[last] : "");
	fprintf(out, "%-22s %s\n", why, t ? text : "-");
	for (size_t i = 0; t && i < g->search.candidates; i++) {
		if (!(t->set & 1u << i))
			continue;
		without = grant_search_find(&g->search, t->set & ~(1u << i));
		failure_text(without, first, why, sizeof(why));
		fprintf(out, "%-22s   without %s: %s\n", "", name_of(g, i), why);
	}
}

static void print_ladder(const struct grants *g, FILE *out)
{
	int first = 0, last;

	for (; first <= (int)g->search.goal; first = last + 1) {
		const struct grant_trial *t = grant_search_smallest(&g->search, (enum rung)first);

		last = first;
		while (last < (int)g->search.goal &&
		       grant_search_smallest(&g->search, (enum rung)(last + 1)) == t)
			last++;
		print_rungs(g, (enum rung)first, (enum rung)last, out);
	}
}

/* An OCI runtime is told by its bundle, not by words. */
static void print_bundled(const struct grant_row *grant, FILE *out)
{
	static const char *const where = "\t# in the bundle's config.json: ";

	if (grant->device)
		fprintf(out,
		        "%s\"linux\": {\"devices\": [%s], \"resources\": {\"devices\": [allow "
		        "it]}}\n",
		        where, grant->device);
	if (grant->bind)
		fprintf(out, "%s\"mounts\": [%s, bind at %s, %s]\n", where, grant->bind,
		        grant->place ? grant->place : grant->bind,
		        grant->read_only ? "ro" : "rw");
	if (grant->group)
		fprintf(out, "%s\"process\": {\"user\": {\"additionalGids\": [%u]}}\n", where,
		        grant->group);
}

static void print_recipe(const struct grants *g, const struct grant_trial *t, FILE *out)
{
	const struct kind *kind = g->cell.layer[g->cell.layers - 1].kind;
	char id[CELL_ID_MAX];

	grants_cell_id(g, t->set, id);
	fprintf(out, "\n%s is started by\n\n", id);
	for (size_t i = 0; i < g->search.candidates; i++) {
		const struct grant_row *grant = &grant_rows[g->candidate[i]];

		if (!(t->set & 1u << i))
			continue;
		if (kind->bundle)
			print_bundled(grant, out);
		if (grant->before)
			fprintf(out, "\t%s\n", grant->before);
	}
	print_command(command_of(g, t), out);
}

/* The answers, each once, from the highest rung down. */
static bool print_recipes(const struct grants *g, FILE *out)
{
	const struct grant_trial *shown[RUNG_COUNT];
	size_t count = 0;
	bool any = false;

	for (int rung = (int)g->search.goal; rung >= 0; rung--) {
		const struct grant_trial *t = grant_search_smallest(&g->search, (enum rung)rung);
		size_t i = 0;

		any = any || t;
		if (!t || !command_of(g, t))
			continue;
		while (i < count && shown[i] != t)
			i++;
		if (i < count)
			continue;
		shown[count++] = t;
		print_recipe(g, t, out);
	}
	return any;
}

void grants_print(const struct grants *g, FILE *out)
{
	char id[CELL_ID_MAX];

	grants_cell_id(g, 0, id);
	fprintf(out,
	        "%s, platform %s: %zu trials in %u boots, %.0f s\n\nrung                   "
	        "smallest grants\n",
	        id, ENUM_NAME(platform_names, g->platform), g->search.trials, g->rounds,
	        g->seconds);
	print_ladder(g, out);
	if (!print_recipes(g, out) && grants_broken(g) == 0)
		fprintf(out, "\nno set of these grants gives any evidence\n");
	if (grants_broken(g) > 0)
		fprintf(out,
		        "\n%zu of %zu trials broke and tell nothing; there may be smaller sets\n",
		        grants_broken(g), g->search.trials);
}

/* ---- JSON ---- */
static json_t *trial_json(const struct grants *g, const struct grant_trial *t, enum rung up_to)
{
	int rung = obstacle(t, up_to);

	return json_pack("{s:o, s:b, s:b, s:o, s:o}", "grants", set_json(g, t->set), "known",
	                 t->known, "entered", t->entered, "rung",
	                 t->known && rung >= 0 ? json_string(rung_names[rung]) : json_null(),
	                 "errno",
	                 t->known && rung >= 0 && t->error[rung][0] ? json_string(t->error[rung])
	                                                            : json_null());
}

static json_t *rung_json(const struct grants *g, enum rung rung)
{
	const struct grant_trial *t = grant_search_smallest(&g->search, rung), *without;
	json_t *needed = json_array();

	for (size_t i = 0; t && i < g->search.candidates; i++) {
		if (!(t->set & 1u << i))
			continue;
		without = grant_search_find(&g->search, t->set & ~(1u << i));
		json_array_append_new(
		        needed, json_pack("{s:s, s:o}", "without", name_of(g, i), "trial",
		                          without ? trial_json(g, without, rung) : json_null()));
	}
	return json_pack("{s:s, s:o, s:o, s:o}", "rung", rung_names[rung], "grants",
	                 t ? set_json(g, t->set) : json_null(), "confirmed", needed, "command",
	                 t && command_of(g, t) ? command_to_copy(command_of(g, t)) : json_null());
}

json_t *grants_json(const struct grants *g)
{
	json_t *trials = json_array(), *rungs = json_array();
	char id[CELL_ID_MAX];

	grants_cell_id(g, 0, id);
	for (size_t i = 0; i < g->search.trials; i++)
		json_array_append_new(trials, trial_json(g, &g->search.trial[i], g->search.goal));
	for (int rung = 0; rung <= (int)g->search.goal; rung++)
		json_array_append_new(rungs, rung_json(g, (enum rung)rung));
	return json_pack("{s:s, s:i, s:s, s:o, s:o, s:i, s:f, s:o}", "cell", id, "broken",
	                 (int)grants_broken(g), "platform", ENUM_NAME(platform_names, g->platform),
	                 "candidates", set_json(g, (uint32_t)((1ull << g->search.candidates) - 1)),
	                 "rungs", rungs, "boots", (int)g->rounds, "seconds", g->seconds, "trials",
	                 trials);
}
