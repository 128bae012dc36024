/* SPDX-License-Identifier: Apache-2.0 */
/* What of the agent can be tested without a VM: the conversation, and what it does with a child. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/channel.h"
#include "agent/child.h"
#include "agent/driver.h"
#include "agent/extend.h"
#include "agent/launch.h"
#include "agent/util.h"
#include "agent/visit.h"
#include "format/text.h"
#include "test/patience.h"
#include "test/tests.h"

#define NONCE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" /* bytes 0 to 31 */

/* ---- the only driver here: runs the words of `script` ---- */
static const char *script; /* for sh -c; NULL: a program that is not there */
static int prepare_result;
static unsigned stopped, cleaned;
static const char *measured; /* the tree it is made of, for a layer that is to be measured */

static int fake_prepare(struct entry *e, struct trouble *t)
{
	ck_assert_str_eq(e->visit->id, "vm/docker");
	ck_assert_ptr_nonnull(strstr(e->name, "tception-"));
	ck_assert_int_gt(e->end_ms, util_now_ms());
	ck_assert(layer_has(&e->layer, GRANT_DEV));
	ck_assert_uint_eq(layer_number(&e->layer, AXIS_USER), 64);
	if (prepare_result < 0)
		return trouble_set(t, prepare_result, "setting up", "no luck");
	if (measured)
		command_measure(&e->command, "rootfs", measured);
	if (script)
		command_add_all(&e->command, "sh", "-c", script, NULL);
	else
		command_add(&e->command, "/nonexistent/program");
	return 0;
}

static void fake_stop(const struct entry *e)
{
	(void)e;
	stopped++;
}

static void fake_clean(const struct entry *e)
{
	(void)e;
	cleaned++;
}

static const struct driver fake = {.kind = KIND_DOCKER,
                                   .prepare = fake_prepare,
                                   .stop = fake_stop,
                                   .clean = fake_clean,
                                   .good_exit = 33};
DRIVER(fake);

/* ---- helpers ---- */
static json_t *visit_json(const char *deadline)
{
	char text[1024];

	snprintf(text, sizeof(text),
	         "{\"visit\":7,\"stack\":[{\"id\":\"vm\",\"kind\":\"vm\",\"mode\":\"\",\"grants\":["
	         "],"
	         "\"axes\":{},\"nonce\":\"" NONCE
	         "\",\"probe\":false,\"deadline_ms\":60000},"
	         "{\"id\":\"vm/docker\",\"kind\":\"docker\",\"mode\":\"\",\"grants\":[\"dev\"%s],"
	         "\"axes\":{\"user\":\"64\"},\"nonce\":\"" NONCE "\",\"deadline_ms\":%s}]}",
	         measured ? ",\"measured\"" : "", deadline);
	json_t *object = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(object);
	return object;
}

/* Frames that were sent, read back from the file that served as the channel. */
struct sent {
	size_t count, size;
	struct {
		uint16_t type;
		json_t *object;
	} frame[512];
	uint8_t bytes[40u << 20];
};
static struct sent sent;

static void read_back(int fd)
{
	struct frame_header h;
	size_t at = 0;

	sent.count = 0;
	ssize_t n = pread(fd, sent.bytes, sizeof(sent.bytes), 0);
	ck_assert_int_ge(n, 0);
	for (sent.size = (size_t)n; at < sent.size; sent.count++) {
		ck_assert_uint_lt(sent.count, COUNT_OF(sent.frame));
		ck_assert_int_eq(frame_header_parse(sent.bytes + at, sent.size - at, &h, NULL),
		                 FORMAT_OK);
		ck_assert_uint_eq(h.sequence, sent.count);
		at += FRAME_HEADER_SIZE;
		ck_assert_uint_le(at + h.length, sent.size);
		sent.frame[sent.count].type = h.type;
		sent.frame[sent.count].object =
		        json_loadb((char *)sent.bytes + at, h.length, 0, NULL);
		ck_assert_ptr_nonnull(sent.frame[sent.count].object);
		at += h.length;
	}
}

static void forget(void)
{
	while (sent.count)
		json_decref(sent.frame[--sent.count].object);
}

/* All bytes of one kind of frame, put together. */
static char *gathered(uint16_t type, size_t *ret_size)
{
	char *all = calloc(1, CHILD_BYTES_MAX + FRAME_RELAY_CHUNK * 3);
	size_t used = 0;

	for (size_t i = 0; i < sent.count; i++) {
		const json_t *data = json_object_get(sent.frame[i].object, "data");
		size_t size = 0;
		if (sent.frame[i].type != type)
			continue;
		ck_assert_int_eq(base64_decode(json_string_value(data), json_string_length(data),
		                               (uint8_t *)all + used, &size),
		                 FORMAT_OK);
		used += size;
	}
	*ret_size = used;
	return all;
}

static const json_t *last_member(const char *name)
{
	ck_assert_uint_eq(sent.frame[sent.count - 1].type, FRAME_LEFT);
	const json_t *value = json_object_get(sent.frame[sent.count - 1].object, name);
	ck_assert_ptr_nonnull(value);
	return value;
}

/* Enters the fake layer; its frames are in `sent` afterwards. Returns how long it took. */
static int enter(const char *text, const char *deadline)
{
	int fd = memfd_create("channel", 0);
	json_t *object = visit_json(deadline);
	struct channel c;
	struct visit visit;
	const char *what;

	script = text;
	stopped = cleaned = 0;
	channel_init(&c, -1, fd, false);
	ck_assert_int_eq(visit_parse(object, &visit, &what), 0);
	int64_t begun = util_now_ms();
	ck_assert_int_eq(child_enter(&c, &visit), 0);
	int took = (int)(util_now_ms() - begun);
	read_back(fd);
	close(fd);
	json_decref(object);
	ck_assert_uint_eq(cleaned, 1);
	return took;
}

/* ---- VISIT ---- */
TEST(visit_is_read)
{
	json_t *object = visit_json("1500");
	struct visit v;
	struct layer l;
	const char *what;

	ck_assert_int_eq(visit_parse(object, &v, &what), 0);
	ck_assert_int_eq(v.number, 7);
	ck_assert_uint_eq(v.layers, 2);
	ck_assert(!v.layer[0].probe);
	ck_assert(v.layer[1].probe);
	ck_assert_str_eq(v.layer[1].id, "vm/docker");
	ck_assert_int_eq(v.layer[1].deadline_ms, 1500);
	ck_assert_int_eq(visit_read_layer(&v.layer[1], &l, NULL), 0);
	ck_assert_ptr_eq(l.kind, &kind_rows[KIND_DOCKER]);
	ck_assert_int_eq(l.mode, MODE_PLAIN);
	ck_assert_uint_eq(layer_grant_set(&l), 1u << GRANT_DEV);
	ck_assert_uint_eq(layer_number(&l, AXIS_USER), 64);
	for (unsigned i = 0; i < REPORT_NONCE_SIZE; i++)
		ck_assert_uint_eq(v.layer[1].nonce[i], i);
	json_decref(object);
}

static const struct {
	const char *text, *what;
} bad_visits[] = {
        {"{}", "stack"},
        {"{\"stack\":[]}", "stack"},
        {"{\"stack\":{}}", "stack"},
        {"{\"stack\":[1]}", "id"},
        {"{\"stack\":[{\"id\":\"vm\"}]}", "kind"},
        {"{\"stack\":[{\"id\":\"vm\",\"kind\":\"vm\"}]}", "nonce"},
        {"{\"stack\":[{\"id\":\"vm\",\"kind\":\"vm\",\"nonce\":7}]}", "nonce"},
        {"{\"stack\":[{\"id\":\"vm\",\"kind\":\"vm\",\"nonce\":\"AAECAw==\"}]}", "nonce"},
        {"{\"stack\":[{\"id\":\"vm\",\"kind\":\"vm\",\"nonce\":\"" NONCE NONCE "\"}]}", "nonce"},
        {"{\"stack\":[{\"id\":\"vm\",\"kind\":\"vm\",\"nonce\":\"" NONCE "\",\"deadline_ms\":-1}]}",
         "deadline_ms"},
        {"{\"stack\":[{\"id\":\"vm\",\"kind\":\"vm\",\"nonce\":\"" NONCE
         "\",\"deadline_ms\":\"9\"}]}",
         "deadline_ms"},
        {"{\"stack\":[1,2,3,4,5,6,7,8,9]}", "stack"},
};

TEST_EACH(bad_visit_is_refused, bad_visits)
{
	json_t *object = json_loads(bad_visits[_i].text, 0, NULL);
	struct visit v = {.layers = 99};
	const char *what = "";

	ck_assert_ptr_nonnull(object);
	ck_assert_int_eq(visit_parse(object, &v, &what), -EINVAL);
	ck_assert_str_eq(what, bad_visits[_i].what);
	ck_assert_uint_eq(v.layers, 99);
	json_decref(object);
}

/* What a child gets is a channel of its own: VISIT is frame 0. */
TEST(child_gets_the_rest_of_the_stack)
{
	json_t *object = visit_json("1500"), *got = NULL;
	char *bytes = NULL;
	size_t size = 0;
	struct visit v;
	struct channel c;
	const char *what;
	uint16_t type;
	int ends[2];

	ck_assert_int_eq(visit_parse(object, &v, &what), 0);
	ck_assert_int_eq(visit_for_child(&v, 1, &bytes, &size), 0);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(util_write_all(ends[1], bytes, size), 0);
	close(ends[1]);
	channel_init(&c, ends[0], -1, false);
	ck_assert_int_eq(channel_receive(&c, &type, &got), 0);
	ck_assert_uint_eq(type, FRAME_VISIT);
	ck_assert_uint_eq(json_array_size(json_object_get(got, "stack")), 1);
	ck_assert(json_equal(json_array_get(json_object_get(got, "stack"), 0), v.layer[1].object));
	json_decref(got);
	ck_assert(!visit_asks(&v, 0));
	ck_assert_int_eq(channel_receive(&c, &type, &got), -ENODATA);
	close(ends[0]);
	free(bytes);
	json_decref(object);
}

TEST_RANGE(garbage_is_no_frame, 0, 5)
{
	static const char *const inputs[] = {"GET / HTTP/1.0\r\n\r\n",          /* no magic */
	                                     "TCF1\1\0\0\0\5\0\0\0\2\0\0\0{}",  /* number 5 first */
	                                     "TCF1\1\0\0\0\0\0\0\0\2\0\0\0[]",  /* no object */
	                                     "TCF1\1\0\0\0\0\0\0\0\2\0\0\0{x",  /* no JSON */
	                                     "TCF1\1\0\0\0\0\0\0\0\0\0\0\377"}; /* 4 GiB */
	static const size_t sizes[] = {18, 18, 18, 18, 16};
	struct channel c;
	json_t *got = NULL;
	uint16_t type;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(util_write_all(ends[1], inputs[_i], sizes[_i]), 0);
	close(ends[1]);
	channel_init(&c, ends[0], -1, false);
	ck_assert_int_eq(channel_receive(&c, &type, &got), -EPROTO);
	ck_assert_ptr_null(got);
	close(ends[0]);
}

/* The evidence digest is over the very bytes of this visit's frames. */
TEST(evidence_is_what_was_sent)
{
	int fd = memfd_create("channel", 0);
	uint8_t ours[SHA384_SIZE], expected[SHA384_SIZE];
	struct channel c;

	channel_init(&c, -1, fd, false);
	ck_assert_int_eq(channel_send(&c, FRAME_DONE, json_pack("{s:s}", "layer", "vm")), 0);
	off_t start = lseek(fd, 0, SEEK_CUR);
	channel_begin(&c);
	ck_assert_int_eq(channel_send(&c, FRAME_HELLO, json_pack("{s:s}", "layer", "vm")), 0);
	ck_assert_int_eq(channel_send(&c, FRAME_FACT, json_pack("{s:i}", "x", 1)), 0);
	channel_evidence(&c, ours);
	read_back(fd);
	sha384(sent.bytes + start, sent.size - (size_t)start, expected);
	ck_assert_mem_eq(ours, expected, SHA384_SIZE);
	ck_assert_uint_eq(sent.count, 3);
	/* Too large a frame leaves no trace. */
	char *large = calloc(1, FRAME_PAYLOAD_MAX + 1);
	memset(large, 'x', FRAME_PAYLOAD_MAX);
	ck_assert_int_eq(channel_send(&c, FRAME_FACT, json_pack("{s:s}", "x", large)), -EMSGSIZE);
	free(large);
	channel_evidence(&c, ours);
	ck_assert_mem_eq(ours, expected, SHA384_SIZE);
	forget();
	close(fd);
}

/* ---- measuring what is started ---- */
static void tree_file(const char *dir, const char *name, const char *text, unsigned mode)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ck_assert_int_eq(util_create_file(path, text, strlen(text), mode), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

/* A little tree, in which byte order is not the one of creation, nor of the locale. */
static void tree_make(char dir[64], const char *text)
{
	char path[128];

	snprintf(dir, 64, "/tmp/tception-tree-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/b", dir);
	ck_assert_int_eq(util_mkdirs(path, 0750), 0);
	ck_assert_int_eq(chmod(path, 0750), 0);
	tree_file(dir, "b/x", text, 0600);
	tree_file(dir, "b.c", "", 0644);
	tree_file(dir, "B", "big", 04755);
	snprintf(path, sizeof(path), "%s/a", dir);
	ck_assert_int_eq(symlink("../out", path), 0);
}

static void tree_remove(const char *dir)
{
	static const char *const names[] = {"/b/x", "/b.c", "/B", "/a", "/b", ""};
	char path[128];

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, names[i]);
		ck_assert_int_eq(remove(path), 0);
	}
}

static void tree_digest(const char *dir, uint8_t ret[48])
{
	struct command c = {0};
	struct trouble t;

	command_measure(&c, "rootfs", dir);
	ck_assert_msg(launch_image(&c, ret, &t) == 0, "%s", t.reason);
}

TEST(image_is_what_is_written_down)
{
	static const char *const words[] = {"big", "../out", "hello", ""};
	char dir[64], hex[4][97], list[1024];
	uint8_t digest[48], expected[48];
	size_t size = 0;

	for (size_t i = 0; i < 4; i++) {
		sha384(words[i], strlen(words[i]), digest);
		hex_encode(digest, 48, hex[i]);
	}
#define LINE(...) size += (size_t)snprintf(list + size, sizeof(list) - size, __VA_ARGS__) + 1
	LINE("d 0755 - /");
	LINE("f 4755 %s /B", hex[0]);
	LINE("l 0777 %s /a", hex[1]);
	LINE("d 0750 - /b");
	LINE("f 0600 %s /b/x", hex[2]);
	LINE("f 0644 %s /b.c", hex[3]);
	sha384(list, size, expected);
	tree_make(dir, "hello");
	tree_digest(dir, digest);
	ck_assert_mem_eq(digest, expected, 48);
	tree_remove(dir);
}

TEST(image_follows_every_change)
{
	char dir[64], path[128];
	uint8_t first[48], other[48];

	tree_make(dir, "hello");
	tree_digest(dir, first);
	tree_file(dir, "b/x", "hellp", 0600);
	tree_digest(dir, other);
	ck_assert_mem_ne(first, other, 48);
	tree_file(dir, "b/x", "hello", 0600);
	tree_digest(dir, other);
	ck_assert_mem_eq(first, other, 48);
	tree_file(dir, "b/x", "hello", 0700);
	tree_digest(dir, other);
	ck_assert_mem_ne(first, other, 48);
	tree_file(dir, "b/x", "hello", 0600);
	snprintf(path, sizeof(path), "%s/a", dir);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("../ouu", path), 0);
	tree_digest(dir, other);
	ck_assert_mem_ne(first, other, 48);
	tree_remove(dir);
}

/* Where RTMR3 cannot be extended, as here, a layer that is to be measured is not started. */
TEST(unmeasured_is_not_started)
{
	char dir[64];

	tree_make(dir, "hello");
	measured = dir;
	enter("echo must not run", "60000");
	measured = NULL;
	tree_remove(dir);
	ck_assert_uint_eq(sent.count, 3);
	ck_assert_uint_eq(sent.frame[0].type, FRAME_ENTER);
	ck_assert_uint_eq(sent.frame[1].type, FRAME_EXTEND);
	ck_assert_str_eq(util_json_string(sent.frame[1].object, "event", ""), EXTEND_LAUNCH);
	ck_assert_str_eq(util_json_string(sent.frame[1].object, "errname", ""), "ENOENT");
	ck_assert_str_eq(json_string_value(last_member("step")), "measure");
	ck_assert(json_is_false(last_member("started")));
	forget();

	/* What cannot be read cannot be measured: not even tried. */
	measured = "/nonexistent/tree";
	enter("echo must not run", "60000");
	measured = NULL;
	ck_assert_uint_eq(sent.count, 2);
	ck_assert_str_eq(json_string_value(last_member("step")), "measure");
	ck_assert_ptr_nonnull(
	        strstr(json_string_value(last_member("reason")), "/nonexistent/tree"));
	forget();
}

/* ---- children ---- */
TEST(child_is_relayed)
{
	char *out, *err;
	size_t size;

	enter("head -c 16 | cut -c1-4; echo out; echo err >&2; exit 0", "600000");
	ck_assert_uint_eq(sent.frame[0].type, FRAME_ENTER);
	ck_assert_str_eq(util_json_string(sent.frame[0].object, "driver", ""), "docker");
	ck_assert_uint_eq(json_array_size(json_object_get(sent.frame[0].object, "argv")), 3);
	out = gathered(FRAME_RELAY, &size);
	ck_assert_str_eq(out, "TCF1\nout\n"); /* it has read the head of its VISIT */
	err = gathered(FRAME_STDERR, &size);
	ck_assert_str_eq(err, "err\n");
	ck_assert(json_is_true(last_member("started")));
	ck_assert(json_is_false(last_member("timeout")));
	ck_assert_int_eq(json_integer_value(last_member("exit")), 0);
	ck_assert(json_is_null(last_member("signal")));
	ck_assert_str_eq(json_string_value(last_member("step")), "done");
	ck_assert_uint_eq(stopped, 0);
	free(out);
	free(err);
	forget();
}

TEST(large_output_is_whole)
{
	size_t size;

	enter("head -c 3000000 /dev/zero", "600000");
	free(gathered(FRAME_RELAY, &size));
	ck_assert_uint_eq(size, 3000000);
	for (size_t i = 0; i < sent.count; i++)
		ck_assert_uint_le(json_string_length(json_object_get(sent.frame[i].object, "data")),
		                  BASE64_ENCODED_SIZE(FRAME_RELAY_CHUNK));
	forget();
}

TEST(refusal_is_told_in_its_own_words)
{
	enter("echo first >&2; echo 'no such device' >&2; exit 127", "600000");
	ck_assert(json_is_false(last_member("started")));
	ck_assert_int_eq(json_integer_value(last_member("exit")), 127);
	ck_assert_str_eq(json_string_value(last_member("step")), "enter");
	ck_assert_str_eq(json_string_value(last_member("reason")), "first\nno such device");
	forget();
}

TEST(drivers_good_exit_is_success)
{
	enter("echo x; exit 33", "600000");
	ck_assert_str_eq(json_string_value(last_member("step")), "done");
	ck_assert_int_eq(json_integer_value(last_member("exit")), 33);
	forget();
}

TEST(death_by_signal_is_told)
{
	enter("echo x; kill -SEGV $$", "600000");
	ck_assert_int_eq(json_integer_value(last_member("signal")), SIGSEGV);
	ck_assert(json_is_null(last_member("exit")));
	ck_assert_str_eq(json_string_value(last_member("step")), "run");
	forget();
}

/* Nobody may have reaped it yet, which is not being alive. */
static bool is_alive(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	_cleanup_(util_freep) char *stat_line = util_read_line(path);
	return stat_line && !strstr(stat_line, ") Z ");
}

/* All of the group dies, also a process that ignores what can be ignored and holds the pipes. */
TEST(deadline_kills_the_whole_child)
{
	char *out;
	char deadline[16], killed[32];
	size_t size;

	snprintf(deadline, sizeof(deadline), "%d", patience(700));
	snprintf(killed, sizeof(killed), "after %s ms", deadline);
	int took =
	        enter("trap '' TERM HUP; (trap '' TERM HUP; sleep 600) & echo $!; wait", deadline);

	ck_assert_int_ge(took, atoi(deadline));
	ck_assert_int_lt(took, 600000);
	ck_assert(json_is_true(last_member("timeout")));
	ck_assert(json_is_true(last_member("started")));
	ck_assert_int_eq(json_integer_value(last_member("signal")), SIGKILL);
	ck_assert_ptr_nonnull(strstr(json_string_value(last_member("reason")), killed));
	ck_assert_uint_eq(stopped, 1);
	out = gathered(FRAME_RELAY, &size);
	pid_t grandchild = (pid_t)atoi(size ? out : "0");
	ck_assert_int_gt(grandchild, 1);
	for (int i = 0; i < 3000 && is_alive(grandchild); i++)
		util_sleep_ms(10);
	ck_assert_msg(!is_alive(grandchild), "process %d lives on", (int)grandchild);
	free(out);
	forget();
}

/* A daemon left behind with the pipes open does not hold us up until the deadline. */
TEST(lingering_daemon_does_not_block)
{
	int took = enter("sleep 20 & echo gone", "600000");

	ck_assert_int_lt(took, 20000);
	ck_assert_int_eq(json_integer_value(last_member("exit")), 0);
	ck_assert(json_is_false(last_member("timeout")));
	forget();
}

TEST_RANGE(flood_is_bounded, 0, 2)
{
	size_t size;

	enter(_i ? "yes >&2" : "yes", "60000");
	free(gathered(_i ? FRAME_STDERR : FRAME_RELAY, &size));
	ck_assert_uint_gt(size, CHILD_BYTES_MAX / 2);
	ck_assert_uint_le(size, CHILD_BYTES_MAX + FRAME_RELAY_CHUNK);
	ck_assert(json_is_false(last_member("timeout")));
	ck_assert_int_eq(json_integer_value(last_member("signal")), SIGKILL);
	ck_assert_ptr_nonnull(strstr(json_string_value(last_member("reason")), "16 MiB"));
	forget();
}

TEST(missing_program_is_told)
{
	enter(NULL, "600000");
	ck_assert_str_eq(json_string_value(last_member("step")), "start");
	ck_assert_ptr_nonnull(
	        strstr(json_string_value(last_member("reason")), "No such file or directory"));
	ck_assert(json_is_false(last_member("started")));
	forget();
}

TEST_RANGE(failed_preparation_is_told, 0, 2)
{
	prepare_result = _i ? -ETIMEDOUT : -ENOENT;
	enter("true", "600000");
	prepare_result = 0;
	ck_assert_uint_eq(sent.count, 1); /* LEFT alone: nothing was tried */
	ck_assert_str_eq(json_string_value(last_member("step")), "setting up");
	ck_assert_str_eq(json_string_value(last_member("reason")), "no luck");
	ck_assert(json_is_true(last_member("timeout")) == (_i == 1));
	forget();
}

TESTS("agent", .timeout = 60, .no_sigpipe = true)
