/* SPDX-License-Identifier: Apache-2.0 */
#include "core/install.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"

int install_dir(char ret[static PATH_MAX], bool *ret_installed, struct err *e)
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
	char beside[PATH_MAX], real[PATH_MAX];
	char *slash;

	if (n < 0)
		return err_sys(e, -errno, "/proc/self/exe");
	ret[n] = 0;
	slash = strrchr(ret, '/');
	if (slash)
		*slash = 0;
	*ret_installed =
	        path_join(beside, ret, "../lib/tception", NULL) == 0 && realpath(beside, real);
	if (*ret_installed)
		memcpy(ret, real, sizeof(real));
	return 0;
}

int install_cache_path(char ret[static PATH_MAX], const char *name, struct err *e)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char dir[PATH_MAX];
	int r;

	if (cache && cache[0] == '/')
		r = path_format(dir, e, "%s/tception", cache);
	else if (home && home[0] == '/' && access(home, F_OK) == 0)
		r = path_format(dir, e, "%s/.cache/tception", home);
	else
		return err_set(e, -ENXIO, "no place for %s: set HOME", name);
	if (r == 0)
		r = file_make_dirs(dir, 0700, e);
	return r < 0 ? r : path_join(ret, dir, name, e);
}
