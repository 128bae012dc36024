/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/measure.h"
#include "core/cleanup.h"
#include "format/text.h"
#include "measure/predict_json.h"

static void usage(FILE *out)
{
	fprintf(out,
	        "usage: tception measure rtmr --firmware FILE [OPTION...]\n\n"
	        "Predicts RTMR0 to RTMR2 of a TD from what it is started with. A register whose\n"
	        "inputs are not all given is left out, with the reason.\n\n"
	        "%s  --json              {\"rtmr\":[hex or null, ...], \"events\":[...], ...}\n",
	        measure_options_help);
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

int cmd_measure_rtmr(int argc, char **argv)
{
	_cleanup_(measure_options_done) struct measure_options o = {0};
	_cleanup_(prediction_done) struct prediction p = {0};
	bool json = false;
	struct err e;
	int c;

	while ((c = getopt_long(argc, argv, "h", measure_long_options, NULL)) != -1) {
		if (c == 'h' || c == OPTION_HELP) {
			usage(stdout);
			return EXIT_OK;
		}
		if (c == OPTION_JSON) {
			json = true;
		} else if (c == '?' || measure_options_take(&o, c, optarg, &e) < 0) {
			if (c != '?')
				fprintf(stderr, "tception: %s\n", e.text);
			return EXIT_USAGE;
		}
	}
	if (!o.inputs.firmware.data || optind != argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (predict(&o.inputs, &p, &e) < 0) {
		fprintf(stderr, "tception: %s\n", e.text);
		return EXIT_USAGE;
	}
	if (!json)
		print_text(&p);
	else if (json_print(prediction_to_json(&p)) < 0)
		return EXIT_BROKEN;
	return EXIT_OK;
}
