/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "core/cleanup.h"

struct choice {
	const struct verb *verbs;
	size_t count;
	const struct verb *chosen;
	int at; /* in argv */
};

static void show_help(struct argp_state *state, FILE *out, unsigned how)
{
	argp_state_help(state, out, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC | how);
}

static void choose(struct choice *c, const char *name, struct argp_state *state)
{
	for (size_t i = 0; i < c->count && !c->chosen; i++) {
		if (strcmp(c->verbs[i].name, name) == 0)
			c->chosen = &c->verbs[i];
	}
	if (!c->chosen && strcmp(name, "help") == 0)
		show_help(state, stdout, ARGP_HELP_EXIT_OK);
	if (!c->chosen)
		argp_error(state, "unknown verb '%.40s'", name);
	c->at = state->next - 1;
	state->next = state->argc; /* the rest is the verb's */
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'h':
		show_help(state, stdout, ARGP_HELP_EXIT_OK);
		return 0;
	case ARGP_KEY_ARG:
		choose(state->input, arg, state);
		return 0;
	case ARGP_KEY_NO_ARGS:
		show_help(state, stderr, ARGP_HELP_EXIT_ERR);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Puts the list of verbs below the text about them. */
static char *filter_help(int key, const char *text, void *input)
{
	const struct choice *c = input;
	char *list = NULL;
	size_t size;
	FILE *out;

	if (key != ARGP_KEY_HELP_PRE_DOC || !c || !(out = open_memstream(&list, &size)))
		return (char *)text;
	fprintf(out, "%s\n\n", text);
	for (size_t i = 0; i < c->count; i++)
		fprintf(out, "  %-10s %s\n", c->verbs[i].name, c->verbs[i].help);
	fclose(out);
	return list ?: (char *)text;
}

int cmd_dispatch(const struct verb verbs[], size_t count, const char *about, int argc, char **argv)
{
	_cleanup_(freep) char *doc = NULL, *name = NULL;
	struct choice c = {.verbs = verbs, .count = count};
	static const struct argp_option letter[] = {{NULL, 'h', NULL, OPTION_HIDDEN, NULL, 0}, {0}};
	struct argp argp = {.options = letter,
	                    .parser = parse,
	                    .args_doc = "VERB [ARGUMENT...]",
	                    .help_filter = filter_help};
	char *slash = strrchr(argv[0], '/');
	struct err e;

	if (slash)
		argv[0] = slash + 1;
	if (asprintf(&doc, "%s%s", about,
	             strchr(about, '\v') ? ""
	                                 : "\vEach has its own --help. Exit codes: 0 all as "
	                                   "expected, 1 a verdict differs, 2 usage or a bad case "
	                                   "file, 3 infrastructure.") < 0)
		return cmd_failed(EXIT_BROKEN, (err_nomem(&e), &e));
	argp.doc = doc;
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &c);
	if (asprintf(&name, "%s %s", argv[0], c.chosen->name) < 0)
		return cmd_failed(EXIT_BROKEN, (err_nomem(&e), &e));
	argv[c.at] = name; /* as help and complaints show it */
	return c.chosen->run(argc - c.at, argv + c.at);
}

int cmd_failed(int exit_code, const struct err *e)
{
	fprintf(stderr, "tception: %s\n", e->text);
	return exit_code;
}
