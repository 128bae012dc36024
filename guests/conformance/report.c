/* SPDX-License-Identifier: Apache-2.0 */
/* The TDREPORT, as the kernel's ioctl gives it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "conformance/conformance.h"
#include "format/sha2.h"
#include "format/tdx.h"

static void look_node(struct outcome *o, const void *of)
{
	struct stat st;

	(void)of;
	if (stat(TDX_NODE, &st) < 0)
		fail(o, TDX_NODE ": %s", errno_name(errno));
	else if (!S_ISCHR(st.st_mode) || major(st.st_rdev) != 10)
		fail(o, "mode %o, major %u", st.st_mode, major(st.st_rdev));
	else
		pass(o, "mode %04o, owner %u", st.st_mode & 07777, st.st_uid);
}

static void look_echo(struct outcome *o, const void *of)
{
	struct tdreport r;
	uint8_t asked[TDREPORT_DATA_SIZE];

	(void)of;
	memset(asked, 0xa5, sizeof(asked));
	if (!have_tdreport(o, 0xa5, &r))
		return;
	if (memcmp(r.mac.report_data, asked, sizeof(asked)) != 0)
		fail(o, "another REPORTDATA");
	else
		pass(o, "64 bytes as asked");
}

static bool all_zero(const void *data, size_t size)
{
	const uint8_t *p = data;

	while (size && *p == 0)
		p++, size--;
	return size == 0;
}

static void look_header(struct outcome *o, const void *of)
{
	struct tdreport r;

	(void)of;
	if (!have_tdreport(o, 0, &r))
		return;
	if (r.mac.type != 0x81 || r.mac.subtype != 0 || r.mac.version > 1)
		fail(o, "type %#x, subtype %u, version %u", r.mac.type, r.mac.subtype,
		     r.mac.version);
	else
		pass(o, "type 0x81, version %u", r.mac.version);
}

static void look_reserved(struct outcome *o, const void *of)
{
	struct tdreport r;

	(void)of;
	if (!have_tdreport(o, 0, &r))
		return;
	if (r.mac.reserved1 || !all_zero(r.mac.reserved2, sizeof(r.mac.reserved2)) ||
	    !all_zero(r.mac.reserved3, sizeof(r.mac.reserved3)) ||
	    !all_zero(r.reserved, sizeof(r.reserved)))
		fail(o, "a reserved byte is not 0");
	else
		pass(o, "all 0");
}

static void look_tcb_hash(struct outcome *o, const void *of)
{
	uint8_t hash[SHA384_SIZE];
	struct tdreport r;

	(void)of;
	if (!have_tdreport(o, 0, &r))
		return;
	sha384(&r.tcb, sizeof(r.tcb), hash);
	(memcmp(hash, r.mac.tee_tcb_info_hash, sizeof(hash)) == 0 ? pass : fail)(
	        o, "VALID %02x%02x, TEE_TCB_SVN %u.%u", r.tcb.valid[1], r.tcb.valid[0],
	        r.tcb.tee_tcb_svn[1], r.tcb.tee_tcb_svn[0]);
}

static void look_info_hash(struct outcome *o, const void *of)
{
	uint8_t hash[SHA384_SIZE];
	struct tdreport r;

	(void)of;
	if (!have_tdreport(o, 0, &r))
		return;
	sha384(&r.td, sizeof(r.td), hash);
	(memcmp(hash, r.mac.tee_info_hash, sizeof(hash)) == 0 ? pass : fail)(
	        o, "ATTRIBUTES %#llx, XFAM %#llx", (unsigned long long)r.td.attributes,
	        (unsigned long long)r.td.xfam);
}

/* A field that may differ between two reports of one TD, one after the other. */
static const struct field {
	const char *name;
	size_t offset, size;
} may_differ[] = {
        {"REPORTDATA", offsetof(struct tdreport, mac.report_data), TDREPORT_DATA_SIZE},
        {"MAC", offsetof(struct tdreport, mac.mac), 32},
};

static void look_two(struct outcome *o, const void *of)
{
	struct tdreport a, b;

	(void)of;
	if (!have_tdreport(o, 1, &a) || !have_tdreport(o, 2, &b))
		return;
	if (memcmp(a.mac.mac, b.mac.mac, sizeof(a.mac.mac)) == 0) {
		fail(o, "one MAC for two REPORTDATA");
		return;
	}
	for (size_t i = 0; i < COUNTED(may_differ); i++) {
		memset((uint8_t *)&a + may_differ[i].offset, 0, may_differ[i].size);
		memset((uint8_t *)&b + may_differ[i].offset, 0, may_differ[i].size);
	}
	for (size_t i = 0; i < sizeof(a); i++) {
		if (((uint8_t *)&a)[i] != ((uint8_t *)&b)[i]) {
			fail(o, "they differ at byte %zu", i);
			return;
		}
	}
	pass(o, "equal but for REPORTDATA and MAC");
}

static void look_registers(struct outcome *o, const void *of)
{
	struct tdreport r;

	(void)of;
	if (!have_tdreport(o, 0, &r))
		return;
	if (all_zero(r.td.mrtd, sizeof(r.td.mrtd)))
		fail(o, "MRTD is 0");
	else
		pass(o, "MRTD %02x%02x%02x%02x...", r.td.mrtd[0], r.td.mrtd[1], r.td.mrtd[2],
		     r.td.mrtd[3]);
}

static void look_debug(struct outcome *o, const void *of)
{
	struct tdreport r;

	(void)of;
	if (!have_tdreport(o, 0, &r))
		return;
	(r.td.attributes & TDX_ATTR_DEBUG ? fail : pass)(o, "ATTRIBUTES %#llx",
	                                                 (unsigned long long)r.td.attributes);
}

static void look_sept(struct outcome *o, const void *of)
{
	struct tdreport r;

	(void)of;
	if (!have_tdreport(o, 0, &r))
		return;
	/* Newer kernels turn it off by TD_CTLS, which no program sees. */
	if (!(r.td.attributes & TDX_ATTR_SEPT_VE_DISABLE))
		skip(o, "not set; the kernel runs, so it has set TD_CTLS.PENDING_VE_DISABLE");
	else
		pass(o, "SEPT_VE_DISABLE");
}

static void look_unnamed(struct outcome *o, const void *of)
{
	uint64_t known = 0;
	struct tdreport r;

	(void)of;
	if (!have_tdreport(o, 0, &r))
		return;
	for (unsigned bit = 0; bit < 64; bit++)
		known |= (uint64_t)(tdx_xfam_name(bit) != NULL) << bit;
	if ((r.td.xfam & 3) != 3 || (r.td.xfam & ~known))
		fail(o, "XFAM %#llx", (unsigned long long)r.td.xfam);
	else
		pass(o, "XFAM %#llx", (unsigned long long)r.td.xfam);
}

/* ---- what the driver refuses ---- */
static int try_ioctl(unsigned long number, void *arg)
{
	int fd = open(TDX_NODE, O_RDWR | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -ENODEV;
	if (ioctl(fd, number, arg) < 0)
		error = errno;
	close(fd);
	return error;
}

static void look_ioctl(struct outcome *o, const void *of)
{
	int error = try_ioctl(_IO('T', 0x7f), NULL);

	(void)of;
	if (error == -ENODEV)
		skip(o, "no " TDX_NODE);
	else
		(error == ENOTTY ? pass : fail)(o, "%s", error ? errno_name(error) : "success");
}

static void look_fault(struct outcome *o, const void *of)
{
	int error = try_ioctl(_IOC(_IOC_READ | _IOC_WRITE, 'T', 1, 64 + TDREPORT_SIZE), NULL);

	(void)of;
	if (error == -ENODEV)
		skip(o, "no " TDX_NODE);
	else
		(error == EFAULT ? pass : fail)(o, "%s", error ? errno_name(error) : "success");
}

static const struct row rows[] = {
        {"report-node", TDX_NODE " is there, a misc device", OF_DRIVER, look_node, NULL},
        {"report-data", "a TDREPORT has the REPORTDATA that was asked for", OF_REPORT, look_echo,
         NULL},
        {"report-header", "its type is 0x81 (TDX), its subtype 0, its version 0 or 1", OF_REPORT,
         look_header, NULL},
        {"report-reserved", "its reserved bytes are 0", OF_REPORT, look_reserved, NULL},
        {"report-tcb-hash", "TEE_TCB_INFO_HASH is SHA-384 of TEE_TCB_INFO", OF_REPORT,
         look_tcb_hash, NULL},
        {"report-info-hash", "TEE_INFO_HASH is SHA-384 of TDINFO_STRUCT", OF_REPORT, look_info_hash,
         NULL},
        {"report-two", "two reports differ in REPORTDATA and MAC only", OF_REPORT, look_two, NULL},
        {"report-mrtd", "the TD was measured before it ran: MRTD is not 0",
         "Intel TDX module base architecture specification, MRTD", look_registers, NULL},
        {"report-debug", "the VMM can't debug it: ATTRIBUTES.DEBUG is 0",
         "Intel TDX module base architecture specification, ATTRIBUTES", look_debug, NULL},
        {"report-sept", "no #VE for memory that was taken away: SEPT_VE_DISABLE",
         "Linux arch/x86/coco/tdx/tdx.c, disable_sept_ve()", look_sept, NULL},
        {"report-xfam", "XFAM has x87 and SSE and no unknown bit",
         "Intel TDX module base architecture specification, XFAM", look_unnamed, NULL},
        {"report-ioctl", "an ioctl that is none: ENOTTY", OF_DRIVER, look_ioctl, NULL},
        {"report-pointer", "a request without memory: EFAULT", OF_DRIVER, look_fault, NULL},
};
const struct rows rows_report = {rows, COUNTED(rows)};
