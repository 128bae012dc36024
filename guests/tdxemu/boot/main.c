/* SPDX-License-Identifier: Apache-2.0 */
/* Brings the TD up: page tables, IDT, firmware, TD HOB, MRTD, the other CPUs; then enters it. */
#include <string.h>

#include "format/tdvf.h"
#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"
#include "tdxemu/svm/log.h"

#define GIB4      (4ull << 30)
#define MIB       (1ull << 20)
#define PAGE      4096
#define AP_VECTOR (AP_PAGE >> 12)

#define TSC_KHZ_MIN 100000u
#define TSC_KHZ_MAX 10000000u /* both as the TDX module has them for a TD */

/* From boot/start.S. */
extern struct tdxemu_config config_copy;
extern uint64_t module_cr3;
extern uint8_t module_start[], image_end[], bss_end[], idt_stubs[];
extern uint8_t ap_code[], ap_code_cr3[], ap_code_entry[], ap_code_end[], ap_start[];
extern struct {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed)) idt_pointer;

void module_main(void) __attribute__((noreturn));
void ap_main(void) __attribute__((noreturn));
void module_fault(uint64_t vector, uint64_t first, uint64_t second) __attribute__((noreturn));

struct cpu cpus[TD_VCPUS_MAX] __attribute__((aligned(CPU_SIZE)));
struct td the_td;

static uint64_t pml4[512] __attribute__((aligned(PAGE)));
static uint64_t pdpt[256][512] __attribute__((aligned(PAGE)));
static struct {
	uint64_t low, high;
} idt[256] __attribute__((aligned(16)));
static volatile uint32_t aps_up, aps_go;
static uint64_t hob;

void module_fault(uint64_t vector, uint64_t first, uint64_t second)
{
	uint64_t cr2;

	__asm__("mov %%cr2, %0" : "=r"(cr2));
	log_line("exception %x at %x %x, module at %x, cr2 %x", vector, first, second,
	         (uint64_t)module_start, cr2);
	stop("a fault in the module itself");
}

/* Physical memory as it is, 128 TiB of it by 1 GiB pages: the module reads guest memory and
 * devices. */
static void build_page_tables(void)
{
	for (uint64_t i = 0; i < 256; i++) {
		pml4[i] = (uint64_t)pdpt[i] | 3;
		for (uint64_t j = 0; j < 512; j++)
			pdpt[i][j] = (i << 39 | j << 30) | 0x83;
	}
	module_cr3 = (uint64_t)pml4;
	__asm__ volatile("mov %0, %%cr3" ::"r"(module_cr3) : "memory");
}

static void build_idt(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint64_t at = (uint64_t)idt_stubs + 16 * (i < 32 ? i : 32);

		idt[i].low =
		        (at & 0xffff) | 8ull << 16 | 0x8e00ull << 32 | (at >> 16 & 0xffff) << 48;
		idt[i].high = at >> 32;
	}
	idt_pointer.base = (uint64_t)idt;
	__asm__ volatile("lidt %0" ::"m"(idt_pointer));
}

/* The image QEMU loaded, secrets included, and the temporary tables: nothing of it
 * stays readable. */
static void wipe_low_memory(void)
{
	memset((void *)(TDXEMU_LOAD_ADDRESS - 0x10000ull), 0,
	       0x10000 + (uint64_t)(image_end - module_start) + 2 * PAGE + sizeof(config_copy));
	memset((void *)(uint64_t)AP_PAGE, 0, PAGE);
}

/* ---- the other CPUs ---- */

static void start_aps(void)
{
	uint32_t wanted = config_copy.vcpus - 1;
	uint8_t *page = (uint8_t *)(uint64_t)AP_PAGE;

	if (wanted == 0)
		return;
	memcpy(page, ap_code, (size_t)(ap_code_end - ap_code));
	*(uint64_t *)(page + (ap_code_cr3 - ap_code)) = TDXEMU_LOAD_ADDRESS - 0x10000;
	*(uint64_t *)(page + (ap_code_entry - ap_code)) = (uint64_t)ap_start;
	mmio_write32(LAPIC + 0xf0, mmio_read32(LAPIC + 0xf0) | 0x100); /* enable */
	mmio_write32(LAPIC + 0x300, 0xc4500);                          /* INIT, all but self */
	for (int i = 0; i < 1000; i++)
		in8(0x80);
	mmio_write32(LAPIC + 0x300, 0xc4600 | AP_VECTOR); /* SIPI */
	while (__atomic_load_n(&aps_up, __ATOMIC_ACQUIRE) < wanted)
		__builtin_ia32_pause();
}

void ap_main(void)
{
	struct cpu *c = cpu_self();

	c->vcpu.index = (uint32_t)(c - cpus);
	__atomic_add_fetch(&aps_up, 1, __ATOMIC_RELEASE);
	park_wait(&aps_go);
	svm_setup_cpu(c, hob);
	park_begin(c);
	cpu_run(c);
}

/* ---- firmware ---- */

/*
 * -bios maps the image as ROM up to 4 GiB, but nothing tells its size: it is the one with which the
 * metadata is in order and the boot firmware volume lies where the metadata wants it.
 */
static uint64_t find_firmware(struct tdvf *ret)
{
	for (uint64_t size = MIB; size <= 16 * MIB; size *= 2) {
		struct tdvf t;
		int fits = 0;

		if (tdvf_parse((void *)(GIB4 - size), size, &t, NULL) != FORMAT_OK)
			continue;
		for (uint32_t i = 0; i < t.count; i++) {
			const struct tdvf_section *s = &t.section[i];

			fits |= s->type == TDVF_BFV && s->address == GIB4 - size + s->data_offset;
		}
		if (fits) {
			*ret = t;
			return size;
		}
	}
	stop("no TDVF metadata in the firmware: use a TDX build such as OVMF 2025.02");
}

static void check_section(const struct tdvf_section *s)
{
	if (s->type > TDVF_PERM_MEM)
		stop("the firmware has a payload section, which is not supported");
	if ((s->address | s->memory_size) % PAGE)
		stop("a TDVF section does not consist of pages");
	if (s->memory_size && !memory_guest(s->address, s->memory_size))
		stop("a TDVF section lies outside the TD's memory");
}

/* The pages' states and tables come from what is left of the module's memory behind `room`. */
static void start_pages(uint64_t room, uint64_t firmware)
{
	uint64_t low = config_copy.low, high = config_copy.memory - low;
	uint64_t end = (uint64_t)module_start + TDXEMU_MEMORY - PAGE; /* the mailbox */
	uint64_t states = td_pages_bytes(low, high, firmware);

	if (!(config_copy.flags & TDXEMU_FLAG_PAGES))
		return;
	td_pages_init(&the_td.pages, low, high, firmware, (void *)room);
	npt_start_pages(room + states, end);
}

/* What the VMM gives the TD before it runs. */
static void add_section(const struct tdvf *t, const struct tdvf_section *s)
{
	void *at;

	check_section(s);
	if (the_td.pages.enforced && s->type != TDVF_PERM_MEM)
		td_page_add(&the_td, s->address, s->memory_size);
	if (s->type < TDVF_TD_HOB)
		return;
	at = memory_guest(s->address, s->memory_size);
	memset(at, 0, s->memory_size);
	if (s->type != TDVF_TD_HOB)
		return;
	hob = s->address;
	if (!tdvf_hob_build(t, config_copy.low, config_copy.memory, at, s->memory_size))
		stop("the TD HOB does not fit its section");
}

/* Copies the firmware to RAM (SEC writes to its own image), measures it, builds the TD HOB. */
static void load_firmware(void)
{
	uint64_t copy = ((uint64_t)bss_end + 32 * MIB - 1) & ~(16 * MIB - 1), size, room;
	struct tdvf t;

	size = find_firmware(&t);
	room = copy + (size < 2 * MIB ? 2 * MIB : size);
	memcpy((void *)copy, (void *)(GIB4 - size), size);
	npt_map_firmware(copy, room - copy);
	memory_set_firmware(copy, size);
	start_pages(room, size);
	tdvf_mrtd((void *)copy, size, &t, MRTD_SINGLE_PASS, the_td.info.mrtd);
	for (uint32_t i = 0; i < t.count; i++)
		add_section(&t, &t.section[i]);
	log_line("firmware of %x bytes, TD HOB at %x", size, hob);
}

static void check_config(void)
{
	const struct tdxemu_config *c = &config_copy;

	if (c->magic != TDXEMU_CONFIG_MAGIC || c->version != TDXEMU_CONFIG_VERSION)
		stop("no configuration behind the module's image");
	if (c->vcpus < 1 || c->vcpus > TD_VCPUS_MAX)
		stop("between 1 and 64 vCPUs are supported");
	if (c->low > c->memory || c->low <= TDXEMU_LOAD_ADDRESS + TDXEMU_MEMORY / 4 ||
	    c->memory > 48ull << 30)
		stop("the TD's memory must be between 512 MiB and 48 GiB");
	if (GIB4 + c->memory - c->low != (uint64_t)module_start)
		stop("the module is not at the end of RAM");
}

/*
 * A TD's frequency is fixed at its start, by whoever starts it. Only where nobody said it is it
 * measured, and a TD without one is not started.
 */
static void need_clock(void)
{
	if (the_td.tsc_khz == 0) {
		the_td.tsc_khz = tsc_khz();
		log_line("nobody gave the frequency of the TSC: measured");
	}
	if (the_td.tsc_khz < TSC_KHZ_MIN || the_td.tsc_khz > TSC_KHZ_MAX)
		stop("the frequency of the TSC is not between 100 MHz and 10 GHz");
}

void module_main(void)
{
	struct tdxemu_mailbox *mailbox = (void *)((uint64_t)module_start + TDXEMU_MEMORY - PAGE);

	build_page_tables();
	build_idt();
	check_config();
	log_line("up at %x: software TDX module, EMULATED; %x bytes of memory, %x CPUs",
	         (uint64_t)module_start, config_copy.memory, (uint64_t)config_copy.vcpus);
	memory_init(&config_copy);
	td_init(&the_td, &config_copy, &svm_port, mailbox);
	need_clock();
	start_aps();
	wipe_low_memory();
	svm_share(&config_copy);
	load_firmware();
	memset(config_copy.mac_key, 0, sizeof(config_copy.mac_key));
	mailbox->magic = TDXEMU_MAILBOX_MAGIC;
	mailbox->entered = 1;
	svm_setup_cpu(&cpus[0], hob);
	__atomic_store_n(&aps_go, 1, __ATOMIC_RELEASE);
	park_wake_all();
	log_line("entering the TD, TSC of %x kHz", (uint64_t)the_td.tsc_khz);
	cpu_run(&cpus[0]);
}
