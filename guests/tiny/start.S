/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PVH entry (Xen public/arch-x86/hvm/start_info.h): 32-bit protected mode, flat segments, no paging,
 * interrupts off. All that is missing for C is a stack.
 */
	.section .note.pvh, "a", @note
	.long	4, 4, 18	/* name and value sizes; XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	start

	.text
	.global	start
start:
	cld
	mov	$stack_end, %esp
	xor	%ebp, %ebp
	call	tiny_main
1:	hlt
	jmp	1b

	.bss
	.balign	16
	.skip	16384
stack_end:
	.section .note.GNU-stack, "", @progbits
