/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/machine_xml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/confine.h"
#include "core/file.h"
#include "core/library.h"

#define READER_MEMORY  (64u << 20) /* bytes */
#define READER_SECONDS 10          /* of processor time */
#define ANSWER_MAX     (1u << 20)  /* bytes */
#define ITEMS_MAX      1000u

#define XML_API(X, api)       \
	X(api, xmlReadMemory) \
	X(api, xmlDocGetRootElement)

struct xml_api {
	XML_API(LIBRARY_MEMBER, struct xml_api)
};

struct domain {
	struct xml_api api;
	struct bytes xml;
	struct argv argv;
	unsigned disks;
};

/* ---- in the confined process, where nothing need be given back ---- */

static bool is(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

/* The first child of that name, or NULL; of NULL, too. */
static const xmlNode *child(const xmlNode *n, const char *name)
{
	for (n = n ? n->children : NULL; n; n = n->next) {
		if (is(n, name))
			return n;
	}
	return NULL;
}

static const char *content(const xmlNode *n)
{
	return n && n->children && n->children->type == XML_TEXT_NODE && n->children->content
	               ? (const char *)n->children->content
	               : "";
}

static const char *attribute(const xmlNode *n, const char *name)
{
	for (const xmlAttr *a = n ? n->properties : NULL; a; a = a->next) {
		if (strcmp((const char *)a->name, name) == 0)
			return a->children && a->children->content
			               ? (const char *)a->children->content
			               : "";
	}
	return "";
}

static bool attribute_is(const xmlNode *n, const char *name, const char *value)
{
	return strcmp(attribute(n, name), value) == 0;
}

static void option(struct domain *d, const char *name, const char *value)
{
	argv_add(&d->argv, name);
	argv_add(&d->argv, value);
}

static void path_option(struct domain *d, const char *name, const xmlNode *n)
{
	if (*content(n))
		option(d, name, content(n));
}

static unsigned long long number(const char *text)
{
	return strtoull(text, NULL, 0);
}

/* libvirt's default unit is KiB. */
static void memory(struct domain *d, const xmlNode *n)
{
	static const struct {
		const char *unit;
		unsigned shift;
	} units[] = {{"b", 0},    {"bytes", 0}, {"", 10},  {"k", 10},   {"KiB", 10},
	             {"M", 20},   {"MiB", 20},  {"G", 30}, {"GiB", 30}, {"T", 40},
	             {"TiB", 40}, {"m", 20},    {"g", 30}, {"K", 10}};

	for (size_t i = 0; i < COUNT_OF(units); i++) {
		if (attribute_is(n, "unit", units[i].unit)) {
			argv_add(&d->argv, "-m");
			argv_addf(&d->argv, "size=%lluk",
			          number(content(n)) << units[i].shift >> 10);
		}
	}
}

static void cpus(struct domain *d, const xmlNode *root)
{
	const xmlNode *vcpu = child(root, "vcpu"), *cpu = child(root, "cpu");
	const xmlNode *topology = child(cpu, "topology");
	unsigned long long count = number(content(vcpu)), now = number(attribute(vcpu, "current"));

	count = count ? count : 1;
	argv_add(&d->argv, "-cpu");
	argv_add(&d->argv, attribute_is(cpu, "mode", "host-passthrough") ? "host" : "libvirt");
	argv_add(&d->argv, "-smp");
	if (topology)
		argv_addf(&d->argv,
		          "%llu,maxcpus=%llu,sockets=%llu,dies=%llu,cores=%llu,threads=%llu",
		          now ? now : count, count, number(attribute(topology, "sockets")),
		          *attribute(topology, "dies") ? number(attribute(topology, "dies")) : 1,
		          number(attribute(topology, "cores")),
		          number(attribute(topology, "threads")));
	else /* libvirt: each a socket of its own */
		argv_addf(&d->argv, "%llu,maxcpus=%llu,sockets=%llu,cores=1,threads=1",
		          now ? now : count, count, count);
	if (child(cpu, "numa") || child(root, "numatune"))
		option(d, "-numa", "libvirt");
}

static const char *state_of(const xmlNode *features, const char *name, const char *otherwise)
{
	const xmlNode *n = child(features, name);

	if (!n)
		return otherwise;
	return *attribute(n, "state") ? attribute(n, "state") : "on";
}

static void machine(struct domain *d, const xmlNode *root, bool tdx)
{
	const xmlNode *os = child(root, "os"), *features = child(root, "features");
	const char *type = attribute(child(os, "type"), "machine");
	const char *hpet = "", *smm = state_of(features, "smm", "");

	for (const xmlNode *n = child(root, "clock") ? child(root, "clock")->children : NULL; n;
	     n = n->next) {
		if (is(n, "timer") && attribute_is(n, "name", "hpet"))
			hpet = attribute_is(n, "present", "no") ? ",hpet=off" : ",hpet=on";
	}
	argv_add(&d->argv, "-machine");
	argv_addf(&d->argv, "%s%s%s%s%s%s", *type ? type : "libvirt", hpet, *smm ? ",smm=" : "",
	          smm, child(features, "acpi") ? "" : ",acpi=off",
	          tdx ? ",confidential-guest-support=lsec0" : "");
	if (tdx)
		option(d, "-object", "tdx-guest,id=lsec0");
	path_option(d, "-bios", child(os, "loader"));
	path_option(d, "-kernel", child(os, "kernel"));
	path_option(d, "-initrd", child(os, "initrd"));
	path_option(d, "-append", child(os, "cmdline"));
}

/* Where it is on PCI; an unknown bus where the file does not say. */
static void place(const xmlNode *n, char text[120])
{
	const xmlNode *a = child(n, "address");
	unsigned long long bus = number(attribute(a, "bus"));
	const char *multi = attribute_is(a, "multifunction", "on") ? ",multifunction=on" : "";

	if (!a || !attribute_is(a, "type", "pci") || number(attribute(a, "domain")) != 0)
		snprintf(text, 120, ",bus=unknown");
	else if (bus == 0)
		snprintf(text, 120, ",bus=pcie.0,addr=%#llx.%#llx%s", number(attribute(a, "slot")),
		         number(attribute(a, "function")), multi);
	else
		snprintf(text, 120, ",bus=pci.%llu,addr=%#llx.%#llx%s", bus,
		         number(attribute(a, "slot")), number(attribute(a, "function")), multi);
}

static void device(struct domain *d, const xmlNode *n, const char *driver, const char *more)
{
	const xmlNode *boot = child(n, "boot"), *own = child(n, "driver");
	char at[120], order[40] = "";

	place(n, at);
	if (boot)
		snprintf(order, sizeof(order), ",bootindex=%llu", number(attribute(boot, "order")));
	argv_add(&d->argv, "-device");
	argv_addf(&d->argv, "%s%s%s%s%s", driver, at, more, order,
	          attribute_is(own, "iommu", "on") ? ",iommu_platform=on" : "");
}

static void disk(struct domain *d, const xmlNode *n)
{
	const xmlNode *source = child(n, "source"), *target = child(n, "target");
	const char *path =
	        *attribute(source, "file") ? attribute(source, "file") : attribute(source, "dev");
	/* QEMU wants a comma twice: such a path is left out here */
	const bool usable = *path && !strchr(path, ',');
	char more[40];

	snprintf(more, sizeof(more), ",drive=disk%u", d->disks);
	argv_add(&d->argv, "-drive");
	argv_addf(&d->argv, "if=none,id=disk%u%s%s%s", d->disks++, usable ? ",file=" : "",
	          usable ? path : "", child(n, "readonly") ? ",readonly=on" : "");
	device(d, n, attribute_is(target, "bus", "virtio") ? "virtio-blk-pci" : "libvirt-disk",
	       more);
}

static void controller(struct domain *d, const xmlNode *n)
{
	const char *type = attribute(n, "type"), *model = attribute(n, "model");
	char more[60];

	if (strcmp(type, "pci") == 0 && strcmp(model, "pcie-root") == 0)
		return;
	if (strcmp(type, "pci") == 0 && strcmp(model, "pcie-root-port") == 0) {
		snprintf(more, sizeof(more), ",id=pci.%llu,chassis=%llu,port=%llu",
		         number(attribute(n, "index")),
		         number(attribute(child(n, "target"), "chassis")),
		         number(attribute(child(n, "target"), "port")));
		device(d, n, "pcie-root-port", more);
	} else if (strcmp(type, "virtio-serial") == 0) {
		device(d, n, "virtio-serial-pci", "");
	} else if (strcmp(type, "scsi") == 0 && strncmp(model, "virtio", 6) == 0) {
		device(d, n, "virtio-scsi-pci", "");
	} else if (strcmp(type, "sata") != 0 &&
	           !(strcmp(type, "usb") == 0 && strcmp(model, "none") == 0)) {
		option(d, "-device", "libvirt-controller"); /* q35 has SATA itself */
	}
}

static void serial(struct domain *d, const xmlNode *n)
{
	const xmlNode *target = child(n, "target");

	if (*attribute(target, "type") && !attribute_is(target, "type", "isa-serial"))
		option(d, "-device", "libvirt-serial");
	else
		option(d, "-device", "isa-serial");
}

static void one_device(struct domain *d, const xmlNode *n)
{
	/* model of a device: QEMU's name */
	static const struct {
		const char *element, *key, *value, *driver;
	} known[] = {{"interface", "model", "virtio", "virtio-net-pci"},
	             {"rng", "", "virtio", "virtio-rng-pci"},
	             {"memballoon", "", "virtio", "virtio-balloon-pci"},
	             {"vsock", "", "virtio", "vhost-vsock-pci"}};
	static const char *const quiet[] = {"emulator", "console", "channel", "audio", "watchdog"};
	char unknown[60];

	for (size_t i = 0; i < COUNT_OF(quiet); i++) {
		if (is(n, quiet[i]) && !(i == 4 && !attribute_is(n, "model", "itco")))
			return;
	}
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		const xmlNode *holder = *known[i].key ? child(n, known[i].key) : n;
		const char *model =
		        *known[i].key ? attribute(holder, "type") : attribute(n, "model");

		if (is(n, known[i].element) && strcmp(model, known[i].value) == 0) {
			device(d, n, known[i].driver, "");
			return;
		}
	}
	if (is(n, "disk"))
		disk(d, n);
	else if (is(n, "controller"))
		controller(d, n);
	else if (is(n, "serial"))
		serial(d, n);
	else if (n->type == XML_ELEMENT_NODE &&
	         !(is(n, "memballoon") && attribute_is(n, "model", "none"))) {
		snprintf(unknown, sizeof(unknown), "libvirt-%.40s", (const char *)n->name);
		option(d, "-device", unknown);
	}
}

static int make(struct domain *d, struct err *e)
{
	xmlDoc *doc = d->api.xmlReadMemory((const char *)d->xml.data, (int)d->xml.size, NULL, NULL,
	                                   XML_PARSE_NONET | XML_PARSE_NOERROR |
	                                           XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
	const xmlNode *root = doc ? d->api.xmlDocGetRootElement(doc) : NULL;
	const xmlNode *devices;

	if (!root)
		return err_set(e, -EINVAL, "no well-formed XML");
	if (!is(root, "domain"))
		return err_set(e, -EINVAL, "no domain of libvirt: <%.40s>",
		               (const char *)root->name);
	argv_add(&d->argv, "qemu-system-x86_64");
	argv_add(&d->argv, "-nodefaults");
	machine(d, root, attribute_is(child(root, "launchSecurity"), "type", "tdx"));
	cpus(d, root);
	memory(d, child(root, "memory"));
	path_option(d, "-uuid", child(root, "uuid"));
	devices = child(root, "devices");
	for (const xmlNode *n = devices ? devices->children : NULL; n; n = n->next)
		one_device(d, n);
	if (child(root, "maxMemory"))
		option(d, "-numa", "libvirt"); /* room for more memory */
	if (child(root, "commandline"))
		option(d, "-device", "libvirt-commandline");
	return d->argv.failed ? err_nomem(e) : 0;
}

/* Each item with its NUL. */
static int serve(void *userdata, struct confined *c, struct bytes request, struct err *e)
{
	struct domain *d = userdata;
	int r = make(d, e);

	(void)request;
	for (size_t i = 0; r == 0 && i < d->argv.count; i++)
		confined_write(c, d->argv.item[i], strlen(d->argv.item[i]) + 1);
	return r;
}

/* ---- in the caller ---- */

/* The answer comes of a process that hostile bytes may have had their way with: only what it should
 * have in it is taken. */
static bool is_expected(const char *option)
{
	static const char *const options[] = {
	        "-nodefaults", "-machine", "-object", "-bios", "-kernel", "-initrd", "-append",
	        "-cpu",        "-smp",     "-numa",   "-m",    "-uuid",   "-device", "-drive"};

	for (size_t i = 0; i < COUNT_OF(options); i++) {
		if (strcmp(option, options[i]) == 0)
			return true;
	}
	return false;
}

static int take(struct bytes answer, struct argv *ret, struct err *e)
{
	const char *at = (const char *)answer.data, *end = at + answer.size;
	struct argv a = {0};
	bool value = true; /* of an option; the program to begin with */

	if (answer.size == 0 || end[-1] != '\0')
		return err_set(e, -EBADMSG, "damaged XML");
	for (; at < end; at += strlen(at) + 1) {
		if ((!value && !is_expected(at)) || a.count > ITEMS_MAX) {
			argv_done(&a);
			return err_set(e, -EBADMSG, "damaged XML");
		}
		argv_add(&a, at);
		value = !value && strcmp(at, "-nodefaults") != 0;
	}
	if (a.failed)
		return err_nomem(e);
	*ret = a;
	return 0;
}

int machine_xml_read(struct bytes xml, struct argv *ret, struct err *e)
{
	static const struct library_symbol symbols[] = {XML_API(LIBRARY_SYMBOL, struct xml_api)};
	static const struct library want = {.package = "libxml2",
	                                    .names = {"libxml2.so.2", "libxml2.so.16"},
	                                    .symbols = symbols,
	                                    .symbols_count = COUNT_OF(symbols)};
	_cleanup_(bytes_free) struct bytes answer = {NULL, 0};
	struct domain d = {.xml = xml};
	struct confined *c;
	int r = library_load(&want, &d.api, e);

	if (r == 0)
		r = confined_start(&(struct confined_spec){.what = "XML",
		                                           .serve = serve,
		                                           .userdata = &d,
		                                           .fd = -1,
		                                           .memory = READER_MEMORY,
		                                           .seconds = READER_SECONDS},
		                   &c, e);
	if (r < 0)
		return r;
	r = confined_read(c, (struct bytes){(const uint8_t *)"x", 1}, ANSWER_MAX, &answer, e);
	confined_end(c);
	return r < 0 ? r : take(answer, ret, e);
}
