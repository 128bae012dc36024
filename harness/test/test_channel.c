/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "format/bytes.h"
#include "format/text.h"
#include "run/channel.h"
#include "run/visit.h"
#include "test/tests.h"

/* HELLO "{}", DONE "{}", one byte of what follows; written by hand from format/frame.h. */
static const uint8_t stream[] = {'T', 'C', 'F', '1', 16,  0,   0,   0,   0,   0,   0,  0, 2,
                                 0,   0,   0,   '{', '}', 'T', 'C', 'F', '1', 25,  0,  0, 0,
                                 1,   0,   0,   0,   2,   0,   0,   0,   '{', '}', 'T'};
#define DONE_END 36

/* However the bytes are cut, DONE is seen at the same place. */
TEST_RANGE(cut_anywhere, 1, sizeof(stream) + 1)
{
	size_t piece = (size_t)_i;
	struct frame_scanner s = {0};
	enum scan_result result = SCAN_MORE;

	for (size_t at = 0; at < sizeof(stream) && result == SCAN_MORE;) {
		size_t n = sizeof(stream) - at < piece ? sizeof(stream) - at : piece, used;

		result = frame_scan(&s, stream + at, n, &used);
		ck_assert_uint_le(used, n);
		at += used;
	}
	ck_assert_int_eq(result, SCAN_DONE);
	ck_assert_uint_eq(s.position, DONE_END);
}

TEST(done_without_payload)
{
	uint8_t data[sizeof(stream)];
	struct frame_scanner s = {0};
	size_t used;

	memcpy(data, stream, sizeof(data));
	data[30] = 0; /* DONE's length */
	ck_assert_int_eq(frame_scan(&s, data, sizeof(data), &used), SCAN_DONE);
	ck_assert_uint_eq(used, 34);
}

/* A DONE inside a payload (a child's, in a RELAY) is not layer 0's. */
TEST(done_inside_payload)
{
	uint8_t data[16 + 18] = {'T', 'C', 'F', '1', 22, 0, 0, 0, 0, 0, 0, 0, 18};
	struct frame_scanner s = {0};
	size_t used;

	memcpy(data + 16, stream + 18, 18);
	ck_assert_int_eq(frame_scan(&s, data, sizeof(data), &used), SCAN_MORE);
	ck_assert_uint_eq(used, sizeof(data));
}

static const struct {
	size_t at;
	uint8_t value;
} spoilt[] = {{0, 't'}, {3, '2'}, {6, 1}, {15, 1}, {14, 0x11}}; /* magic, flags, length */

TEST_EACH(garbage, spoilt)
{
	uint8_t data[sizeof(stream)];
	struct frame_scanner s = {0};
	size_t used;

	memcpy(data, stream, sizeof(data));
	data[spoilt[_i].at] = spoilt[_i].value;
	ck_assert_int_eq(frame_scan(&s, data, sizeof(data), &used), SCAN_GARBAGE);
	ck_assert_uint_eq(s.position, FRAME_HEADER_SIZE);
}

TEST(outbox_numbers_frames)
{
	struct outbox o = {0};
	uint8_t data[128];
	struct err e;
	bool empty;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ck_assert_int_eq(outbox_put(&o, FRAME_HELLO, "{}", &e), 0);
	ck_assert_int_eq(outbox_put(&o, FRAME_DONE, "{}", &e), 0);
	ck_assert_int_eq(outbox_flush(&o, fd[0], &empty, &e), 0);
	ck_assert(empty);
	ck_assert_int_eq(read(fd[1], data, sizeof(data)), DONE_END);
	ck_assert_mem_eq(data, stream, DONE_END);
	close(fd[1]);
	ck_assert_int_eq(outbox_put(&o, FRAME_BYE, "{}", &e), 0);
	ck_assert_int_lt(outbox_flush(&o, fd[0], &empty, &e), 0);
	close(fd[0]);
	outbox_done(&o);
}

static void check_layer(json_t *layer, const char *id, int probe, int deadline_ms,
                        const uint8_t nonce[32])
{
	char text[BASE64_ENCODED_SIZE(32)];

	base64_encode(nonce, 32, text);
	ck_assert_str_eq(json_string_value(json_object_get(layer, "id")), id);
	ck_assert_int_eq(json_is_true(json_object_get(layer, "probe")), probe);
	ck_assert_int_eq(json_integer_value(json_object_get(layer, "deadline_ms")), deadline_ms);
	ck_assert_str_eq(json_string_value(json_object_get(layer, "nonce")), text);
}

TEST(visit_of_a_container)
{
	struct visit_record a, b;
	char *json, *other;
	struct cell cell;
	struct err e;
	json_t *root, *stack, *inner;

	ck_assert_int_eq(cell_parse("td@mem=2048/docker.privileged+dev+tsm", &cell, &e), 0);
	ck_assert_int_eq(visit_plan(&cell, 2, &a, &e), 0);
	ck_assert_int_eq(visit_frame(&cell, &a, 7, 60, &json, &e), 0);
	ck_assert_int_eq(visit_plan(&cell, 2, &b, &e), 0);
	ck_assert_int_eq(visit_frame(&cell, &b, 8, 60, &other, &e), 0);
	root = json_loads(json, 0, NULL);
	ck_assert_int_eq(json_integer_value(json_object_get(root, "visit")), 7);
	stack = json_object_get(root, "stack");
	ck_assert_uint_eq(json_array_size(stack), 2);
	check_layer(json_array_get(stack, 0), "td@mem=2048", 0, 60000, a.nonce[0]);
	inner = json_array_get(stack, 1);
	check_layer(inner, "td@mem=2048/docker.privileged+dev+tsm", 1, 54000, a.nonce[1]);
	ck_assert_str_eq(json_string_value(json_object_get(inner, "kind")), "docker");
	ck_assert_str_eq(json_string_value(json_object_get(inner, "mode")), "privileged");
	ck_assert_uint_eq(json_array_size(json_object_get(inner, "grants")), 2);
	ck_assert_str_eq(json_string_value(json_object_get(
	                         json_object_get(json_array_get(stack, 0), "axes"), "mem")),
	                 "2048");
	ck_assert_str_eq(a.cell_id, "td@mem=2048/docker.privileged+dev+tsm");
	ck_assert(!a.probe0);
	ck_assert_int_ne(memcmp(a.nonce[1], b.nonce[1], 32), 0);
	ck_assert_int_ne(memcmp(a.nonce[0], a.nonce[1], 32), 0);
	ck_assert_ptr_null(json_object_get(inner, "secret"));
	json_decref(root);
	free(json);
	a.secret.wanted = true; /* the innermost layer alone is told */
	ck_assert_int_eq(visit_frame(&cell, &a, 7, 60, &json, &e), 0);
	root = json_loads(json, 0, NULL);
	stack = json_object_get(root, "stack");
	ck_assert_ptr_null(json_object_get(json_array_get(stack, 0), "secret"));
	ck_assert(json_is_true(json_object_get(json_array_get(stack, 1), "secret")));
	json_decref(root);
	free(json);
	free(other);
}

TEST(visit_of_layer0)
{
	struct visit_record v;
	struct cell cell;
	struct err e;
	json_t *root;
	char *json;

	ck_assert_int_eq(cell_parse("vm/docker", &cell, &e), 0);
	ck_assert_int_eq(visit_plan(&cell, 1, &v, &e), 0);
	ck_assert_int_eq(visit_frame(&cell, &v, 0, 90, &json, &e), 0);
	root = json_loads(json, 0, NULL);
	ck_assert_uint_eq(json_array_size(json_object_get(root, "stack")), 1);
	check_layer(json_array_get(json_object_get(root, "stack"), 0), "vm", 1, 90000, v.nonce[0]);
	ck_assert(v.probe0);
	ck_assert_str_eq(v.cell_id, "vm");
	ck_assert_uint_eq(v.layers, 1);
	json_decref(root);
	free(json);
}

TESTS("channel")
