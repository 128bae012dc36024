/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "run/engines.h"
#include "run/host.h"
#include "run/parts.h"
#include "run/tdxhost.h"
#include "trust/trust.h"

/* One line of the examination. */
struct finding {
	const char *what;
	bool good;  /* as wanted; what is not good need not be fatal */
	bool fatal; /* without it nothing, or no trust domain, can be run */
	char text[512];
};
#define FINDINGS_MAX 20

struct examination {
	struct finding item[FINDINGS_MAX];
	size_t count;
};

__attribute__((format(printf, 5, 6))) static void add(struct examination *x, const char *what,
                                                      bool good, bool fatal, const char *fmt, ...)
{
	struct finding *f = &x->item[x->count++];
	va_list ap;

	f->what = what;
	f->good = good;
	f->fatal = fatal && !good;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

static void examine_host(struct examination *x, const struct host_facts *h)
{
	add(x, "host", true, false, "%s, %u CPUs, %llu MiB of memory, Linux %s", h->cpu, h->cpus,
	    (unsigned long long)h->memory_mib, h->kernel);
	if (h->qemu[0])
		add(x, "qemu", true, true, "%s, version %s", h->qemu, h->qemu_version);
	else
		add(x, "qemu", false, true,
		    "no qemu-system-x86_64 in PATH; 'make setup' or --qemu");
	if (h->tsc_khz)
		add(x, "clock", true, false, "TCG's guests are told their TSC: %u kHz", h->tsc_khz);
	else
		add(x, "clock", false, false,
		    "the TSC's frequency is not known: TCG's guests measure it themselves");
	add(x, "kvm", h->kvm_usable, false, "%s; plain VMs run with -accel %s", h->kvm_reason,
	    h->kvm_usable ? "kvm" : "tcg");
	add(x, "tdx", h->tdx_usable, false, "%s; trust domains are %s", h->tdx_reason,
	    h->tdx_usable ? "made by the hardware" : "EMULATED by guests/tdxemu");
	if (h->tdx_usable) {
		bool there = access(TDX_QGS_SOCKET, R_OK | W_OK) == 0;

		add(x, "quotes", there, false, "%s: %s", TDX_QGS_SOCKET,
		    there ? "Intel's quoting service" : strerror(errno));
	}
}

static void examine_file(struct examination *x, const char *what, const char *path,
                         const char *maker)
{
	if (access(path, R_OK) == 0)
		add(x, what, true, true, "%s", path);
	else
		add(x, what, false, true, "%s: %s; '%s' makes it", path, strerror(errno), maker);
}

static void examine_parts(struct examination *x, const struct guest_parts *p, bool emulated)
{
	const struct kernel_files *second = &p->kernel[KERNEL_BACKPORTS];

	examine_file(x, "kernel", p->kernel[KERNEL_TRIXIE].image, "make image");
	add(x, "kernel-2", !p->no_backports, false, "%s",
	    p->no_backports ? p->no_backports : second->image);
	examine_file(x, "root", p->root[IMAGE_FULL].path, "make image");
	add(x, "minimal", !p->no_minimal, false, "%s",
	    p->no_minimal ? p->no_minimal : p->root[IMAGE_MINIMAL].path);
	examine_file(x, "initrd", p->kernel[KERNEL_TRIXIE].initrd, "make guests");
	if (!p->no_backports)
		examine_file(x, "initrd-2", second->initrd, "make guests");
	examine_file(x, "firmware", p->firmware, "make image");
	if (emulated)
		examine_file(x, "module", p->module, "make guests");
}

static void examine_engines(struct examination *x, const char *root_image)
{
	struct engines engines;
	struct err e;

	if (engines_check(root_image, &engines, &e) < 0)
		add(x, "engines", false, false, "not known to be Debian's: %s", e.text);
	else
		add(x, "engines", engines.same, false, "%s", engines.text);
}

static void examine_authority(struct examination *x)
{
	_cleanup_(freep) char *dir = NULL;
	struct authority *a = NULL;
	struct err e;

	if (authority_default_dir(&dir, &e) < 0 || authority_open(dir, &a, &e) < 0) {
		add(x, "test root", false, true, "%s", e.text);
		return;
	}
	add(x, "test root", true, true, "%s: signs the quotes of emulated trust domains", dir);
	authority_free(a);
}

static void print_text(const struct examination *x)
{
	for (size_t i = 0; i < x->count; i++) {
		const struct finding *f = &x->item[i];

		printf("%-9s %-7s %s\n", f->what,
		       f->good    ? "yes"
		       : f->fatal ? "MISSING"
		                  : "no",
		       f->text);
	}
}

static int print_json(const struct examination *x)
{
	json_auto_t *list = json_array();

	for (size_t i = 0; i < x->count; i++) {
		const struct finding *f = &x->item[i];

		json_array_append_new(list, json_pack("{s:s, s:b, s:b, s:s}", "what", f->what, "ok",
		                                      f->good, "fatal", f->fatal, "text", f->text));
	}
	return json_dumpf(list, stdout, JSON_INDENT(1)) < 0 || putchar('\n') == EOF ? -EIO : 0;
}

struct options {
	const char *qemu;
	bool json;
};

int cmd_doctor(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_TEXT(qemu, "qemu", "PROGRAM", "QEMU to look at (qemu-system-x86_64)"),
	        OPTION_JSON,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Says which accelerator and which TD platform a run would use here, why, "
	                 "and what is missing.",
	        .rows = rows,
	};
	struct examination x = {0};
	struct guest_parts parts = {0};
	struct options o = {0};
	struct host_facts host;
	struct err e;
	bool fatal = false;

	options_parse(&options, argc, argv, &o);
	if (host_facts_gather(o.qemu, &host, &e) < 0 || guest_parts_find(&parts, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	examine_host(&x, &host);
	examine_parts(&x, &parts, !host.tdx_usable);
	examine_engines(&x, parts.root[IMAGE_FULL].path);
	if (!host.tdx_usable)
		examine_authority(&x);
	guest_parts_done(&parts);
	if (o.json ? print_json(&x) < 0 : (print_text(&x), false))
		return EXIT_BROKEN;
	for (size_t i = 0; i < x.count; i++)
		fatal |= x.item[i].fatal;
	return fatal ? EXIT_BROKEN : EXIT_OK;
}
