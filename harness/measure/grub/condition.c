/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "format/bytes.h"
#include "measure/grub/run.h"

/* GRUB manual, "test": tests from left to right; -a binds stronger than -o. */
struct expression {
	struct grub_run *g;
	char *const *word;
	size_t left;
	struct err *e;
	int code;
};

static bool file_test(struct expression *x, char kind, const char *path)
{
	struct bytes file = {NULL, 0};
	enum ext_kind found = EXT_NOTHING;
	const char *rest;
	unsigned partition;
	bool filled;
	int r;

	if (kind == 's') { /* this one opens the file */
		r = grub_open(x->g, path, GRUB_FILE_MAX, &file, x->e);
		filled = r > 0 && file.size > 0;
		bytes_free(&file);
		if (r < 0)
			x->code = r;
		return filled;
	}
	if (grub_locate(x->g, path, &partition, &rest) == 0)
		return false;
	r = bootfs_kind(x->g->fs, partition, rest, &found, x->e);
	if (r == -ENOTSUP)
		grub_script_stop(x->g->script, "'%.60s': a file system that is not read here",
		                 path);
	else if (r < 0)
		x->code = r;
	return kind == 'e'   ? found != EXT_NOTHING
	       : kind == 'f' ? found == EXT_FILE
	                     : found == EXT_OTHER;
}

static bool numbers(struct expression *x, const char *operator, bool * ret)
{
	char *end[2];
	long a = strtol(x->word[0], &end[0], 10), b = strtol(x->word[2], &end[1], 10);
	static const char *const operators[] = {"-eq", "-ne", "-lt", "-le", "-gt", "-ge"};
	const bool results[] = {a == b, a != b, a<b, a <= b, a> b, a >= b};

	for (size_t i = 0; i < COUNT_OF(operators); i++) {
		if (strcmp(operator, operators[i]) != 0)
			continue;
		if (end[0] == x->word[0] || *end[0] || end[1] == x->word[2] || *end[1])
			grub_script_stop(x->g->script, "a number that is not understood here");
		*ret = results[i];
		return true;
	}
	return false;
}

static bool three_words(struct expression *x, bool *ret)
{
	const char *operator= x->word[1];

	if (strcmp(operator, "=") == 0 || strcmp(operator, "==") == 0)
		*ret = strcmp(x->word[0], x->word[2]) == 0;
	else if (strcmp(operator, "!=") == 0)
		*ret = strcmp(x->word[0], x->word[2]) != 0;
	else
		return numbers(x, operator, ret);
	return true;
}

static bool two_words(struct expression *x, bool *ret)
{
	const char *operator= x->word[0];

	if (operator[0] != '-' || operator[1] == '\0' || operator[2] !=
	    '\0' || !strchr("nzefds", operator[1]))
		return false;
	if (operator[1] == 'n' || operator[1] == 'z')
		*ret = (x->word[1][0] == '\0') == (operator[1] == 'z');
	else
		*ret = file_test(x, operator[1], x->word[1]);
	return true;
}

/* One test; says how many words it took. */
static size_t one_test(struct expression *x, bool *ret)
{
	if (x->left >= 3 && three_words(x, ret))
		return 3;
	if (x->left >= 2 && two_words(x, ret))
		return 2;
	if (x->word[0][0] == '-' || strpbrk(x->word[0], "<>"))
		grub_script_stop(x->g->script, "the test '%.20s' is not understood here",
		                 x->word[0]);
	*ret = x->word[0][0] != '\0';
	return 1;
}

static void advance(struct expression *x, size_t words)
{
	x->word += words;
	x->left -= words;
}

static bool evaluate(struct expression *x)
{
	bool all = true, any = false, invert = false;

	while (x->left > 0 && x->code == 0 && !grub_script_ended(x->g->script)) {
		const char *word = x->word[0];
		bool here = false;
		size_t taken;

		if (x->left >= 3 && three_words(x, &here)) {
			taken = 3;
		} else if (strcmp(word, "(") == 0 || strcmp(word, ")") == 0) {
			grub_script_stop(x->g->script, "a test with brackets in it");
			break;
		} else if (strcmp(word, "!") == 0) {
			invert = !invert;
			advance(x, 1);
			continue;
		} else if (strcmp(word, "-a") == 0) {
			advance(x, 1);
			continue;
		} else if (strcmp(word, "-o") == 0) {
			any |= all;
			all = true;
			advance(x, 1);
			continue;
		} else {
			taken = one_test(x, &here);
		}
		all &= here != invert;
		invert = false;
		advance(x, taken);
	}
	return any || all;
}

int grub_test(struct grub_run *g, const struct grub_words *w, int *ret_status, struct err *e)
{
	struct expression x = {.g = g, .word = w->word + 1, .left = w->count - 1, .e = e};
	bool bracket = strcmp(w->word[0], "[") == 0;

	if (bracket && (x.left == 0 || strcmp(w->word[w->count - 1], "]") != 0)) {
		grub_script_stop(g->script, "'[' without ']'");
		return 0;
	}
	x.left -= bracket;
	*ret_status = evaluate(&x) ? 0 : 1;
	return x.code;
}
