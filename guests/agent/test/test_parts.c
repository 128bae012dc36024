/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent's parts stand on: set-up commands, guarded probes, texts, the nested initramfs. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/cpio.h"
#include "agent/guard.h"
#include "agent/nested.h"
#include "agent/process.h"
#include "agent/util.h"
#include "test/tests.h"

TEST(setup_command_is_bounded)
{
	struct command c = {0}, slow = {0};
	struct trouble t;

	command_add_all(&c, "sh", "-c", "echo lost; echo why >&2; exit 3", NULL);
	ck_assert_int_eq(command_run(&c, "step", util_now_ms() + 600000, &t), -ECHILD);
	ck_assert_str_eq(t.step, "step");
	ck_assert_ptr_nonnull(strstr(t.reason, "why"));
	command_done(&c);
	command_add_all(&slow, "sleep", "60", NULL);
	int64_t begun = util_now_ms();
	ck_assert_int_eq(command_run(&slow, "step", begun + 300, &t), -ETIMEDOUT);
	ck_assert_int_lt(util_now_ms() - begun, 60000); /* it did not sleep to its end */
	command_done(&slow);
	ck_assert_int_eq(command_quiet(600000, "true", NULL), 0);
	ck_assert_int_eq(command_quiet(600000, "/nonexistent/program", NULL), -ENOENT);
}

/* ---- guarded probes ---- */
static json_t *finds(void *arg)
{
	return json_pack("{s:s}", "found", (const char *)arg);
}

static json_t *hangs(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static json_t *crashes(void *arg)
{
	(void)arg;
	signal(SIGABRT, SIG_DFL);
	raise(SIGKILL);
	return NULL;
}

TEST(probe_cannot_hang_or_crash_us)
{
	int error = -1;
	json_t *found = guard_run(finds, "it", 600000, &error);

	ck_assert_str_eq(util_json_string(found, "found", ""), "it");
	ck_assert_int_eq(error, 0);
	json_decref(found);
	ck_assert_ptr_null(guard_run(hangs, NULL, 200, &error));
	ck_assert_int_eq(error, ETIMEDOUT);
	ck_assert_ptr_null(guard_run(crashes, NULL, 600000, &error));
	ck_assert_int_eq(error, EPROTO);
}

static json_t *who(void *arg)
{
	(void)arg;
	return json_pack("{s:i}", "pid", (int)getpid());
}

static json_int_t who_says(struct guard *g)
{
	int error;
	json_t *found = guard_next(g, 600000, &error);
	json_int_t pid = json_integer_value(json_object_get(found, "pid"));

	ck_assert_ptr_nonnull(found);
	json_decref(found);
	return pid;
}

/* One process for all, until one of them ends it; it ends when its caller does. */
TEST(probes_share_a_process)
{
	static const struct guarded fn[] = {
	        {.run = who}, {.run = who}, {.run = crashes}, {.run = hangs}, {.run = who}};
	struct guard g;
	int error;

	ck_assert_int_eq(guard_start(&g, fn, COUNT_OF(fn), NULL), 0);
	json_int_t first = who_says(&g);
	ck_assert_int_eq(first, g.pid);
	ck_assert_int_eq(who_says(&g), first);
	ck_assert_ptr_null(guard_next(&g, 600000, &error));
	ck_assert_int_eq(error, EPROTO);
	ck_assert_int_lt(g.pid, 0);
	ck_assert_int_eq(guard_start(&g, &fn[3], COUNT_OF(fn) - 3, NULL), 0);
	ck_assert_ptr_null(guard_next(&g, 200, &error));
	ck_assert_int_eq(error, ETIMEDOUT);
	ck_assert_int_eq(guard_start(&g, &fn[4], COUNT_OF(fn) - 4, NULL), 0);
	ck_assert_int_ne(who_says(&g), getpid());
	pid_t last = g.pid;
	guard_end(&g);
	/* It ends in any case, and beside load maybe after guard_end has given up to wait. */
	ck_assert(waitpid(last, NULL, 0) == last || errno == ECHILD);
}

/* ---- small things ---- */
static const struct {
	const char *in, *out;
} texts[] = {
        {"plain\ttext\n", "plain\ttext\n"},
        {"\x1b[31m", "\\x1b[31m"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"\xff\xfe", "\\xff\\xfe"},
        {"\xc0\xaf", "\\xc0\\xaf"},          /* overlong */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* surrogate */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"cut \xe2\x82", "cut \\xe2\\x82"},
};

TEST_EACH(text_is_always_utf8, texts)
{
	json_t *text = util_json_text(texts[_i].in, strlen(texts[_i].in));

	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(json_string_value(text), texts[_i].out);
	json_decref(text);
}

/* A nested kernel is told what this one was told for TCG's sake, word by word, and no more. */
TEST(nested_kernels_follow)
{
	char plain[NESTED_APPEND_MAX], translated[NESTED_APPEND_MAX];
	size_t n;

	nested_append_of("console=ttyS0 xnohz=off nohz=offx mitigations=off,nosmt swiotlb=8\n",
	                 plain);
	ck_assert_str_eq(plain,
	                 "console=ttyS0 quiet panic=-1 8250.nr_uarts=1 cryptomgr.notests "
	                 "random.trust_cpu=on");
	nested_append_of("nokaslr highres=off swiotlb=8 nohz=off\n", translated);
	n = strlen(plain);
	ck_assert_int_eq(strncmp(translated, plain, n), 0);
	ck_assert_str_eq(translated + n, " nokaslr highres=off nohz=off");
}

TEST(initrd_is_a_cpio)
{
	char path[] = "/tmp/tception-test-XXXXXX";
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	bool init = false, console = false;
	struct stat st;

	close(mkstemp(path));
	ck_assert_int_eq(cpio_make_initrd("/proc/self/exe", NULL, path), 0);
	ck_assert_int_eq(stat("/proc/self/exe", &st), 0);
	archive_read_support_format_cpio(a);
	ck_assert_int_eq(archive_read_open_filename(a, path, 10240), ARCHIVE_OK);
	while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
		if (strcmp(archive_entry_pathname(e), "init") == 0)
			init = archive_entry_size(e) == st.st_size &&
			       archive_entry_mode(e) == (S_IFREG | 0755);
		if (strcmp(archive_entry_pathname(e), "dev/console") == 0)
			console =
			        archive_entry_rdevmajor(e) == 5 && archive_entry_rdevminor(e) == 1;
	}
	ck_assert(init);
	ck_assert(console);
	archive_read_free(a);
	unlink(path);
	ck_assert_int_eq(cpio_make_initrd("/nonexistent", NULL, path), -ENOENT);
}

TESTS("parts", .timeout = 60, .no_sigpipe = true)
