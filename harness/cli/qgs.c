/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/authority.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/service.h"
#include "cli/td.h"
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
	enum authority_profile profile;
	struct qgs_config config;
};

static int take_vsock(void *member, const char *value, struct err *e)
{
	return options_number("vsock", value, UINT32_MAX - 1, member, e);
}

static int take_version(void *member, const char *value, struct err *e)
{
	if (strcmp(value, "4") != 0 && strcmp(value, "5") != 0)
		return err_set(e, -EINVAL, "no quotes of version '%.20s'", value);
	*(uint16_t *)member = (uint16_t)(value[0] - '0');
	return 0;
}

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	if (!o->key_file && !o->config.any_report)
		return err_set(e, -EINVAL, "whose reports? give --key or --any-report");
	return 0;
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
	    (r = authority_take(o->state_dir, &a, e)) < 0)
		goto out;
	authority_set_profile(a, o->profile);
	if ((r = service_write(a, o->root, o->collateral, e)) < 0 ||
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
	static const struct option_row rows[] = {
	        OPTION_TEXT(socket, "socket", "PATH", "listen here (default: qgs.socket)"),
	        OPTION_CALL(config.vsock_port, take_vsock, "vsock", "PORT",
	                    "listen on this vsock port instead (Intel's: 4050)"),
	        OPTION_TEXT(key_file, "key", "FILE",
	                    "quote reports whose MAC this key made: 64 hex digits"),
	        OPTION_FLAG(config.any_report, "any-report",
	                    "quote every well-formed report, whoever made it"),
	        OPTION_CALL(config.quote_version, take_version, "quote-version", "4|5",
	                    "version of the quotes (default: 4)"),
	        OPTION_CHOICE(config.fault, "fault", "MODE", qgs_fault_names,
	                      "misbehave: silent, version, error, truncated, eof or oversize"),
	        OPTION_TEXT(root, "root", "FILE", "write the test root's certificate to FILE"),
	        OPTION_TEXT(collateral, "collateral", "FILE",
	                    "write a bundle of collateral to FILE"),
	        OPTION_PROFILE(profile),
	        OPTION_STATE_DIR,
	        {0},
	};
	static const struct options_of options = {
	        .about =
	                "Serves quotes of this install's test authority over Intel's QGS protocol, "
	                "framed and raw, on a unix socket or vsock, and tells collateral and "
	                "platform. Every certificate says EMULATED.",
	        .check = check,
	        .rows = rows,
	};
	struct options o = {.socket = "qgs.socket"};
	struct err e = {0};

	options_parse(&options, argc, argv, &o);
	return serve(&o, &e) < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_OK;
}
