/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of an image that is both a PE application, which firmware starts, and a Linux
 * bzImage, which `qemu -kernel` takes: one section of everything behind the first page, no
 * relocations, because the code does not care where it is.
 */
	.set	PAGE, 0x1000
	.section .head, "a"
start:
	.ascii	"MZ"
	.org	0x3c
	.long	pe - start
pe:
	.ascii	"PE\0\0"
	.word	0x8664			/* machine */
	.word	1			/* sections */
	.long	0, 0, 0
	.word	sections - optional
	.word	0x0206			/* executable, no line numbers, no debug information */
optional:
	.word	0x20b			/* PE32+ */
	.byte	0, 0
	.long	_size, 0, 0		/* code, data, no zeroed data */
	.long	_entry			/* entry point */
	.long	PAGE
	.quad	0			/* preferred address: none */
	.long	PAGE, 0x200		/* alignment in memory and in the file */
	.word	0, 0, 0, 0, 0, 0
	.long	0
	.long	_end, PAGE		/* bytes in memory, of headers */
	.long	0			/* checksum */
	.word	10, 0			/* EFI application */
	.quad	0, 0, 0, 0
	.long	0, 6			/* six empty directories */
	.quad	0, 0, 0, 0, 0, 0
sections:
	.ascii	".text\0\0\0"
	.long	_size, PAGE, _size, PAGE
	.long	0, 0, 0
	.long	0xe0000020		/* code: read, write, execute */

	.org	0x1f1			/* Linux' setup header */
	.byte	7			/* sectors after the first: this page */
	.org	0x1fe
	.word	0xaa55
	.org	0x202
	.ascii	"HdrS"
	.word	0x020c			/* protocol */
	.org	0x211
	.byte	1			/* loaded high */
	.org	0x22c
	.long	0x7fffffff		/* highest initrd address */
	.org	PAGE
