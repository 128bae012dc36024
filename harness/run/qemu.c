/* SPDX-License-Identifier: Apache-2.0 */
#include "run/qemu.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/cmdline.h"
#include "format/q35.h"
#include "format/tdxemu.h"
#include "format/text.h"
#include "plan/tdparams.h"

#define MIB (1ull << 20)

/*
 * Slots of 2 KiB in the kernel's bounce buffer, through which goes all that devices read and write
 * in a TD. By itself Linux takes 6% of the memory, at least 64 MiB, and clears all of it twice and
 * makes it shared before anything else. So many are for disks and network, which wait or lose a
 * packet when it is full; virtio-serial must have its own, or a port is not there.
 */
#define BOUNCE_SLOTS 8192
#define BUFFER_SLOTS 2 /* of one of virtio-serial's buffers, a page */

/* Under TCG each byte of a REP MOVSB or STOSB takes a round of its own; without these bits kernel
 * and libraries copy in other ways. */
#define NO_SLOW_STRINGS "erms=off,fsrm=off"
/* What a machine need not have: for a keyboard and for disks that are not there OVMF waits. */
#define WITHOUT         "smm=off,hpet=off,vmport=off,i8042=off,sata=off"
#define PLAIN_CPU "max,la57=off," NO_SLOW_STRINGS /* four levels of page tables, as everywhere */

/* What an emulated TD's CPU is before the module hides and adds, without AMD's own instructions but
 * SVM; cx16=off because QEMU 7.2's TCG corrupts RFLAGS in cmpxchg16b under nested paging. */
#define EMULATED_CPU                                                                    \
	"max,vendor=GenuineIntel,family=6,model=175,stepping=3,phys-bits=48,+svm,+npt," \
	"3dnow=off,3dnowext=off,sse4a=off,"                                             \
	"la57=off,mpx=off,pku=off,pks=off,cr8legacy=off,cx16=off," NO_SLOW_STRINGS

/* After the reset CS base 0xffff0000 this eip wraps round to the module's load address. */
#define MODULE_ENTRY (TDXEMU_LOAD_ADDRESS + 0x10000u)

static void add_json(struct argv *a, const char *option, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	argv_add(a, option);
	if (text)
		argv_add(a, text);
	else
		a->failed = true;
	free(text);
	json_decref(object);
}

static void add_chardev(struct argv *a, const char *id, int fd)
{
	argv_add(a, "-chardev");
	argv_addf(a, "socket,id=%s,fd=%d", id, fd);
}

/* Of a hardware TD what it shares with the host; its private memory QEMU makes by itself. */
static void add_backend(struct argv *a, const struct boot *b)
{
	const enum word backend = layer_word(&b->layer0, AXIS_BACKEND);

	if (backend == WORD_ABSENT)
		return;
	argv_add(a, "-object");
	argv_addf(a, "memory-backend-memfd,id=ram,size=%uM%s", b->memory_mib,
	          backend == WORD_BACKEND_HUGEPAGES ? ",hugetlb=on,hugetlbsize=2M" : "");
}

static const char *backend_of(const struct boot *b)
{
	return layer_word(&b->layer0, AXIS_BACKEND) == WORD_ABSENT ? "" : ",memory-backend=ram";
}

static void add_plain(struct argv *a, const struct qemu_spec *s)
{
	const struct boot *b = s->boot;

	argv_add(a, "-accel");
	argv_add(a, b->kvm ? "kvm" : "tcg");
	add_backend(a, b);
	argv_add(a, "-machine");
	argv_addf(a, "q35," WITHOUT "%s", backend_of(b));
	argv_add(a, "-cpu");
	argv_add(a, b->kvm ? "host" : PLAIN_CPU);
	argv_add(a, "-m");
	argv_addf(a, "%u", b->memory_mib);
	if (guest_parts_disk(s->parts, b)) {
		argv_add(a, "-bios");
		argv_add(a, s->parts->firmware);
	}
}

static void set_register(json_t *td, const char *name, const uint8_t value[48])
{
	static const uint8_t zero[48];
	char text[BASE64_ENCODED_SIZE(48)];

	if (memcmp(value, zero, sizeof(zero)) == 0)
		return;
	base64_encode(value, 48, text);
	json_object_set_new(td, name, json_string(text));
}

/* Members of QEMU's TdxGuestProperties, qapi/qom.json since 10.1. PERFMON comes of -cpu pmu=on,
 * SEPT_VE_DISABLE by itself. */
static json_t *tdx_guest_json(const struct qemu_spec *s)
{
	struct td_params params;
	json_t *td = json_pack("{s:s, s:s, s:o}", "qom-type", "tdx-guest", "id", "tdx0",
	                       "quote-generation-socket", quote_service_json(s->quotes));

	td_params_of(&s->boot->layer0, &params);
	set_register(td, "mrconfigid", params.mrconfigid);
	set_register(td, "mrowner", params.mrowner);
	set_register(td, "mrownerconfig", params.mrownerconfig);
	return td;
}

/* A real trust domain: KVM only, and -bios because the module measures one flat image. */
static void add_hardware(struct argv *a, const struct qemu_spec *s)
{
	argv_add(a, "-accel");
	argv_add(a, "kvm");
	add_json(a, "-object", tdx_guest_json(s));
	add_backend(a, s->boot);
	argv_add(a, "-machine");
	argv_addf(a,
	          "q35,kernel-irqchip=split,confidential-guest-support=tdx0,pic=off," WITHOUT "%s",
	          backend_of(s->boot));
	argv_add(a, "-cpu");
	argv_add(a, layer_word(&s->boot->layer0, AXIS_ATTRIBUTES) == WORD_ATTRIBUTES_PERFMON
	                    ? "host,pmu=on"
	                    : "host");
	argv_add(a, "-m");
	argv_addf(a, "%u", s->boot->memory_mib);
	argv_add(a, "-bios");
	argv_add(a, s->parts->firmware);
}

void qemu_module_memory(const struct boot *boot, struct tdxemu_config *ret)
{
	ret->memory = boot->memory_mib * MIB;
	ret->low = q35_low_memory(ret->memory);
	ret->flags = 0;
	if (layer_word(&boot->layer0, AXIS_EXITS) == WORD_EXITS_VE)
		ret->flags |= TDXEMU_FLAG_VE;
	if (layer_word(&boot->layer0, AXIS_PAGES) != WORD_PAGES_SHARED)
		ret->flags |= TDXEMU_FLAG_PAGES;
}

/* The software TDX module in its own RAM above 4 GiB; see format/tdxemu.h. */
static void add_emulated(struct argv *a, const struct qemu_spec *s)
{
	struct tdxemu_config config;
	uint64_t total, low;

	qemu_module_memory(s->boot, &config);
	low = config.low;
	total = tdxemu_ram_size(&config) / MIB;

	argv_add(a, "-accel");
	argv_add(a, "tcg");
	argv_add(a, "-object");
	argv_addf(a,
	          "memory-backend-file,id=ram,size=%" PRIu64
	          "M,mem-path=/proc/self/fd/%d,share=on,align=2M", /* of huge pages */
	          total, s->fd.ram);
	argv_add(a, "-machine");
	argv_addf(a, "q35," WITHOUT ",max-ram-below-4g=%" PRIu64 ",memory-backend=ram", low);
	argv_add(a, "-cpu");
	argv_add(a, EMULATED_CPU);
	argv_add(a, "-m");
	argv_addf(a, "%" PRIu64, total);
	argv_add(a, "-bios");
	argv_add(a, s->parts->firmware);
	argv_add(a, "-device");
	argv_addf(a, "loader,file=/proc/self/fd/%d,addr=%#x,force-raw=on", s->fd.module,
	          TDXEMU_LOAD_ADDRESS);
	argv_add(a, "-device");
	argv_addf(a, "loader,addr=%#x,cpu-num=0", MODULE_ENTRY);
	add_chardev(a, "module-log", s->fd.log);
	argv_add(a, "-device");
	argv_addf(a, "isa-debugcon,iobase=%#x,chardev=module-log", TDXEMU_LOG_PORT);
	add_chardev(a, "doorbell", s->fd.doorbell);
	argv_add(a, "-device");
	argv_addf(a, "isa-debugcon,iobase=%#x,chardev=doorbell", TDXEMU_DOORBELL_PORT);
	argv_add(a, "-device");
	argv_addf(a, "isa-debug-exit,iobase=%#x,iosize=4", TDXEMU_EXIT_PORT);
}

/* JSON, because a path may hold commas. */
static void add_image(struct argv *a, const char *node, const struct image_file *image)
{
	add_json(a, "-blockdev",
	         json_pack("{s:s, s:s, s:b, s:{s:s, s:s, s:s}}", "node-name", node, "driver",
	                   image->is_qcow2 ? "qcow2" : "raw", "read-only", 1, "file", "driver",
	                   image->is_device ? "host_device" : "file", "filename", image->path,
	                   "locking", "off"));
}

/* Writes go to a file of QEMU's that has no name any more. In the older syntax, which has that. */
static void add_scratch(struct argv *a, const char *id, const struct image_file *image)
{
	_cleanup_(freep) char *path = malloc(2 * strlen(image->path) + 1);
	char *to = path;

	for (const char *from = image->path; to && *from; from++) {
		if (*from == ',')
			*to++ = ',';
		*to++ = *from;
	}
	argv_add(a, "-drive");
	if (to) {
		*to = 0;
		argv_addf(a, "if=none,id=%s,snapshot=on,format=%s,file=%s", id,
		          image->is_qcow2 ? "qcow2" : "raw", path);
	} else {
		a->failed = true;
	}
}

/* What it boots by itself, the only device with a bootindex; in front of the others, so that it is
 * the first disk to all that count them. */
static void add_boot_disk(struct argv *a, const struct qemu_spec *s)
{
	if (s->parts->disk.scratch)
		add_scratch(a, QEMU_BOOT_DISK, &s->parts->disk);
	else
		add_image(a, QEMU_BOOT_DISK, &s->parts->disk);
	argv_add(a, "-device");
	argv_addf(a,
	          "virtio-blk-pci,drive=" QEMU_BOOT_DISK
	          ",bootindex=0,addr=%x.0,iommu_platform=on,disable-legacy=on",
	          QEMU_BOOT_DISK_DEVICE);
}

/* A TD's virtio must go through its shared memory, which the guest asks of the device by
 * iommu_platform. */
const char *qemu_virtio_options(const struct boot *boot)
{
	return boot->platform == PLATFORM_NONE ? "" : ",iommu_platform=on,disable-legacy=on";
}

/* Port 0 is a console's; the other one is the evidence channel. Each that could be has queues. */
static size_t all_ports(const struct qemu_spec *s)
{
	return s->ports + 2;
}

static void add_ports(struct argv *a, const struct qemu_spec *s)
{
	for (size_t i = 0; i < s->ports; i++) {
		char id[32];

		snprintf(id, sizeof(id), "port%zu", i);
		add_chardev(a, id, s->port[i].fd);
		argv_add(a, "-device");
		argv_addf(a, "virtserialport,bus=serial.0,chardev=%s,name=%s", id, s->port[i].name);
	}
}

/* The devices every layer 0 has. */
static void add_devices(struct argv *a, const struct qemu_spec *s)
{
	const char *shared = qemu_virtio_options(s->boot);

	add_chardev(a, "console", s->fd.console);
	argv_add(a, "-serial");
	argv_add(a, "chardev:console");
	if (!s->alone) {
		add_image(a, "root", &s->parts->root[s->boot->image]);
		argv_add(a, "-device");
		argv_addf(a, "virtio-blk-pci,drive=root,serial=tception-root%s", shared);
	}
	add_chardev(a, "channel", s->fd.channel);
	argv_add(a, "-device");
	argv_addf(a, "virtio-serial-pci,id=serial,max_ports=%zu%s", all_ports(s), shared);
	argv_add(a, "-device");
	argv_add(a, "virtserialport,bus=serial.0,chardev=channel,name=tception");
	add_ports(a, s);
}

/*
 * Linux fills a port's queue, and the one of control messages, with buffers, and keeps it full. A
 * queue has 128 entries (seen: 7.2.22, 11.1.3), but in QEMU 10.0 each has 1024 (10.0.13); between
 * these nobody has looked.
 */
static unsigned bounce_slots(const struct qemu_spec *s)
{
	unsigned major = 0, minor = 0, version, entries;

	sscanf(s->qemu_version ? s->qemu_version : "", "%3u.%2u", &major, &minor);
	version = 100 * major + minor;
	entries = version == 702 || version >= 1101 ? 128 : 1024;
	return BOUNCE_SLOTS + (unsigned)all_ports(s) * entries * BUFFER_SLOTS;
}

/*
 * A plain VM's kernel would measure its time-stamp counter against a timer of 16 bits, and a busy
 * host makes that wrong up to a hundredfold. Under KVM it asks KVM; a TD asks CPUID, and its
 * command line is measured, so that this machine's frequency has no place there.
 */
static void add_cmdline(struct argv *a, const struct qemu_spec *s)
{
	const char *more = s->parts->append;
	char own[40] = "";

	if (s->boot->platform == PLATFORM_EMULATED)
		snprintf(own, sizeof(own), " swiotlb=%u", bounce_slots(s));
	if (s->boot->platform == PLATFORM_NONE && !s->boot->kvm && s->tsc_khz)
		snprintf(own, sizeof(own), " tsc_early_khz=%" PRIu32, s->tsc_khz);
	/* Of two values the kernel takes the last: what somebody says counts. */
	argv_add(a, "-append");
	argv_addf(a, KERNEL_CMDLINE "%s%s%s%s%s", s->boot->kvm ? "" : TCG_CMDLINE,
	          s->boot->kvm || s->boot->vcpus > 1 ? "" : TICK_CMDLINE, own, more ? " " : "",
	          more ? more : "");
}

/* Unpacking the kernel is a third of what a plain VM executes until the agent is there. A TD
 * measures the image as the distribution made it. */
static void add_kernel(struct argv *a, const struct qemu_spec *s)
{
	const struct kernel_files *k = &s->parts->kernel[s->boot->kernel];
	bool unpacked = k->unpacked && s->boot->platform == PLATFORM_NONE && !s->boot->kvm;

	argv_add(a, "-kernel");
	argv_add(a, unpacked ? k->unpacked : k->image);
	argv_add(a, "-initrd");
	argv_add(a, k->initrd);
	add_cmdline(a, s);
}

int qemu_argv(const struct qemu_spec *s, struct argv *ret, struct err *e)
{
	struct argv a = {0};

	argv_add(&a, s->qemu);
	argv_add(&a, "-nodefaults");
	argv_add(&a, "-no-user-config");
	argv_add(&a, "-display");
	argv_add(&a, "none");
	argv_add(&a, "-no-reboot");
	argv_add(&a, "-smp");
	argv_addf(&a, "%u", s->boot->vcpus);
	switch (s->boot->platform) {
	case PLATFORM_HARDWARE:
		add_hardware(&a, s);
		break;
	case PLATFORM_EMULATED:
		add_emulated(&a, s);
		break;
	case PLATFORM_NONE:
		add_plain(&a, s);
		break;
	}
	if (guest_parts_disk(s->parts, s->boot))
		add_boot_disk(&a, s);
	add_devices(&a, s);
	if (!guest_parts_disk(s->parts, s->boot))
		add_kernel(&a, s);
	for (size_t i = 0; s->further && i < s->further->count; i++)
		argv_add(&a, s->further->item[i]);
	if (a.failed || (s->further && s->further->failed)) {
		argv_done(&a);
		return err_set(e, -ENOMEM, "QEMU's command line: out of memory");
	}
	*ret = a;
	return 0;
}
