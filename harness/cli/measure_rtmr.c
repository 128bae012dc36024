/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/measure.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "format/text.h"
#include "measure/predict_json.h"

struct options {
	struct measure_options inputs;
	bool json;
	char **command; /* of QEMU, up to a NULL; or NULL */
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	if (o->command && (!o->command[0] || !o->command[1] || o->command[1][0] != '-'))
		return err_set(e, -EINVAL, "%.80s: no QEMU command line: no option follows it",
		               o->command[0] ? o->command[0] : "--");
	return o->inputs.inputs.firmware.data || o->command || o->inputs.file.argv.item
	               ? 0
	               : err_set(e, -EINVAL, "no --firmware given");
}

static void print_text(const struct prediction *p)
{
	char hex[HEX_ENCODED_SIZE(48)];

	printf("%s\n\n", p->profile);
	for (size_t i = 0; i < p->events; i++) {
		const struct predicted_event *ev = &p->event[i];

		hex_encode(ev->digest, 12, hex);
		printf("RTMR%u  %-24s  %-11s  %s\n", ev->rtmr, ev->known ? hex : "-",
		       measure_input_names[ev->input], ev->what);
	}
	printf("\n");
	for (unsigned i = 0; i < 4; i++) {
		hex_encode(p->rtmr[i], 48, hex);
		printf("RTMR%u  %s%s\n", i, p->known[i] ? hex : "unknown: ", p->reason[i]);
	}
}

static int run(const struct options *o)
{
	_cleanup_(prediction_done) struct prediction p = {0};
	struct err e;

	if (predict(&o->inputs.inputs, &p, &e) < 0)
		return cmd_failed(EXIT_USAGE, &e);
	if (!o->json)
		print_text(&p);
	else if (json_print(prediction_to_json(&p)) < 0)
		return EXIT_BROKEN;
	return EXIT_OK;
}

int cmd_measure_rtmr(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_JSON,
	        OPTION_MEASURE,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Predicts RTMR0 to RTMR2 of a TD from what it is started with. A register "
	                 "whose inputs are not all given is left out, with the reason. With a "
	                 "QEMU command line, what that says of firmware, memory, kernel and disk "
	                 "is taken where no option says it.",
	        .usage = "[-- QEMU ARGUMENT...]",
	        .operand = OPTION_MEMBER(char **, command),
	        .rest = true,
	        .check = check,
	        .rows = rows,
	};
	struct options o = {0};
	struct err e;
	int r;

	options_parse(&options, argc, argv, &o);
	r = measure_options_finish(&o.inputs, o.command, &e);
	if (r == 0 && !o.inputs.inputs.firmware.data)
		r = err_set(&e, -EINVAL, "no --firmware given, and the machine has none by -bios");
	r = r < 0 ? cmd_failed(EXIT_USAGE, &e) : run(&o);
	measure_options_done(&o.inputs);
	return r;
}
