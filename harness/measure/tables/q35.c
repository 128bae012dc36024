/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/tables/q35.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/bytes.h"

#define GIB (1ull << 30)
/* Where OVMF puts PCIe's configuration space, and its 64-bit window on a CPU with 46 bits of address
 * or more (the last eighth of 2^46); as captured. */
#define ECAM_BASE 0xe0000000u
#define ECAM_SIZE 0x10000000u
#define BARS64    0x380000000000ull
#define HOLE64    (32 * GIB) /* QEMU's pci-hole64-size */
#define PORT64    (32 * GIB) /* what OVMF sets apart of its window for a port: a 256th */
#define VIRTIO64  0x4000     /* of a virtio device's 64-bit registers */

/* q35.S: q35.txt */
extern const char q35_dsdt_text[], q35_dsdt_end[];

static unsigned bits_for(unsigned count)
{
	unsigned bits = 0;

	while (1u << bits < count)
		bits++;
	return bits;
}

unsigned q35_apic_id(const struct tables_spec *s, unsigned cpu)
{
	const unsigned thread = cpu % s->threads, core = cpu / s->threads % s->cores;
	const unsigned thread_bits = bits_for(s->threads), core_bits = bits_for(s->cores);

	return cpu / s->threads / s->cores << (thread_bits + core_bits) | core << thread_bits |
	       thread;
}

/* Which of eight interrupt lines a device's pin has. */
static char line_of(unsigned slot, unsigned pin)
{
	if (slot < 25)
		return (char)('E' + (slot + pin) % 4);
	return (char)((slot == 30 ? 'E' : 'A') + pin);
}

static void add_routes(struct aml *a, const char *name, const char *line)
{
	char text[8192];
	size_t n = (size_t)snprintf(text, sizeof(text), "name %s package { :80", name);

	for (unsigned i = 0; i < 32 * 4; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " package { :04 %#x %u %s%c 0 }",
		                      i / 4 << 16 | 0xffff, i % 4, line, line_of(i / 4, i % 4));
	snprintf(text + n, sizeof(text) - n, " }");
	aml_textf(a, "%s", text);
}

static void add_links(struct aml *a)
{
	for (unsigned i = 0; i < 8; i++)
		aml_textf(a,
		          "device { LNK%c name _HID eisa:PNP0C0F name _UID %u"
		          " name _PRS resources { :890e000903050000000a0000000b000000 }"
		          " method { _STA :00 return IQST PRQ%c }"
		          " method { _DIS :00 or PRQ%c 0x80 PRQ%c }"
		          " method { _CRS :00 return IQCR PRQ%c }"
		          " method { _SRS :01 dwordfield arg0 5 PRRI store PRRI PRQ%c } }",
		          'A' + i, i, 'A' + i, 'A' + i, 'A' + i, 'A' + i, 'A' + i);
	for (unsigned i = 0; i < 8; i++)
		aml_textf(a,
		          "device { GSI%c name _HID eisa:PNP0C0F name _UID %u"
		          " name _PRS resources { :8906000901%02x000000 }"
		          " name _CRS resources { :8906000901%02x000000 }"
		          " method { _DIS :00 } method { _SRS :01 } }",
		          'A' + i, 16 + i, 16 + i, 16 + i);
}

static void add_cpus(const struct tables_spec *s, struct aml *a)
{
	for (unsigned i = 0; i < s->vcpus; i++) {
		char eject[60] = "";

		if (i > 0) /* the first cannot go */
			snprintf(eject, sizeof(eject), "method { _EJ0 :01 CEJ0 %u }", i);
		aml_textf(a,
		          "processor { C%03X :%02x :00000000 :00"
		          " method { _STA :08 return CSTA %u }"
		          " name _MAT buffer { 8 :0008%02x%02x01000000 } %s"
		          " method { _OST :0b COST %u arg0 arg1 arg2 } }",
		          i, i, i, i, q35_apic_id(s, i), eject, i);
	}
}

#define DWORD_WINDOW    \
	":871700000c01" \
	"00000000%08" PRIx32 "%08" PRIx32 "00000000%08" PRIx32
#define DWORDS(from, to) \
	__builtin_bswap32(from), __builtin_bswap32(to), __builtin_bswap32((to) - (from) + 1)

/* What of the address space is PCI's: bus numbers, ports, VGA's memory, then what RAM, ECAM and the
 * interrupt controllers leave below 4 GiB, and a window above. */
static void add_windows(const struct tables_spec *s, struct aml *a)
{
	const uint64_t above = (4 * GIB + s->high + GIB - 1) & ~(GIB - 1);
	const bool bars64 = s->slots || s->ports;
	const uint64_t used = s->ports * PORT64 + (unsigned)__builtin_popcount(s->slots) * VIRTIO64;
	const uint64_t size = used > HOLE64 ? used : HOLE64;
	const uint64_t from = bars64 ? BARS64 : above, to = from + size - 1;
	const uint32_t low = (uint32_t)s->low;

	aml_textf(a,
	          "name _CRS resources { :880d00020c0000000000ff0000000001 :4701f80cf80c0108"
	          " :880d00010c0300000000f70c0000f80c :880d00010c030000000dffff000000f3"
	          " :871700000c030000000000000a00ffff0b000000000000000200"
	          " " DWORD_WINDOW " " DWORD_WINDOW " :8a2b00000c030000000000000000%016" PRIx64
	          "%016" PRIx64 "0000000000000000%016" PRIx64 " }",
	          DWORDS(low, ECAM_BASE - 1), DWORDS(ECAM_BASE + ECAM_SIZE, 0xfebfffff),
	          __builtin_bswap64(from), __builtin_bswap64(to), __builtin_bswap64(size));
}

static unsigned devfn(const struct tables_port *p)
{
	return 8u * p->slot + p->function;
}

/* QEMU has the newest bus first in its list, by which it numbers those that devices can be plugged into. */
static unsigned number_of(const struct tables_spec *s, const struct tables_port *p)
{
	return s->ports - 1 - (unsigned)(p - s->port);
}

#define PLUGGABLE                                                             \
	" name ASUN 0"                                                        \
	" method { _DSM :0c"                                                  \
	" [!v800 store package { :02 BSEL ASUN } local0 ]"                    \
	" [v800 store package { :02 0 0 } local0 store BSEL index local0 0 0" \
	" store ASUN index local0 1 0 ]"                                      \
	" return PDSM arg0 arg1 arg2 arg3 local0 }"                           \
	" name _SUN 0"                                                        \
	" method { _EJ0 :01 PCEJ BSEL _SUN } "

/* The one slot behind it, with a device or without; then who is told of one that comes or goes. */
static void add_port(const struct tables_spec *s, const struct tables_port *p, struct aml *a)
{
	static const char *const slot[] = {
	        "name BSEL %u device { S00 name _ADR 0" PLUGGABLE "}",
	        "[v800 device { S00 name _ADR 0 } ] name BSEL %u"
	        " [v800 scope { S00 ] [!v800 device { S00 name _ADR 0 ]" PLUGGABLE "}"};
	const unsigned bsel = number_of(s, p);
	char text[sizeof(PLUGGABLE) + 200];

	snprintf(text, sizeof(text), slot[p->used], bsel);
	aml_textf(a,
	          "device { S%02X name _ADR %#x %s"
	          " method { DVNT :02 if { and arg0 1 0 notify S00 arg1 } }"
	          " [!v800 method { PCNT :00 store %u BNUM DVNT PCIU 1 DVNT PCID 3 } ] }",
	          devfn(p), p->slot << 16 | p->function, text, bsel);
}

static void add_slots(const struct tables_spec *s, struct aml *a)
{
	aml_textf(a, "device { S00 name _ADR 0 }");
	for (unsigned i = 8; i < 31 * 8; i++) {
		if (i % 8 == 0 && s->slots & 1u << i / 8)
			aml_textf(a, "device { S%02X name _ADR %#x }", i, i / 8 << 16);
		for (unsigned k = 0; k < s->ports; k++) {
			if (devfn(&s->port[k]) == i)
				add_port(s, &s->port[k], a);
		}
	}
}

/* The newest first. */
static void call_ports(const struct tables_spec *s, struct aml *a)
{
	for (unsigned i = s->ports; i-- > 0;)
		aml_textf(a, "^S%02X.PCNT", devfn(&s->port[i]));
}

static void add_events(const struct tables_spec *s, struct aml *a)
{
	for (unsigned i = s->ports; i-- > 0;)
		aml_textf(
		        a,
		        "scope { S%02X method { PCNT :00 store %u BNUM DVNT PCIU 1 DVNT PCID 3 } }",
		        devfn(&s->port[i]), number_of(s, &s->port[i]));
}

static void hook(struct aml *a, const char *word, void *userdata)
{
	const struct tables_spec *s = userdata;

	if (strcmp(word, "routes") == 0) {
		add_routes(a, "PRTP", "LNK");
		add_routes(a, "PRTA", "GSI");
	} else if (strcmp(word, "links") == 0) {
		add_links(a);
	} else if (strcmp(word, "cpu-events") == 0) {
		for (unsigned i = 0; i < s->vcpus; i++)
			aml_textf(a, "if { lequal arg0 %u notify C%03X arg1 }", i, i);
	} else if (strcmp(word, "cpu-count") == 0) {
		aml_textf(a, "%u", s->vcpus);
	} else if (strcmp(word, "cpus") == 0) {
		add_cpus(s, a);
	} else if (strcmp(word, "windows") == 0) {
		add_windows(s, a);
	} else if (strcmp(word, "slots") == 0) {
		add_slots(s, a);
	} else if (strcmp(word, "call-ports") == 0) {
		call_ports(s, a);
	} else if (strcmp(word, "port-events") == 0) {
		add_events(s, a);
	} else {
		a->failed = true;
	}
}

void q35_dsdt(const struct tables_spec *s, struct aml *a)
{
	const char *words[7] = {NULL};
	size_t n = 0;

	if (s->hpet)
		words[n++] = "hpet";
	if (s->i8042)
		words[n++] = "i8042";
	if (s->sata)
		words[n++] = "sata";
	if (s->serial)
		words[n++] = "serial";
	if (s->isa_serial)
		words[n++] = "isa-serial";
	if (s->ports > 0)
		words[n++] = "ports";
	a->version = s->version;
	a->words = words;
	a->hook = hook;
	a->userdata = (void *)s;
	aml_text(a, q35_dsdt_text, (size_t)(q35_dsdt_end - q35_dsdt_text));
	a->words = NULL;
}
