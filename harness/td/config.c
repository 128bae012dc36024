/* SPDX-License-Identifier: Apache-2.0 */
/* What a TD is told of itself, and what it tells of itself. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/argv.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "format/task.h"
#include "td/td.h"
#include "td/trustdir.h"

#define QGS_PORT 4050       /* Intel's, on vsock */
#define HOST     "10.0.2.2" /* this machine, as QEMU's user network shows it to the guest */
#define TRUST    "/run/tception/trust"

const char *td_title(const struct td_spec *s)
{
	return s->authority                         ? "EMULATED trust domain"
	       : s->boot.platform == PLATFORM_NONE ? "plain VM"
	                                           : "trust domain";
}

static const char *prompt(const struct td_spec *s)
{
	return s->authority                         ? "EMULATED TD "
	       : s->boot.platform == PLATFORM_NONE ? "VM "
	                                           : "TD ";
}

/* ---- files ---- */

static int add_file(json_t *files, const char *path, const char *text)
{
	return json_array_append_new(files, json_pack("{s:s, s:s}", "path", path, "text", text));
}

/* The service's URL on this machine as the guest reaches it. */
static void guest_url(const char *pccs, char out[64])
{
	const char *port = pccs ? strrchr(pccs, ':') : NULL;

	snprintf(out, 64, "http://" HOST "%s", port ? port : "");
}

static void add_clients(json_t *files, const struct td_spec *s, const char *pccs)
{
	char url[64], text[300];

	snprintf(text, sizeof(text), "port=%d\n", QGS_PORT);
	add_file(files, "/etc/tdx-attest.conf", text);
	if (!pccs || !s->network)
		return;
	guest_url(pccs, url);
	snprintf(text, sizeof(text),
	         "{\"pccs_url\": \"%s/sgx/certification/v4/\", \"use_secure_cert\": false, "
	         "\"collateral_service\": \"%s/sgx/certification/v4/\", \"retry_times\": 1}\n",
	         url, url);
	add_file(files, "/etc/sgx_default_qcnl.conf", text);
}

static void add_shell(json_t *files, const struct td_spec *s)
{
	char text[600];

	snprintf(text, sizeof(text),
	         "PS1='[%s%s] \\u:\\w\\$ '\n"
	         "alias ls='ls --color=auto'\n"
	         "shopt -s checkwinsize\n",
	         prompt(s), s->place.name);
	add_file(files, "/run/tception/bashrc", text);
	if (!s->authority)
		return;
	add_file(files, "/etc/motd",
	         "This is an EMULATED trust domain: TDX's interface without its protection. No\n"
	         "memory is encrypted, and its quotes are signed by a test root of one machine.\n");
}

static int add_trust(json_t *files, const struct td_spec *s, struct err *e)
{
	struct trust_file file[TRUST_FILES];
	int r;

	if (!s->authority)
		return 0;
	r = trust_files(s->authority, time(NULL), file, e);
	for (size_t i = 0; r == 0 && i < TRUST_FILES; i++) {
		char path[100];

		snprintf(path, sizeof(path), TRUST "/%s", file[i].name);
		add_file(files, path, file[i].text);
	}
	trust_files_done(file);
	return r;
}

static json_t *shares_json(const struct td_spec *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->shares; i++)
		json_array_append_new(list, json_pack("{s:s, s:b}", "path", s->share[i].guest,
		                                      "read_only", s->share[i].read_only));
	return list;
}

/* Somebody's own system stays as it is: programs may be run there, and that is all. */
static int own_config(char **ret, struct err *e)
{
	json_t *o = json_pack("{s:i}", "tasks", TASK_PORTS);

	*ret = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return *ret ? 0 : err_nomem(e);
}

int td_config(const struct td_spec *s, const char *pccs, char **ret, struct err *e)
{
	json_t *files, *o;
	int r;

	if (s->alone)
		return own_config(ret, e);
	files = json_array();
	add_clients(files, s, pccs);
	add_shell(files, s);
	r = add_trust(files, s, e);
	o = json_pack("{s:s, s:b, s:o, s:b, s:b, s:b, s:o, s:i, s:i}", "name", s->place.name,
	              "emulated", s->authority != NULL, "files", files, "network", s->network,
	              "root", s->root.path != NULL, "docker", !s->layers, "shares", shares_json(s), "quotes",
	              s->kept ? 0 : QGS_PORT, "tasks", TASK_PORTS);
	if (r == 0 && (!o || !(*ret = json_dumps(o, JSON_COMPACT))))
		r = err_nomem(e);
	json_decref(o);
	return r;
}

/* ---- programs ---- */

char **td_environment(const struct td_spec *s, const char *pccs)
{
	const char *term = getenv("TERM");
	struct argv a = {0};
	char url[64];

	argv_add(&a, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	argv_add(&a, "HOME=/root");
	argv_add(&a, "USER=root");
	argv_add(&a, "LANG=C.UTF-8");
	argv_addf(&a, "TERM=%s", term && *term ? term : "dumb");
	argv_addf(&a, "PS1=[%s%s] # ", prompt(s), s->place.name);
	argv_addf(&a, "TCEPTION_TD=%s", platform_names[s->boot.platform]);
	if (s->authority && !s->alone)
		argv_add(&a, "TCEPTION_TRUST=" TRUST);
	if (pccs && s->network) {
		guest_url(pccs, url);
		argv_addf(&a, "PCCS_URL=%s", url);
	}
	if (!a.failed)
		return a.item;
	argv_done(&a);
	return NULL;
}

/* ---- td.json ---- */

static json_t *environment_json(const struct td_spec *s, const char *pccs)
{
	char **words = td_environment(s, pccs);
	json_t *list = json_array();

	for (char **w = words; w && *w; w++)
		json_array_append_new(list, json_string(*w));
	argv_free(words);
	return list;
}

int td_describe(const struct td_spec *s, const char *pccs, struct err *e)
{
	char path[PATH_MAX];
	json_t *o = json_pack(
	        "{s:s, s:b, s:s, s:s, s:i, s:i, s:i, s:s?, s:s?, s:b, s:o}", "name", s->place.name,
	        "emulated", s->authority != NULL, "platform", platform_names[s->boot.platform],
	        "profile",
	        s->authority ? authority_profile_names[authority_profile(s->authority)] : "", "pid",
	        (int)getpid(), "memory_mib", (int)s->boot.memory_mib, "vcpus", (int)s->boot.vcpus,
	        "pccs", pccs, "disk", s->alone ? s->parts.disk.path : NULL, "root",
	        s->root.path != NULL, "environment", environment_json(s, pccs));
	char *text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
	int r = text ? path_join(path, s->place.dir, "td.json", e) : err_nomem(e);

	if (r == 0)
		r = file_write(path, text, strlen(text), e);
	free(text);
	json_decref(o);
	return r;
}
