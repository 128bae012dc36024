/* SPDX-License-Identifier: Apache-2.0 */
#include "record/prediction.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "measure/predict_json.h"

#define FILE_NAME "prediction.json"
#define JSON_MAX  (4u << 20) /* bytes */

int prediction_save(const char *dir, const char *boot_id, const struct prediction *p, struct err *e)
{
	_cleanup_(file_abandon) struct file_new f = {0};
	char path[PATH_MAX];
	json_auto_t *root = NULL;
	int r = path_format(path, e, "%s/boots/%s/" FILE_NAME, dir, boot_id);

	if (r == 0)
		r = file_begin(&f, path, e);
	if (r < 0)
		return r;
	root = prediction_to_json(p);
	if (!root)
		return err_sys(e, -ENOMEM, FILE_NAME);
	json_dumpf(root, f.stream, JSON_INDENT(1));
	return file_commit(&f, e);
}

int prediction_load(const char *dir, const char *boot_id, struct prediction *ret, struct err *e)
{
	_cleanup_(bytes_free) struct bytes text = {NULL, 0};
	char path[PATH_MAX];
	json_error_t at;
	json_auto_t *root = NULL;
	int r = path_format(path, e, "%s/boots/%s/" FILE_NAME, dir, boot_id);

	if (r == 0)
		r = file_read(path, JSON_MAX, &text, e);
	if (r < 0)
		return r;
	root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &at);
	if (!root)
		return err_set(e, -EINVAL, "%s: line %d: %s", path, at.line, at.text);
	r = prediction_from_json(root, ret, e);
	return r < 0 ? err_prefix(e, "%s", path) : 0;
}
