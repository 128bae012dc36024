/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/svm/log.h"

#include <stdarg.h>

#include "format/tdxemu.h"
#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"

static uint8_t busy; /* whole lines, although CPUs share the port */

static void put_text(const char *s)
{
	while (*s)
		out8(TDXEMU_LOG_PORT, (uint8_t)*s++);
}

static void put_hex(uint64_t v)
{
	int shift = 60;

	while (shift > 0 && !(v >> shift))
		shift -= 4;
	put_text("0x");
	for (; shift >= 0; shift -= 4)
		out8(TDXEMU_LOG_PORT, (uint8_t) "0123456789abcdef"[v >> shift & 15]);
}

void log_line(const char *fmt, ...)
{
	va_list ap;

	while (__atomic_test_and_set(&busy, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
	put_text("tdxemu: ");
	va_start(ap, fmt);
	for (; *fmt; fmt++) {
		if (fmt[0] == '%' && fmt[1] == 's') {
			put_text(va_arg(ap, const char *));
			fmt++;
		} else if (fmt[0] == '%' && fmt[1] == 'x') {
			put_hex(va_arg(ap, uint64_t));
			fmt++;
		} else {
			out8(TDXEMU_LOG_PORT, (uint8_t)*fmt);
		}
	}
	va_end(ap);
	out8(TDXEMU_LOG_PORT, '\n');
	__atomic_clear(&busy, __ATOMIC_RELEASE);
}

void stop(const char *reason)
{
	const struct vmcb *v = &cpu_self()->vmcb;

	log_line("cpu %x exit %x info %x %x", (uint64_t)cpu_self()->vcpu.index, v->exit_code,
	         v->exit_info1, v->exit_info2);
	log_line("rip %x cs %x:%x cpl %x rsp %x rflags %x", v->rip, (uint64_t)v->cs.selector,
	         v->cs.base, (uint64_t)v->cpl, v->rsp, v->rflags);
	log_line("cr0 %x cr3 %x cr4 %x efer %x", v->cr0, v->cr3, v->cr4, v->efer);
	log_line("STOP: %s", reason); /* last: it is what the harness quotes */
	for (;;) {
		out32(TDXEMU_EXIT_PORT, 1); /* QEMU ends with status 3 */
		__asm__ volatile("cli; hlt");
	}
}
