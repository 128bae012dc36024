/* SPDX-License-Identifier: Apache-2.0 */
#include "run/hostrecord.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/escape.h"
#include "core/file.h"
#include "format/sha2.h"
#include "format/tdvf.h"
#include "format/text.h"
#include "run/hostcheck.h"
#include "run/klog.h"

#define LINE_MAX_SHOWN 300

static json_t *checks_json(const char *sysroot)
{
	struct host_checks checks;
	json_t *list = json_array();

	host_check(sysroot, &checks);
	for (size_t i = 0; i < checks.count; i++) {
		const struct host_check *c = &checks.item[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "what", c->what, "state",
		                                      host_state_names[c->state], "found",
		                                      c->found));
	}
	return list;
}

static json_t *firmware_json(const char *path)
{
	_cleanup_(bytes_free) struct bytes image = {0};
	uint8_t digest[SHA256_SIZE];
	char hex[HEX_ENCODED_SIZE(SHA256_SIZE)];
	char shown[NAME_MAX + 1];
	const char *name;
	struct err e;

	if (!path || file_read(path, TDVF_IMAGE_MAX, &image, &e) < 0)
		return json_null();
	sha256(image.data, image.size, digest);
	hex_encode(digest, sizeof(digest), hex);
	name = strrchr(path, '/');
	text_escape(shown, sizeof(shown), name ? name + 1 : path);
	return json_pack("{s:s, s:I, s:s}", "name", shown, "size", (json_int_t)image.size, "sha256",
	                 hex);
}

/* What the kernel, KVM and the guests' drivers say of TDX and of the calls into its module. */
static bool is_of_tdx(const char *line)
{
	return strcasestr(line, "tdx") || strstr(line, "SEAM") || strstr(line, "seam");
}

static json_t *lines_json(struct bytes log)
{
	json_t *list = json_array();
	char *rest = (char *)log.data, *line;
	char shown[LINE_MAX_SHOWN];

	while (rest && (line = strsep(&rest, "\n"))) {
		if (!is_of_tdx(line))
			continue;
		text_escape(shown, sizeof(shown), line);
		json_array_append_new(list, json_string(shown));
		if (json_array_size(list) > HOST_RECORD_LINES_MAX)
			json_array_remove(list, 0);
	}
	return list;
}

int host_record_save(const char *dir, const char *sysroot, const char *firmware, struct err *e)
{
	_cleanup_(bytes_free) struct bytes log = {0};
	_cleanup_(freep) char *text = NULL;
	json_auto_t *root = NULL;
	char path[PATH_MAX], why[128] = "";
	int r = path_join(path, dir, HOST_RECORD, e);

	if (r < 0)
		return r;
	if (klog_read(sysroot, &log, why, sizeof(why)) < 0)
		log = (struct bytes){0};
	root = json_pack("{s:o, s:o, s:o, s:s?}", "checks", checks_json(sysroot), "firmware",
	                 firmware_json(firmware), "kernel_lines", lines_json(log),
	                 "kernel_lines_missing", why[0] ? why : NULL);
	text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	if (!text)
		return err_nomem(e);
	return file_write(path, text, strlen(text), e);
}
