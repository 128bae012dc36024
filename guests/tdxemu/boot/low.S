/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first instructions, in low RAM where QEMU's loader put the image: 16-bit code at LOAD_ADDRESS (the
 * reset CS base 0xffff0000 plus the EIP that the loader set wraps round to it; TCG does not check CS's
 * limit). Goes to long mode, finds the configuration behind the module, copies both to the module's own
 * memory and jumps there. Temporary page tables lie right below LOAD_ADDRESS. Both are zeroed later.
 */
#define TABLES (LOAD_ADDRESS - 0x10000)

	.text
	.code16
	.globl low_start
low_start:
	cli
	data32 addr32 lgdt gdt_pointer
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl $0x08, $protected

	.code32
protected:
	movl $0x10, %eax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	cld
	/* Identity map of 512 GiB by 1 GiB pages. */
	movl $TABLES, %edi
	movl $(TABLES + 0x1003), (%edi)
	movl $0, 4(%edi)
	movl $(TABLES + 0x1000), %edi
	xorl %ecx, %ecx
1:	movl %ecx, %eax
	shll $30, %eax
	orl $0x83, %eax
	movl %eax, (%edi, %ecx, 8)
	movl %ecx, %eax
	shrl $2, %eax
	movl %eax, 4(%edi, %ecx, 8)
	incl %ecx
	cmpl $512, %ecx
	jne 1b
	movl %cr4, %eax
	orl $0x20, %eax			/* PAE */
	movl %eax, %cr4
	movl $TABLES, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x1100, %eax		/* LME, SVME */
	wrmsr
	movl $0x80000033, %eax
	movl %eax, %cr0
	ljmp $0x18, $long_mode

	.code64
long_mode:
	/* Destination: 4 GiB + memory - low; struct tdxemu_config: memory at 16, low at 24. */
	movl $config, %esi
	movabsq $0x100000000, %rdi
	addq 16(%rsi), %rdi
	subq 24(%rsi), %rdi
	movq %rdi, %rdx
	movl $module, %esi
	movl $(config - module + CONFIG_SIZE), %ecx
	rep movsb
	jmp *%rdx

	.balign 8
gdt:	.quad 0
	.quad 0x00cf9b000000ffff	/* 0x08 32-bit code */
	.quad 0x00cf93000000ffff	/* 0x10 data */
	.quad 0x00af9b000000ffff	/* 0x18 64-bit code */
gdt_pointer:
	.word 31
	.long gdt

	.balign 16
module:	.incbin "module.bin"
	.balign 16
config:					/* the harness appends it here */

	.section .note.GNU-stack, "", @progbits
