/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/extend.h"
#include "agent/util.h"
#include "format/text.h"

#define DEPTH_MAX 32

/* The walk: directories by descriptor, so that no link in a tree leads out of it. */
struct walk {
	struct sha512 image;
	char path[PATH_MAX]; /* as the layer will see it; "" is its root */
	unsigned depth;
};

static int digest_file(int fd, uint8_t ret[48])
{
	struct sha512 h;
	uint8_t buffer[65536];
	ssize_t n;

	sha384_init(&h);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		sha512_update(&h, buffer, (size_t)n);
	if (n < 0)
		return -errno;
	sha384_final(&h, ret);
	return 0;
}

static int add_file(struct walk *w, int dir, const char *name, unsigned mode)
{
	_cleanup_(util_closep) int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t digest[48];
	int r = fd < 0 ? -errno : digest_file(fd, digest);

	if (r == 0)
		launch_image_add(&w->image, 'f', mode, digest, w->path);
	return r;
}

static int add_link(struct walk *w, int dir, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target));
	uint8_t digest[48];

	if (n < 0)
		return -errno;
	sha384(target, (size_t)n, digest);
	launch_image_add(&w->image, 'l', 0777, digest, w->path);
	return 0;
}

static char type_letter(mode_t mode)
{
	return S_ISCHR(mode) ? 'c' : S_ISBLK(mode) ? 'b' : S_ISFIFO(mode) ? 'p' : 's';
}

static int add_directory(struct walk *w, int dir, const char *name, unsigned mode);

static int add_entry(struct walk *w, int dir, const char *name)
{
	struct stat st;
	unsigned mode;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	mode = st.st_mode & 07777;
	if (S_ISDIR(st.st_mode))
		return add_directory(w, dir, name, mode);
	if (S_ISREG(st.st_mode))
		return add_file(w, dir, name, mode);
	if (S_ISLNK(st.st_mode))
		return add_link(w, dir, name);
	launch_image_add(&w->image, type_letter(st.st_mode), mode, NULL, w->path);
	return 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int no_dots(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int add_directory(struct walk *w, int dir, const char *name, unsigned mode)
{
	_cleanup_(util_closep) int fd =
	        openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent **list = NULL;
	size_t used = strlen(w->path);
	int count, r = 0;

	if (fd < 0)
		return -errno;
	if (w->depth == DEPTH_MAX)
		return -ELOOP;
	launch_image_add(&w->image, 'd', mode, NULL, used ? w->path : "/");
	count = scandirat(fd, ".", &list, no_dots, by_bytes);
	if (count < 0)
		return -errno;
	w->depth++;
	for (int i = 0; i < count; i++) {
		if (r == 0 && used + 2 + strlen(list[i]->d_name) > sizeof(w->path))
			r = -ENAMETOOLONG;
		if (r == 0) {
			snprintf(w->path + used, sizeof(w->path) - used, "/%s", list[i]->d_name);
			r = add_entry(w, fd, list[i]->d_name);
		}
		free(list[i]);
	}
	w->depth--;
	w->path[used] = '\0';
	free(list);
	return r;
}

/* A tree counts with its modes and names; a single file by the name of its purpose alone. */
static int add_measured(struct walk *w, const struct measured *m)
{
	if (strcmp(m->what, "rootfs") == 0) {
		struct stat st;

		w->path[0] = '\0';
		if (stat(m->path, &st) < 0)
			return -errno;
		return add_directory(w, AT_FDCWD, m->path, st.st_mode & 07777);
	}
	snprintf(w->path, sizeof(w->path), "/%s", m->what);
	return add_file(w, AT_FDCWD, m->path, 0);
}

int launch_image(const struct command *command, uint8_t ret[48], struct trouble *t)
{
	struct walk *w = calloc(1, sizeof(*w));
	int r = w ? 0 : -ENOMEM;

	if (command->measures == 0)
		r = trouble_set(t, -ENOTSUP, "measure",
		                "this kind of layer cannot tell what it is made of");
	if (r == 0)
		sha384_init(&w->image);
	for (size_t i = 0; r == 0 && i < command->measures; i++) {
		r = add_measured(w, &command->measured[i]);
		if (r < 0)
			trouble_set(t, r, "measure", "%.60s %.200s: %s", command->measured[i].what,
			            command->measured[i].path, strerror(-r));
	}
	if (r == 0)
		sha384_final(&w->image, ret);
	free(w);
	return r;
}

static void config_digest(const struct command *command, const char *name, uint8_t ret[48])
{
	struct sha512 h;

	sha384_init(&h);
	for (size_t i = 0; i < command->count; i++)
		launch_config_add(&h, command->argv[i], name);
	sha384_final(&h, ret);
}

static char *payload(const struct visit_layer *layer, const uint8_t image[48],
                     const uint8_t config[48])
{
	char image_hex[HEX_ENCODED_SIZE(48)], config_hex[HEX_ENCODED_SIZE(48)];

	hex_encode(image, 48, image_hex);
	hex_encode(config, 48, config_hex);
	_cleanup_(util_json_decrefp) json_t *object = json_pack(
	        "{s:s,s:s,s:s}", "layer", layer->id, "image", image_hex, "config", config_hex);
	return json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
}

int launch_measure(struct channel *c, const struct entry *e, bool *ret_ready, struct trouble *t)
{
	_cleanup_(util_freep) char *text = NULL;
	uint8_t image[48], config[48];
	int error = 0;

	*ret_ready = false;
	if (launch_image(&e->command, image, t) < 0)
		return 0;
	config_digest(&e->command, e->name, config);
	text = payload(e->visit, image, config);
	if (!text) {
		trouble_set(t, 0, "measure", "%s", strerror(ENOMEM));
		return 0;
	}
	int r = extend_event(c, EXTEND_LAUNCH, text, &error);
	*ret_ready = error == 0;
	if (error)
		trouble_set(t, 0, "measure", "RTMR3 can't be extended here: %s", strerror(error));
	return r;
}

int launch_measure_key(struct channel *c, const struct visit_layer *layer,
                       const uint8_t key[SHA256_SIZE])
{
	_cleanup_(util_freep) char *text = NULL;
	char hex[HEX_ENCODED_SIZE(SHA256_SIZE)];
	int unused;

	hex_encode(key, SHA256_SIZE, hex);
	_cleanup_(util_json_decrefp) json_t *object =
	        json_pack("{s:s,s:s}", "layer", layer->id, "key", hex);
	text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	return text ? extend_event(c, EXTEND_KEY, text, &unused) : -ENOMEM;
}
