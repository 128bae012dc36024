/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the rows and prints them as KTAP, or as JSON. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conformance/conformance.h"

#define VERSION    "1"
#define ROWS_MAX   128
#define DEADLINE_S 60 /* of a row: the kernel itself gives GetQuote 30 s */

enum { EXIT_USAGE = 2, EXIT_TIMEOUT };

static const char *const state_names[STATE_COUNT] = {
        [STATE_PASS] = "pass",
        [STATE_FAIL] = "fail",
        [STATE_SKIP] = "skip",
        [STATE_TIMEOUT] = "timeout",
};

struct report {
	const struct row *row[ROWS_MAX];
	struct outcome *outcome; /* shared with the rows' processes */
	size_t count;
	size_t of_state[STATE_COUNT];
};

/* ---- rows ---- */
static void child_ended(struct outcome *o, pid_t pid, int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
		o->state = STATE_TIMEOUT;
		snprintf(o->saw, sizeof(o->saw), "not ended after %d s", DEADLINE_S);
	} else if (pid < 0 || WIFSIGNALED(status)) {
		fail(o, "its process died of signal %d", pid < 0 ? 0 : WTERMSIG(status));
	} else if (!o->saw[0]) {
		fail(o, "it said nothing");
	}
}

static void look(const struct row *row, struct outcome *o, bool in_td)
{
	int status = 0;
	pid_t pid;

	o->state = STATE_FAIL;
	if (!in_td && row != rows_cpu.row) {
		skip(o, "no trust domain");
		return;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(DEADLINE_S);
		row->look(o, row->of);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	child_ended(o, pid, status);
}

static void add(struct report *r, const struct rows *rows)
{
	for (size_t i = 0; i < rows->count && r->count < ROWS_MAX; i++)
		r->row[r->count++] = &rows->row[i];
}

/* ---- KTAP: Linux Documentation/dev-tools/ktap.rst ---- */
static void print_ktap(const struct row *row, const struct outcome *o, size_t number)
{
	printf("# %s: %s\n# %s: %s\n", row->name, row->says, row->name, row->source);
	if (o->state != STATE_SKIP)
		printf("# %s: saw %s\n", row->name, o->saw);
	printf("%s %zu %s%s%s%s\n",
	       o->state == STATE_PASS || o->state == STATE_SKIP ? "ok" : "not ok", number,
	       row->name, o->state == STATE_SKIP ? " # SKIP " : "",
	       o->state == STATE_SKIP ? o->saw : "", o->state == STATE_TIMEOUT ? " # TIMEOUT" : "");
}

/* ---- JSON ---- */
static void print_text(const char *name, const char *text, const char *after)
{
	printf("\"%s\": \"", name);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	printf("\"%s", after);
}

static void print_json(const struct report *r, const struct utsname *uts, bool extend)
{
	printf("{\"schema_version\": 1, \"program\": \"conformance\", ");
	print_text("version", VERSION, ", ");
	print_text("kernel", uts->release, ", ");
	printf("\"extend\": %s, \"rows\": [", extend ? "true" : "false");
	for (size_t i = 0; i < r->count; i++) {
		printf("%s\n  {", i ? "," : "");
		print_text("name", r->row[i]->name, ", ");
		print_text("state", state_names[r->outcome[i].state], ", ");
		print_text("saw", r->outcome[i].saw, ",\n   ");
		print_text("says", r->row[i]->says, ",\n   ");
		print_text("source", r->row[i]->source, "}");
	}
	printf("\n]}\n");
}

/* ---- the whole ---- */
static int run(struct report *r, bool json, bool extend)
{
	bool in_td = is_trust_domain();
	struct utsname uts;

	uname(&uts);
	if (!json)
		printf("KTAP version 1\n# conformance " VERSION ", kernel %s\n1..%zu\n",
		       uts.release, r->count);
	for (size_t i = 0; i < r->count; i++) {
		look(r->row[i], &r->outcome[i], in_td);
		r->of_state[r->outcome[i].state]++;
		if (!json)
			print_ktap(r->row[i], &r->outcome[i], i + 1);
	}
	if (json)
		print_json(r, &uts, extend);
	else
		printf("# %zu pass, %zu fail, %zu skipped, %zu cut off\n", r->of_state[STATE_PASS],
		       r->of_state[STATE_FAIL], r->of_state[STATE_SKIP],
		       r->of_state[STATE_TIMEOUT]);
	if (fflush(stdout) != 0)
		return EXIT_USAGE;
	if (r->of_state[STATE_FAIL])
		return 1;
	return r->of_state[STATE_TIMEOUT] ? EXIT_TIMEOUT : 0;
}

static void usage(FILE *to)
{
	fputs("usage: conformance [--json] [--extend]\n"
	      "What a TDX guest may rely on, row by row, as KTAP or JSON. Run it as root in a "
	      "trust\n"
	      "domain. --extend runs the rows that extend RTMR2 and RTMR3 instead: that can't be\n"
	      "undone. Exit status: 0 no row fails, 1 one does, 3 one did not end in time.\n",
	      to);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
	                                        {"extend", no_argument, NULL, 'x'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {0}};
	static const struct rows *const usual[] = {&rows_cpu,   &rows_instruction, &rows_report,
	                                           &rows_quote, &rows_measured,    &rows_kernel};
	bool json = false, extend = false;
	struct report r = {.count = 0};
	int c;

	while ((c = getopt_long(argc, argv, "jxh", options, NULL)) != -1) {
		json |= c == 'j';
		extend |= c == 'x';
		if (c == 'h' || c == '?') {
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : EXIT_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	r.outcome = mmap(NULL, sizeof(*r.outcome) * ROWS_MAX, PROT_READ | PROT_WRITE,
	                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r.outcome == MAP_FAILED) {
		perror("conformance: no memory");
		return EXIT_USAGE;
	}
	for (size_t i = 0; !extend && i < COUNTED(usual); i++)
		add(&r, usual[i]);
	if (extend)
		add(&r, &rows_extend);
	return run(&r, json, extend);
}
