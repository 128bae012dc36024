/* SPDX-License-Identifier: Apache-2.0 */
#include <cbor.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/confine.h"
#include "core/file.h"
#include "format/reader.h"
#include "format/text.h"
#include "reference/corim.h"
#include "trust/cose.h"

#define READER_MEMORY  (512u << 20)
#define READER_SECONDS 20
#define ANSWER_MAX     (4 * CORIM_MAX)
#define DIGEST         48 /* bytes */

/* ---- in the confined process, where nothing need be given back ---- */

enum ask { ASK_ENVELOPE = 'e', ASK_IMAGES = 'i' };

static int bad(struct err *e, const char *what)
{
	return err_set(e, -EBADMSG, "CoRIM: %s", what);
}

/* What is in the tag; NULL when the item has another, or none. */
static const cbor_item_t *in_tag(const cbor_item_t *item, uint64_t tag)
{
	if (!item || !cbor_isa_tag(item) || cbor_tag_value(item) != tag)
		return NULL;
	return cbor_tag_item(item);
}

static const cbor_item_t *load(struct bytes b)
{
	struct cbor_load_result result;
	cbor_item_t *item = cbor_load(b.data, b.size, &result);

	return item && result.error.code == CBOR_ERR_NONE && result.read == b.size ? item : NULL;
}

static bool is_number(const cbor_item_t *item, uint64_t n)
{
	return cbor_isa_uint(item) && cbor_get_int(item) == n;
}

static const cbor_item_t *member(const cbor_item_t *map, uint64_t key)
{
	if (!map || !cbor_isa_map(map))
		return NULL;
	for (size_t i = 0; i < cbor_map_size(map); i++) {
		if (is_number(cbor_map_handle(map)[i].key, key))
			return cbor_map_handle(map)[i].value;
	}
	return NULL;
}

static size_t count(const cbor_item_t *array)
{
	return array && cbor_isa_array(array) ? cbor_array_size(array) : 0;
}

static const cbor_item_t *element(const cbor_item_t *array, size_t i)
{
	return i < count(array) ? cbor_array_handle(array)[i] : NULL;
}

/* A view; {NULL, 0} when it is no byte string in one piece. */
static struct bytes bytes_of(const cbor_item_t *item)
{
	if (!item || !cbor_isa_bytestring(item) || !cbor_bytestring_is_definite(item))
		return (struct bytes){NULL, 0};
	return (struct bytes){cbor_bytestring_handle(item), cbor_bytestring_length(item)};
}

static struct bytes text_of(const cbor_item_t *item)
{
	if (!item || !cbor_isa_string(item) || !cbor_string_is_definite(item))
		return (struct bytes){NULL, 0};
	return (struct bytes){cbor_string_handle(item), cbor_string_length(item)};
}

static bool is_text(const cbor_item_t *item, const char *text)
{
	struct bytes b = text_of(item);

	return b.data && b.size == strlen(text) && memcmp(b.data, text, b.size) == 0;
}

/* The SHA-384 among digests that are one of each kind. */
static int take_digest(const cbor_item_t *digests, json_t *image, const char *name, struct err *e)
{
	char hex[HEX_ENCODED_SIZE(DIGEST)];

	for (size_t i = 0; i < count(digests); i++) {
		const cbor_item_t *pair = element(digests, i), *kind = element(pair, 0);
		struct bytes value = bytes_of(element(pair, 1));

		if (!kind || !(is_number(kind, DIGEST_SHA384) || is_text(kind, "sha-384")))
			continue;
		if (value.size != DIGEST || json_object_get(image, name))
			break;
		hex_encode(value.data, value.size, hex);
		return json_object_set_new(image, name, json_string(hex)) < 0 ? err_nomem(e) : 0;
	}
	return bad(e, "a register without one digest of SHA-384");
}

static int take_registers(const cbor_item_t *map, json_t *image, struct err *e)
{
	int r = 0;

	if (!cbor_isa_map(map))
		return bad(e, "integrity registers that are no map");
	for (size_t i = 0; r == 0 && i < cbor_map_size(map); i++) {
		const struct cbor_pair *pair = &cbor_map_handle(map)[i];
		char name[] = "rtmr0";

		if (!cbor_isa_uint(pair->key) || cbor_get_int(pair->key) > 3)
			return err_set(e, -ENOTSUP,
			               "CoRIM: an integrity register that a TD has not");
		name[4] = (char)('0' + cbor_get_int(pair->key));
		r = take_digest(pair->value, image, name, e);
	}
	return r;
}

static int take_measurement(const cbor_item_t *m, json_t *image, struct err *e)
{
	const cbor_item_t *values = member(m, MEASUREMENT_VALUE), *key = member(m, MEASUREMENT_KEY);
	const cbor_item_t *digests = member(values, VALUE_DIGESTS);
	const cbor_item_t *registers = member(values, VALUE_INTEGRITY_REGISTERS);

	if (!values || cbor_map_size(values) != 1 || cbor_map_size(m) != (key ? 2u : 1u))
		digests = registers = NULL;
	if (digests && is_text(key, MEASURED_MRTD))
		return take_digest(digests, image, "mrtd", e);
	if (registers)
		return take_registers(registers, image, e);
	return err_set(e, -ENOTSUP,
	               "CoRIM: a reference value that is neither MRTD nor an RTMR of a TD");
}

static int take_triple(const cbor_item_t *triple, struct bytes name, json_t *images, struct err *e)
{
	const cbor_item_t *list = element(triple, 1);
	json_t *image = json_pack("{s:s%}", "name", (const char *)name.data, name.size);
	int r = 0;

	if (!image || json_array_append_new(images, image) < 0)
		return bad(e, "a tag-id that is no UTF-8");
	if (count(list) == 0)
		return bad(e, "a reference triple without measurements");
	for (size_t i = 0; r == 0 && i < count(list); i++)
		r = take_measurement(element(list, i), image, e);
	return r;
}

static int take_comid(const cbor_item_t *comid, json_t *images, struct err *e)
{
	struct bytes name = text_of(member(member(comid, COMID_IDENTITY), COMID_TAG_ID));
	const cbor_item_t *triples = member(member(comid, COMID_TRIPLES), COMID_REFERENCE);
	int r = 0;

	if (!comid)
		return bad(e, "damaged CoMID");
	if (!name.data)
		name = (struct bytes){(const uint8_t *)"CoMID", 5};
	for (size_t i = 0; r == 0 && i < count(triples); i++)
		r = take_triple(element(triples, i), name, images, e);
	return r;
}

static int send_images(struct confined *c, struct bytes document, struct err *e)
{
	const cbor_item_t *corim = in_tag(load(document), TAG_CORIM);
	const cbor_item_t *tags = member(corim, CORIM_TAGS), *comid;
	json_t *images = json_array();
	char *text;
	int r = 0;

	if (!corim || count(tags) == 0)
		return bad(e, corim ? "without tags" : "damaged, or something else in CBOR");
	for (size_t i = 0; r == 0 && i < count(tags); i++) {
		comid = in_tag(element(tags, i), TAG_COMID);
		if (comid) /* there are CoSWID and others, too */
			r = take_comid(load(bytes_of(comid)), images, e);
	}
	if (r < 0)
		return r;
	if (json_array_size(images) == 0)
		return err_set(e, -ENOTSUP, "CoRIM: without reference values");
	text = json_dumps(images, JSON_COMPACT);
	if (!text)
		return err_nomem(e);
	confined_write(c, text, strlen(text));
	return 0;
}

static void send_part(struct confined *c, struct bytes b)
{
	uint32_t size = (uint32_t)b.size;

	confined_write(c, &size, sizeof(size));
	if (size)
		confined_write(c, b.data, b.size);
}

/* Tag 18 is its one byte here: libcbor 0.8 decodes no tags from 6 to 20. */
static const cbor_item_t *load_sign1(struct bytes document)
{
	if (document.size < 2 || document.data[0] != (0xc0 | TAG_COSE_SIGN1))
		return NULL;
	return load((struct bytes){document.data + 1, document.size - 1});
}

/* Nothing for an unsigned one; else protected header, payload and signature. */
static int send_envelope(struct confined *c, struct bytes document, struct err *e)
{
	const cbor_item_t *sign1 = load_sign1(document);

	if (!sign1 && in_tag(load(document), TAG_CORIM))
		return 0;
	if (count(sign1) != 4 || bytes_of(element(sign1, 2)).size == 0 ||
	    bytes_of(element(sign1, 3)).size != COSE_SIGNATURE)
		return bad(e, sign1 ? "no signature of ES256 over its content"
		                    : "damaged, or something else in CBOR");
	send_part(c, bytes_of(element(sign1, 0)));
	send_part(c, bytes_of(element(sign1, 2)));
	send_part(c, bytes_of(element(sign1, 3)));
	return 0;
}

static int serve(void *userdata, struct confined *c, struct bytes request, struct err *e)
{
	const struct bytes *document = userdata;

	return request.data[0] == ASK_IMAGES ? send_images(c, *document, e)
	                                     : send_envelope(c, *document, e);
}

/* ---- its caller ---- */

static int ask(struct bytes document, enum ask what, struct bytes *ret, struct err *e)
{
	const struct confined_spec spec = {
	        .what = "CoRIM",
	        .serve = serve,
	        .userdata = &document,
	        .fd = -1,
	        .memory = READER_MEMORY,
	        .seconds = READER_SECONDS,
	};
	const uint8_t request = (uint8_t)what;
	struct confined *c = NULL;
	int r = confined_start(&spec, &c, e);

	if (r == 0)
		r = confined_read(c, (struct bytes){&request, 1}, ANSWER_MAX, ret, e);
	confined_end(c);
	return r;
}

static struct bytes next_part(struct reader *r)
{
	size_t size = reader_u32(r);
	const uint8_t *data = reader_bytes(r, size);

	return (struct bytes){data, reader_ok(r) ? size : 0};
}

/* Holds the signature against the very bytes that are then read: *ret_payload is a view of them. */
static int check_envelope(struct bytes envelope, const char *key_pem, struct bytes *ret_payload,
                          struct err *e)
{
	_cleanup_(bytes_free) struct bytes what = {NULL, 0};
	struct bytes header, payload, signature;
	struct reader r;
	int code;

	if (!key_pem)
		return err_set(e, -EACCES, "CoRIM: it is signed: give its signer's key");
	r = reader_of(envelope.data, envelope.size);
	header = next_part(&r);
	payload = next_part(&r);
	signature = next_part(&r);
	if (!reader_ok(&r) || signature.size != COSE_SIGNATURE)
		return bad(e, "damaged signature");
	code = corim_signed_bytes(header, payload, &what, e);
	if (code == 0)
		code = cose_verify(key_pem, what, signature.data, e);
	if (code < 0)
		return err_prefix(e, "CoRIM");
	*ret_payload = payload;
	return 0;
}

int corim_read(struct bytes document, const char *key_pem, json_t **ret, struct err *e)
{
	_cleanup_(bytes_free) struct bytes envelope = {NULL, 0}, text = {NULL, 0};
	json_auto_t *images = NULL;
	int r;

	if (document.size > CORIM_MAX)
		return bad(e, "too large");
	r = ask(document, ASK_ENVELOPE, &envelope, e);
	if (r == 0 && envelope.size > 0)
		r = check_envelope(envelope, key_pem, &document, e);
	else if (r == 0 && key_pem)
		r = err_set(e, -EACCES, "CoRIM: it is not signed, and a signer's key was given");
	if (r == 0)
		r = ask(document, ASK_IMAGES, &text, e);
	if (r < 0)
		return r;
	images = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(images))
		return bad(e, "its reader answers nonsense");
	*ret = json_incref(images);
	return 0;
}
