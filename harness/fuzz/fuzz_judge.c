/* SPDX-License-Identifier: Apache-2.0 */
/* A container's account, and the same bytes as layer 0's. Seeds: cases/golden/judge */
#include "format/frame.h"
#include "format/text.h"
#include "fuzz/fuzz.h"
#include "judge/release.h"
#include "report/compare.h"
#include "report/report.h"

static struct test_case item[2];
static struct visit_record visit[2];
static struct step step[2] = {{.case_index = 0}, {.case_index = 1}};
/* Layer 0's clock, as the first frame and whatever is in the middle have it. */
static struct clock_reading readings[2] = {{10, 20, 0}, {30, 40, 0}};
static struct boot_record boot = {
        .boot = {.id = "td-1", .platform = PLATFORM_EMULATED, .step = step, .steps = 2},
        .visit = visit,
        .visits = 2,
        .clock = readings,
        .clocks = 2,
};
static struct run_record run = {
        .id = (char *)"fuzz", .started = 1790000000, .boot = &boot, .boots = 1};
static struct case_file cases = {.path = (char *)"fuzz", .item = item, .count = 2};

static void init(void)
{
	static const char *const id[] = {"td", "td/docker+dev+tsm+noapparmor"};
	struct err e;

	for (size_t i = 0; i < 2; i++) {
		FUZZ_CHECK(cell_parse(id[i], &item[i].cell, &e) == 0);
		snprintf(item[i].id, sizeof(item[i].id), "%s", id[i]);
		snprintf(visit[i].cell_id, sizeof(visit[i].cell_id), "%s", id[i]);
		item[i].expect = (struct expectation){1, GRADE_VERIFIED, -1, -1, "", "", "", SECRET_RELEASED};
		item[i].why = (char *)"fuzz";
		visit[i].layers = i + 1;
		visit[i].probe0 = i == 0;
		visit[i].secret = (struct secret_record){true, true, true, "", {0}};
		memset(visit[i].nonce[i], 0x11 + (int)i, 32);
	}
	boot.boot.layer0 = item[0].cell.layer[0];
}

static void put(uint8_t **at, uint32_t sequence, enum frame_type type, const char *text)
{
	struct frame_header h = {.type = type, .sequence = sequence, .length = strlen(text)};

	frame_header_write(&h, *at);
	memcpy(*at + FRAME_HEADER_SIZE, text, h.length);
	*at += FRAME_HEADER_SIZE + h.length;
}

/* `data` as layer 0's own visit, then wrapped as its child's. */
static uint8_t *channel_make(const uint8_t *data, size_t size, size_t *ret_size)
{
	char *relay = malloc(BASE64_ENCODED_SIZE(size) + 64);
	uint8_t *channel = malloc(size + BASE64_ENCODED_SIZE(size) + 1024), *at = channel;
	int n = sprintf(relay, "{\"child\":1,\"data\":\"");

	base64_encode(data, size, relay + n);
	strcat(relay, "\"}");
	memcpy(at, data, size);
	at += size;
	visit[0].end = visit[1].begin = size;
	readings[1].at = size / 2;
	put(&at, 0, FRAME_ENTER, "{\"child\":1,\"layer\":\"td/docker+dev+tsm+noapparmor\"}");
	put(&at, 1, FRAME_RELAY, relay);
	put(&at, 2, FRAME_LEFT, "{\"child\":1,\"started\":true,\"exit\":0}");
	put(&at, 3, FRAME_DONE, "{\"layer\":\"td\"}");
	visit[1].end = *ret_size = (size_t)(at - channel);
	free(relay);
	return channel;
}

/* What a layer says of its isolation comes out bounded and printable. */
static void check_isolation(const struct layer_verdict *l)
{
	const struct isolation *i = &l->isolation;

	FUZZ_CHECK(i->findings <= FINDINGS_MAX);
	for (size_t k = 0; k < i->findings; k++) {
		const struct finding *f = &i->finding[k];

		FUZZ_CHECK(f->name[0]);
		fuzz_printable(f->detail, sizeof(f->detail));
		for (size_t other = 0; other < k; other++)
			FUZZ_CHECK(strcmp(i->finding[other].name, f->name) != 0);
	}
}

/* Nothing here is signed, so nobody gets a secret: not while it asks, and not afterwards. */
static void check_secrets(const struct judge_input *in, const struct run_verdict *v)
{
	char why[JUDGE_TEXT_MAX] = "";
	uint8_t key[HPKE_KEY_SIZE];

	for (size_t i = 0; i < v->cells; i++) {
		for (size_t k = 0; k < v->cell[i].layers; k++)
			FUZZ_CHECK(v->cell[i].layer[k].secret != SECRET_RELEASED);
	}
	for (size_t i = 0; i < 2; i++) {
		visit[i].state = VISIT_NOT_RUN;
		visit[i].secret.answered = false;
		FUZZ_CHECK(!release_judge(in, i, key, why));
		fuzz_printable(why, sizeof(why));
		visit[i].state = VISIT_DONE;
		visit[i].secret.answered = true;
	}
}

static void compare(const struct judge_input *in, const struct run_verdict *v)
{
	const struct compare_run one = {in, v};
	struct compare c;
	struct err e;
	static FILE *null;

	if (!null)
		null = fopen("/dev/null", "we");
	FUZZ_CHECK(null && compare_make(&one, 1, &c, &e) == 0);
	for (int format = REPORT_TABLE; format <= REPORT_MARKDOWN; format++)
		FUZZ_CHECK(compare_write((enum report_format)format, &c, null, &e) == 0);
	compare_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes channel;
	struct judge_input in = {.run = &run, .cases = &cases, .channel = &channel};
	struct run_verdict v;
	struct err e;
	char *json;

	if (size > (64u << 10))
		return 0;
	if (!item[0].why)
		init();
	channel.data = channel_make(data, size, &channel.size);
	FUZZ_CHECK(judge_run(&in, &v, &e) == 0 && v.cells == 2);
	for (size_t i = 0; i < 2; i++) {
		/* There is no anchor, so nothing may come out better than this. */
		FUZZ_CHECK(v.cell[i].outcome != OUTCOME_PASS &&
		           v.cell[i].layer[i].grade <= GRADE_QUOTE);
		fuzz_printable(v.cell[i].reason, sizeof(v.cell[i].reason));
		for (size_t k = 0; k < v.cell[i].layers; k++)
			check_isolation(&v.cell[i].layer[k]);
	}
	check_secrets(&in, &v);
	compare(&in, &v);
	FUZZ_CHECK(report_json(&in, &v, &json, &e) == 0);
	free(json);
	run_verdict_done(&v);
	free((void *)channel.data);
	return 0;
}
