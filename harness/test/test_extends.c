/* SPDX-License-Identifier: Apache-2.0 */
/* RTMR3 as the judge replays it, and what it makes of a layer that was measured
 * before its start. */
#include "format/bytes.h"
#include "test/synth.h"
#include "test/tests.h"

static const struct {
	enum extend_twist twist;
	enum rung_state covers;
	const char *why;   /* of that rung */
	bool zero, inner;  /* whether the layers' trials of sysfs count */
	const char *trial; /* what the container's says */
} extends_table[] = {
        {EXTENDS, RUNG_TRUE, "RTMR3 replays from 3 extends", true, true,
         "RTMR3 carries our digest into the next report: 3 extends"},
        {EXTENDS_IMAGE, RUNG_FALSE, "is not the one expected by the case file", true, true,
         "RTMR3 carries"},
        {EXTENDS_ANY_IMAGE, RUNG_NULL, "nothing says what it should be", true, true,
         "RTMR3 carries"},
        {EXTENDS_NO_LAUNCH, RUNG_FALSE, "the quote covers the TD only", true, true,
         "report: 2 extends replay"},
        {EXTENDS_FAILED, RUNG_FALSE, "the quote covers the TD only", true, true,
         "report: 2 extends replay"},
        {EXTENDS_UNTOLD, RUNG_FALSE, "the 3 extends on record do not replay", true, false,
         "is not what the 3 extends on record give"},
        {EXTENDS_UNDONE, RUNG_FALSE, "do not replay", false, false, "is not what the 3 extends"},
        {EXTENDS_PROBE_FLIP, RUNG_FALSE, "do not replay", true, false,
         "the digest is not that of this layer's event in this visit"},
        {EXTENDS_PROBE_EVENT, RUNG_TRUE, "replays", true, false, "the digest is not that"},
        {EXTENDS_PROBE_READ, RUNG_TRUE, "replays", true, false, "as read afterwards"},
        {EXTENDS_LAUNCH_FLIP, RUNG_FALSE, "not that of the launch event", true, true, "carries"},
        {EXTENDS_LAUNCH_ID, RUNG_FALSE, "about another layer", true, true, "carries"},
        {EXTENDS_LAUNCH_ARGV, RUNG_FALSE, "about another command", true, true, "carries"},
        {EXTENDS_LAUNCH_TEXT, RUNG_FALSE, "about another layer", true, true, "carries"},
        {EXTENDS_WRITABLE, RUNG_TRUE, "replays", true, true, "carries"},
};

static const struct interface_result *find_trial(const struct layer_verdict *l)
{
	for (size_t i = 0; i < l->interfaces; i++) {
		if (strcmp(l->interface[i].name, "rtmr-sysfs") == 0)
			return &l->interface[i];
	}
	ck_abort_msg("no trial of rtmr-sysfs");
	return NULL;
}

static bool spoils(const struct layer_verdict *l, const char *how)
{
	for (size_t i = 0; i < l->isolation.findings; i++) {
		const struct finding *f = &l->isolation.finding[i];

		if (strcmp(f->name, "extends-boot-rtmrs") == 0)
			return strstr(f->detail, how) != NULL;
	}
	return false;
}

/* The same run, in which RTMR3 is extended. */
static void synth_extend(struct synth *y, enum extend_twist extends)
{
	y->extends = extends;
	strcpy(y->item[1].expect.covers, SYNTH_IMAGE);
	y->item[1].expect.covers[0] ^= extends == EXTENDS_IMAGE;
	if (extends == EXTENDS_ANY_IMAGE)
		y->item[1].expect.covers[0] = '\0';
	synth_build(y);
}

TEST_EACH(extends_of_rtmr3, extends_table)
{
	const enum extend_twist twist = extends_table[_i].twist;
	const struct layer_verdict *l;
	struct cell_verdict v;
	struct synth y;

	synth_init(&y, AS_IT_SHOULD_BE);
	synth_extend(&y, twist);
	v = synth_judge(&y, 1);
	l = &v.layer[1];
	ck_assert_msg(l->ladder[RUNG_COVERS].ok == extends_table[_i].covers &&
	                      strstr(l->ladder[RUNG_COVERS].detail, extends_table[_i].why),
	              "twist %d: covers %d: %s", twist, l->ladder[RUNG_COVERS].ok,
	              l->ladder[RUNG_COVERS].detail);
	ck_assert_int_eq(l->grade,
	                 extends_table[_i].covers == RUNG_TRUE ? GRADE_COVERED : GRADE_VERIFIED);
	ck_assert_msg(find_trial(l)->ok == extends_table[_i].inner &&
	                      strstr(find_trial(l)->detail, extends_table[_i].trial),
	              "twist %d: %s", twist, find_trial(l)->detail);
	ck_assert_int_eq(find_trial(&v.layer[0])->ok, extends_table[_i].zero);
	ck_assert_int_eq(spoils(l, "may extend RTMR1"), twist == EXTENDS_WRITABLE);
	ck_assert(!spoils(&v.layer[0], ""));
	if (twist == EXTENDS)
		ck_assert_str_eq(l->image, SYNTH_IMAGE);
	cell_verdict_done(&v);
	synth_done(&y);
}

/* The reference from the initrd, and what the case expects of the trial. */
TEST(image_foreseen)
{
	struct prediction p = {.profile = "made up"};
	const struct prediction *list[1] = {&p};
	struct cell_verdict v;
	struct synth y;

	synth_init(&y, AS_IT_SHOULD_BE);
	synth_extend(&y, EXTENDS_ANY_IMAGE);
	memcpy(p.mrtd[MRTD_SINGLE_PASS], y.td.td.mrtd, 48);
	strcpy(p.image, SYNTH_IMAGE);
	y.in.prediction = list;
	y.item[1].expect = (struct expectation){1, GRADE_COVERED, -1, -1, "", "ok", "", -1};
	v = synth_judge(&y, 1);
	ck_assert_msg(v.outcome == OUTCOME_PASS, "%s", v.reason);
	ck_assert_ptr_nonnull(strstr(v.layer[1].ladder[RUNG_COVERS].detail, "the initrd's agent"));
	cell_verdict_done(&v);
	p.image[95] = '0';
	strcpy(y.item[1].expect.extend, "ENOENT");
	v = synth_judge(&y, 1);
	ck_assert_int_eq(v.outcome, OUTCOME_FAIL);
	ck_assert_ptr_nonnull(strstr(v.reason, "expected grade covered, saw verified"));
	ck_assert_ptr_nonnull(strstr(v.reason, "expected an extend of RTMR3 ENOENT, saw ok"));
	cell_verdict_done(&v);
	synth_done(&y);
}

/* The digest is dstack's: another program's log of a runtime event has it. */
TEST(digest_is_dstacks)
{
	/* cases/golden/eventlog/dstack-03ef32484bc3.json, "storage-fs" */
	static const char hex[] =
	        "ba51104636900268b0e059fa3d266419d079d1e94aea26fb9fcbb8d764bf4c89"
	        "a67ac271b8a0d1a3989945132a111fc7";
	uint8_t digest[48], expected[48];
	size_t size;

	ck_assert_int_eq(hex_decode(hex, 96, expected, &size), FORMAT_OK);
	extend_digest("storage-fs", "zfs", 3, digest);
	ck_assert_mem_eq(digest, expected, 48);
}

TEST(config_is_without_the_name)
{
	static const char *const a[] = {"run", "--name", "x-1", "--dir=/run/x-1/x-1", "img"};
	static const char *const b[] = {"run", "--name", "y-22", "--dir=/run/y-22/y-22", "img"};
	uint8_t one[48], two[48];
	struct sha512 h;

	sha384_init(&h);
	for (size_t i = 0; i < 5; i++)
		launch_config_add(&h, a[i], "x-1");
	sha384_final(&h, one);
	sha384_init(&h);
	for (size_t i = 0; i < 5; i++)
		launch_config_add(&h, b[i], "y-22");
	sha384_final(&h, two);
	ck_assert_mem_eq(one, two, 48);
	sha384("run\0--name\0%\0--dir=/run/%/%\0img", sizeof("run\0--name\0%\0--dir=/run/%/%\0img"),
	       two);
	ck_assert_mem_eq(one, two, 48);
}

TESTS("extends", .timeout = 120)
