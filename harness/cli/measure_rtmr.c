/* SPDX-License-Identifier: Apache-2.0 */
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
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->inputs;
		state->child_inputs[1] = &o->json;
		return 0;
	case ARGP_KEY_END:
		if (!o->inputs.inputs.firmware.data)
			argp_error(state, "no --firmware given");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
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
	static const struct argp_child children[] = {
	        {&measure_options, 0, NULL, 0}, {&options_json, 0, NULL, 0}, {0}};
	static const struct argp argp = {
	        .parser = parse_option,
	        .children = children,
	        .doc = "Predicts RTMR0 to RTMR2 of a TD from what it is started with. A register "
	               "whose inputs are not all given is left out, with the reason.",
	};
	struct options o = {0};
	int r;

	options_parse(&argp, argc, argv, 0, &o);
	r = run(&o);
	measure_options_done(&o.inputs);
	return r;
}
