/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/evidence.h"
#include "cli/input.h"
#include "cli/measure.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "format/tdvf.h"
#include "format/text.h"
#include "measure/mrtd.h"

struct options {
	const char *firmware;
	struct evidence_option evidence;
	bool json;
};

static const char *const order_names[] = {
        [MRTD_SINGLE_PASS] = "single_pass",
        [MRTD_TWO_PASS] = "two_pass",
};

struct result {
	struct tdvf tdvf;
	uint8_t mrtd[2][48]; /* by enum mrtd_order */
	struct registers said;
	int match; /* the order that gives what is said, -1: neither */
};

static int measure(const char *path, struct result *ret, struct format_fault *fault, struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	int r = input_read(path, TDVF_IMAGE_MAX, &in, e);

	if (r < 0)
		return r;
	fault->code = tdvf_parse(in.data, in.size, &ret->tdvf, &fault->offset);
	if (fault->code != FORMAT_OK)
		return err_set(e, -EBADMSG, "%.200s: not a TDVF image: %s at byte %ju", path,
		               format_code_name(fault->code), (uintmax_t)fault->offset);
	measure_mrtd((struct bytes){in.data, in.size}, &ret->tdvf, ret->mrtd);
	return 0;
}

static void compare(struct result *res)
{
	res->match = -1;
	for (int i = 1; i >= 0; i--) {
		if (memcmp(res->mrtd[i], res->said.mrtd, sizeof(res->said.mrtd)) == 0)
			res->match = i;
	}
}

static json_t *section_json(const struct tdvf_section *s)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:b, s:b}", "type", tdvf_type_name(s->type),
	                 "data_offset", (json_int_t)s->data_offset, "raw_size",
	                 (json_int_t)s->raw_size, "address", (json_int_t)s->address, "memory_size",
	                 (json_int_t)s->memory_size, "extended",
	                 (s->attributes & TDVF_ATTR_MR_EXTEND) != 0, "added_later",
	                 (s->attributes & TDVF_ATTR_PAGE_AUG) != 0);
}

static int print_json(const struct result *res)
{
	json_t *sections = json_array(), *quoted = NULL, *match = NULL;

	for (uint32_t i = 0; i < res->tdvf.count; i++)
		json_array_append_new(sections, section_json(&res->tdvf.section[i]));
	if (res->said.source) {
		quoted = json_hex(res->said.mrtd, 48);
		match = text_or_null(res->match < 0 ? NULL : order_names[res->match]);
	}
	return json_print(json_pack("{s:{s:o, s:o}, s:o, s:o*, s:o*}", "mrtd", "single_pass",
	                            json_hex(res->mrtd[0], 48), "two_pass",
	                            json_hex(res->mrtd[1], 48), "sections", sections, "quoted",
	                            quoted, "match", match));
}

static void print_text(const struct result *res)
{
	char hex[HEX_ENCODED_SIZE(48)];

	printf("%-12s %10s %10s  %-23s  %s\n", "section", "in image", "bytes", "guest memory",
	       "in MRTD");
	for (uint32_t i = 0; i < res->tdvf.count; i++) {
		const struct tdvf_section *s = &res->tdvf.section[i];

		printf("%-12s 0x%08x %10u  0x%09jx-0x%09jx  %s\n", tdvf_type_name(s->type),
		       s->data_offset, s->raw_size, (uintmax_t)s->address,
		       (uintmax_t)(s->address + s->memory_size),
		       s->attributes & TDVF_ATTR_MR_EXTEND  ? "contents"
		       : s->attributes & TDVF_ATTR_PAGE_AUG ? "nothing"
		                                            : "addresses");
	}
	printf("\n");
	for (int i = 0; i < 2; i++) {
		hex_encode(res->mrtd[i], 48, hex);
		printf("%-12s %s%s\n", order_names[i], hex,
		       res->said.source && res->match == i ? "  as quoted" : "");
	}
	if (res->said.source && res->match < 0) {
		hex_encode(res->said.mrtd, 48, hex);
		printf("%-12s %s  is neither\n", "quoted", hex);
	}
}

static int run(const void *options, struct format_fault *fault, struct err *e)
{
	const struct options *o = options;
	struct result res = {0};
	int r = measure(o->firmware, &res, fault, e);

	if (r == 0)
		r = evidence_read(&o->evidence, &res.said, fault, e);
	if (r < 0)
		return r;
	compare(&res);
	if (!o->json)
		print_text(&res);
	else if (print_json(&res) < 0)
		return err_nomem(e);
	return res.said.source && res.match < 0 ? EXIT_DIFFERS : EXIT_OK;
}

int cmd_measure_mrtd(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_EVIDENCE,
	        OPTION_JSON,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Computes MRTD of a TD that starts with this TDVF image, in both page "
	                 "orders that VMMs use.\vExit status: 0; 1 when neither is the quoted one "
	                 "or the input is not what it should be; 2 when it cannot be read.",
	        OPTION_OPERAND(firmware, "FIRMWARE", "no firmware image given"),
	        .rows = rows,
	};
	struct options o = {0};

	return evidence_verb(&options, argc, argv, &o, &o.json, run);
}
