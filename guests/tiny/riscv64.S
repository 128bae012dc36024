/* SPDX-License-Identifier: Apache-2.0 */
/* Entered by QEMU's reset vector (-bios none) in machine mode; all that is missing for C is a stack. */
	.section .text.start, "ax", @progbits
	.global	start
start:
	la	sp, stack_end
	call	tiny_main
1:	wfi
	j	1b

	.bss
	.balign	16
	.skip	16384
stack_end:
	.section .note.GNU-stack, "", @progbits
