/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reference_input.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "reference/corim.h"
#include "reference/reference.h"

static int add(const struct reference_input *in, const char *path, json_t *images, struct err *e)
{
	_cleanup_(bytes_free) struct bytes document = {NULL, 0}, key = {NULL, 0};
	json_t *own = NULL;
	int r = file_read_input(path, CORIM_MAX, &document, e);

	if (r == 0 && in->key)
		r = file_read_input(in->key, CORIM_MAX, &key, e);
	if (r < 0)
		return r;
	r = reference_read(document, (const char *)key.data, &own, e);
	if (r < 0)
		return err_prefix(e, "%.200s", path);
	r = json_array_extend(images, own);
	json_decref(own);
	return r < 0 ? err_nomem(e) : 0;
}

int reference_input_policy(const struct reference_input *in, struct bytes text, char **ret,
                           struct err *e)
{
	json_t *policy =
	        text.size ? json_loadb((const char *)text.data, text.size, 0, NULL) : json_object();
	json_t *images = json_array();
	int r = 0;

	if (!json_is_object(policy) || !images)
		r = err_nomem(e); /* it was read as a policy before */
	else if (json_object_get(policy, "images"))
		r = err_set(e, -EINVAL, "--reference: the policy has images of its own");
	for (size_t i = 0; r == 0 && i < in->paths; i++)
		r = add(in, in->path[i], images, e);
	if (r == 0 && json_object_set(policy, "images", images) < 0)
		r = err_nomem(e);
	if (r == 0 && !(*ret = json_dumps(policy, JSON_COMPACT)))
		r = err_nomem(e);
	json_decref(images);
	json_decref(policy);
	return r;
}
