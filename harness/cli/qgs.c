/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/authority.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/service.h"
#include "core/cleanup.h"
#include "core/enum.h"
#include "core/file.h"
#include "format/text.h"
#include "run/qgs.h"

#define KEY_FILE_MAX 4096 /* bytes; what is behind the digits does not count */

struct options {
	const char *socket;
	const char *state_dir;
	const char *root;
	const char *collateral;
	const char *key_file;
	struct qgs_config config;
};

enum {
	OPT_SOCKET = 256,
	OPT_VSOCK,
	OPT_ROOT,
	OPT_COLLATERAL,
	OPT_KEY,
	OPT_ANY,
	OPT_VERSION,
	OPT_FAULT
};

static const struct argp_option option_list[] = {
        {"socket", OPT_SOCKET, "PATH", 0, "listen here (default: qgs.socket)", 0},
        {"vsock", OPT_VSOCK, "PORT", 0, "listen on this vsock port instead (Intel's: 4050)", 0},
        {"key", OPT_KEY, "FILE", 0, "quote reports whose MAC this key made: 64 hex digits", 0},
        {"any-report", OPT_ANY, NULL, 0, "quote every well-formed report, whoever made it", 0},
        {"quote-version", OPT_VERSION, "4|5", 0, "version of the quotes (default: 4)", 0},
        {"fault", OPT_FAULT, "MODE", 0,
         "misbehave: silent, version, error, truncated, eof or oversize", 0},
        {"root", OPT_ROOT, "FILE", 0, "write the test root's certificate to FILE", 0},
        {"collateral", OPT_COLLATERAL, "FILE", 0, "write a bundle of collateral to FILE", 0},
        {0},
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (option) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->state_dir;
		return 0;
	case OPT_SOCKET:
		o->socket = arg;
		return 0;
	case OPT_VSOCK:
		o->config.vsock_port = options_number(state, "--vsock", arg, UINT32_MAX - 1);
		return 0;
	case OPT_ROOT:
		o->root = arg;
		return 0;
	case OPT_COLLATERAL:
		o->collateral = arg;
		return 0;
	case OPT_KEY:
		o->key_file = arg;
		return 0;
	case OPT_ANY:
		o->config.any_report = true;
		return 0;
	case OPT_VERSION:
		if (strcmp(arg, "4") != 0 && strcmp(arg, "5") != 0)
			argp_error(state, "no quotes of version '%.20s'", arg);
		o->config.quote_version = (uint16_t)(arg[0] - '0');
		return 0;
	case OPT_FAULT:
		o->config.fault =
		        (enum qgs_fault)OPTIONS_CHOICE(state, "--fault", arg, qgs_fault_names);
		return 0;
	case ARGP_KEY_END:
		if (!o->key_file && !o->config.any_report)
			argp_error(state, "whose reports? give --key or --any-report");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int read_key(const char *path, uint8_t ret[QGS_KEY_SIZE], struct err *e)
{
	_cleanup_(bytes_free) struct bytes text = {0};
	size_t n;
	int r = file_read_input(path, KEY_FILE_MAX, &text, e);

	if (r < 0)
		return r;
	if (text.size < 2 * QGS_KEY_SIZE ||
	    hex_decode((const char *)text.data, 2 * QGS_KEY_SIZE, ret, &n) != FORMAT_OK)
		return err_set(e, -EINVAL, "%s: not %d hex digits", path, 2 * QGS_KEY_SIZE);
	return 0;
}

static int serve(struct options *o, struct err *e)
{
	_cleanup_(authority_freep) struct authority *a = NULL;
	uint8_t key[QGS_KEY_SIZE];
	sd_event *event = NULL;
	struct qgs *q = NULL;
	int r;

	if ((o->key_file && (r = read_key(o->key_file, key, e)) < 0) ||
	    (r = authority_take(o->state_dir, &a, e)) < 0 ||
	    (r = service_write(a, o->root, o->collateral, e)) < 0 ||
	    (r = service_loop(&event, e)) < 0)
		goto out;
	o->config.authority = a;
	if ((r = qgs_new(event, o->config.vsock_port ? NULL : o->socket, &o->config, &q, e)) < 0 ||
	    (o->key_file && (r = qgs_add_key(q, key, 0, e)) < 0))
		goto out;
	if (o->config.vsock_port)
		printf("EMULATED quotes on vsock port %u\n", o->config.vsock_port);
	else
		printf("EMULATED quotes on %s\n", o->socket);
	fflush(stdout);
	r = sd_event_loop(event);
	if (r < 0)
		err_sys(e, r, "event loop");
out:
	qgs_free(q);
	sd_event_unref(event);
	return r;
}

int cmd_qgs(int argc, char **argv)
{
	static const struct argp_child children[] = {{&authority_options, 0, NULL, 0}, {0}};
	static const struct argp argp = {
	        .options = option_list,
	        .parser = parse,
	        .children = children,
	        .doc = "Serves quotes of this install's test authority over Intel's QGS protocol, "
	               "framed and raw, on a unix socket or vsock, and tells collateral and "
	               "platform. Every certificate says EMULATED.",
	};
	struct options o = {.socket = "qgs.socket"};
	struct err e = {0};

	options_parse(&argp, argc, argv, 0, &o);
	return serve(&o, &e) < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_OK;
}
