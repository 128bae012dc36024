/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/predict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/hash.h"
#include "disk/gpt.h"
#include "format/bytes.h"
#include "format/eventlog.h"
#include "format/q35.h"
#include "format/sha2.h"
#include "measure/acpi.h"
#include "measure/admission.h"
#include "measure/boot.h"
#include "measure/events.h"
#include "measure/firmware.h"
#include "measure/kernel.h"
#include "measure/mrtd.h"
#include "measure/pe.h"
#include "measure/sdboot/stub.h"

const char *const measure_input_names[INPUT_COUNT] = {
        [INPUT_FIRMWARE] = "firmware",    [INPUT_MEMORY] = "memory", [INPUT_ACPI] = "ACPI tables",
        [INPUT_SMBIOS] = "SMBIOS tables", [INPUT_KERNEL] = "kernel", [INPUT_INITRD] = "initrd",
        [INPUT_CMDLINE] = "cmdline",      [INPUT_DISK] = "disk",     [INPUT_DEVICES] = "devices",
        [INPUT_CONSTANT] = "constant",
};

struct boot {
	const struct measure_inputs *in;
	struct firmware firmware;
	struct event_list list;
	struct admission admission;
	struct err *e;
};

static uint64_t low_memory(const struct measure_inputs *in)
{
	return in->low ? in->low : q35_low_memory(in->memory);
}

/* ---- what the firmware's first code measures: its inputs from the VMM, its variables ---- */

static int measure_hob(struct boot *b)
{
	const struct event_tag tag = {0, EV_EFI_HANDOFF_TABLES2, INPUT_MEMORY};
	uint8_t hob[4096];
	size_t size;

	if (b->in->memory == 0) {
		event_unknown(&b->list, tag, "TD HOB");
		return 0;
	}
	size = tdvf_hob_build(&b->firmware.tdvf, low_memory(b->in), b->in->memory, hob,
	                      sizeof(hob));
	if (size < TDVF_HOB_END_SIZE)
		return err_set(b->e, -EINVAL, "memory: no TD HOB can be made for this size");
	event_hash(&b->list, tag, hob, size - TDVF_HOB_END_SIZE, "TD HOB");
	return 0;
}

static void measure_cfv(struct boot *b)
{
	const struct event_tag tag = {0, EV_EFI_PLATFORM_FIRMWARE_BLOB2, INPUT_FIRMWARE};

	if (b->firmware.cfv.data)
		event_hash(&b->list, tag, b->firmware.cfv.data, b->firmware.cfv.size,
		           "configuration volume (CFV)");
}

/* How QEMU names a virtio-blk disk with a bootindex (OpenFirmware); bytes with the NUL. */
static size_t disk_path(const struct pci_place *disk, char path[64])
{
	char function[8] = "";

	if (disk->function)
		snprintf(function, sizeof(function), ",%x", disk->function);
	return 1 +
	       (size_t)snprintf(path, 64, "/pci@i0cf8/scsi@%x%s/disk@0,0", disk->device, function);
}

/*
 * fw_cfg items that firmware reads before anything else: whether to show a boot menu, and QEMU's
 * boot order, which it has with -kernel even where no device has a bootindex.
 */
static void measure_fw_cfg(struct boot *b)
{
	const struct event_tag tag = {0, EV_PLATFORM_CONFIG_FLAGS, INPUT_DEVICES};
	const struct acpi_blobs *acpi = b->in->acpi;
	const struct pci_place *disk = b->in->boot_device;
	char path[64];

	if (acpi && acpi->boot_menu.data)
		event_hash(&b->list, tag, acpi->boot_menu.data, acpi->boot_menu.size,
		           "fw_cfg BootMenu");
	else
		event_unknown(&b->list, tag, "fw_cfg BootMenu");
	/* The control VM has a kernel and no bootindex: what a TD that boots a disk has, differs.
	 */
	if (b->in->kernel.data && acpi && acpi->boot_order.data)
		event_hash(&b->list, tag, acpi->boot_order.data, acpi->boot_order.size,
		           "fw_cfg bootorder");
	else if (!b->in->kernel.data && disk && disk->first)
		event_hash(&b->list, tag, path, disk_path(disk, path), "fw_cfg bootorder");
	else
		event_unknown(&b->list, tag, "fw_cfg bootorder");
}

static void hash_variable(struct boot *b, const uint8_t *guid, const char *name, struct bytes data)
{
	const struct event_tag tag = {0, EV_EFI_VARIABLE_DRIVER_CONFIG, INPUT_FIRMWARE};

	event_variable(&b->list, tag, guid, name, data, "variable");
}

static void measure_policy(struct boot *b)
{
	static const struct {
		const uint8_t *guid;
		const char *name;
	} policy[] = {
	        {guid_global_variable, "PK"}, {guid_global_variable, "KEK"},
	        {guid_image_security, "db"},  {guid_image_security, "dbx"},
	        {guid_image_security, "dbt"},
	};
	const struct firmware *f = &b->firmware;
	uint8_t mode = firmware_secure_boot_on(f);

	/* Without Secure Boot there is no such variable, and the stored ones are not looked at. */
	hash_variable(b, guid_global_variable, "SecureBoot",
	              (struct bytes){&mode, f->secure_boot ? 1 : 0});
	for (size_t i = 0; i < COUNT_OF(policy); i++) {
		const struct variable *v =
		        f->secure_boot
		                ? variable_find(&f->variables, policy[i].guid, policy[i].name)
		                : NULL;

		if (!v && strcmp(policy[i].name, "dbt") == 0)
			continue; /* the one that is left out when absent */
		hash_variable(b, policy[i].guid, policy[i].name,
		              v ? v->data : (struct bytes){NULL, 0});
	}
}

/* ---- ACPI ---- */

static void measure_blob(const char *name, struct bytes blob, void *userdata)
{
	const struct event_tag tag = {0, EV_PLATFORM_CONFIG_FLAGS, INPUT_ACPI};
	struct boot *b = userdata;

	if (blob.data)
		event_hash(&b->list, tag, blob.data, blob.size, "ACPI DATA %s", name);
	else
		event_unknown(&b->list, tag, "ACPI DATA %s", name);
}

static int measure_acpi(struct boot *b)
{
	static const char *const usual[] = {"etc/table-loader", "etc/acpi/rsdp", "etc/acpi/tables"};

	if (b->in->acpi_made && b->firmware.separator != 1) {
		event_open(&b->list, 0,
		           "ACPI tables: what firmware older than August 2024 does to PCI is not "
		           "known here; `measure acpi' captures them");
		return 0;
	}
	if (b->in->acpi)
		return acpi_fetch_order(b->in->acpi, measure_blob, b, b->e);
	for (size_t i = 0; i < COUNT_OF(usual); i++)
		measure_blob(usual[i], (struct bytes){NULL, 0}, b);
	return 0;
}

/* ---- a kernel given with -kernel ---- */

static bool qemu_patches_kernel(const struct boot *b)
{
	unsigned offers = 1000, leaves = 1002; /* 10.0 and 10.2, see kernel.h */

	return b->in->qemu < leaves && (b->in->qemu < offers || !b->firmware.reads_boot_kernel);
}

static int measure_kernel(struct boot *b, struct err *e)
{
	const struct event_tag tag = {1, EV_EFI_BOOT_SERVICES_APPLICATION, INPUT_KERNEL};
	struct kernel_boot boot = {
	        .low = low_memory(b->in),
	        .initrd_size = b->in->initrd.size,
	        .patched = qemu_patches_kernel(b),
	};
	struct kernel_image image;
	uint8_t digest[48];
	int r;

	if (b->in->qemu == 0) {
		event_unknown(&b->list, tag, "kernel");
		event_open(&b->list, 1,
		           "the QEMU version is not given: up to 10.1 it writes into the kernel");
		admission_open(&b->admission, "whether QEMU writes into the kernel");
		return 0;
	}
	if (boot.patched && boot.low == 0) {
		event_unknown(&b->list, tag, "kernel (QEMU writes its memory layout into it)");
		admission_open(&b->admission, "what QEMU writes into the kernel");
		return 0;
	}
	r = kernel_read(b->in->view, b->in->kernel, &boot, &image, e);
	if (r < 0)
		return r;
	if (admission_ask(&b->admission, &image.pe, "the kernel") == REFUSED) {
		admission_refused(&b->admission, &image.pe,
		                  boot.patched ? "the kernel that QEMU wrote into" : "the kernel");
		return 0;
	}
	pe_authenticode(&image.pe, digest);
	event_add(&b->list, tag, digest, "kernel%s",
	          boot.patched ? ", with what QEMU writes into its header" : "");
	return 0;
}

/*
 * OVMF hands the command line on as UTF-16, byte by byte, and adds where the initrd is, behind it
 * or, in newer versions, before; the kernel's EFI stub measures it with its NUL. An empty one is
 * not measured.
 */
static int measure_cmdline(struct boot *b)
{
	const struct event_tag tag = {2, EV_EVENT_TAG, INPUT_CMDLINE};
	const char *cmdline = b->in->cmdline ? b->in->cmdline : "";
	bool initrd = b->in->initrd.size > 0, first = b->firmware.initrd_first;
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) uint8_t *wide = NULL;
	int length = asprintf(&text, "%s%s%s", initrd && first ? "initrd=initrd " : "", cmdline,
	                      initrd && !first ? " initrd=initrd" : "");

	if (length >= 0)
		wide = calloc((size_t)length + 1, 2);
	if (!wide)
		return err_sys(b->e, -ENOMEM, "cmdline");
	if (length == 0)
		return 0;
	for (size_t i = 0; i < (size_t)length; i++)
		wide[2 * i] = (uint8_t)text[i];
	event_hash(&b->list, tag, wide, 2 * ((size_t)length + 1), "LOADED_IMAGE::LoadOptions");
	return 0;
}

/* What its EFI stub measures of a kernel, which is all but the kernel itself. */
static int measure_stub(struct boot *b)
{
	int r;

	if (boot_stub_measures(&b->list, b->in->view, b->in->kernel)) {
		r = measure_cmdline(b);
		if (r < 0)
			return r;
		if (b->in->initrd.size > 0)
			event_add(&b->list, (struct event_tag){2, EV_EVENT_TAG, INPUT_INITRD},
			          b->in->initrd.digest, "Linux initrd");
	}
	boot_measure_exit(&b->list);
	return 0;
}

/* A unified kernel image, which QEMU does not write into: seen with 7.2. */
static int measure_unified(struct boot *b, const struct pe *pe)
{
	const struct event_tag tag = {1, EV_EFI_BOOT_SERVICES_APPLICATION, INPUT_KERNEL};
	const struct stub_start start = {.smbios = boot_smbios(b->in),
	                                 .admission = &b->admission};
	uint8_t digest[48];
	int r;

	if (admission_ask(&b->admission, pe, "the kernel image") == REFUSED) {
		admission_refused(&b->admission, pe, "the kernel image");
		return boot_measure_ready(&b->list, &b->firmware, b->in, b->e);
	}
	pe_authenticode(pe, digest);
	event_add(&b->list, tag, digest, "unified kernel image");
	r = boot_measure_ready(&b->list, &b->firmware, b->in, b->e);
	if (r < 0)
		return r;
	if ((b->in->cmdline && b->in->cmdline[0]) || b->in->initrd.size > 0)
		event_open(&b->list, 2,
		           "what systemd-stub makes of a command line or an initrd beside its own "
		           "is not foreseen");
	return stub_measure(&b->list, pe, &start, b->e);
}

static int measure_direct_boot(struct boot *b)
{
	struct err why = {0};
	struct pe pe;
	bool program = pe_parse(b->in->kernel, &pe, NULL) == 0;
	bool linux_image = kernel_is_linux(b->in->kernel);
	int r;

	if (program)
		pe.view = b->in->view;
	if (!linux_image && program && uki_is(&pe))
		return measure_unified(b, &pe);
	r = measure_kernel(b, &why); /* loaded first, then the boot manager says that it boots */
	if (r == -ENOMEM)
		return err_set(b->e, r, "%s", why.text);
	if (r < 0) /* one that cannot be read says nothing against the rest */
		boot_open(&b->list, why.text);
	if (boot_measure_ready(&b->list, &b->firmware, b->in, b->e) < 0)
		return b->e->code;
	return r < 0 ? 0 : measure_stub(b);
}

static int measure_boot(struct boot *b)
{
	int r;

	if (!b->firmware.known) {
		for (unsigned i = 0; i < 4; i++)
			event_open(&b->list, i,
			           b->firmware.damage[0]
			                   ? b->firmware.damage
			                   : "this firmware is not known here: it is no OVMF");
		return 0;
	}
	if (!b->firmware.measures)
		return 0;
	r = measure_hob(b);
	if (r < 0)
		return r;
	measure_cfv(b);
	if (b->firmware.measures_fw_cfg)
		measure_fw_cfg(b);
	measure_policy(b);
	boot_measure_separator(&b->list, 0);
	r = measure_acpi(b);
	if (r < 0)
		return r;
	if (b->in->kernel.data)
		r = measure_direct_boot(b);
	else
		r = boot_measure_disk(&b->list, &b->firmware, b->in, &b->admission, b->e);
	return r;
}

/* ---- the outcome ---- */

static void describe_profile(const struct firmware *f, char *out, size_t size)
{
	if (!f->known) {
		snprintf(out, size, "firmware that is not known here: only MRTD is told");
		return;
	}
	if (!f->measures) {
		snprintf(out, size, "OVMF %s without TdTcg2Dxe: measures nothing into RTMRs",
		         f->version);
		return;
	}
	snprintf(out, size, "OVMF %s: ready-to-boot separator in RTMR%s, Secure Boot %s%s",
	         f->version[0] ? f->version : "(no version)",
	         f->separator < 0    ? "0 or RTMR1"
	         : f->separator == 0 ? "0"
	                             : "1",
	         f->secure_boot ? "built in" : "not built in",
	         f->measures_smbios   ? ", fw_cfg items and SMBIOS measured"
	         : f->measures_fw_cfg ? ", fw_cfg items measured"
	                              : "");
}

/* Replays the events; a register with an unknown or missing one is not known. */
static void fold(struct event_list *l, const char *no_acpi, struct prediction *p)
{
	for (unsigned i = 0; i < 4; i++) {
		p->complete[i] = p->known[i] = !l->open[i];
		if (l->open[i])
			memcpy(p->reason[i], l->open_reason[i], sizeof(p->reason[i]));
	}
	for (size_t i = 0; i < l->count; i++) {
		const struct predicted_event *ev = &l->event[i];

		rtmr_extend(p->rtmr[ev->rtmr], ev->digest);
		if (ev->known || !p->known[ev->rtmr])
			continue;
		p->known[ev->rtmr] = false;
		if (ev->input == INPUT_ACPI && no_acpi)
			snprintf(p->reason[ev->rtmr], sizeof(p->reason[0]), "ACPI tables: %.140s",
			         no_acpi);
		else
			snprintf(p->reason[ev->rtmr], sizeof(p->reason[0]), "%s: %s not given",
			         ev->what, measure_input_names[ev->input]);
	}
	for (unsigned i = 0; i < 4; i++) {
		if (!p->known[i])
			memset(p->rtmr[i], 0, sizeof(p->rtmr[i]));
	}
	p->event = TAKE_PTR(l->event);
	p->events = l->count;
}

static void note_input(struct prediction *p, enum measure_input input, const void *data,
                       size_t size)
{
	if (!data)
		return;
	p->input[input].given = true;
	hash384(data, size, p->input[input].digest);
}

static void note_inputs(struct prediction *p, const struct measure_inputs *in)
{
	const uint64_t memory[2] = {in->memory, low_memory(in)};
	const char *cmdline = in->cmdline ? in->cmdline : "";
	struct sha512 h;

	note_input(p, INPUT_FIRMWARE, in->firmware.data, in->firmware.size);
	note_input(p, INPUT_MEMORY, in->memory ? memory : NULL, sizeof(memory));
	p->input[INPUT_KERNEL].given = in->kernel.data != NULL;
	if (in->kernel.data)
		hash384_view(in->view, in->kernel, p->input[INPUT_KERNEL].digest);
	p->input[INPUT_INITRD].given = in->initrd.size > 0;
	if (in->initrd.size > 0)
		memcpy(p->input[INPUT_INITRD].digest, in->initrd.digest, sizeof(in->initrd.digest));
	note_input(p, INPUT_CMDLINE, in->kernel.data ? cmdline : NULL, strlen(cmdline));
	if (!in->acpi)
		return;
	note_input(p, INPUT_SMBIOS, in->acpi->smbios.data, in->acpi->smbios.size);
	sha384_init(&h);
	sha512_update(&h, in->acpi->loader.data, in->acpi->loader.size);
	sha512_update(&h, in->acpi->rsdp.data, in->acpi->rsdp.size);
	sha512_update(&h, in->acpi->tables.data, in->acpi->tables.size);
	sha384_final(&h, p->input[INPUT_ACPI].digest);
	p->input[INPUT_ACPI].given = true;
}

/* Firmware names a disk by whether it finds a partition table on it. */
static struct pci_place look_at_place(const struct measure_inputs *in)
{
	struct pci_place place = *in->boot_device;
	struct gpt gpt;

	place.bare = gpt_read(in->disk, &gpt, NULL) == 0 && gpt.kind == GPT_BARE;
	return place;
}

int predict(const struct measure_inputs *inputs, struct prediction *ret, struct err *e)
{
	struct measure_inputs in = *inputs;
	struct boot b = {.in = &in, .e = e};
	struct pci_place place;
	struct prediction p = {0};
	int r;

	r = firmware_read(inputs->firmware, &b.firmware, e);
	if (r < 0)
		return r;
	if (in.disk && in.boot_device) {
		place = look_at_place(inputs);
		in.boot_device = &place;
	}
	admission_init(&b.admission, &b.list, &b.firmware);
	r = measure_boot(&b);
	if (r == 0 && b.list.failed)
		r = err_sys(e, -ENOMEM, "prediction");
	if (r == 0) {
		describe_profile(&b.firmware, p.profile, sizeof(p.profile));
		measure_mrtd(inputs->firmware, &b.firmware.tdvf, p.mrtd);
		note_inputs(&p, inputs);
		fold(&b.list, in.no_acpi, &p);
		*ret = p;
	}
	event_list_done(&b.list);
	firmware_done(&b.firmware);
	return r;
}

const struct predicted_event *prediction_next(const struct prediction *p, unsigned rtmr, size_t *at)
{
	while (*at < p->events) {
		const struct predicted_event *ev = &p->event[(*at)++];

		if (ev->rtmr == rtmr)
			return ev;
	}
	return NULL;
}

void prediction_done(struct prediction *p)
{
	free(p->event);
	*p = (struct prediction){0};
}
