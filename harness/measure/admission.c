/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/admission.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "format/eventlog.h"
#include "format/reader.h"
#include "measure/authenticode.h"

/* Kinds of entries of a signature list: UEFI specification 2.10, section 32.4.1 */
static const uint8_t guid_x509[GUID_SIZE] =
        GUID(0xa5c059a1, 0x94e4, 0x4aa7, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72);
static const uint8_t guid_hash[AUTHENTICODE_HASHES][GUID_SIZE] = {
        GUID(0xc1c41626, 0x504c, 0x4092, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28),
        GUID(0xff3e5307, 0x9fd0, 0x48c9, 0x85, 0xf1, 0x8a, 0xd5, 0x6c, 0x70, 0x1e, 0x01),
        GUID(0x093e0fae, 0xa6c4, 0x4f50, 0x9f, 0x1b, 0xd4, 0x1e, 0x2b, 0x89, 0xc1, 0x9a),
};
/* Entries of a certificate table: section 32.2.4, and the kind of one of them */
enum { CERTIFICATE_HEAD = 8, CERTIFICATE_PKCS = 0x0002, CERTIFICATE_GUID = 0x0ef1 };
static const uint8_t guid_pkcs7[GUID_SIZE] =
        GUID(0x4aafd29d, 0x68df, 0x49ee, 0x8a, 0xa9, 0x34, 0x7d, 0x37, 0x56, 0x65, 0xa7);

/* ---- signature lists ---- */

#define LIST_HEAD 28 /* bytes before the entries: kind, sizes of the list, of its head, of an entry */

struct signatures {
	const uint8_t *kind;
	uint32_t entry; /* bytes of one: its owner, then what it is about */
	struct bytes all;
};

/* The next list of db or dbx; false at the end, and where it contradicts itself. */
static bool next_list(struct reader *r, struct signatures *ret)
{
	uint32_t size, head;

	if (!reader_ok(r) || reader_left(r) == 0)
		return false;
	ret->kind = reader_bytes(r, GUID_SIZE);
	size = reader_u32(r);
	head = reader_u32(r);
	ret->entry = reader_u32(r);
	if (ret->entry < GUID_SIZE || size < LIST_HEAD || head > size - LIST_HEAD)
		reader_fail(r, FORMAT_BAD_SIZE, reader_offset(r));
	reader_skip(r, head);
	ret->all.size = size - LIST_HEAD - head;
	ret->all.data = reader_bytes(r, ret->all.size);
	return reader_ok(r);
}

static bool next_entry(struct signatures *s, struct bytes *ret)
{
	if (s->all.size < s->entry)
		return false;
	*ret = (struct bytes){s->all.data, s->entry};
	s->all = (struct bytes){s->all.data + s->entry, s->all.size - s->entry};
	return true;
}

static struct bytes without_owner(struct bytes entry)
{
	return (struct bytes){entry.data + GUID_SIZE, entry.size - GUID_SIZE};
}

/* A program being looked at. */
struct inquiry {
	struct admission *a;
	const struct pe *program;
	struct bytes db, dbx; /* data NULL: there is none */
	const char *unclear;  /* what is not followed here, or NULL */
};

static struct bytes database(const struct firmware *f, const char *name)
{
	const struct variable *v = variable_find(&f->variables, guid_image_security, name);

	return v ? v->data : (struct bytes){NULL, 0};
}

/* The entry about this digest, with its owner. */
static bool find_digest(struct bytes db, enum authenticode_hash hash, struct bytes digest,
                        struct bytes *ret)
{
	struct reader r = reader_of(db.data, db.size);
	struct signatures s;

	while (next_list(&r, &s)) {
		if (memcmp(s.kind, guid_hash[hash], GUID_SIZE) != 0 ||
		    s.entry != GUID_SIZE + digest.size)
			continue;
		while (next_entry(&s, ret)) {
			if (memcmp(ret->data + GUID_SIZE, digest.data, digest.size) == 0)
				return true;
		}
	}
	return false;
}

/* The entry with the certificate that the signer's chain ends in. */
static bool find_signer(struct bytes db, const struct authenticode *signature, struct bytes *ret)
{
	struct reader r = reader_of(db.data, db.size);
	struct signatures s;

	while (next_list(&r, &s)) {
		while (memcmp(s.kind, guid_x509, GUID_SIZE) == 0 && next_entry(&s, ret)) {
			if (authenticode_by(signature, without_owner(*ret)))
				return true;
		}
	}
	return false;
}

/* Lists of kinds that are none of the above, as those of certificates' digests. */
static bool has_other_kinds(struct bytes db)
{
	struct reader r = reader_of(db.data, db.size);
	struct signatures s;

	while (next_list(&r, &s)) {
		bool known = memcmp(s.kind, guid_x509, GUID_SIZE) == 0;

		for (unsigned i = 0; i < AUTHENTICODE_HASHES; i++)
			known |= memcmp(s.kind, guid_hash[i], GUID_SIZE) == 0;
		if (!known)
			return true;
	}
	return !reader_ok(&r);
}

static void measure_authority(struct admission *a, struct bytes entry)
{
	const struct event_tag tag = {0, EV_EFI_VARIABLE_AUTHORITY, INPUT_FIRMWARE};

	for (unsigned i = 0; i < a->count; i++) {
		if (a->measured[i].size == entry.size &&
		    memcmp(a->measured[i].data, entry.data, entry.size) == 0)
			return;
	}
	if (a->count == ADMISSION_AUTHORITIES) {
		event_open(a->l, 0, "Secure Boot: more authorities than are counted here");
		return;
	}
	a->measured[a->count++] = entry;
	event_variable(a->l, tag, guid_image_security, "db", entry, "authority of Secure Boot in");
}

/* ---- one program ---- */

static bool judge_bare(struct inquiry *q)
{
	bool found = false;

	for (unsigned i = AUTHENTICODE_HASHES; i-- > 0;) {
		uint8_t digest[AUTHENTICODE_HASH_MAX];
		struct bytes b = {digest, 0}, entry;

		b.size = authenticode_digest(q->program, (enum authenticode_hash)i, digest);
		if (find_digest(q->dbx, (enum authenticode_hash)i, b, &entry))
			return false;
		if (!find_digest(q->db, (enum authenticode_hash)i, b, &entry))
			continue;
		measure_authority(q->a, entry);
		found = true;
	}
	return found;
}

/* Whether dbx forbids it, else whether db allows it. */
static bool judge_signature(struct inquiry *q, const struct authenticode *s, bool *verified)
{
	const struct bytes digest = {s->digest, s->digest_size};
	struct bytes entry;

	if (find_signer(q->dbx, s, &entry))
		return false;
	if (!*verified && find_signer(q->db, s, &entry)) {
		measure_authority(q->a, entry);
		*verified = true;
	}
	if (find_digest(q->dbx, s->hash, digest, &entry))
		return false;
	if (!*verified && find_digest(q->db, s->hash, digest, &entry)) {
		measure_authority(q->a, entry);
		*verified = true;
	}
	return true;
}

/* The next entry of a certificate table that firmware looks at; data NULL for one that it passes
 * over. False at the end and where the table is not well-formed. */
static bool next_certificate(struct reader *r, struct bytes *ret)
{
	uint64_t left = reader_left(r);
	uint32_t size, padding;
	uint16_t kind;

	*ret = (struct bytes){NULL, 0};
	if (left <= CERTIFICATE_HEAD)
		return false;
	size = reader_u32(r);
	reader_skip(r, 2); /* revision */
	kind = reader_u16(r);
	padding = size % 8 ? 8 - size % 8 : 0;
	if (size <= CERTIFICATE_HEAD || left < size || left - size < padding)
		return false;
	ret->size = size - CERTIFICATE_HEAD;
	ret->data = reader_bytes(r, ret->size);
	reader_skip(r, padding);
	if (kind == CERTIFICATE_GUID && ret->size > GUID_SIZE &&
	    memcmp(ret->data, guid_pkcs7, GUID_SIZE) == 0)
		*ret = without_owner(*ret);
	else if (kind != CERTIFICATE_PKCS)
		*ret = (struct bytes){NULL, 0};
	return true;
}

static bool judge_signed(struct inquiry *q)
{
	const struct pe *pe = q->program;
	struct reader r = reader_of(pe->file.data, pe->file.size), table;
	struct bytes certificate;
	bool verified = false;

	reader_skip(&r, pe->certificates);
	table = reader_sub(&r, pe->certificate_size);
	while (reader_ok(&table) && next_certificate(&table, &certificate)) {
		struct authenticode s = {NULL};
		struct err why = {0};
		bool good;

		if (!certificate.data)
			continue;
		if (authenticode_read(certificate, pe, &s, &why) == -ENOTSUP) {
			q->unclear = "a program's signature is of a form that is not known here";
			return false;
		}
		if (!s.pkcs7)
			continue;
		good = judge_signature(q, &s, &verified);
		authenticode_done(&s);
		if (!good)
			return false;
	}
	return verified && reader_ok(&table) && reader_left(&table) == 0;
}

static void open_all(struct event_list *l, const char *reason)
{
	for (unsigned i = 0; i < 3; i++)
		event_open(l, i, reason);
}

void admission_init(struct admission *a, struct event_list *l, const struct firmware *f)
{
	*a = (struct admission){.l = l, .firmware = f, .on = firmware_secure_boot_on(f)};
}

enum verdict admission_ask(struct admission *a, const struct pe *program, const char *what)
{
	struct inquiry q = {.a = a, .program = program};
	char reason[160];
	bool good;

	if (!a->on)
		return ADMITTED;
	q.db = database(a->firmware, "db");
	q.dbx = database(a->firmware, "dbx");
	if (has_other_kinds(q.db) || has_other_kinds(q.dbx))
		q.unclear = "db or dbx has entries of a kind that is not known here";
	good = program->certificate_size > 0 ? judge_signed(&q) : judge_bare(&q);
	if (!q.unclear)
		return good ? ADMITTED : REFUSED;
	snprintf(reason, sizeof(reason), "Secure Boot is on, and whether it admits %s is open: %s",
	         what, q.unclear);
	open_all(a->l, reason);
	return UNFORESEEN;
}

void admission_refused(struct admission *a, const struct pe *program, const char *what)
{
	char reason[160];

	snprintf(reason, sizeof(reason), "Secure Boot is on and refuses %s: %s", what,
	         program->certificate_size > 0
	                 ? "no signature of it is one that db admits and dbx does not revoke"
	                 : "it has no signature, and db does not have its digest");
	open_all(a->l, reason);
}

void admission_open(struct admission *a, const char *what)
{
	char reason[160];

	if (!a->on)
		return;
	snprintf(reason, sizeof(reason), "Secure Boot is on, and %s is not known here", what);
	open_all(a->l, reason);
}
