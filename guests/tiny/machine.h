/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * The two machines of QEMU that the tiny guest runs on: x86 with ISA devices, and RISC-V's `virt`
 * with a 16550 in memory and the "sifive,test" finisher. Numbers are those of QEMU's
 * hw/riscv/virt.c.
 */
#define EXIT_GOOD 16
#define EXIT_BAD  17

#if defined(__riscv)
#define MACHINE  "riscv64"
#define UART     0x10000000ul
#define FINISHER 0x100000ul

static inline uint8_t uart_read(unsigned reg)
{
	return *(volatile uint8_t *)(UART + reg);
}

static inline void uart_write(unsigned reg, uint8_t value)
{
	*(volatile uint8_t *)(UART + reg) = value;
}

/* There is one serial line, which is the channel: none for a broker, none for words. */
static inline bool line_present(void)
{
	return false;
}

static inline uint8_t line_read(unsigned reg)
{
	(void)reg;
	return 0;
}

static inline void line_write(uint8_t value)
{
	(void)value;
}

static inline void machine_say(const char *why)
{
	(void)why;
}

/* 0x5555 ends QEMU with status 0, 0x3333 with the number in the upper half. */
static inline void machine_exit(uint8_t code)
{
	*(volatile uint32_t *)FINISHER = code == EXIT_GOOD ? 0x5555 : (uint32_t)code << 16 | 0x3333;
}

static inline void machine_halt(void)
{
	__asm__ volatile("wfi");
}

#else
#include "format/portio.h"

#define MACHINE    "i386"
#define COM1       0x3f8
#define COM2       0x2f8
#define DEBUGCON   0xe9
#define DEBUG_EXIT 0xf4 /* isa-debug-exit: QEMU's status is (value << 1) | 1, so 33 and 35 */

static inline uint8_t uart_read(unsigned reg)
{
	return in8((uint16_t)(COM1 + reg));
}

static inline void uart_write(unsigned reg, uint8_t value)
{
	out8((uint16_t)(COM1 + reg), value);
}

/* The broker's line. A port that is there keeps what is written to its scratch register. */
static inline uint8_t line_read(unsigned reg)
{
	return in8((uint16_t)(COM2 + reg));
}

static inline void line_write(uint8_t value)
{
	out8(COM2, value);
}

static inline bool line_present(void)
{
	out8(COM2 + 7, 0x5a);
	return in8(COM2 + 7) == 0x5a;
}

static inline void machine_say(const char *why)
{
	while (*why)
		out8(DEBUGCON, (uint8_t)*why++);
}

static inline void machine_exit(uint8_t code)
{
	out8(DEBUG_EXIT, code);
}

static inline void machine_halt(void)
{
	__asm__ volatile("cli; hlt");
}
#endif
