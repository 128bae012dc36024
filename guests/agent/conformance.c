/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/conformance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/paths.h"
#include "agent/util.h"

#define MODPROBE_MS 30000

bool conformance_layer(const struct visit_layer *layer)
{
	return strcmp(util_json_string(layer->object, "kind", ""), "conformance") == 0;
}

static const char *program(void)
{
	static const char *const places[] = {RUN_DIR "/" CONFORMANCE_FILE, "/" CONFORMANCE_FILE};

	for (size_t i = 0; i < COUNT_OF(places); i++) {
		if (access(places[i], X_OK) == 0)
			return places[i];
	}
	return NULL;
}

int conformance_ready(struct trouble *t)
{
	if (!program())
		return trouble_set(t, -ENOENT, "program", "no program '%s' here", CONFORMANCE_FILE);
	command_quiet(MODPROBE_MS, "modprobe", "-q", "msr", NULL); /* without it rows are skipped */
	return 0;
}

static json_t *failed(int error)
{
	json_t *fact = json_object();

	util_json_set_errno(fact, error);
	return fact;
}

static json_t *run(const char *option)
{
	const char *path = program();
	int ends[2], status = 0;
	pid_t pid;

	if (!path)
		return failed(ENOENT);
	if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return failed(errno);
	if (pid == 0) {
		if (dup2(ends[1], STDOUT_FILENO) >= 0)
			execl(path, path, "--json", option, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	json_t *report = json_loadfd(ends[0], JSON_DISABLE_EOF_CHECK, NULL);
	close(ends[0]);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || !report) {
		json_decref(report);
		return failed(EPROTO);
	}
	return json_pack("{s:i,s:o}", "exit", WEXITSTATUS(status), "report", report);
}

json_t *conformance_rows(void *unused)
{
	(void)unused;
	return run(NULL);
}

json_t *conformance_extend(void *unused)
{
	(void)unused;
	return run("--extend");
}
