/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/input.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cell_evidence.h"
#include "core/cleanup.h"
#include "core/file.h"

#define DIR_FILES_MAX (1 << 20)

void input_done(struct input *in)
{
	free(in->data);
	*in = (struct input){0};
}

int input_read(const char *path, size_t max, struct input *ret, struct err *e)
{
	struct bytes b;
	int r = file_read_input(path, max, &b, e);

	if (r < 0)
		return r;
	*ret = (struct input){.data = (uint8_t *)b.data, .size = b.size};
	return 0;
}

/* ---- folders ---- */

int input_piece(const char *path, enum cell_piece piece, size_t max, struct input *ret,
                struct err *e)
{
	struct bytes b;
	int r = cell_evidence_operand(path, piece, &b, e);

	if (r == 0)
		return input_read(path, max, ret, e);
	if (r > 0)
		*ret = (struct input){.data = (uint8_t *)b.data, .size = b.size};
	return r < 0 ? r : 0;
}

bool input_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int input_each_file(const char *dir, input_file_fn f, void *context, struct err *e)
{
	struct dirent **entry;
	int r = 0, n = scandir(dir, &entry, not_hidden, alphasort);

	if (n < 0)
		return err_sys(e, -errno, "%.200s", dir);
	if (n > DIR_FILES_MAX)
		r = err_set(e, -EFBIG, "%.200s: more than %d files", dir, DIR_FILES_MAX);
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *path = NULL;
		struct stat st;

		if (r == 0 && asprintf(&path, "%s/%s", dir, entry[i]->d_name) < 0)
			r = err_nomem(e);
		if (r == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode))
			r = f(context, path, e);
		free(entry[i]);
	}
	free(entry);
	return r;
}

/* ---- text forms ---- */

#define WRAPPED_MAX (4u << 20) /* bytes of JSON around a quote: some hold an event log too */

/* -EBADMSG and *ret_fault for text in no form that we know. */
static int read_evidence(const char *path, enum cell_piece piece, size_t max, struct input *ret,
                         struct format_fault *ret_fault, struct err *e)
{
	const char *what = piece == CELL_QUOTE ? "quote" : "TDREPORT";
	_cleanup_(input_done) struct input in = {0};
	struct form_bytes decoded;
	int r = input_piece(path, piece, WRAPPED_MAX, &in, e);

	if (r < 0)
		return r;
	if ((r = form_quote(in.data, in.size, &decoded, e)) < 0) {
		*ret_fault = (struct format_fault){FORMAT_BAD_ENCODING, 0};
		return err_prefix(e, "%.200s: not a %s", path, what);
	}
	free(in.data);
	in = (struct input){decoded.data, decoded.size, decoded.form};
	if (in.size > max)
		return err_set(e, -EFBIG, "%.200s: more than %zu bytes", path, max);
	*ret = TAKE(in, (struct input){0});
	return 0;
}

static int refused(const char *path, const char *what, struct format_fault fault, const char *hint,
                   struct format_fault *ret_fault, struct err *e)
{
	*ret_fault = fault;
	return err_set(e, -EBADMSG, "%.200s: not a %s: %s at byte %ju%s%s", path, what,
	               format_code_name(fault.code), (uintmax_t)fault.offset, hint ? ": " : "",
	               hint ?: "");
}

int input_quote(const char *path, struct input *ret_input, struct quote *ret,
                struct format_fault *ret_fault, struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	struct format_fault fault = {0};
	int r = read_evidence(path, CELL_QUOTE, QUOTE_MAX, &in, ret_fault, e);

	if (r < 0)
		return r;
	fault.code = quote_parse(in.data, in.size, ret, &fault.offset);
	if (fault.code != FORMAT_OK)
		return refused(path, "quote", fault, form_hint(in.data, in.size), ret_fault, e);
	*ret_input = TAKE(in, (struct input){0});
	return 0;
}

int input_tdreport(const char *path, struct tdreport *ret, struct format_fault *ret_fault,
                   struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	struct format_fault fault = {0};
	int r = read_evidence(path, CELL_TDREPORT, 64 * TDREPORT_SIZE, &in, ret_fault, e);

	if (r < 0)
		return r;
	fault.code = tdreport_parse(in.data, in.size, ret, &fault.offset);
	return fault.code == FORMAT_OK ? 0 : refused(path, "TDREPORT", fault, NULL, ret_fault, e);
}

int json_print(json_t *root)
{
	if (!root)
		return -ENOMEM;
	json_dumpf(root, stdout, JSON_INDENT(1)); /* main() sees whether it was written */
	putchar('\n');
	json_decref(root);
	return 0;
}

void input_print_refusal(const struct format_fault *fault, const char *text)
{
	json_print(json_pack("{s:{s:s, s:I, s:s}}", "error", "code", format_code_name(fault->code),
	                     "offset", (json_int_t)fault->offset, "text", text));
}
