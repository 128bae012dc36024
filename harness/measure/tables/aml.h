/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An assembler for ACPI machine language (ACPI specification 6.5, section 20). Its text has the
 * order of the bytes, so that each word is one item:
 *
 *	scope device method if ...    an opcode
 *	{ ... }                       a package length, from here to the closing brace
 *	\_SB.PCI0 ^S08 LNKA           a name
 *	0 17 0xffff "text" eisa:PNP0A08   a constant in its shortest form
 *	resources { :4701... }        a buffer of resource descriptors, with its size and end tag
 *	:00ff                         bytes as they are
 *	NAME:8 +24                    a field of so many bits, and bits without a name
 *	[word ... ] [!word ... ]      only with, or without, this word in `words`; [v801: since that version
 *	*word                         what the hook adds
 *	# ...                         a comment, to the end of the line
 */
struct aml {
	uint8_t *data; /* on the heap */
	size_t size, room;
	unsigned version;         /* of QEMU: 1001 for 10.1 */
	const char *const *words; /* ends with NULL */
	void (*hook)(struct aml *a, const char *word, void *userdata);
	void *userdata;
	bool failed; /* for want of memory, or for a text that is none: look once, at the end */
};

void aml_text(struct aml *a, const char *text, size_t size);
void aml_textf(struct aml *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void aml_done(struct aml *a);
