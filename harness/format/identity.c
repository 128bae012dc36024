/* SPDX-License-Identifier: Apache-2.0 */
#include "format/identity.h"

#include <string.h>

#include "format/bytes.h"

struct identity identity_of_quote(const struct quote *q)
{
	const struct quote_td *t = &q->td;

	return (struct identity){t->mrtd,       t->mrconfigid,   t->mrowner,     t->mrownerconfig,
	                         t->mrseam,     t->mrsignerseam, t->tee_tcb_svn, t->rtmr,
	                         t->attributes, t->xfam};
}

struct identity identity_of_report(const struct tdreport *r)
{
	const struct td_info *t = &r->td;

	return (struct identity){t->mrtd,
	                         t->mrconfigid,
	                         t->mrowner,
	                         t->mrownerconfig,
	                         r->tcb.mrseam,
	                         r->tcb.mrsignerseam,
	                         r->tcb.tee_tcb_svn,
	                         t->rtmr,
	                         t->attributes,
	                         t->xfam};
}

const char *identity_differs(const struct identity *a, const struct identity *b, size_t rtmrs)
{
	static const char *const rtmr_names[] = {"RTMR0", "RTMR1", "RTMR2", "RTMR3"};
	const struct {
		const char *name;
		const uint8_t *a, *b;
		size_t size;
	} list[] = {
	        {"MRTD", a->mrtd, b->mrtd, 48},
	        {"MRCONFIGID", a->mrconfigid, b->mrconfigid, 48},
	        {"MROWNER", a->mrowner, b->mrowner, 48},
	        {"MROWNERCONFIG", a->mrownerconfig, b->mrownerconfig, 48},
	        {"MRSEAM", a->mrseam, b->mrseam, 48},
	        {"MRSIGNERSEAM", a->mrsignerseam, b->mrsignerseam, 48},
	        {"TEE_TCB_SVN", a->svn, b->svn, 16},
	};

	for (size_t i = 0; i < COUNT_OF(list); i++) {
		if (memcmp(list[i].a, list[i].b, list[i].size) != 0)
			return list[i].name;
	}
	for (size_t i = 0; i < rtmrs; i++) {
		if (memcmp(a->rtmr[i], b->rtmr[i], TDX_DIGEST_SIZE) != 0)
			return rtmr_names[i];
	}
	if (a->attributes != b->attributes)
		return "ATTRIBUTES";
	return a->xfam != b->xfam ? "XFAM" : NULL;
}
