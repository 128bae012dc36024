/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tiny nested guest: reads a VISIT on its serial port, answers with HELLO, what CPUID says, a
 * quote where the layer below has a broker for it, and DONE. It is for places where a Linux boot
 * would take minutes. No libc, no interrupts, no paging.
 */
#if !defined(__riscv)
#include <cpuid.h>
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/bytes.h"
#include "format/sha2.h"
#include "machine.h"
#include "tiny.h"

static char input[64 << 10]; /* a VISIT is some hundred bytes */
static char output[64 << 10];
static size_t used;
static uint32_t sent;      /* frames: the next one's sequence number */
static struct sha512 said; /* SHA-384 of the frames of this visit */

void tiny_main(void);

__attribute__((noreturn)) void leave(uint8_t code, const char *why)
{
	machine_say(why);
	machine_exit(code);
	for (;;)
		machine_halt();
}

/* ---- serial port ---- */
/*
 * The port is used as reset leaves it, without FIFOs: QEMU puts in the first byte before we run,
 * and switching FIFOs on would throw it away.
 */
static void serial_read(void *data, size_t size)
{
	for (uint8_t *p = data; size--; p++) {
		while (!(uart_read(5) & 0x01))
			;
		*p = uart_read(0);
	}
}

static void serial_write(const void *data, size_t size)
{
	for (const uint8_t *p = data; size--; p++) {
		while (!(uart_read(5) & 0x20))
			;
		uart_write(0, *p);
	}
}

/* ---- JSON out ---- */
void put(const char *text)
{
	for (; *text; text++) {
		if (used == sizeof(output))
			leave(EXIT_BAD, "tiny: a frame is too large\n");
		output[used++] = *text;
	}
}

#if !defined(__riscv)
static void put_number(uint32_t n)
{
	char digits[11];
	char *p = digits + sizeof(digits) - 1;

	*p = 0;
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	put(p);
}

/* Text of the CPU, of which the hypervisor decides: what JSON can't hold as it is becomes '?'. */
static void put_cpu_text(const char *text, size_t size)
{
	char c[2] = {0};

	for (size_t i = 0; i < size && text[i]; i++) {
		bool plain = text[i] >= ' ' && text[i] <= '~' && text[i] != '"' && text[i] != '\\';
		c[0] = plain ? text[i] : '?';
		put(c);
	}
}

#endif

void send(enum frame_type type)
{
	uint8_t header[FRAME_HEADER_SIZE];

	frame_header_write(&(struct frame_header){type, 0, sent++, (uint32_t)used}, header);
	serial_write(header, sizeof(header));
	serial_write(output, used);
	sha512_update(&said, header, sizeof(header));
	sha512_update(&said, output, used);
	used = 0;
}

void evidence(uint8_t ret[48])
{
	struct sha512 h = said;

	sha384_final(&h, ret);
}

/* ---- JSON in ---- */
/*
 * The value of the first member of this name, `key` being "\"name\":\"". Our parent writes compact
 * JSON, and in a VISIT whose stack has one layer, names and nonces occur once.
 */
static char *find(char *json, size_t size, const char *key)
{
	for (size_t i = 0; i < size; i++) {
		size_t k = 0, end;
		while (key[k] && i + k < size && json[i + k] == key[k])
			k++;
		if (key[k])
			continue;
		for (end = i + k; end < size && json[end] != '"'; end++) {
			if (json[end] == '\\')
				leave(EXIT_BAD, "tiny: VISIT has an escape\n");
		}
		if (end == size)
			break;
		json[end] = 0;
		return json + i + k;
	}
	leave(EXIT_BAD, "tiny: VISIT has no id or nonce\n");
}

/* ---- the visit ---- */
#if !defined(__riscv)
static void put_leaf(uint32_t leaf, uint32_t subleaf, bool last)
{
	uint32_t r[4];
	static const char *const names[] = {",\"eax\":", ",\"ebx\":", ",\"ecx\":", ",\"edx\":"};

	__cpuid_count(leaf, subleaf, r[0], r[1], r[2], r[3]);
	put("{\"leaf\":");
	put_number(leaf);
	put(",\"subleaf\":");
	put_number(subleaf);
	for (int i = 0; i < 4; i++) {
		put(names[i]);
		put_number(r[i]);
	}
	put(last ? "}" : "},");
}

static void put_flags(void)
{
	uint32_t a, b, c, d;
	bool svm = false, npt = false;

	__cpuid(0x80000001, a, b, c, d);
	svm = c & (1u << 2);
	if (svm) {
		__cpuid(0x8000000a, a, b, c, d);
		npt = d & 1;
	}
	__cpuid(1, a, b, c, d);
	const char *separator = "";
	const struct {
		bool set;
		const char *name;
	} flags[] = {{c & (1u << 5), "\"vmx\""},
	             {svm, "\"svm\""},
	             {npt, "\"npt\""},
	             {c & (1u << 31), "\"hypervisor\""}};
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		if (!flags[i].set)
			continue;
		put(separator);
		put(flags[i].name);
		separator = ",";
	}
}

static void send_cpu(void)
{
	static const uint32_t leaves[][2] = {{0, 0},          {1, 0},          {7, 0},
	                                     {0xd, 0},        {0xd, 1},        {0x21, 0},
	                                     {0x40000000, 0}, {0x80000001, 0}, {0x8000000a, 0}};
	const size_t count = COUNT_OF(leaves);
	uint32_t a, r[12];

	__cpuid(0, a, r[0], r[2], r[1]);
	put("{\"probe\":\"cpu\",\"vendor\":\"");
	put_cpu_text((const char *)r, 12);
	for (uint32_t i = 0; i < 3; i++)
		__cpuid(0x80000002 + i, r[4 * i], r[4 * i + 1], r[4 * i + 2], r[4 * i + 3]);
	put("\",\"model\":\"");
	put_cpu_text((const char *)r, 48);
	put("\",\"flags\":[");
	put_flags();
	put("],\"cpuid\":[");
	for (size_t i = 0; i < count; i++)
		put_leaf(leaves[i][0], leaves[i][1], i + 1 == count);
	put("]}");
	send(FRAME_FACT);
}

#else
/* No CPUID there: that it ran at all says that the layer below emulates another architecture. */
static void send_cpu(void)
{
	put("{\"probe\":\"cpu\",\"vendor\":\"\",\"model\":\"" MACHINE
	    "\",\"flags\":[],\"cpuid\":[]}");
	send(FRAME_FACT);
}
#endif

static void visit(char *json, size_t size)
{
	const char *nonce = find(json, size, "\"nonce\":\"");
	const char *layer = find(json, size, "\"id\":\"");

	sha384_init(&said);
	put("{\"layer\":\"");
	put(layer);
	put("\",\"nonce\":\"");
	put(nonce);
	put("\",\"agent\":\"tiny\",\"machine\":\"" MACHINE "\"}");
	send(FRAME_HELLO);
	send_cpu();
	broker_report(layer, nonce);
	put("{\"layer\":\"");
	put(layer);
	put("\"}");
	send(FRAME_DONE);
}

void tiny_main(void)
{
	uint8_t header[FRAME_HEADER_SIZE];
	struct frame_header h;

	for (;;) {
		serial_read(header, sizeof(header));
		if (frame_header_parse(header, sizeof(header), &h, NULL) != FORMAT_OK)
			leave(EXIT_BAD, "tiny: no frame\n");
		if (h.length > sizeof(input))
			leave(EXIT_BAD, "tiny: a frame is too large\n");
		serial_read(input, h.length);
		if (h.type == FRAME_VISIT)
			visit(input, h.length);
		else if (h.type == FRAME_BYE)
			leave(EXIT_GOOD, "");
	}
}
