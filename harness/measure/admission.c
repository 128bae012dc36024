/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/admission.h"

#include <stdio.h>
#include <string.h>

#include "format/reader.h"

#define LIST_HEAD 28 /* bytes of an EFI_SIGNATURE_LIST before its entries */

/* UEFI specification 2.10, section 32.4.1 */
static const uint8_t guid_x509[GUID_SIZE] =
        GUID(0xa5c059a1, 0x94e4, 0x4aa7, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72);

/* Whether db is well-formed and has certificates and nothing else in it. */
static bool has_certificates_only(const struct firmware *f)
{
	const struct variable *db = variable_find(&f->variables, guid_image_security, "db");
	struct reader r;

	if (!db)
		return true; /* and none of those */
	r = reader_of(db->data.data, db->data.size);
	while (reader_ok(&r) && reader_left(&r) > 0) {
		const uint8_t *kind = reader_bytes(&r, GUID_SIZE);
		uint32_t size = reader_u32(&r);

		if (!kind || size < LIST_HEAD || memcmp(kind, guid_x509, GUID_SIZE) != 0)
			return false;
		reader_skip(&r, size - GUID_SIZE - 4);
	}
	return reader_ok(&r);
}

static void open_all(struct event_list *l, const char *reason)
{
	for (unsigned i = 0; i < 3; i++)
		event_open(l, i, reason);
}

void admission_open(struct event_list *l, const struct firmware *f)
{
	if (firmware_secure_boot_on(f))
		open_all(l,
		         "Secure Boot is on: whether each image is admitted, and by which "
		         "certificate, is not foreseen");
}

void admission_check(struct event_list *l, const struct firmware *f, const struct pe *program,
                     bool changed, const char *what)
{
	bool bare = program->certificate_size == 0;
	char reason[160];

	if (firmware_secure_boot_on(f) && has_certificates_only(f) && (bare || changed)) {
		snprintf(reason, sizeof(reason),
		         "Secure Boot is on and refuses %s, %s: db has certificates only", what,
		         bare ? "which has no signature"
		              : "whose signature does not fit what QEMU makes of it");
		open_all(l, reason);
	}
	admission_open(l, f);
}
