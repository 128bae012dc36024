/* SPDX-License-Identifier: Apache-2.0 */
/* A secret for a layer: sealed, released or refused, proved. */
#include <errno.h>

#include "format/text.h"
#include "judge/release.h"
#include "run/release.h"
#include "test/synth.h"
#include "test/tests.h"
#include "trust/seal.h"

/* RFC 9180, appendix A.2.1: base mode, sequence number 0. */
#define EPHEMERAL "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600"
#define RECIPIENT "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"
#define SEALED                                                                                  \
	"1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"                      \
	"1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b" \
	"51a28"

static void unhex(const char *text, uint8_t *out)
{
	size_t size;

	ck_assert_int_eq(hex_decode(text, strlen(text), out, &size), FORMAT_OK);
}

TEST(seals_as_the_standard)
{
	static const char text[] = "Beauty is truth, truth beauty", info[] = "Ode on a Grecian Urn";
	uint8_t ephemeral[32], recipient[32], expected[32 + 29 + 16], got[32 + 29 + 16];
	struct err e;

	unhex(EPHEMERAL, ephemeral);
	unhex(RECIPIENT, recipient);
	unhex(SEALED, expected);
	ck_assert_int_eq(seal_by(ephemeral, recipient, info, 20, "Count-0", 7, text, 29, got, &e),
	                 0);
	ck_assert_mem_eq(got, expected, sizeof(got));
}

/* A key with which X25519 gives zeroes, whoever has the other one. */
TEST(seals_to_no_weak_key)
{
	uint8_t zeroes[32] = {0}, one[32] = {1}, secret[SECRET_SIZE] = {7}, out[SECRET_SEALED_SIZE];
	struct err e;

	ck_assert_int_eq(seal(zeroes, "", 0, "", 0, secret, out, &e), -EBADMSG);
	ck_assert_int_eq(seal(one, "", 0, "", 0, secret, out, &e), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(e.text, "X25519 gives no secret"));
}

/* The same run, in which the container is to have a secret; the harness released it, or has yet to judge. */
static void synth_secret(struct synth *y, enum secret_twist secret, bool released)
{
	y->secret = secret;
	y->item[1].expect.secret = SECRET_RELEASED;
	y->visit[1].secret =
	        (struct secret_record){.wanted = true, .answered = released, .released = released};
	memset(y->visit[1].secret.proof, SYNTH_PROOF, SECRET_PROOF_SIZE);
	y->visit[1].state = released ? VISIT_DONE : VISIT_NOT_RUN;
	synth_build(y);
}

/* ---- the policy, while the layer waits, and the verdict afterwards ---- */
enum more { NOTHING, NO_PREDICTION, MRTD, RTMR0, RTMR2, RTMR1_UNKNOWN, DEBUGGABLE };

static const struct {
	enum secret_twist secret;
	enum twist twist; /* of the rest of the evidence */
	enum more more;
	bool may;
	enum secret_state state; /* afterwards, had it been sent */
	const char *why;         /* part of it */
} table[] = {
        {SECRET_PROVES, AS_IT_SHOULD_BE, NOTHING, true, SECRET_RELEASED, ""},
        {SECRET_PROVES, BROKERED, NOTHING, true, SECRET_RELEASED, ""},
        /* the layer's part */
        {SECRET_SILENT, AS_IT_SHOULD_BE, NOTHING, true, SECRET_LOST, "not prove"},
        {SECRET_GUESSES, AS_IT_SHOULD_BE, NOTHING, true, SECRET_LOST, "not prove"},
        {SECRET_KEYLESS, AS_IT_SHOULD_BE, NOTHING, false, SECRET_LOST, "key"},
        {SECRET_SHORT, AS_IT_SHOULD_BE, NOTHING, false, SECRET_LOST, "key"},
        {SECRET_ASKLESS, AS_IT_SHOULD_BE, NOTHING, false, SECRET_LOST, ""},
        {SECRET_REPEATS, AS_IT_SHOULD_BE, NOTHING, false, SECRET_LOST, "evidence: it asks"},
        {SECRET_TWO_KEYS, AS_IT_SHOULD_BE, NOTHING, false, SECRET_LOST, "evidence: it names two"},
        /* another key put into the frames on their way: what the quote binds is not that */
        {SECRET_SWAPPED, AS_IT_SHOULD_BE, NOTHING, false, SECRET_LOST, "bound: "},
        /* quotes that are replayed, another layer's, forged; signed by others */
        {SECRET_PROVES, QUOTE_REPLAYED, NOTHING, false, SECRET_LOST, "bound: "},
        {SECRET_PROVES, QUOTE_BORROWED, NOTHING, false, SECRET_LOST, "bound: "},
        {SECRET_PROVES, BROKER_BORROWED, NOTHING, false, SECRET_LOST, "bound: "},
        {SECRET_PROVES, QUOTE_RTMR, NOTHING, false, SECRET_LOST, "registers: "},
        {SECRET_PROVES, QUOTE_RESIGNED, NOTHING, false, SECRET_LOST, "registers: "},
        {SECRET_PROVES, QUOTE_SIGNATURE, NOTHING, false, SECRET_LOST, "chain: "},
        {SECRET_PROVES, QUOTE_FOREIGN, NOTHING, false, SECRET_LOST, "chain: "},
        {SECRET_PROVES, QUOTE_EMPTY, NOTHING, false, SECRET_LOST, "quote: "},
        {SECRET_PROVES, QUOTE_GARBAGE, NOTHING, false, SECRET_LOST, "parsed: "},
        {SECRET_PROVES, GENERATION, NOTHING, false, SECRET_LOST, "quote: "},
        {SECRET_PROVES, HARDWARE, NOTHING, false, SECRET_LOST, "chain: "},
        /* what the TD measured */
        {SECRET_PROVES, ZERO_LOG, NOTHING, false, SECRET_LOST, "eventlog: "},
        {SECRET_PROVES, ZERO_NO_LOG, NOTHING, false, SECRET_LOST, "eventlog: "},
        {SECRET_PROVES, AS_IT_SHOULD_BE, NO_PREDICTION, false, SECRET_LOST,
         "predicted: nothing was predicted"},
        {SECRET_PROVES, AS_IT_SHOULD_BE, MRTD, false, SECRET_LOST, "predicted: MRTD"},
        {SECRET_PROVES, AS_IT_SHOULD_BE, RTMR0, false, SECRET_LOST, "predicted: RTMR0"},
        {SECRET_PROVES, AS_IT_SHOULD_BE, RTMR2, false, SECRET_LOST, "predicted: RTMR2"},
        {SECRET_PROVES, AS_IT_SHOULD_BE, RTMR1_UNKNOWN, false, SECRET_LOST,
         "predicted: RTMR1 could not"},
        {SECRET_PROVES, AS_IT_SHOULD_BE, DEBUGGABLE, false, SECRET_LOST, "DEBUG is on"},
        /* evidence that is not whole */
        {SECRET_PROVES, HELLO_NONCE, NOTHING, false, SECRET_LOST, "evidence: HELLO"},
        {SECRET_PROVES, SEQUENCE_GAP, NOTHING, false, SECRET_LOST, "evidence: frame"},
        {SECRET_PROVES, ZERO_NONCE, NOTHING, false, SECRET_LOST, "evidence: HELLO"},
};

static void make(struct synth *y, size_t row, bool released, const struct prediction **list,
                 struct prediction *p)
{
	const enum more more = table[row].more;

	synth_debug = more == DEBUGGABLE;
	synth_td = synth_debug ? "td@attributes=debug" : "td";
	synth_init(y, table[row].twist);
	if (synth_debug)
		synth_case(y, 1, "td@attributes=debug/docker+dev+tsm+noapparmor", GRADE_VERIFIED,
		           RUNG_COVERS);
	cell_print(&y->item[1].cell, 2, y->visit[1].cell_id);
	synth_secret(y, table[row].secret, released);
	synth_predict(y, p);
	p->mrtd[MRTD_TWO_PASS][0] ^= more == MRTD;
	p->rtmr[0][3] ^= more == RTMR0;
	p->rtmr[2][3] ^= more == RTMR2;
	if (more == RTMR1_UNKNOWN)
		p->known[1] = false;
	list[0] = p;
	y->in.prediction = more == NO_PREDICTION ? NULL : list;
}

TEST_EACH(is_released_by_the_policy, table)
{
	const struct prediction *list[1];
	char why[JUDGE_TEXT_MAX] = "";
	uint8_t key[32] = {0}, expected[32];
	struct prediction p;
	struct synth y;

	make(&y, (size_t)_i, false, list, &p);
	ck_assert_msg(release_judge(&y.in, 1, key, why) == table[_i].may, "row %d: %s", _i, why);
	if (table[_i].secret != SECRET_ASKLESS && !table[_i].may)
		ck_assert_msg(strstr(why, table[_i].why) != NULL, "row %d: '%s'", _i, why);
	memset(expected, table[_i].may ? SYNTH_KEY : 0, sizeof(expected));
	ck_assert_mem_eq(key, expected, sizeof(key));
	synth_done(&y);
}

/* Had it been sent all the same: the judge of the whole run holds it against the policy again. */
TEST_EACH(is_judged_again, table)
{
	const struct prediction *list[1];
	struct prediction p;
	struct cell_verdict v;
	struct synth y;

	make(&y, (size_t)_i, true, list, &p);
	v = synth_judge(&y, 1);
	ck_assert_msg(v.layer[1].secret == table[_i].state, "row %d: %s", _i,
	              secret_state_names[v.layer[1].secret]);
	ck_assert_int_eq(v.layer[1].ladder[RUNG_SECRET].ok,
	                 table[_i].state == SECRET_RELEASED ? RUNG_TRUE : RUNG_FALSE);
	ck_assert_msg(strstr(v.layer[1].ladder[RUNG_SECRET].detail, table[_i].why) != NULL,
	              "row %d: '%s'", _i, v.layer[1].ladder[RUNG_SECRET].detail);
	if (table[_i].state == SECRET_RELEASED)
		ck_assert_int_eq(v.outcome, OUTCOME_PASS);
	else
		ck_assert_int_ne(v.outcome, OUTCOME_PASS);
	cell_verdict_done(&v);
	synth_done(&y);
}

/* With the grant `measured` RTMR3 has to name the layer and its key as well. */
TEST_RANGE(measured_has_to_cover, 0, 7)
{
	static const enum extend_twist extends[] = {
	        EXTENDS_KEYED,     EXTENDS_IMAGE,     EXTENDS_NO_LAUNCH, EXTENDS,
	        EXTENDS_KEY_OTHER, EXTENDS_KEY_LAYER, EXTENDS_KEY_FLIP};
	const struct prediction *list[1];
	char why[JUDGE_TEXT_MAX] = "";
	struct prediction p;
	uint8_t key[32];
	struct synth y;

	synth_init(&y, AS_IT_SHOULD_BE);
	synth_case(&y, 1, "td/docker+dev+tsm+noapparmor+measured", GRADE_COVERED, -1);
	cell_print(&y.item[1].cell, 2, y.visit[1].cell_id);
	y.extends = extends[_i];
	strcpy(y.item[1].expect.covers, SYNTH_IMAGE);
	y.item[1].expect.covers[0] ^= extends[_i] == EXTENDS_IMAGE;
	synth_secret(&y, SECRET_PROVES, false);
	synth_predict(&y, &p);
	list[0] = &p;
	y.in.prediction = list;
	ck_assert_msg(release_judge(&y.in, 1, key, why) == (_i == 0), "%d: %s", _i, why);
	if (_i > 0)
		ck_assert_msg(strstr(why, _i < 3 ? "covers: " : "covers: RTMR3 has not the layer's key") !=
		                      NULL,
		              "%d: %s", _i, why);
	synth_done(&y);
}

/* What a refusal that was recorded means to a case that expects it, and to one that does not. */
TEST(refusal_is_expected_or_not)
{
	const struct prediction *list[1];
	struct prediction p;
	struct cell_verdict v;
	struct synth y;

	make(&y, 0, true, list, &p);
	y.visit[1].secret.released = false;
	strcpy(y.visit[1].secret.reason, "bound: no");
	v = synth_judge(&y, 1);
	ck_assert_int_eq(v.outcome, OUTCOME_FAIL);
	ck_assert_ptr_nonnull(strstr(v.reason, "expected a secret released, saw refused"));
	ck_assert_ptr_nonnull(strstr(v.reason, "secret: refused: bound: no"));
	cell_verdict_done(&v);
	y.item[1].expect.secret = SECRET_REFUSED;
	v = synth_judge(&y, 1);
	ck_assert_int_eq(v.outcome, OUTCOME_PASS);
	cell_verdict_done(&v);
	y.item[1].expect.secret = -1; /* who expects nothing of it */
	y.visit[1].secret = (struct secret_record){.wanted = false};
	v = synth_judge(&y, 1);
	ck_assert_int_eq(v.layer[1].ladder[RUNG_SECRET].ok, RUNG_NULL);
	ck_assert_int_eq(v.outcome, OUTCOME_PASS);
	cell_verdict_done(&v);
	synth_done(&y);
}

/* ---- the answer ---- */
TEST(answer_says_no_more_than_it_must)
{
	struct release_verdict yes = {.released = true}, no = {.reason = "chain: \"forged\""};
	struct visit_record visit = {.layers = 1, .cell_id = "td"};
	char *json;
	struct err e;

	unhex(RECIPIENT, yes.key);
	ck_assert_int_eq(release_answer(&no, &visit, &json, &e), 0);
	ck_assert_str_eq(json, "{\"refused\":\"the harness does not release it\"}");
	ck_assert(visit.secret.answered && !visit.secret.released);
	ck_assert_str_eq(visit.secret.reason, no.reason);
	free(json);
	visit.secret = (struct secret_record){.wanted = true};
	ck_assert_int_eq(release_answer(&yes, &visit, &json, &e), 0);
	ck_assert(visit.secret.answered && visit.secret.released);
	ck_assert_ptr_nonnull(strstr(json, "\"sealed\":"));
	free(json);
	visit.secret = (struct secret_record){.wanted = true};
	memset(yes.key, 0, 32); /* a key that nothing can be sealed to */
	ck_assert_int_eq(release_answer(&yes, &visit, &json, &e), 0);
	ck_assert(visit.secret.answered && !visit.secret.released);
	ck_assert_ptr_nonnull(strstr(visit.secret.reason, "X25519"));
	free(json);
}

static struct release_verdict told;
static unsigned times;

static void on_told(const struct release_verdict *v, void *owner)
{
	told = *v;
	times++;
	sd_event_exit(owner, 0);
}

static void says_yes(void *userdata, const struct boot_record *boot, struct release_verdict *ret)
{
	(void)userdata;
	(void)boot;
	ret->released = true;
	ret->key[31] = 9;
}

static void dies(void *userdata, const struct boot_record *boot, struct release_verdict *ret)
{
	(void)userdata;
	(void)boot;
	ret->released = true;
	abort();
}

/* It is judged in a process of its own; one that dies has said no. */
TEST(is_judged_elsewhere)
{
	struct boot_record boot = {.attempt = 1};
	struct release *r;
	sd_event *event;
	struct err e;

	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(release_start(event, says_yes, NULL, &boot, on_told, event, &r, &e), 0);
	ck_assert_int_ge(sd_event_loop(event), 0);
	release_free(r);
	ck_assert(times == 1 && told.released && told.key[31] == 9);
	sd_event_unref(event);
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(release_start(event, dies, NULL, &boot, on_told, event, &r, &e), 0);
	ck_assert_int_ge(sd_event_loop(event), 0);
	release_free(r);
	ck_assert(times == 2 && !told.released && strstr(told.reason, "died"));
	sd_event_unref(event);
}

TESTS("secret", .timeout = 60)
