/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole verification: a genuine quote and its collateral, both changed as the input says (which
 * pair, then changes of six bytes: part, how, where, how far, value). The answer is the genuine
 * one, or no status, or not authentic; and it is authentic only where all signed parts are those of
 * a genuine quote. The same verifier says the same again, and afterwards still knows the genuine
 * quote by genuine collateral.
 * Seeds: cases/golden/pieces/verify
 * Runs: 100000
 */
#include <jansson.h>

#include "format/bytes.h"
#include "fuzz/golden.h"

#define CHANGES_MAX 16
#define PARTS       11 /* the quote, and the bundle's texts */

struct part {
	char *data;
	size_t size, max;
};

struct pair {
	const char *quote, *bundle, *pck; /* `pck`: whose chain the bundle gets, or NULL */
	time_t at;
	struct part part[PARTS];
	struct quote parsed;
	struct verdict expected;
};

static const char *const key[PARTS] = {
        NULL,
        "tcb_info",
        "tcb_info_signature",
        "tcb_info_issuer_chain",
        "qe_identity",
        "qe_identity_signature",
        "qe_identity_issuer_chain",
        "root_ca_crl",
        "pck_crl",
        "pck_crl_issuer_chain",
        "pck_certificate_chain",
};

/*
 * UpToDate, OutOfDate, and version 5; then certification by a leaf alone, and by the name of one in
 * the bundle
 */
static struct pair pairs[] = {
        {.quote = "9c3786b9b3d6.bin", .bundle = "60c2bf34.json", .at = 1770801952},
        {.quote = "f1c850330112.bin", .bundle = "08fbdc64.json", .at = 1787894484},
        {.quote = "cf77a6e91e48.bin", .bundle = "86e3287e.json", .at = 1782215795},
        {.quote = "certification/pck-leaf.bin", .bundle = "60c2bf34.json", .at = 1770801952},
        {.quote = "certification/ppid-plain.bin",
         .bundle = "60c2bf34.json",
         .pck = "pieces/chain/9c3786b9b3d6.pem",
         .at = 1770801952},
};
#define PAIRS COUNT_OF(pairs)

/* ---- genuine ---- */

static void add_bundle(struct verifier *v, const struct part part[PARTS])
{
	json_t *o = json_object();
	struct err e;
	char *text;

	for (size_t i = 1; i < PARTS; i++)
		json_object_set_new(o, key[i], json_stringn(part[i].data, part[i].size));
	text = json_dumps(o, 0);
	verifier_add(v, text, strlen(text), &e);
	free(text);
	json_decref(o);
}

static void check(struct verifier *v, const struct quote *q, time_t at, struct verdict *ret)
{
	struct err e;

	FUZZ_CHECK(verifier_check(v, q, at, ret, &e) == 0);
}

static void pair_read(struct pair *p)
{
	static json_t *kept[PAIRS];
	struct verifier *v;
	json_t *bundle;
	char name[80], *text;
	struct err e;
	size_t size;

	snprintf(name, sizeof(name), "quote/%s", p->quote);
	p->part[0].data = fuzz_golden(name, &p->part[0].size);
	snprintf(name, sizeof(name), "collateral/%s", p->bundle);
	text = fuzz_golden(name, &size);
	bundle = kept[p - pairs] = json_loadb(text, size, 0, NULL);
	free(text);
	for (size_t i = 1; i < PARTS; i++) {
		p->part[i].data = (char *)json_string_value(json_object_get(bundle, key[i]));
		if (i == PARTS - 1 && !p->part[i].data)
			p->part[i].data =
			        p->pck ? fuzz_golden(p->pck, &size) : ""; /* ends in NUL */
		FUZZ_CHECK(p->part[i].data);
		p->part[i].size = strlen(p->part[i].data);
	}
	FUZZ_CHECK(quote_parse(p->part[0].data, p->part[0].size, &p->parsed, NULL) == FORMAT_OK);
	FUZZ_CHECK(verifier_new(NULL, &v, &e) == 0);
	add_bundle(v, p->part);
	check(v, &p->parsed, p->at, &p->expected);
	FUZZ_CHECK(p->expected.authentic && p->expected.status != TCB_NOT_EVALUATED);
	verifier_free(v);
}

/* ---- changed ---- */

static void part_copy(const struct part *from, struct part *to)
{
	to->size = from->size;
	to->max = from->size + 4096;
	to->data = malloc(to->max);
	memcpy(to->data, from->data, from->size);
}

static void part_change(struct part *p, const uint8_t c[6], const struct part *other)
{
	size_t at = p->size ? (c[2] | (size_t)c[3] << 8) % p->size : 0;
	size_t n = c[4] + 1u < p->size - at ? c[4] + 1u : p->size - at;

	switch (c[1] % 8) {
	case 0: /* a bit */
		p->data[at] ^= (char)(1 << c[5] % 8);
		break;
	case 1:
		p->data[at] = (char)c[5];
		break;
	case 2:
		memset(p->data + at, c[5], n);
		break;
	case 3: /* leave out */
		memmove(p->data + at, p->data + at + n, p->size - at - n);
		p->size -= n;
		break;
	case 4: /* say twice */
		if (p->size + n > p->max)
			break;
		memmove(p->data + at + n, p->data + at, p->size - at);
		p->size += n;
		break;
	case 5: /* cut */
		p->size = at;
		break;
	case 6: /* another one of its kind, or some of it */
		n = c[4] & 1 ? other->size : n;
		at = c[4] & 1 ? 0 : at;
		if (at + n > p->max || at + n > other->size)
			break;
		memcpy(p->data + at, other->data + at, n);
		p->size = c[4] & 1 ? n : p->size;
		break;
	default: /* a size field, in its own byte order */
		for (size_t i = 0; i < 4 && at + i < p->size; i++)
			p->data[at + i] = (char)(c[4 + i / 2]);
		break;
	}
}

static bool differs(struct bytes a, struct bytes b)
{
	return a.size != b.size || memcmp(a.data, b.data, a.size) != 0;
}

static bool all_signed_parts_are_of(const struct quote *q, const struct quote *genuine)
{
	return !differs(q->signed_part, genuine->signed_part) &&
	       !differs(q->qe_report_raw, genuine->qe_report_raw) &&
	       !differs(q->qe_auth, genuine->qe_auth) &&
	       memcmp(q->attest_key, genuine->attest_key, 64) == 0 &&
	       memcmp(q->signature, genuine->signature, 64) == 0 &&
	       memcmp(q->qe_signature, genuine->qe_signature, 64) == 0;
}

static void check_changed(const struct pair *p, const struct quote *q, const struct verdict *v)
{
	bool genuine = false;

	for (size_t i = 0; i < PAIRS; i++)
		genuine |= all_signed_parts_are_of(q, &pairs[i].parsed);
	FUZZ_CHECK(genuine || !v->authentic);
	FUZZ_CHECK(v->authentic == (v->origin == ORIGIN_HARDWARE));
	FUZZ_CHECK(v->authentic || v->status == TCB_NOT_EVALUATED);
	FUZZ_CHECK(v->status == TCB_NOT_EVALUATED || fuzz_same_verdict(v, &p->expected));
}

static void verify(const struct pair *p, const struct part part[PARTS], bool and_genuine)
{
	struct verdict first, again;
	struct verifier *v;
	struct quote q;
	struct err e;

	FUZZ_CHECK(verifier_new(NULL, &v, &e) == 0);
	add_bundle(v, part);
	if (quote_parse(part[0].data, part[0].size, &q, NULL) == FORMAT_OK) {
		check(v, &q, p->at, &first);
		check_changed(p, &q, &first);
		check(v, &q, p->at, &again);
		FUZZ_CHECK(fuzz_same_verdict(&first, &again));
	}
	if (and_genuine) {
		add_bundle(v, p->part);
		check(v, &p->parsed, p->at, &again);
		FUZZ_CHECK(fuzz_same_verdict(&again, &p->expected));
	}
	verifier_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct part part[PARTS];
	const struct pair *p;

	for (size_t i = 0; i < PAIRS && !pairs[i].parsed.version; i++)
		pair_read(&pairs[i]);
	if (size < 1 || size > 1 + 6 * CHANGES_MAX)
		return 0;
	p = &pairs[data[0] % PAIRS];
	for (size_t i = 0; i < PARTS; i++)
		part_copy(&p->part[i], &part[i]);
	for (size_t at = 1; at + 6 <= size; at += 6) {
		size_t which = data[at] % (2 * PARTS); /* every other change is to the quote */

		which = which < PARTS ? which : 0;
		part_change(&part[which], data + at, &pairs[data[at + 5] % PAIRS].part[which]);
	}
	verify(p, part, data[size - 1] % 8 == 0);
	for (size_t i = 0; i < PARTS; i++)
		free(part[i].data);
	return 0;
}
