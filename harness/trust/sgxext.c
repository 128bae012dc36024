// SPDX-License-Identifier: Apache-2.0
#include "trust/sgxext.h"

#include <openssl/asn1t.h>
#include <string.h>

#include "trust/refuse.h"

/*
 * SEQUENCE OF SEQUENCE { OID, ANY }, where the value of SGXEXT_OID.2 is such a sequence again. The
 * arcs below SGXEXT_OID name the fields, so a field is known by its last arc.
 */
struct field {
	ASN1_OBJECT *oid;
	ASN1_TYPE *value;
};
typedef struct field FIELD; /* OpenSSL's stacks and templates want plain names */
DEFINE_STACK_OF(FIELD)
typedef STACK_OF(FIELD) FIELDS;

ASN1_SEQUENCE(FIELD) =
        {
                ASN1_SIMPLE(FIELD, oid, ASN1_OBJECT),
                ASN1_SIMPLE(FIELD, value, ASN1_ANY),
} static_ASN1_SEQUENCE_END(FIELD)

                ASN1_ITEM_TEMPLATE(FIELDS) = ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF, 0, FIELDS,
                                                                   FIELD)
                        static_ASN1_ITEM_TEMPLATE_END(FIELDS)

                                enum { ARC_PPID = 1,
	                               ARC_TCB = 2,
	                               ARC_PCEID = 3,
	                               ARC_FMSPC = 4,
	                               ARC_TYPE = 5,
	                               ARC_INSTANCE = 6,
	                               ARC_CONFIGURATION = 7,
	                               ARC_MAX = 31,
	                               CONFIGURATION_DYNAMIC = 1,
	                               CONFIGURATION_CACHED_KEYS = 2,
	                               CONFIGURATION_SMT = 3,
	                               TCB_PCESVN = 17,
	                               TCB_CPUSVN = 18,
                                };

static void fields_freep(FIELDS **p)
{
	ASN1_item_free((ASN1_VALUE *)*p, ASN1_ITEM_rptr(FIELDS));
}

static FIELDS *fields_read(const unsigned char *der, long size)
{
	const unsigned char *p = der;
	_cleanup_(fields_freep) FIELDS *f =
	        (FIELDS *)ASN1_item_d2i(NULL, &p, size, ASN1_ITEM_rptr(FIELDS));

	return f && p == der + size ? TAKE_PTR(f) : NULL;
}

/* The arc below `prefix` ("1.2.3."), or 0. */
static unsigned arc_below(const ASN1_OBJECT *oid, const char *prefix)
{
	char text[80];
	size_t used = strlen(prefix);
	unsigned arc = 0;
	char end;

	if (OBJ_obj2txt(text, sizeof(text), oid, 1) <= 0 || strncmp(text, prefix, used) != 0)
		return 0;
	return sscanf(text + used, "%2u%c", &arc, &end) == 1 && arc <= ARC_MAX ? arc : 0;
}

/* Sorts the fields by arc; -1 when one is there twice. Unknown ones are skipped. */
static int fields_index(const FIELDS *f, const char *prefix, const ASN1_TYPE *by_arc[ARC_MAX + 1])
{
	for (int i = 0; i < sk_FIELD_num(f); i++) {
		const FIELD *field = sk_FIELD_value(f, i);
		unsigned arc = arc_below(field->oid, prefix);

		if (arc && by_arc[arc])
			return -1;
		if (arc)
			by_arc[arc] = field->value;
	}
	return 0;
}

static bool octets(const ASN1_TYPE *t, void *out, int size)
{
	if (!t || t->type != V_ASN1_OCTET_STRING || t->value.octet_string->length != size)
		return false;
	memcpy(out, t->value.octet_string->data, (size_t)size);
	return true;
}

static bool number(const ASN1_TYPE *t, int64_t max, int64_t *ret)
{
	return t && t->type == V_ASN1_INTEGER &&
	       ASN1_INTEGER_get_int64(ret, t->value.integer) == 1 && *ret >= 0 && *ret <= max;
}

static bool tcb_read(const ASN1_TYPE *t, struct pck *pck)
{
	const ASN1_TYPE *by_arc[ARC_MAX + 1] = {0};
	_cleanup_(fields_freep) FIELDS *f = NULL;
	int64_t n;

	if (!t || t->type != V_ASN1_SEQUENCE ||
	    !(f = fields_read(t->value.sequence->data, t->value.sequence->length)) ||
	    fields_index(f, SGXEXT_OID ".2.", by_arc) < 0)
		return false;
	for (unsigned i = 0; i < 16; i++) {
		if (!number(by_arc[i + 1], UINT8_MAX, &n))
			return false;
		pck->component[i] = (uint8_t)n;
	}
	if (!number(by_arc[TCB_PCESVN], UINT16_MAX, &n))
		return false;
	pck->pcesvn = (uint16_t)n;
	return octets(by_arc[TCB_CPUSVN], pck->cpusvn, sizeof(pck->cpusvn));
}

static enum known flag(const ASN1_TYPE *t)
{
	if (!t || t->type != V_ASN1_BOOLEAN)
		return KNOWN_NOT;
	return t->value.boolean ? KNOWN_TRUE : KNOWN_FALSE;
}

/* What certificates of the Platform CA have beyond the others; absent or odd, it is unknown. */
static bool configuration_read(const ASN1_TYPE *t, struct pck *pck)
{
	const ASN1_TYPE *by_arc[ARC_MAX + 1] = {0};
	_cleanup_(fields_freep) FIELDS *f = NULL;

	if (!t)
		return true;
	if (t->type != V_ASN1_SEQUENCE ||
	    !(f = fields_read(t->value.sequence->data, t->value.sequence->length)) ||
	    fields_index(f, SGXEXT_OID ".7.", by_arc) < 0)
		return false;
	pck->dynamic = flag(by_arc[CONFIGURATION_DYNAMIC]);
	pck->cached_keys = flag(by_arc[CONFIGURATION_CACHED_KEYS]);
	pck->smt = flag(by_arc[CONFIGURATION_SMT]);
	return true;
}

static enum sgx_type type_read(const ASN1_TYPE *t)
{
	int64_t n;

	if (!t || t->type != V_ASN1_ENUMERATED ||
	    ASN1_ENUMERATED_get_int64(&n, t->value.enumerated) != 1 || n < 0 ||
	    n > SGX_TYPE_SCALABLE_INTEGRITY - SGX_TYPE_STANDARD)
		return SGX_TYPE_UNKNOWN;
	return SGX_TYPE_STANDARD + (enum sgx_type)n;
}

static const ASN1_OCTET_STRING *find_extension(const X509 *cert)
{
	_cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *oid = OBJ_txt2obj(SGXEXT_OID, 1);
	int at = oid ? X509_get_ext_by_OBJ(cert, oid, -1) : -1;

	if (at < 0 || X509_get_ext_by_OBJ(cert, oid, at) >= 0)
		return NULL;
	return X509_EXTENSION_get_data(X509_get_ext(cert, at));
}

int sgxext_read(const X509 *cert, struct pck *ret, struct err *e)
{
	const ASN1_TYPE *by_arc[ARC_MAX + 1] = {0};
	const ASN1_OCTET_STRING *der = find_extension(cert);
	_cleanup_(fields_freep) FIELDS *f = NULL;
	struct pck pck = {0};

	if (!der)
		return refuse(e, VERDICT_PCK_EXTENSION,
		              "the PCK certificate has no SGX extension, or two");
	f = fields_read(ASN1_STRING_get0_data(der), ASN1_STRING_length(der));
	if (!f || fields_index(f, SGXEXT_OID ".", by_arc) < 0 ||
	    !octets(by_arc[ARC_PPID], pck.ppid, sizeof(pck.ppid)) ||
	    !tcb_read(by_arc[ARC_TCB], &pck) ||
	    !octets(by_arc[ARC_PCEID], pck.pceid, sizeof(pck.pceid)) ||
	    !octets(by_arc[ARC_FMSPC], pck.fmspc, sizeof(pck.fmspc)) ||
	    !configuration_read(by_arc[ARC_CONFIGURATION], &pck))
		return refuse_ssl(e, VERDICT_PCK_EXTENSION,
		                  "the PCK certificate's SGX extension is malformed");
	pck.type = type_read(by_arc[ARC_TYPE]);
	pck.has_instance = octets(by_arc[ARC_INSTANCE], pck.instance, sizeof(pck.instance));
	*ret = pck;
	return 0;
}

/* Takes over `value`. */
static bool push(FIELDS *f, const char *prefix, unsigned arc, int type, void *value)
{
	char oid[80];
	FIELD *field = (FIELD *)ASN1_item_new(ASN1_ITEM_rptr(FIELD));

	snprintf(oid, sizeof(oid), "%s%u", prefix, arc);
	if (field) {
		ASN1_OBJECT_free(field->oid);
		field->oid = OBJ_txt2obj(oid, 1);
		ASN1_TYPE_set(field->value, type, value);
	}
	if (!field || !field->oid || (!value && type != V_ASN1_BOOLEAN) ||
	    sk_FIELD_push(f, field) <= 0) {
		ASN1_item_free((ASN1_VALUE *)field, ASN1_ITEM_rptr(FIELD));
		return false;
	}
	return true;
}

static bool push_octets(FIELDS *f, const char *prefix, unsigned arc, const void *data, int size)
{
	ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();

	return s && ASN1_OCTET_STRING_set(s, data, size) == 1 &&
	       push(f, prefix, arc, V_ASN1_OCTET_STRING, s);
}

static bool push_number(FIELDS *f, const char *prefix, unsigned arc, int type, unsigned value)
{
	ASN1_INTEGER *n = type == V_ASN1_ENUMERATED ? ASN1_ENUMERATED_new() : ASN1_INTEGER_new();
	bool set = n && (type == V_ASN1_ENUMERATED ? ASN1_ENUMERATED_set(n, value)
	                                           : ASN1_INTEGER_set(n, value)) == 1;

	return set && push(f, prefix, arc, type, n);
}

static bool push_fields(FIELDS *f, const char *prefix, unsigned arc, FIELDS *inner)
{
	ASN1_STRING *s = ASN1_item_pack(inner, ASN1_ITEM_rptr(FIELDS), NULL);

	return s && push(f, prefix, arc, V_ASN1_SEQUENCE, s);
}

static FIELDS *tcb_make(const struct pck *pck)
{
	static const char prefix[] = SGXEXT_OID ".2.";
	_cleanup_(fields_freep) FIELDS *f = sk_FIELD_new_null();
	bool ok = f;

	for (unsigned i = 0; i < 16; i++)
		ok = ok && push_number(f, prefix, i + 1, V_ASN1_INTEGER, pck->component[i]);
	ok = ok && push_number(f, prefix, TCB_PCESVN, V_ASN1_INTEGER, pck->pcesvn) &&
	     push_octets(f, prefix, TCB_CPUSVN, pck->cpusvn, sizeof(pck->cpusvn));
	return ok ? TAKE_PTR(f) : NULL;
}

static bool push_flag(FIELDS *f, unsigned arc, enum known value)
{
	return value == KNOWN_NOT || push(f, SGXEXT_OID ".7.", arc, V_ASN1_BOOLEAN,
	                                  value == KNOWN_TRUE ? f : NULL /* any pointer is true */);
}

/* What `pck` says beyond what all certificates have; nothing where it says nothing. */
static bool push_more(FIELDS *f, const struct pck *pck)
{
	static const char prefix[] = SGXEXT_OID ".";
	_cleanup_(fields_freep) FIELDS *c = sk_FIELD_new_null();

	if (!c || (pck->has_instance &&
	           !push_octets(f, prefix, ARC_INSTANCE, pck->instance, sizeof(pck->instance))))
		return false;
	return push_flag(c, CONFIGURATION_DYNAMIC, pck->dynamic) &&
	       push_flag(c, CONFIGURATION_CACHED_KEYS, pck->cached_keys) &&
	       push_flag(c, CONFIGURATION_SMT, pck->smt) &&
	       (sk_FIELD_num(c) == 0 || push_fields(f, prefix, ARC_CONFIGURATION, c));
}

int sgxext_add(X509 *cert, const struct pck *pck, struct err *e)
{
	static const char prefix[] = SGXEXT_OID ".";
	_cleanup_(fields_freep) FIELDS *f = sk_FIELD_new_null();
	_cleanup_(fields_freep) FIELDS *tcb = tcb_make(pck);
	_cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *oid = OBJ_txt2obj(SGXEXT_OID, 1);
	_cleanup_(X509_EXTENSION_freep) X509_EXTENSION *ext = NULL;
	ASN1_OCTET_STRING *der = NULL;

	if (f && tcb && oid && push_octets(f, prefix, ARC_PPID, pck->ppid, sizeof(pck->ppid)) &&
	    push_fields(f, prefix, ARC_TCB, tcb) &&
	    push_octets(f, prefix, ARC_PCEID, pck->pceid, sizeof(pck->pceid)) &&
	    push_octets(f, prefix, ARC_FMSPC, pck->fmspc, sizeof(pck->fmspc)) &&
	    (pck->type == SGX_TYPE_UNKNOWN ||
	     push_number(f, prefix, ARC_TYPE, V_ASN1_ENUMERATED, pck->type - SGX_TYPE_STANDARD)) &&
	    push_more(f, pck) && (der = ASN1_item_pack(f, ASN1_ITEM_rptr(FIELDS), NULL)))
		ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, der);
	ASN1_OCTET_STRING_free(der);
	if (!ext || X509_add_ext(cert, ext, -1) != 1)
		return ssl_err(e, -EIO, "cannot add the SGX extension");
	return 0;
}
