/* SPDX-License-Identifier: Apache-2.0 */
/* The module's entry in its own memory, the CPUs' ways in, and VMRUN. Position independent. */
#define CPU_SHIFT 16
#define VMCB_CR0  0x558

	.section .head, "ax"
	.code64
	.globl module_start
module_start:
	leaq module_start(%rip), %rbx	/* our physical base */
	/* The configuration lies behind the image, in what will be .bss: keep a copy. */
	leaq image_end(%rip), %rsi
	leaq config_copy(%rip), %rdi
	movl $CONFIG_SIZE, %ecx
	rep movsb
	/* .bss is zero: QEMU's RAM begins so; all but what was copied there just now. */
	leaq image_end(%rip), %rdi
	movl $CONFIG_SIZE, %ecx
	xorl %eax, %eax
	rep stosb
	/* Relocate: every entry is R_X86_64_RELATIVE. */
	leaq rela_start(%rip), %rsi
	leaq rela_end(%rip), %rdx
1:	cmpq %rdx, %rsi
	jae 2f
	movq (%rsi), %rdi
	movq 16(%rsi), %rax
	addq %rbx, %rax
	movq %rax, (%rdi, %rbx)
	addq $24, %rsi
	jmp 1b
2:	leaq cpus + (1 << CPU_SHIFT)(%rip), %rsp
	call load_tables
	call module_main
	ud2

/* Our GDT; and the page tables, once they are built. */
load_tables:
	leaq gdt(%rip), %rax
	movq %rax, gdt_pointer + 2(%rip)
	lgdt gdt_pointer(%rip)
	popq %rax
	pushq $8
	pushq %rax
	movl $16, %eax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movw %ax, %fs
	movw %ax, %gs
	lretq

	.text
/*
 * Copied to AP_PAGE, below 1 MiB, where the other CPUs start in real mode. Whoever copies it fills in the
 * three words at its end.
 */
	.globl ap_code, ap_code_cr3, ap_code_entry, ap_code_end
ap_code:
	.code16
	cli
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl (AP_PAGE + ap_gdt_pointer - ap_code)
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl $8, $(AP_PAGE + 1f - ap_code)
	.code32
1:	movl $0x10, %eax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl %cr4, %eax
	orl $0x20, %eax
	movl %eax, %cr4
	movl (AP_PAGE + ap_code_cr3 - ap_code), %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x1100, %eax
	wrmsr
	movl $0x80000033, %eax
	movl %eax, %cr0
	ljmp $0x18, $(AP_PAGE + 2f - ap_code)
	.code64
2:	movl $(AP_PAGE + ap_code_entry - ap_code), %eax
	jmp *(%rax)
	.balign 8
ap_gdt:	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
	.quad 0x00af9b000000ffff
ap_gdt_pointer:
	.word 31
	.long AP_PAGE + ap_gdt - ap_code
	.balign 8
ap_code_cr3:	.quad 0
ap_code_entry:	.quad 0
ap_code_end:

	.globl ap_start
ap_start:				/* still on the temporary page tables */
	movq module_cr3(%rip), %rax
	movq %rax, %cr3
	movl $0xfee00020, %eax		/* local APIC ID: our index */
	movl (%rax), %ecx
	shrl $24, %ecx
	incl %ecx
	shlq $CPU_SHIFT, %rcx
	leaq cpus(%rip), %rax
	leaq (%rax, %rcx), %rsp
	call load_tables
	lidt idt_pointer(%rip)
	call ap_main
	ud2

/*
 * void vmrun(struct vmcb *vmcb, struct td_regs *regs): offsets are those of struct td_regs.
 * After #VMEXIT only RAX, the VMCB, and RSP are ours. CR0 is written because QEMU's TCG loses it: an exit from a guest
 * with EFER.LME = 1, CR0.PG = 0 and CR4.PAE = 0 (a TD's first instructions) leaves PG = 0 here, and the next
 * VMRUN would make nested paging an identity map. It is why the module runs where it lies in physical memory.
 */
	.globl vmrun
vmrun:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rsi
	clgi
	movq %rdi, %rax
	movq 8(%rsi), %rbx
	movq 16(%rsi), %rcx
	movq 24(%rsi), %rdx
	movq 40(%rsi), %rdi
	movq 48(%rsi), %rbp
	movq 56(%rsi), %r8
	movq 64(%rsi), %r9
	movq 72(%rsi), %r10
	movq 80(%rsi), %r11
	movq 88(%rsi), %r12
	movq 96(%rsi), %r13
	movq 104(%rsi), %r14
	movq 112(%rsi), %r15
	movq 32(%rsi), %rsi
	vmrun %rax
	movl VMCB_CR0(%rax), %eax	/* WP as the guest has it: cpu_run says why */
	andl $0x10000, %eax
	orl $0x80000033, %eax
	movq %rax, %cr0
	xchgq %rsi, (%rsp)
	movq %rbx, 8(%rsi)
	movq %rcx, 16(%rsi)
	movq %rdx, 24(%rsi)
	movq %rdi, 40(%rsi)
	movq %rbp, 48(%rsi)
	movq %r8, 56(%rsi)
	movq %r9, 64(%rsi)
	movq %r10, 72(%rsi)
	movq %r11, 80(%rsi)
	movq %r12, 88(%rsi)
	movq %r13, 96(%rsi)
	movq %r14, 104(%rsi)
	movq %r15, 112(%rsi)
	popq 32(%rsi)
	cld
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

	.globl halt_code
halt_code:
	hlt
	jmp halt_code

	.globl vmrun_halt
vmrun_halt:
	pushq %rbx
	pushq %rbp
	clgi
	movq %rdi, %rax
	testb %sil, %sil		/* blocked */
	jnz 1f
	sti				/* with V_INTR_MASKING, the host's IF decides */
1:	vmrun %rax
	cli
	popq %rbp
	popq %rbx
	ret

/*
 * Exceptions in the module itself: 32 stubs of 16 bytes, each says its number. Behind them that of interrupts, and of
 * NMI, which only parked CPUs take, to drop them (svm/park.c).
 */
	.balign 16
	.globl idt_stubs
idt_stubs:
	.set vector, 0
	.rept 32
	.balign 16
	.if vector == 2
	iretq
	.endif
	movl $vector, %edi
	jmp idt_common
	.set vector, vector + 1
	.endr
	.balign 16
	iretq
idt_common:
	movq (%rsp), %rsi		/* error code or RIP: both are worth a look */
	movq 8(%rsp), %rdx
	andq $-16, %rsp
	call module_fault
	ud2

	.data
	.balign 16
gdt:	.quad 0
	.quad 0x00af9b000000ffff	/* 8: 64-bit code */
	.quad 0x00cf93000000ffff	/* 16: data */
gdt_pointer:
	.word 23
	.quad 0
	.globl idt_pointer
idt_pointer:
	.word 256 * 16 - 1
	.quad 0
	.bss
	.globl config_copy
	.balign 16
config_copy:
	.skip CONFIG_SIZE
	.balign 4096
	.globl module_cr3
module_cr3:
	.quad 0

	.section .note.GNU-stack, "", @progbits
