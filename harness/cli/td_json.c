/* SPDX-License-Identifier: Apache-2.0 */
/* What `tception td` says to scripts. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/td.h"
#include "core/cleanup.h"
#include "core/escape.h"
#include "core/file.h"
#include "core/json.h"
#include "format/quote.h"

#define FOLDERS_OPEN 16
#define PATH_ESCAPED (4 * PATH_MAX)

int td_print(json_t *o, struct err *e)
{
	_cleanup_(freep) char *text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;

	json_decref(o);
	if (!text)
		return err_nomem(e);
	return puts(text) < 0 || fflush(stdout) != 0 ? err_sys(e, -errno, "standard output") : 0;
}

/* ---- quotes among files that came out of a TD ---- */

static json_t *found; /* nftw() takes no more */

/* Names are the guest's: who has one that is not UTF-8 gets it escaped. */
static json_t *path_json(const char *path)
{
	char escaped[PATH_ESCAPED];
	json_t *text = json_string(path);

	return text ? text : json_string(text_escape(escaped, sizeof(escaped), path));
}

static int add_quote(const char *path, const struct stat *st, int type, struct FTW *where)
{
	_cleanup_(bytes_free) struct bytes data = {0};
	struct quote q;

	(void)where;
	if (type != FTW_F || !S_ISREG(st->st_mode) || st->st_size > QUOTE_MAX ||
	    file_read(path, QUOTE_MAX, &data, NULL) < 0 ||
	    quote_parse(data.data, data.size, &q, NULL) != FORMAT_OK || q.tee_type != QUOTE_TEE_TDX)
		return 0;
	json_array_append_new(found,
	                      json_pack("{s:o, s:i, s:o, s:o}", "file", path_json(path), "version",
	                                (int)q.version, "mrtd",
	                                json_hex(q.td.mrtd, sizeof(q.td.mrtd)), "report_data",
	                                json_hex(q.td.report_data, sizeof(q.td.report_data))));
	return 0;
}

static int by_file(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;

	return strcmp(member_text(*x, "file"), member_text(*y, "file"));
}

static json_t *sorted(json_t *array)
{
	size_t n = json_array_size(array);
	json_t **item = calloc(n + 1, sizeof(*item)), *ret = json_array();

	for (size_t i = 0; item && i < n; i++)
		item[i] = json_array_get(array, i);
	if (item)
		qsort(item, n, sizeof(*item), by_file);
	for (size_t i = 0; item && i < n; i++)
		json_array_append(ret, item[i]);
	free(item);
	json_decref(array);
	return ret;
}

static json_t *quotes_in(const char *dir)
{
	found = json_array();
	nftw(dir, add_quote, FOLDERS_OPEN, FTW_PHYS);
	return sorted(found);
}

/* ---- a program that was run ---- */

int td_print_work(const json_t *td, const struct td_files *files, char *const *program, int status,
                  struct err *e)
{
	static const char *const of_td[] = {"name",    "emulated", "platform",
	                                    "profile", "vcpus",    "memory_mib"};
	json_t *o = json_object(), *argv = json_array();

	for (size_t i = 0; i < COUNT_OF(of_td); i++)
		json_object_set(o, of_td[i], json_object_get(td, of_td[i]));
	for (; *program; program++)
		json_array_append_new(argv, path_json(*program));
	json_object_set_new(o, "program", argv);
	json_object_set_new(o, "status", json_integer(status < 0 ? TASK_OWN_FAILURE : status));
	json_object_set_new(o, "error", text_or_null(e->text));
	json_object_set_new(o, "output", text_or_null(files->output));
	json_object_set_new(o, "quotes",
	                    status >= 0 && files->output ? quotes_in(files->output) : json_array());
	return td_print(o, e);
}
