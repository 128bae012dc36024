/* SPDX-License-Identifier: Apache-2.0 */
#include "run/madeof.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "core/escape.h"
#include "core/file.h"
#include "core/json.h"
#include "format/text.h"
#include "record/store.h"
#include "run/digest.h"
#include "run/engines.h"

#define PART_NAME_MAX 40
#define HASHED_MAX    (2ll << 30) /* bytes: of a larger disk its size and time have to do */

typedef void (*part_fn)(void *userdata, const char *name, const char *path);

static void each_named(const char *what, const char *variant, bool usual, const char *path,
                       part_fn each, void *userdata)
{
	char name[PART_NAME_MAX];

	snprintf(name, sizeof(name), "%s%s%s", what, usual ? "" : "@", usual ? "" : variant);
	if (path)
		each(userdata, name, path);
}

void made_of_each(const struct made_of *m, const struct boot *b, part_fn each, void *userdata)
{
	const struct guest_parts *p = m->parts;
	const char *kernel = axis_choice_name(AXIS_KERNEL, b->kernel);
	bool td = b->platform != PLATFORM_NONE, disk = guest_parts_disk(p, b);

	each(userdata, "tception", "/proc/self/exe");
	if (b->layer0.kind->found)
		return;
	each(userdata, "qemu", m->qemu);
	each_named("root", axis_choice_name(AXIS_IMAGE, b->image), b->image == IMAGE_FULL,
	           p->root[b->image].path, each, userdata);
	if (disk) {
		each(userdata, "disk", p->disk.path);
	} else {
		each_named("kernel", kernel, b->kernel == KERNEL_TRIXIE, p->kernel[b->kernel].image,
		           each, userdata);
		each_named("initrd", kernel, b->kernel == KERNEL_TRIXIE,
		           p->kernel[b->kernel].initrd, each, userdata);
	}
	if ((td || disk) && p->firmware)
		each(userdata, "firmware", p->firmware);
	if (b->platform == PLATFORM_EMULATED && p->module)
		each(userdata, "module", p->module);
}

/* ---- as JSON ---- */

struct writing {
	json_t *parts, *engines;
};

static void add(void *userdata, const char *name, const char *path)
{
	struct writing *w = userdata;
	char hex[HEX_ENCODED_SIZE(SHA256_SIZE)], shown[PATH_MAX];
	uint8_t digest[SHA256_SIZE];
	struct err e = {0};
	struct stat st;
	uint64_t size;

	if (json_object_get(w->parts, name))
		return;
	text_escape(shown, sizeof(shown), path);
	if (stat(path, &st) == 0 && st.st_size > HASHED_MAX) {
		json_object_set_new(w->parts, name,
		                    json_pack("{s:s, s:I, s:I}", "path", shown, "size",
		                              (json_int_t)st.st_size, "modified",
		                              (json_int_t)st.st_mtim.tv_sec));
		return;
	}
	if (digest_file(path, &size, digest, &e) < 0) {
		json_object_set_new(w->parts, name,
		                    json_pack("{s:s, s:s}", "path", shown, "missing", strerror(-e.code)));
		return;
	}
	hex_encode(digest, sizeof(digest), hex);
	json_object_set_new(w->parts, name,
	                    json_pack("{s:s, s:I, s:s}", "path", shown, "size", (json_int_t)size,
	                              "sha256", hex));
	if (strncmp(name, "root", 4) == 0) {
		json_t *versions = engines_versions(path, hex);

		if (versions)
			json_object_set_new(w->engines, name, versions);
	}
}

json_t *made_of_json(const struct made_of *m)
{
	struct writing w = {.parts = json_object(), .engines = json_object()};

	for (size_t i = 0; i < m->boots; i++)
		made_of_each(m, m->boot[i], add, &w);
	return json_pack("{s:o, s:o, s:o}", "parts", w.parts, "append",
	                 text_or_null(m->parts->append), "engines", w.engines);
}

int made_of_save(const struct made_of *m, const char *dir, struct err *e)
{
	json_auto_t *root = made_of_json(m);
	_cleanup_(freep) char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	char path[PATH_MAX];
	int r = text ? path_join(path, dir, STORE_PARTS, e) : err_nomem(e);

	return r < 0 ? r : file_write(path, text, strlen(text), e);
}
