/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/terminal.h"
#include "format/tdvf.h"
#include "run/engines.h"
#include "run/host.h"
#include "run/hostcheck.h"
#include "run/parts.h"
#include "run/quoteservice.h"
#include "trust/trust.h"

/* One line of the examination. */
struct finding {
	const char *what;
	bool good;          /* as wanted; what is not good need not be fatal */
	bool fatal;         /* without it nothing, or no trust domain, can be run */
	const char *state;  /* a word in place of yes or no, or NULL */
	const char *remedy; /* or NULL */
	char text[512];
};
#define FINDINGS_MAX (20 + HOST_CHECKS_MAX)

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

static void examine_host(struct examination *x, const struct host_facts *h, bool required)
{
	add(x, "host", true, false, "%s, %u CPUs, %llu MiB of memory, Linux %s", h->cpu, h->cpus,
	    (unsigned long long)h->memory_mib, h->kernel);
	if (h->limits[0])
		add(x, "limits", true, false, "a control group leaves %s; less runs side by side",
		    h->limits);
	if (h->qemu[0])
		add(x, "qemu", true, true, "%s, version %s", h->qemu, h->qemu_version);
	else
		add(x, "qemu", false, true,
		    "no qemu-system-x86_64 in PATH; scripts/setup or --qemu");
	if (h->tsc_khz)
		add(x, "clock", true, false, "TCG's guests are told their TSC: %u kHz", h->tsc_khz);
	else
		add(x, "clock", false, false,
		    "the TSC's frequency is not known: TCG's guests measure it themselves");
	add(x, "kvm", h->kvm_usable, false, "%s; plain VMs run with -accel %s", h->kvm_reason,
	    h->kvm_usable ? "kvm" : "tcg");
	add(x, "tdx", h->tdx_usable, required, "%s; trust domains are %s", h->tdx_reason,
	    h->tdx_usable ? "made by the hardware" : "EMULATED by guests/tdxemu");
}

/* What a TDX host needs. Told where TDs are the hardware's, or were asked to be. */
static void examine_tdx(struct examination *x, const char *sysroot, bool required)
{
	struct host_checks checks;

	host_check(sysroot, &checks);
	for (size_t i = 0; i < checks.count; i++) {
		const struct host_check *c = &checks.item[i];

		add(x, c->what, c->state != HOST_BAD, c->needed && required, "%s", c->found);
		x->item[x->count - 1].remedy = c->remedy;
		if (c->state != HOST_BAD)
			x->item[x->count - 1].state = host_state_names[c->state];
	}
}

static void examine_quotes(struct examination *x, const struct quote_service *q, bool required)
{
	char text[256];
	int r = quote_service_ask(q, text, sizeof(text));

	add(x, "quotes", r == 0, required, "%s", text);
	if (r < 0)
		x->item[x->count - 1].remedy = quote_service_remedy(r);
}

/* A TD is loaded from what a firmware's metadata say. */
static void examine_tdvf(struct examination *x, const char *path, bool required)
{
	_cleanup_(bytes_free) struct bytes image = {0};
	struct tdvf tdvf;
	struct err e = {0};
	enum format_code code;

	if (file_read(path, TDVF_IMAGE_MAX, &image, &e) < 0) {
		add(x, "tdvf", false, required, "%s", e.text);
		return;
	}
	code = tdvf_parse(image.data, image.size, &tdvf, NULL);
	add(x, "tdvf", code == FORMAT_OK, required, "%s: %s%s", path,
	    code == FORMAT_OK ? "a TDVF" : "no firmware of a trust domain: ",
	    code == FORMAT_OK ? "" : format_code_name(code));
	if (code != FORMAT_OK)
		x->item[x->count - 1].remedy = "an OVMF of edk2's IntelTdx or OvmfPkgX64 build";
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
	for (int i = IMAGE_FULL + 1; i < IMAGE_COUNT; i++)
		add(x, guest_image_names[i], !p->no_image[i], false, "%s",
		    p->no_image[i] ? p->no_image[i] : p->root[i].path);
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

static const char *said(const struct finding *f)
{
	return f->state ? f->state : f->good ? "yes" : f->fatal ? "MISSING" : "no";
}

static void print_text(const struct examination *x)
{
	unsigned columns = terminal_columns();
	int width = 9;

	for (size_t i = 0; i < x->count; i++) {
		if ((int)strlen(x->item[i].what) > width)
			width = (int)strlen(x->item[i].what);
	}
	for (size_t i = 0; i < x->count; i++) {
		const struct finding *f = &x->item[i];

		_cleanup_(freep) char *text = NULL;

		if (asprintf(&text, "%s%s%s", f->text, f->remedy ? ": " : "",
		             f->remedy ? f->remedy : "") < 0)
			text = NULL;
		printf("%-*s %-7s ", width, f->what, said(f));
		terminal_wrap(stdout, text ? text : f->text, (unsigned)width + 9, columns);
	}
}

static int print_json(const struct examination *x)
{
	json_auto_t *list = json_array();

	for (size_t i = 0; i < x->count; i++) {
		const struct finding *f = &x->item[i];

		json_array_append_new(list,
		                      json_pack("{s:s, s:b, s:b, s:s, s:s, s:s?}", "what", f->what,
		                                "ok", f->good, "fatal", f->fatal, "state", said(f),
		                                "text", f->text, "remedy", f->remedy));
	}
	return json_dumpf(list, stdout, JSON_INDENT(1)) < 0 || putchar('\n') == EOF ? -EIO : 0;
}

enum require { REQUIRE_NOTHING, REQUIRE_HARDWARE };
static const char *const require_names[] = {"nothing", "hardware"};

struct options {
	const char *qemu, *sysroot;
	struct quote_service quotes;
	enum require require;
	bool json;
};

static int take_quotes(void *member, const char *value, struct err *e)
{
	return quote_service_parse(value, member, e);
}

/* This machine, and what its guests are made of. */
static int examine_here(struct examination *x, const struct options *o, struct err *e)
{
	const bool required = o->require == REQUIRE_HARDWARE;
	struct guest_parts parts = {0};
	struct host_facts host;
	bool hardware;

	if (host_facts_gather(o->qemu, &host, e) < 0 || guest_parts_find(&parts, e) < 0)
		return -1;
	hardware = host.tdx_usable || required;
	examine_host(x, &host, required);
	if (hardware) {
		examine_tdx(x, "", required);
		examine_quotes(x, &o->quotes, required);
		examine_tdvf(x, parts.firmware, required);
	}
	examine_parts(x, &parts, !hardware);
	examine_engines(x, parts.root[IMAGE_FULL].path);
	if (!hardware)
		examine_authority(x);
	guest_parts_done(&parts);
	return 0;
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_TEXT(qemu, "qemu", "PROGRAM", "QEMU to look at (qemu-system-x86_64)"),
	        OPTION_CHOICE(require, "require", "WHAT", require_names,
	                      "hardware: all that hardware TDs and their quotes need; what is "
	                      "MISSING of it is exit 3"),
	        OPTION_CALL(quotes, take_quotes, "qgs-socket", "ADDRESS",
	                    "the quoting service to ask, as in `run`"),
	        OPTION_TEXT(sysroot, "sysroot", "DIR",
	                    "a recorded TDX host, in place of this machine"),
	        OPTION_JSON,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Says which accelerator and which TD platform a run would use here, why, "
	                 "and what is missing.",
	        .rows = rows,
	};
	struct examination x = {0};
	struct options o = {0};
	struct err e;
	bool fatal = false;

	if (quote_service_parse(NULL, &o.quotes, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	options_parse(&options, argc, argv, &o);
	if (o.sysroot)
		examine_tdx(&x, o.sysroot, true);
	else if (examine_here(&x, &o, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	if (o.json ? print_json(&x) < 0 : (print_text(&x), false))
		return EXIT_BROKEN;
	for (size_t i = 0; i < x.count; i++)
		fatal |= x.item[i].fatal;
	return fatal ? EXIT_BROKEN : EXIT_OK;
}
