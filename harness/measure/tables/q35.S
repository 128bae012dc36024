/* SPDX-License-Identifier: Apache-2.0 */
	.section .rodata
	.global q35_dsdt_text, q35_dsdt_end
q35_dsdt_text:
	.incbin "harness/measure/tables/q35.txt"
q35_dsdt_end:
	.section .note.GNU-stack, "", %progbits
