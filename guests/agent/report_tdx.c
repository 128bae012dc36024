/* SPDX-License-Identifier: Apache-2.0 */
/* The two ways to TDX evidence that a kernel offers, each tried on its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/place.h"
#include "agent/probe.h"
#include "agent/util.h"

#define OUTBLOB_MAX (256u << 10) /* the kernel allows 128 KiB */

/* Linux uapi/linux/tdx-guest.h, which older systems lack. */
struct tdx_report_req {
	uint8_t reportdata[64];
	uint8_t tdreport[1024];
};
#define TDX_CMD_GET_REPORT0 _IOWR('T', 1, struct tdx_report_req)
_Static_assert(TDX_CMD_GET_REPORT0 == 0xc4405401, "Linux' number");

json_t *report_outcome(const char *step, int error, const void *data, size_t size)
{
	json_t *report = json_pack("{s:b,s:s}", "ok", error == 0, "step", step);

	util_json_set_errno(report, error);
	if (error == 0)
		json_object_set_new(report, "data", util_json_base64(data, size));
	return report;
}

json_t *report_ioctl(void *arg)
{
	const struct report_request *request = arg;
	struct tdx_report_req r = {0};
	_cleanup_(util_closep) int fd = open("/dev/tdx_guest", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return report_outcome("open", errno, NULL, 0);
	memcpy(r.reportdata, request->report_data, sizeof(r.reportdata));
	if (ioctl(fd, TDX_CMD_GET_REPORT0, &r) < 0)
		return report_outcome("ioctl", errno, NULL, 0);
	return report_outcome("done", 0, r.tdreport, sizeof(r.tdreport));
}

/* One report object of configfs-tsm. */
struct entry {
	char dir[96];
	char *provider;
	json_int_t before, after; /* of "generation"; -1 when it could not be read */
};

static char *entry_read(const struct entry *e, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", e->dir, name);
	return util_read_line(path);
}

static json_int_t entry_generation(const struct entry *e)
{
	_cleanup_(util_freep) char *text = entry_read(e, "generation");

	return text ? strtoll(text, NULL, 10) : -1;
}

static json_t *entry_ask(struct entry *e, const struct report_request *request)
{
	_cleanup_(util_freep) char *blob = NULL;
	size_t size = 0;
	char path[128];

	e->provider = entry_read(e, "provider");
	e->before = entry_generation(e);
	snprintf(path, sizeof(path), "%s/inblob", e->dir);
	int r = util_write_file(path, request->report_data, sizeof(request->report_data));
	if (r < 0)
		return report_outcome("inblob", r, NULL, 0);
	snprintf(path, sizeof(path), "%s/outblob", e->dir);
	r = util_read_file(path, OUTBLOB_MAX, &blob, &size);
	e->after = entry_generation(e);
	if (r < 0)
		return report_outcome("outblob", r, NULL, 0);
	if (size == 0) /* older kernels' way to say that the quote failed */
		return report_outcome("empty", ENODATA, NULL, 0);
	return report_outcome("done", 0, blob, size);
}

json_t *report_configfs(void *arg)
{
	struct entry e = {.before = -1, .after = -1};
	const bool given = place_entry() != NULL;
	json_t *report;

	if (given)
		snprintf(e.dir, sizeof(e.dir), "%s", place_entry());
	else
		snprintf(e.dir, sizeof(e.dir), "%s/tception-%d", place_reports(), (int)getpid());
	if (!given && mkdir(e.dir, 0700) < 0) {
		report = report_outcome("mkdir", errno, NULL, 0);
		json_object_set_new(report, "path", json_string(e.dir));
		return report;
	}
	report = entry_ask(&e, arg);
	json_object_set_new(report, "path", json_string(e.dir));
	if (!given)
		rmdir(e.dir);
	json_object_set_new(report, "provider",
	                    e.provider ? util_json_text(e.provider, strlen(e.provider))
	                               : json_null());
	json_object_set_new(report, "generation",
	                    e.before < 0 || e.after < 0 ? json_null()
	                                                : json_pack("[I,I]", e.before, e.after));
	free(e.provider);
	return report;
}
