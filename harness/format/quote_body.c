/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "format/quote.h"

/* The signed part of a quote as the hardware's quoting enclave lays it out. */
struct quote_header {
	uint16_t version;
	uint16_t key_type;
	uint32_t tee_type;
	uint32_t reserved;
	uint8_t qe_vendor[16];
	uint8_t user_data[20];
};

struct body_head {
	uint8_t type[2]; /* byte arrays: the size field lies at an odd place */
	uint8_t size[4];
};

_Static_assert(sizeof(struct quote_header) == QUOTE_HEADER_SIZE, "quote header");
_Static_assert(sizeof(struct body_head) == 6, "v5 body head");

static void fill_td(const struct tdreport *report, struct quote_td *b)
{
	const struct tee_tcb_info *tcb = &report->tcb;
	const struct td_info *td = &report->td;

	memcpy(b->tee_tcb_svn, tcb->tee_tcb_svn, sizeof(b->tee_tcb_svn));
	memcpy(b->mrseam, tcb->mrseam, sizeof(b->mrseam));
	memcpy(b->mrsignerseam, tcb->mrsignerseam, sizeof(b->mrsignerseam));
	memcpy(b->seam_attributes, tcb->attributes, sizeof(b->seam_attributes));
	b->attributes = td->attributes;
	b->xfam = td->xfam;
	memcpy(b->mrtd, td->mrtd, sizeof(b->mrtd));
	memcpy(b->mrconfigid, td->mrconfigid, sizeof(b->mrconfigid));
	memcpy(b->mrowner, td->mrowner, sizeof(b->mrowner));
	memcpy(b->mrownerconfig, td->mrownerconfig, sizeof(b->mrownerconfig));
	memcpy(b->rtmr, td->rtmr, sizeof(b->rtmr));
	memcpy(b->report_data, report->mac.report_data, sizeof(b->report_data));
	memcpy(b->tee_tcb_svn2, tcb->tee_tcb_svn2, sizeof(b->tee_tcb_svn2));
	memcpy(b->mrservicetd, td->servtd_hash, sizeof(b->mrservicetd));
}

size_t quote_body_from_report(const struct tdreport *report, uint16_t version,
                              const uint8_t user_data[20], uint8_t *out, size_t size)
{
	const struct body_head head = {
	        {QUOTE_BODY_TDX_15},
	        {(uint8_t)QUOTE_BODY_TDX_15_SIZE, QUOTE_BODY_TDX_15_SIZE >> 8}};
	struct quote_header header = {
	        .version = version,
	        .key_type = QUOTE_KEY_ECDSA_P256,
	        .tee_type = QUOTE_TEE_TDX,
	};
	const size_t body_size = version == 5 ? QUOTE_BODY_TDX_15_SIZE : QUOTE_BODY_TDX_10_SIZE;
	size_t need = sizeof(header) + (version == 5 ? sizeof(head) : 0) + body_size;
	struct quote_td body;

	if ((version != 4 && version != 5) || size < need)
		return 0;
	memcpy(header.qe_vendor, QUOTE_QE_VENDOR_INTEL, sizeof(header.qe_vendor));
	memcpy(header.user_data, user_data, sizeof(header.user_data));
	memcpy(out, &header, sizeof(header));
	out += sizeof(header);
	if (version == 5) {
		memcpy(out, &head, sizeof(head));
		out += sizeof(head);
	}
	fill_td(report, &body);
	memcpy(out, &body, body_size);
	return need;
}
