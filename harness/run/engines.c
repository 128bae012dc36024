/* SPDX-License-Identifier: Apache-2.0 */
#include "run/engines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/hash.h"
#include "format/sha2.h"
#include "format/text.h"

#define LINE_MAX_BYTES 1024

/* What a manifest says; the first package that is not as it should be ends up in `changed`. */
struct tally {
	char root[65];
	unsigned packages;
	char changed[320];
	json_t *versions; /* borrowed, or NULL */
};

/* One line, split at blanks: "root DIGEST", "program DIGEST PATH", "package NAME VERSION same" or
 * "package NAME VERSION changed PATH". */
static bool take_line(struct tally *t, char *line)
{
	char *word[5] = {NULL}, *rest = line;
	size_t n = 0;

	while (n < 5 && (word[n] = strsep(&rest, " ")))
		n++;
	if (n == 2 && strcmp(word[0], "root") == 0 && strlen(word[1]) == 64) {
		strcpy(t->root, word[1]);
		return true;
	}
	if (n == 3 && strcmp(word[0], "program") == 0)
		return true;
	if (n < 4 || strcmp(word[0], "package") != 0)
		return false;
	t->packages++;
	if (t->versions)
		json_object_set_new(t->versions, word[1], json_string(word[2]));
	if (n == 4 && strcmp(word[3], "same") == 0)
		return true;
	if (n != 5 || strcmp(word[3], "changed") != 0)
		return false;
	if (!t->changed[0])
		snprintf(t->changed, sizeof(t->changed), "%.200s is not as in Debian's %.40s %.50s",
		         word[4], word[1], word[2]);
	return true;
}

static int read_manifest(const char *path, struct tally *t, struct err *e)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	char line[LINE_MAX_BYTES];

	if (!f)
		return err_sys(e, -errno, "%s", path);
	for (unsigned number = 1; fgets(line, sizeof(line), f); number++) {
		line[strcspn(line, "\n")] = '\0';
		if (!take_line(t, line))
			return err_set(e, -EINVAL, "%s: line %u: no line of an engines.manifest",
			               path, number);
	}
	if (!t->root[0] || t->packages == 0)
		return err_set(e, -EINVAL, "%s: no engines.manifest", path);
	return 0;
}

/* The manifest beside an image. */
static int read_manifest_of(const char *root_image, struct tally *t, struct err *e)
{
	const char *slash = strrchr(root_image, '/');
	char path[PATH_MAX];
	int dir = slash ? (int)(slash - root_image) + 1 : 0;
	int r = path_format(path, e, "%.*sengines.manifest", dir, root_image);

	return r < 0 ? r : read_manifest(path, t, e);
}

json_t *engines_versions(const char *root_image, const char *sha256)
{
	json_auto_t *versions = json_object();
	struct tally t = {.versions = versions};

	if (read_manifest_of(root_image, &t, NULL) < 0 || strcmp(t.root, sha256) != 0)
		return NULL;
	return json_incref(versions);
}

int engines_check(const char *root_image, struct engines *ret, struct err *e)
{
	char hex[HEX_ENCODED_SIZE(SHA256_SIZE)];
	uint8_t digest[SHA256_SIZE];
	struct engines engines = {0};
	struct tally t = {0};
	int r;

	r = read_manifest_of(root_image, &t, e);
	if (r == 0)
		r = hash256_file(root_image, NULL, digest, e);
	if (r < 0)
		return r;
	hex_encode(digest, sizeof(digest), hex);
	engines.same = strcmp(hex, t.root) == 0 && !t.changed[0];
	if (strcmp(hex, t.root) != 0)
		snprintf(engines.text, sizeof(engines.text),
		         "the root image has SHA-256 %.16s..., the one that was compared with "
		         "Debian's packages %.16s...",
		         hex, t.root);
	else if (t.changed[0])
		snprintf(engines.text, sizeof(engines.text), "%s", t.changed);
	else
		snprintf(engines.text, sizeof(engines.text),
		         "%u packages in the root image are Debian's, byte for byte", t.packages);
	*ret = engines;
	return 0;
}
