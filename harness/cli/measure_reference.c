/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/measure.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "measure/predict_json.h"
#include "reference/corim.h"
#include "reference/reference.h"

#define PREDICTIONS_MAX 256
#define FILE_MAX        (8u << 20) /* bytes of a prediction or a key */

struct options {
	struct measure_options inputs;
	const char *prediction[PREDICTIONS_MAX]; /* up to a NULL or the end */
	enum reference_format format;
	const char *name, *output, *key, *signer;
	bool partial;
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	if (!o->prediction[0] && !o->inputs.inputs.firmware.data && !o->inputs.file.argv.item)
		return err_set(e, -EINVAL, "neither --firmware, --machine nor a prediction given");
	if (o->key && o->format != REFERENCE_CORIM)
		return err_set(e, -EINVAL, "--key: only a CoRIM is signed: --format corim");
	return 0;
}

/* A file of `measure rtmr --json`; it is called as the file is, without ".json". */
static int add_file(const struct options *o, const char *path, json_t *images, struct err *e)
{
	_cleanup_(prediction_done) struct prediction p = {0};
	_cleanup_(input_done) struct input in = {0};
	_cleanup_(freep) char *name = strdup(strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	json_error_t why;
	json_auto_t *root = NULL;
	int r = name ? input_read(path, FILE_MAX, &in, e) : err_nomem(e);

	if (r < 0)
		return r;
	root = json_loadb((const char *)in.data, in.size, JSON_REJECT_DUPLICATES, &why);
	r = root ? prediction_from_json(root, &p, e)
	         : err_set(e, -EINVAL, "line %d: no JSON", why.line);
	if (r < 0)
		return err_prefix(e, "%.200s: no prediction (measure rtmr --json)", path);
	if (strlen(name) > 5 && strcmp(name + strlen(name) - 5, ".json") == 0)
		name[strlen(name) - 5] = '\0';
	return reference_add(images, &p, name, o->partial, e);
}

static int collect(const struct options *o, json_t *images, struct err *e)
{
	_cleanup_(prediction_done) struct prediction p = {0};
	int r = 0;

	if (o->inputs.inputs.firmware.data) {
		r = predict(&o->inputs.inputs, &p, e);
		if (r == 0)
			r = reference_add(images, &p, o->name ? o->name : "td", o->partial, e);
	}
	for (size_t i = 0; r == 0 && i < PREDICTIONS_MAX && o->prediction[i]; i++)
		r = add_file(o, o->prediction[i], images, e);
	return r;
}

static int make_corim(const struct options *o, const json_t *images, struct bytes *ret,
                      struct err *e)
{
	_cleanup_(bytes_free) struct bytes unsigned_corim = {NULL, 0}, key = {NULL, 0};
	int r = corim_write(images, o->name ? o->name : "td", &unsigned_corim, e);

	if (r == 0 && !o->key) {
		*ret = TAKE(unsigned_corim, ((struct bytes){NULL, 0}));
		return 0;
	}
	if (r == 0)
		r = file_read_input(o->key, FILE_MAX, &key, e);
	if (r < 0)
		return r;
	r = corim_sign(unsigned_corim, (const char *)key.data, o->signer ? o->signer : "tception",
	               ret, e);
	return r < 0 ? err_prefix(e, "%.200s", o->key) : 0;
}

static int make(const struct options *o, struct bytes *ret, struct err *e)
{
	json_auto_t *images = json_array();
	char *text = NULL;
	int r = images ? collect(o, images, e) : err_nomem(e);

	if (r == 0 && o->format == REFERENCE_CORIM)
		r = make_corim(o, images, ret, e);
	else if (r == 0 && (r = reference_write(o->format, images, &text, e)) == 0)
		*ret = (struct bytes){(uint8_t *)text, strlen(text)};
	return r;
}

int cmd_measure_reference(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_CHOICE(format, "format", "FORMAT", reference_format_names,
	                      "json (default), corim, policy, rvps or rego", .letter = 'f'),
	        OPTION_TEXT(output, "output", "FILE", "write it here, not to standard output",
	                    .letter = 'o'),
	        OPTION_TEXT(name, "name", "NAME",
	                    "of what the options below describe, and of a CoRIM (default: td)"),
	        OPTION_FLAG(partial, "partial", "leave out registers that are not known"),
	        OPTION_TEXT(key, "key", "PEM", "sign the CoRIM with this private key, on P-256"),
	        OPTION_TEXT(signer, "signer", "NAME", "who signs, for people (default: tception)"),
	        OPTION_MEASURE,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Writes the expected MRTD and RTMR0 to RTMR2 for verifiers: JSON and "
	                 "CoRIM for `tception quote verify --reference', a policy for its "
	                 "--policy, a message to Trustee's reference value service and a policy "
	                 "for it. Each PREDICTION, a file of `tception measure rtmr --json', is an "
	                 "alternative.",
	        .usage = "[PREDICTION...]",
	        .operand = OPTION_MEMBER(const char *, prediction[0]),
	        .operands = PREDICTIONS_MAX,
	        .check = check,
	        .rows = rows,
	};
	_cleanup_(bytes_free) struct bytes document = {NULL, 0};
	struct options o = {0};
	struct err e;
	int r;

	options_parse(&options, argc, argv, &o);
	r = measure_options_finish(&o.inputs, NULL, &e);
	if (r == 0)
		r = make(&o, &document, &e);
	measure_options_done(&o.inputs);
	if (r < 0)
		return cmd_failed(EXIT_USAGE, &e);
	if (o.output)
		r = file_write(o.output, document.data, document.size, &e);
	else
		fwrite(document.data, 1, document.size, stdout);
	return r < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_OK;
}
