/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/authority.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/service.h"
#include "core/cleanup.h"
#include "run/pccs.h"

#define DEFAULT_PORT 8081 /* Intel's PCCS */

struct options {
	const char *state_dir;
	const char *root;
	struct pccs_config config;
};

enum { OPT_PORT = 256, OPT_ADDRESS, OPT_ROOT };

static const struct argp_option option_list[] = {
        {"port", OPT_PORT, "PORT", 0, "listen on this TCP port, 0: any free one (default: 8081)",
         0},
        {"address", OPT_ADDRESS, "IP", 0, "listen on this address (default: 127.0.0.1)", 0},
        {"root", OPT_ROOT, "FILE", 0, "write the test root's certificate to FILE", 0},
        {0},
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	unsigned long port;
	char *end;

	switch (option) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->state_dir;
		return 0;
	case OPT_PORT:
		port = strtoul(arg, &end, 10);
		if (end == arg || *end || port > UINT16_MAX)
			argp_error(state, "--port '%.20s': expected a number from 0 to 65535", arg);
		o->config.port = (uint16_t)port;
		return 0;
	case OPT_ADDRESS:
		o->config.address = arg;
		return 0;
	case OPT_ROOT:
		o->root = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int serve(struct options *o, struct err *e)
{
	_cleanup_(authority_freep) struct authority *a = NULL;
	sd_event *event = NULL;
	struct pccs *p = NULL;
	int r;

	if ((r = authority_take(o->state_dir, &a, e)) < 0 ||
	    (r = service_write(a, o->root, NULL, e)) < 0 || (r = service_loop(&event, e)) < 0)
		goto out;
	o->config.authority = a;
	if ((r = pccs_new(event, &o->config, &p, e)) < 0)
		goto out;
	printf("EMULATED collateral on %s/sgx/certification/v4/\n", pccs_url(p));
	fflush(stdout);
	r = sd_event_loop(event);
	if (r < 0)
		err_sys(e, r, "event loop");
out:
	pccs_free(p);
	sd_event_unref(event);
	return r;
}

int cmd_pccs(int argc, char **argv)
{
	static const struct argp_child children[] = {{&authority_options, 0, NULL, 0}, {0}};
	static const struct argp argp = {
	        .options = option_list,
	        .parser = parse,
	        .children = children,
	        .doc = "Serves the collateral of this install's test authority over HTTP, as a "
	               "PCCS "
	               "does, to verifiers of quotes: TCB info, the TD quoting enclave's identity, "
	               "both CRLs. They accept emulated quotes once they trust the root that "
	               "--root "
	               "writes, and no other way. Every certificate says EMULATED.",
	};
	struct options o = {.config.port = DEFAULT_PORT};
	struct err e = {0};
	int r;

	options_parse(&argp, argc, argv, 0, &o);
	r = serve(&o, &e);
	return r < 0 ? cmd_failed(r == -EINVAL ? EXIT_USAGE : EXIT_BROKEN, &e) : EXIT_OK;
}
