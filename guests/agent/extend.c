/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/extend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/guard.h"
#include "agent/place.h"
#include "agent/report.h"
#include "agent/util.h"

#define RTMRS        4
#define OURS         3 /* the RTMR that belongs to the running system */

/* Out-of-tree drivers' request; which direction its number carried differed among them. */
struct tdx_extend_rtmr_req {
	uint8_t data[48];
	uint8_t index;
};
#define TDX_EXTEND_RTMR_R _IOR('T', 3, struct tdx_extend_rtmr_req)
#define TDX_EXTEND_RTMR_W _IOW('T', 3, struct tdx_extend_rtmr_req)
_Static_assert(TDX_EXTEND_RTMR_R == 0x80315403 && TDX_EXTEND_RTMR_W == 0x40315403, "their numbers");

struct attempt {
	const char *interface, *event;
	const void *payload;
	size_t size;
	uint8_t digest[SHA384_SIZE];
};

static json_t *outcome(const char *step, int error)
{
	json_t *object = json_pack("{s:b,s:s}", "ok", error == 0, "step", step);

	util_json_set_errno(object, error);
	return object;
}

/* ---- sysfs ---- */

static int rtmr_open(int index, int flags)
{
	char path[96];

	if (index == OURS && place_rtmr3())
		return open(place_rtmr3(), flags | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/measurements/rtmr%d:sha384", place_of(PLACE_GUEST), index);
	return open(path, flags | O_CLOEXEC);
}

/* Opening for writing extends nothing yet. */
static json_t *writable(void)
{
	json_t *list = json_array();

	for (int i = 0; i < RTMRS; i++) {
		_cleanup_(util_closep) int fd = rtmr_open(i, O_WRONLY);

		json_array_append_new(list, json_boolean(fd >= 0));
	}
	return list;
}

static json_t *rtmr_value(void)
{
	_cleanup_(util_closep) int fd = rtmr_open(OURS, O_RDONLY);
	uint8_t value[SHA384_SIZE];

	if (fd < 0 || read(fd, value, sizeof(value)) != (ssize_t)sizeof(value))
		return json_null();
	return util_json_base64(value, sizeof(value));
}

/* The first part of the register's path that is not there, by its word; NULL when all is, or a file alone was given. */
static const char *missing_part(void)
{
	const char *guest = place_of(PLACE_GUEST);
	char path[96];

	if (place_rtmr3())
		return NULL;
	if (access(guest, F_OK) < 0)
		return "device";
	snprintf(path, sizeof(path), "%s/measurements", guest);
	return access(path, F_OK) < 0 ? "measurements" : NULL;
}

static json_t *extend_sysfs(void *arg)
{
	const struct attempt *a = arg;
	json_t *object, *before = rtmr_value();
	_cleanup_(util_closep) int fd = rtmr_open(OURS, O_WRONLY);

	const int error = errno;
	const char *missing = fd < 0 ? missing_part() : NULL;

	if (missing)
		object = outcome(missing, errno);
	else if (fd < 0)
		object = outcome("open", error);
	else if (write(fd, a->digest, sizeof(a->digest)) < 0)
		object = outcome("write", errno);
	else
		object = outcome("done", 0);
	json_object_set_new(object, "writable", writable());
	json_object_set_new(object, "before", before);
	json_object_set_new(object, "after", rtmr_value());
	return object;
}

/* ---- the ioctl ---- */

static json_t *extend_ioctl(void *arg)
{
	const struct attempt *a = arg;
	struct tdx_extend_rtmr_req r = {.index = OURS};
	_cleanup_(util_closep) int fd = open("/dev/tdx_guest", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return outcome("open", errno);
	memcpy(r.data, a->digest, sizeof(r.data));
	if (ioctl(fd, TDX_EXTEND_RTMR_R, &r) == 0)
		return outcome("done", 0);
	if (errno == ENOTTY && ioctl(fd, TDX_EXTEND_RTMR_W, &r) == 0)
		return outcome("done", 0);
	return outcome("ioctl", errno);
}

/* ---- frames ---- */

static int attempt_send(struct channel *c, struct attempt *a, guard_fn run, int *ret_error)
{
	double start = util_now_fine_ms();
	json_t *object;
	int error;

	extend_digest(a->event, a->payload, a->size, a->digest);
	_cleanup_(util_json_decrefp) json_t *found = guard_run(run, a, PROBE_DEADLINE_MS, &error);
	object = json_pack("{s:s,s:i,s:b,s:s,s:n,s:n,s:f,s:s,s:o,s:o}", "interface", a->interface,
	                   "rtmr", OURS, "ok", 0, "step", "deadline", "errno", "errname", "ms",
	                   util_now_fine_ms() - start, "event", a->event, "payload",
	                   util_json_base64(a->payload, a->size), "digest",
	                   util_json_base64(a->digest, sizeof(a->digest)));
	if (found)
		json_object_update(object, found);
	else
		util_json_set_errno(object, error);
	*ret_error = (int)json_integer_value(json_object_get(object, "errno"));
	return channel_send(c, FRAME_EXTEND, object);
}

int extend_probe(struct channel *c, const struct visit_layer *layer)
{
	uint8_t payload[EXTEND_PROBE_MAX];
	struct attempt a = {.event = EXTEND_PROBE, .payload = payload};
	int unused;

	if (strcmp(util_json_string(layer->object, "kind", ""), "local") == 0)
		return 0; /* somebody else's trust domain: its RTMR3 is theirs */
	a.interface = "rtmr-sysfs";
	a.size = extend_probe_payload(layer->nonce, EXTEND_SYSFS, layer->id, payload);
	int r = attempt_send(c, &a, extend_sysfs, &unused);
	if (r < 0)
		return r;
	a.interface = "rtmr-ioctl";
	a.size = extend_probe_payload(layer->nonce, EXTEND_IOCTL, layer->id, payload);
	return attempt_send(c, &a, extend_ioctl, &unused);
}

int extend_event(struct channel *c, const char *event, const char *payload, int *ret_error)
{
	struct attempt a = {.interface = "rtmr-sysfs",
	                    .event = event,
	                    .payload = payload,
	                    .size = strlen(payload)};

	return attempt_send(c, &a, extend_sysfs, ret_error);
}
