/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/input.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "format/text.h"

#define DIR_FILES_MAX 1024

const char *const input_form_names[3] = {"binary", "hex", "base64"};

void input_done(struct input *in)
{
	free(in->data);
	*in = (struct input){0};
}

static void fclosep_but_stdin(FILE **f)
{
	if (*f && *f != stdin)
		fclose(*f);
}

int input_read(const char *path, size_t max, struct input *ret, struct err *e)
{
	_cleanup_(fclosep_but_stdin) FILE *f = strcmp(path, "-") ? fopen(path, "rbe") : stdin;
	_cleanup_(input_done) struct input in = {0};
	size_t room = 0, n;

	if (!f)
		return err_sys(e, -errno, "%.200s", path);
	do {
		if (in.size == room) {
			uint8_t *more;

			room = room ? room * 2 : 16384;
			if (room > max)
				room = max + 1; /* one byte more tells a longer file */
			more = realloc(in.data, room);
			if (!more)
				return err_set(e, -ENOMEM, "%.200s: out of memory", path);
			in.data = more;
		}
		n = fread(in.data + in.size, 1, room - in.size, f);
		in.size += n;
		if (in.size > max)
			return err_set(e, -EFBIG, "%.200s: more than %zu bytes", path, max);
	} while (n > 0);
	if (ferror(f))
		return err_sys(e, errno ? -errno : -EIO, "%.200s", path);
	*ret = TAKE(in, (struct input){0});
	return 0;
}

/* ---- folders ---- */

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

/* Takes white space out of what may be text; false when there is a byte that no text has. */
static bool squeeze(const struct input *in, char *out, size_t *ret_size)
{
	size_t n = 0;

	for (size_t i = 0; i < in->size; i++) {
		if (isspace(in->data[i]))
			continue;
		if (!isalnum(in->data[i]) && !memchr("+/=", in->data[i], 3))
			return false;
		out[n++] = (char)in->data[i];
	}
	*ret_size = n;
	return n > 0;
}

/* Evidence in binary begins with a version or type and has zeros soon: it never looks like text. */
static int decode(struct input *in)
{
	_cleanup_(freep) char *text = malloc(in->size + 1);
	_cleanup_(freep) uint8_t *bytes = NULL;
	size_t length, size;
	const char *hex;

	if (!text)
		return -ENOMEM;
	if (!squeeze(in, text, &length))
		return 0;
	bytes = malloc(BASE64_DECODED_MAX(length));
	if (!bytes)
		return -ENOMEM;
	hex = length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : text;
	if (hex_decode(hex, length - (size_t)(hex - text), bytes, &size) == FORMAT_OK)
		in->form = INPUT_HEX;
	else if (base64_decode(text, length, bytes, &size) == FORMAT_OK)
		in->form = INPUT_BASE64;
	else
		return 0;
	free(in->data);
	in->data = TAKE_PTR(bytes);
	in->size = size;
	return 0;
}

int input_read_bytes(const char *path, size_t max, struct input *ret, struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	int r = input_read(path, max * 3, &in, e); /* hexadecimal with line ends */

	if (r < 0)
		return r;
	if (decode(&in) < 0)
		return err_set(e, -ENOMEM, "%.200s: out of memory", path);
	if (in.size > max)
		return err_set(e, -EFBIG, "%.200s: more than %zu bytes", path, max);
	*ret = TAKE(in, (struct input){0});
	return 0;
}

static int refused(const char *path, const char *what, struct format_fault fault,
                   struct format_fault *ret_fault, struct err *e)
{
	*ret_fault = fault;
	return err_set(e, -EBADMSG, "%.200s: not a %s: %s at byte %ju", path, what,
	               format_code_name(fault.code), (uintmax_t)fault.offset);
}

int input_quote(const char *path, struct input *ret_input, struct quote *ret,
                struct format_fault *ret_fault, struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	struct format_fault fault = {0};
	int r = input_read_bytes(path, QUOTE_MAX, &in, e);

	if (r < 0)
		return r;
	fault.code = quote_parse(in.data, in.size, ret, &fault.offset);
	if (fault.code != FORMAT_OK)
		return refused(path, "quote", fault, ret_fault, e);
	*ret_input = TAKE(in, (struct input){0});
	return 0;
}

int input_tdreport(const char *path, struct tdreport *ret, struct format_fault *ret_fault,
                   struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	struct format_fault fault = {0};
	int r = input_read_bytes(path, 64 * TDREPORT_SIZE, &in, e);

	if (r < 0)
		return r;
	fault.code = tdreport_parse(in.data, in.size, ret, &fault.offset);
	return fault.code == FORMAT_OK ? 0 : refused(path, "TDREPORT", fault, ret_fault, e);
}

json_t *json_hex(const void *data, size_t size)
{
	_cleanup_(freep) char *hex = malloc(HEX_ENCODED_SIZE(size));

	if (!hex)
		return NULL;
	hex_encode(data, size, hex);
	return json_string(hex);
}

int json_print(json_t *root)
{
	int r;

	if (!root)
		return -ENOMEM;
	r = json_dumpf(root, stdout, JSON_INDENT(1)) < 0 ? -EIO : 0;
	putchar('\n');
	json_decref(root);
	return r;
}

void input_print_refusal(const struct format_fault *fault, const char *text)
{
	json_print(json_pack("{s:{s:s, s:I, s:s}}", "error", "code", format_code_name(fault->code),
	                     "offset", (json_int_t)fault->offset, "text", text));
}
