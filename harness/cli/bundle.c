/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "format/text.h"
#include "record/bundle.h"

struct options {
	const char *dir, *out;
};

/* As sha256sum(1) writes it and takes it again. */
static void print(const struct bundle *b, const char *path)
{
	char hex[HEX_ENCODED_SIZE(SHA256_SIZE)];

	hex_encode(b->sha256, SHA256_SIZE, hex);
	printf("%s  %s\n", hex, path);
}

/* "DIR.tar.zst", as a shell would complete it. */
static int default_path(const char *dir, char ret[static PATH_MAX], struct err *e)
{
	_cleanup_(freep) char *whole = realpath(dir, NULL);
	const char *slash = whole ? strrchr(whole, '/') : NULL;

	if (!slash || !slash[1])
		return path_format(ret, e, "run.tar.zst");
	return path_format(ret, e, "%s.tar.zst", slash + 1);
}

static int make(const struct options *o, struct err *e)
{
	_cleanup_(bundle_done) struct bundle b = {0};
	char path[PATH_MAX];
	int r = default_path(o->dir, path, e);

	if (r == 0)
		r = bundle_write(o->dir, o->out ?: path, &b, e);
	if (r == 0)
		print(&b, o->out ?: path);
	return r;
}

int cmd_bundle(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_TEXT(out, "output", "FILE",
	                    "the bundle (default: the folder's name with .tar.zst, here)",
	                    .letter = 'o'),
	        {0},
	};
	static const struct options_of options = {
	        .about = "Packs a run's evidence into one file, which judge, report, diff, extract "
	                 "and compare take in place of the folder, on any machine. In it is an "
	                 "in-toto statement of the SHA-256 of each file. Prints the bundle's own "
	                 "SHA-256 and its name.",
	        OPTION_OPERAND(dir, "DIR", "the folder of a run is missing"),
	        .rows = rows,
	};
	struct options o = {0};
	struct err e;

	options_parse(&options, argc, argv, &o);
	return make(&o, &e) < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_OK;
}
