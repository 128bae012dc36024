/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/corim.h"

#include <cbor.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/text.h"
#include "trust/cose.h"

#define VENDOR "Intel Corporation"
#define MODEL  "TDX TD"
#define DIGEST 48 /* bytes */

/* ---- items; each takes over those that it is given, and NULL is memory that ran out ---- */

static void drop(cbor_item_t *item)
{
	if (item)
		cbor_decref(&item);
}

static cbor_item_t *integer(int value)
{
	return value < 0 ? cbor_build_negint8((uint8_t)(-1 - value))
	                 : cbor_build_uint8((uint8_t)value);
}

/* The map, or NULL. */
static cbor_item_t *put(cbor_item_t *map, int key, cbor_item_t *value)
{
	cbor_item_t *k = integer(key);
	bool ok = map && k && value && cbor_map_add(map, (struct cbor_pair){k, value});

	drop(k);
	drop(value);
	if (ok)
		return map;
	drop(map);
	return NULL;
}

/* The array, or NULL. */
static cbor_item_t *push(cbor_item_t *array, cbor_item_t *value)
{
	bool ok = array && value && cbor_array_push(array, value);

	drop(value);
	if (ok)
		return array;
	drop(array);
	return NULL;
}

static cbor_item_t *tagged(uint64_t tag, cbor_item_t *item)
{
	cbor_item_t *t = item ? cbor_build_tag(tag, item) : NULL;

	drop(item);
	return t;
}

static int serialize(cbor_item_t *item, struct bytes *ret, struct err *e)
{
	unsigned char *data = NULL;
	size_t room, size = item ? cbor_serialize_alloc(item, &data, &room) : 0;

	drop(item);
	if (size == 0) {
		free(data);
		return err_nomem(e);
	}
	*ret = (struct bytes){data, size};
	return 0;
}

static cbor_item_t *embedded(uint64_t tag, cbor_item_t *item)
{
	_cleanup_(bytes_free) struct bytes b = {NULL, 0};

	if (serialize(item, &b, NULL) < 0)
		return NULL;
	return tagged(tag, cbor_build_bytestring(b.data, b.size));
}

/* ---- CoMID ---- */

/* [[7, bytes]] */
static cbor_item_t *digests(const char *hex)
{
	uint8_t digest[DIGEST];
	size_t size = 0;
	cbor_item_t *one;

	if (strlen(hex) != 2 * sizeof(digest) ||
	    hex_decode(hex, strlen(hex), digest, &size) != FORMAT_OK)
		return NULL;
	one = push(push(cbor_new_definite_array(2), integer(DIGEST_SHA384)),
	           cbor_build_bytestring(digest, size));
	return push(cbor_new_definite_array(1), one);
}

static cbor_item_t *measurement(const char *element, int kind, cbor_item_t *value)
{
	cbor_item_t *values = put(cbor_new_definite_map(1), kind, value);

	return put(put(cbor_new_definite_map(2), MEASUREMENT_KEY, cbor_build_string(element)),
	           MEASUREMENT_VALUE, values);
}

/* NULL with *ret_count 0 where the image has none. */
static cbor_item_t *registers(const json_t *image, size_t *ret_count)
{
	static const char *const names[] = {"rtmr0", "rtmr1", "rtmr2", "rtmr3"};
	cbor_item_t *map;

	*ret_count = 0;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		*ret_count += json_object_get(image, names[i]) != NULL;
	map = *ret_count ? cbor_new_definite_map(*ret_count) : NULL;
	for (int i = 0; map && i < (int)COUNT_OF(names); i++) {
		const json_t *v = json_object_get(image, names[i]);

		if (v)
			map = put(map, i, digests(json_string_value(v)));
	}
	return map;
}

/* [environment, [measurements]] of an image with one of its MRTDs. */
static cbor_item_t *triple(const json_t *image, const char *mrtd)
{
	cbor_item_t *class =
	        put(put(cbor_new_definite_map(2), CLASS_VENDOR, cbor_build_string(VENDOR)),
	            CLASS_MODEL, cbor_build_string(MODEL));
	cbor_item_t *environment = put(cbor_new_definite_map(1), ENVIRONMENT_CLASS, class);
	cbor_item_t *rtmrs, *list;
	size_t count;

	rtmrs = registers(image, &count);
	list = push(cbor_new_definite_array(count ? 2 : 1),
	            measurement(MEASURED_MRTD, VALUE_DIGESTS, digests(mrtd)));
	if (count)
		list = push(list, measurement(MEASURED_RTMR, VALUE_INTEGRITY_REGISTERS, rtmrs));
	return push(push(cbor_new_definite_array(2), environment), list);
}

static cbor_item_t *comid(const json_t *image)
{
	const json_t *mrtd = json_object_get(image, "mrtd");
	cbor_item_t *list = cbor_new_definite_array(json_array_size(mrtd));
	cbor_item_t *identity =
	        put(cbor_new_definite_map(1), COMID_TAG_ID,
	            cbor_build_string(json_string_value(json_object_get(image, "name"))));

	for (size_t i = 0; i < json_array_size(mrtd); i++)
		list = push(list, triple(image, json_string_value(json_array_get(mrtd, i))));
	list = put(cbor_new_definite_map(1), COMID_REFERENCE, list);
	return put(put(cbor_new_definite_map(2), COMID_IDENTITY, identity), COMID_TRIPLES, list);
}

/* ---- CoRIM ---- */

int corim_write(const json_t *images, const char *id, struct bytes *ret, struct err *e)
{
	cbor_item_t *tags = cbor_new_definite_array(json_array_size(images)), *corim;

	for (size_t i = 0; i < json_array_size(images); i++)
		tags = push(tags, embedded(TAG_COMID, comid(json_array_get(images, i))));
	corim = put(put(cbor_new_definite_map(2), CORIM_ID, cbor_build_string(id)), CORIM_TAGS,
	            tags);
	return serialize(tagged(TAG_CORIM, corim), ret, e);
}

int corim_signed_bytes(struct bytes protected_header, struct bytes payload, struct bytes *ret,
                       struct err *e)
{
	cbor_item_t *a = push(cbor_new_definite_array(4), cbor_build_string("Signature1"));

	a = push(a, cbor_build_bytestring(protected_header.data, protected_header.size));
	a = push(a, cbor_build_bytestring((const uint8_t *)"", 0)); /* no external data */
	return serialize(push(a, cbor_build_bytestring(payload.data, payload.size)), ret, e);
}

/* {alg, content type, corim-meta: bytes of {signer: {name}}} */
static int make_header(const char *signer, struct bytes *ret, struct err *e)
{
	_cleanup_(bytes_free) struct bytes meta = {NULL, 0};
	cbor_item_t *name = put(cbor_new_definite_map(1), 0, cbor_build_string(signer)), *map;
	int r = serialize(put(cbor_new_definite_map(1), 0, name), &meta, e);

	if (r < 0)
		return r;
	map = put(put(cbor_new_definite_map(3), COSE_ALG, integer(COSE_ES256)), COSE_CONTENT_TYPE,
	          cbor_build_string(CORIM_MEDIATYPE));
	map = put(map, COSE_CORIM_META, cbor_build_bytestring(meta.data, meta.size));
	return serialize(map, ret, e);
}

int corim_sign(struct bytes unsigned_corim, const char *key_pem, const char *signer,
               struct bytes *ret, struct err *e)
{
	_cleanup_(bytes_free) struct bytes header = {NULL, 0}, what = {NULL, 0};
	uint8_t signature[COSE_SIGNATURE];
	cbor_item_t *a;
	int r = make_header(signer, &header, e);

	if (r == 0)
		r = corim_signed_bytes(header, unsigned_corim, &what, e);
	if (r == 0)
		r = cose_sign(key_pem, what, signature, e);
	if (r < 0)
		return r;
	a = push(cbor_new_definite_array(4), cbor_build_bytestring(header.data, header.size));
	a = push(a, cbor_new_definite_map(0));
	a = push(a, cbor_build_bytestring(unsigned_corim.data, unsigned_corim.size));
	a = push(a, cbor_build_bytestring(signature, sizeof(signature)));
	return serialize(tagged(TAG_COSE_SIGN1, a), ret, e);
}
