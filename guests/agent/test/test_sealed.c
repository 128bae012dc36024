/* SPDX-License-Identifier: Apache-2.0 */
/* A secret for a layer: opened as the standard has it, asked for, and passed on to a child. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/channel.h"
#include "agent/child.h"
#include "agent/driver.h"
#include "agent/secret.h"
#include "agent/util.h"
#include "format/text.h"
#include "test/tests.h"

#define NONCE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" /* bytes 0 to 31 */

/* RFC 9180, appendix A.2.1: base mode, sequence number 0. */
#define PRIVATE "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"
#define PUBLIC  "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"
#define SEALED                                                                                  \
	"1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"                      \
	"1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b" \
	"51a28"
#define TEXT "Beauty is truth, truth beauty"
#define INFO "Ode on a Grecian Urn"

static void unhex(const char *text, uint8_t *out)
{
	size_t size;

	ck_assert_int_eq(hex_decode(text, strlen(text), out, &size), FORMAT_OK);
}

/* Whatever is changed, it does not open: 0 nothing, 1 key, 2 info, 3 associated data, then the bytes. */
TEST_RANGE(opens_as_the_standard, 0, 4 + 77)
{
	uint8_t sealed[77], text[29];
	char info[] = INFO, associated[] = "Count-0";
	struct secret_key key;
	int r;

	unhex(PRIVATE, key.private);
	unhex(PUBLIC, key.public);
	unhex(SEALED, sealed);
	key.private[8] ^= _i == 1;
	info[3] ^= _i == 2;
	associated[6] ^= _i == 3;
	if (_i >= 4)
		sealed[_i - 4] ^= 1;
	r = secret_open(&key, info, 20, associated, 7, sealed, sizeof(sealed), text);
	ck_assert_int_eq(r, _i == 0 ? 0 : -EBADMSG);
	if (_i == 0)
		ck_assert_mem_eq(text, TEXT, 29);
}

TEST(opens_nothing_short_or_weak)
{
	uint8_t sealed[77] = {0}, text[29];
	struct secret_key key;

	unhex(PRIVATE, key.private);
	unhex(PUBLIC, key.public);
	ck_assert_int_eq(secret_open(&key, INFO, 20, "", 0, sealed, 77, text), -EBADMSG);
	unhex(SEALED, sealed);
	for (size_t n = 0; n < 77; n++)
		ck_assert_int_eq(secret_open(&key, INFO, 20, "Count-0", 7, sealed, n, text),
		                 -EBADMSG);
}

/* ---- the conversation ---- */
static const struct {
	const char *answer, *step;
} answers[] = {
        {"{\"refused\":\"no\"}", "refused"},
        {"{}", "answer"},
        {"{\"sealed\":\"AAAA\",\"nonce\":\"" NONCE "\"}", "answer"},
        {"{\"sealed\":7,\"nonce\":\"" NONCE "\"}", "answer"},
        {"{\"sealed\":"
         "\"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\"nonce\":\"" NONCE "\"}",
         "open"},
};

static json_t *next_frame(struct channel *c, uint16_t wanted)
{
	json_t *got = NULL;
	uint16_t type = 0;

	ck_assert_int_eq(channel_receive(c, &type, &got), 0);
	ck_assert_uint_eq(type, wanted);
	return got;
}

/* A key is offered, the question comes, and what can't be opened is said to be so. */
TEST_EACH(asks_and_answers, answers)
{
	_cleanup_(util_json_decrefp) json_t *answer = json_loads(answers[_i].answer, 0, NULL);
	static const uint8_t zeroes[sizeof(struct secret_key)];
	_cleanup_(util_json_decrefp) json_t *object = json_pack(
	        "{s:s,s:[s]}", "kind", "docker", "grants", _i == 0 ? "measured" : "dev");
	struct visit_layer layer = {.id = "td/docker", .object = object};
	struct channel agent, harness;
	struct secret_key key;
	int down[2], up[2];

	ck_assert(pipe(down) == 0 && pipe(up) == 0);
	channel_init(&agent, down[0], up[1], false);
	channel_init(&harness, up[0], down[1], false);
	if (_i == 0) /* a measured layer waits */
		ck_assert_int_eq(channel_send(&harness, FRAME_KEYED, json_object()), 0);
	ck_assert_int_eq(secret_offer(&agent, &layer, &key), 0);
	ck_assert_int_eq(channel_send(&harness, FRAME_SECRET, json_incref(answer)), 0);
	ck_assert_int_eq(secret_ask(&agent, &layer, &key), 0);
	ck_assert_mem_eq(&key, zeroes, sizeof(key));
	json_t *fact = next_frame(&harness, FRAME_KEY);
	ck_assert_str_eq(util_json_string(fact, "suite", ""), HPKE_SUITE);
	ck_assert_uint_eq(json_string_length(json_object_get(fact, "public")), 44);
	json_t *ask = next_frame(&harness, FRAME_ASK);
	ck_assert_uint_eq(json_object_size(ask), 0);
	json_t *proof = next_frame(&harness, FRAME_PROOF);
	ck_assert_str_eq(util_json_string(proof, "step", ""), answers[_i].step);
	ck_assert(json_is_false(json_object_get(proof, "ok")) && !json_object_get(proof, "mac"));
	json_decref(fact), json_decref(ask), json_decref(proof);
}

/* ---- through a layer that only passes it on ---- */
static char script[1024];

static int fake_prepare(struct entry *e, struct trouble *t)
{
	(void)t;
	command_add_all(&e->command, "sh", "-c", script, NULL);
	return 0;
}

static const struct driver fake = {.kind = KIND_DOCKER, .prepare = fake_prepare};
DRIVER(fake);

#define ASK_FRAME  "TCF1\\035\\0\\0\\0\\0\\0\\0\\0\\2\\0\\0\\0{}"
#define DONE_FRAME "TCF1\\031\\0\\0\\0\\0\\0\\0\\0\\2\\0\\0\\0{}"
#define KEY_FRAME  "TCF1\\037\\0\\0\\0\\0\\0\\0\\0\\2\\0\\0\\0{}"
#define VISIT_JSON                                                                         \
	"{\"visit\":7,\"stack\":[{\"id\":\"td\",\"kind\":\"td\",\"nonce\":\"" NONCE        \
	"\",\"probe\":false},{\"id\":\"td/docker\",\"kind\":\"docker\",\"nonce\":\"" NONCE \
	"\",\"secret\":true,\"deadline_ms\":20000}]}"

static const struct {
	const char *says;       /* the child, before it reads on */
	bool answered;          /* a SECRET lies ready for it */
	uint16_t gets[3], sent; /* frames that it gets; the parent's first after ENTER and RELAY */
} passed[] = {
        {ASK_FRAME, true, {FRAME_VISIT, FRAME_SECRET, FRAME_BYE}, FRAME_ASK},
        {DONE_FRAME, false, {FRAME_VISIT, FRAME_BYE}, FRAME_LEFT},
        {KEY_FRAME DONE_FRAME, false, {FRAME_VISIT, FRAME_BYE}, FRAME_LEFT}, /* not measured */
        {"no frame at all, and long enough", false, {FRAME_VISIT, FRAME_BYE}, FRAME_LEFT},
};

/* What the child was sent, as frames numbered from 0. */
static void check_input(const char *path, const uint16_t types[3])
{
	FILE *f = fopen(path, "r");
	struct channel c;

	ck_assert_ptr_nonnull(f);
	channel_init(&c, fileno(f), -1, false);
	for (size_t i = 0; i < 3 && types[i]; i++)
		json_decref(next_frame(&c, types[i]));
	fclose(f);
}

TEST_EACH(is_passed_on, passed)
{
	_cleanup_(util_json_decrefp) json_t *object = json_loads(VISIT_JSON, 0, NULL);
	char path[] = "/tmp/tception-sealed-XXXXXX", *first = NULL;
	int down[2], up = memfd_create("up", 0), file = mkstemp(path);
	size_t size = 0;
	struct channel parent, harness;
	struct visit visit;
	const char *what;

	ck_assert(pipe(down) == 0 && up >= 0 && file >= 0);
	ck_assert_int_eq(visit_parse(object, &visit, &what), 0);
	ck_assert(visit.layer[1].secret && visit_asks(&visit, 1) && !visit.layer[0].secret);
	ck_assert_int_eq(visit_for_child(&visit, 1, &first, &size), 0);
	size += FRAME_HEADER_SIZE + 2; /* BYE */
	if (passed[_i].answered)
		size += FRAME_HEADER_SIZE + strlen("{\"refused\":\"no\"}");
	snprintf(script, sizeof(script), "printf '%s'; head -c %zu >%s", passed[_i].says, size,
	         path);
	channel_init(&harness, -1, down[1], false);
	channel_init(&parent, down[0], up, false);
	if (passed[_i].answered)
		ck_assert_int_eq(
		        channel_send(&harness, FRAME_SECRET, json_pack("{s:s}", "refused", "no")),
		        0);
	ck_assert_int_eq(child_enter(&parent, &visit), 0);
	check_input(path, passed[_i].gets);
	lseek(up, 0, SEEK_SET);
	channel_init(&harness, up, -1, false);
	json_decref(next_frame(&harness, FRAME_ENTER));
	json_decref(next_frame(&harness, FRAME_RELAY)); /* the question goes after what led to it */
	json_t *then = next_frame(&harness, passed[_i].sent);
	if (passed[_i].answered)
		ck_assert_int_eq(json_integer_value(json_object_get(then, "child")), 0);
	json_decref(then);
	unlink(path);
	close(file);
	free(first);
}

TESTS("sealed", .timeout = 60, .no_sigpipe = true)
