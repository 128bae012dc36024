/* SPDX-License-Identifier: Apache-2.0 */
/* A frame's JSON without its data says what jansson says of the whole. */
#include <jansson.h>
#include <stdio.h>

#include "judge/frames.h"
#include "test/tests.h"

/* `@` stands for 400 characters of base64, `~` for 3 that are short of being any. */
static const struct {
	const char *text;
	bool left_out;
} payloads[] = {
        {"{\"child\":1,\"data\":\"@\"}", true},
        {"{\"data\":\"@\",\"ok\":true,\"kernel\":[\"a \\\"line\\\"\\n\"]}", true},
        {"{\"data\":\"@~\"}", true}, /* no base64, and said to be none */
        {"{\"data\":\"short\"}", false},
        {"{\"data\": \"@\"}", false},
        {"{\"x\":{\"data\":\"@\"}}", false},
        {"{\"x\":{\"data\":\"@\"},\"data\":\"\"}", false},
        {"{\"x\":{\"data\":\"@\"},\"data\" :\"\"}", false},
        {"{\"data\" :\"\",\"x\":{\"data\":\"@\"}}", false},
        {"{\"x\":{\"data\":\"@\"},\"\\u0064ata\":\"\"}", false},
        {"{\"d\\u0061ta\":\"\",\"x\":{\"data\":\"@\"}}", false},
        {"{\"a\\\"data\":\"@\",\"data\":\"\"}", false},
        {"{\"a\\\"data\":\"@\",\"data\" :\"\"}", false},
        {"{\"data\":\"@\",\"data\":\"@\"}", false},
        {"{\"data\":\"@\",\"data\":7}", false},
        {"{\"data\":\"@\",\"step\":\"data\"}", false},
        {"{\"data\":\"@\\n\"}", false},
        {"{\"data\":\"@\x01\"}", false},
        {"{\"data\":\"@\xff\"}", false},
        {"{\"data\":\"@", false},
        {"{\"data\":\"@\"} x", false},
        {"[\"data\":\"@\"]", false},
        {"[{\"data\":\"@\"}]", false},
        {"\"data\":\"@\"", false},
        {"{}", false},
        {"", false},
};

static size_t spell(const char *text, char out[2000])
{
	char *p = out;

	for (; *text; text++) {
		if (*text == '@')
			p += snprintf(p, 401, "%0400d", 0);
		else if (*text == '~')
			p += snprintf(p, 4, "===");
		else
			*p++ = *text;
	}
	return (size_t)(p - out);
}

TEST_EACH(same_as_the_whole, payloads)
{
	uint8_t *data[2] = {NULL, NULL};
	struct frame_data left = {"?", 1};
	size_t length[2] = {0, 0};
	char text[2000];
	const size_t size = spell(payloads[_i].text, text);
	struct frame_view f = {.header.length = (uint32_t)size, .payload = (uint8_t *)text};
	json_t *whole = frame_json(&f), *rest = frame_json_but_data(&f, &left);
	int code[2];

	ck_assert_int_eq(left.text != NULL, payloads[_i].left_out);
	ck_assert_int_eq(whole == NULL, rest == NULL);
	code[0] = whole ? member_bytes(whole, "data", &data[0], &length[0]) : 0;
	code[1] = rest ? frame_data_bytes(rest, &left, &data[1], &length[1]) : 0;
	ck_assert_int_eq(code[0], code[1]);
	ck_assert_uint_eq(length[0], length[1]);
	if (length[0])
		ck_assert_mem_eq(data[0], data[1], length[0]);
	if (left.text)
		json_object_set_new(rest, "data", json_stringn(left.text, left.size));
	ck_assert(whole == NULL || json_equal(whole, rest));
	json_decref(whole);
	json_decref(rest);
	free(data[0]);
	free(data[1]);
}

static size_t add(uint8_t *out, enum frame_type type, const char *text)
{
	const struct frame_header h = {.type = type, .length = (uint32_t)strlen(text)};

	frame_header_write(&h, out);
	memcpy(out + FRAME_HEADER_SIZE, text, h.length);
	return FRAME_HEADER_SIZE + h.length;
}

TEST(frames_of_one_type)
{
	uint8_t all[200], wanted[200];
	size_t size = 0, left;

	size += add(all + size, FRAME_HELLO, "{\"a\":1}");
	left = add(wanted, FRAME_DMESG, "{\"b\":22}");
	size += add(all + size, FRAME_DMESG, "{\"b\":22}");
	size += add(all + size, FRAME_DONE, "{}");
	left += add(wanted + left, FRAME_DMESG, "{}");
	size += add(all + size, FRAME_DMESG, "{}");
	ck_assert_uint_eq(frames_only(FRAME_DMESG, all, size - 1, all),
	                  left - FRAME_HEADER_SIZE - 2);
	size = 0;
	size += add(all + size, FRAME_HELLO, "{\"a\":1}");
	size += add(all + size, FRAME_DMESG, "{\"b\":22}");
	size += add(all + size, FRAME_DONE, "{}");
	size += add(all + size, FRAME_DMESG, "{}");
	ck_assert_uint_eq(frames_only(FRAME_DMESG, all, size, all), left);
	ck_assert_mem_eq(all, wanted, left);
}

TESTS("frames")
