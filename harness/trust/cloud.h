/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/bytes.h"
#include "trust/form.h"
#include "trust/verify.h"

/*
 * Evidence of trust domains that a cloud has booted, judged offline, one row a question. What a
 * quote of theirs covers is another thing than of a TD of one's own, and is said in words.
 */
#define CLOUD_ROWS_MAX 16
struct cloud_row {
	const char *what; /* "runtime data", stable */
	int ok;           /* 1, 0; -1: not evaluated, `detail` says why */
	char detail[300];
};

struct cloud_verdict {
	struct cloud_row row[CLOUD_ROWS_MAX];
	size_t rows;
	struct verdict quote;    /* struct verifier's */
	const char *covers[4];   /* sentences, up to a NULL */
};

/* There is a genuine TD quote, and all else holds or is not evaluated. */
bool cloud_holds(const struct cloud_verdict *v);
bool cloud_all_zero(const uint8_t *data, size_t size);

/*
 * Azure (DCesv5 and later): no TDX device; a paravisor's vTPM instead. What is not there has no
 * data. `pcr` are the values of the SHA-256 bank that came with the TPM quote.
 */
struct azure_evidence {
	struct bytes hcl;     /* NV index 0x01400001, format/hcl.h */
	struct bytes td_quote;
	struct bytes message, signature; /* TPM quote by the AK: TPMS_ATTEST, RSASSA of 256 bytes */
	uint8_t pcr[24][32];
	size_t pcrs;             /* 24, or 0: none */
	struct bytes log;        /* the TPM's event log */
	struct bytes ak_cert;    /* PEM or DER */
	struct bytes ak_more;    /* PEM: intermediate certificates */
	struct bytes ak_root;    /* PEM: what the AK's chain must end in */
	struct bytes nonce;
};
int cloud_azure(const struct azure_evidence *in, struct verifier *verifier, time_t at,
                struct cloud_verdict *ret, struct err *e);
/* All but the TD quote's own rows. `quote`: parsed, or NULL; ret->quote is the verdict on it. */
void cloud_azure_parts(const struct azure_evidence *in, const struct quote *quote, time_t at,
                       struct cloud_verdict *ret);

/* Heap copies that evidence is made of, for cloud_parts_done() to end. */
struct cloud_parts {
	struct form_bytes item[16]; /* seven of JSON, nine of options */
	size_t count;
};
void cloud_parts_done(struct cloud_parts *p);
struct bytes cloud_keep(struct cloud_parts *p, struct form_bytes b);
/*
 * Azure's parts in JSON, added to `ev`: "hcl_report", "td_quote", "tpm_quote" with "message", "signature"
 * and "pcrs", "event_log", or as the recordings of others call them. -EBADMSG.
 */
int azure_read(const void *json, size_t size, struct cloud_parts *p, struct azure_evidence *ev,
               struct err *e);

/* Google (C3): native quotes and CCEL; beside them Google's endorsement of the firmware. */
struct gcp_evidence {
	struct bytes td_quote, log;
	struct bytes endorsement; /* format/gce.h */
	struct bytes root;        /* PEM: what the endorsement's certificate must end in */
	struct bytes report_data; /* 64 bytes: the nonce */
};
int cloud_gcp(const struct gcp_evidence *in, struct verifier *verifier, time_t at,
              struct cloud_verdict *ret, struct err *e);

/* ---- for cloud_*.c ---- */
void cloud_row(struct cloud_verdict *v, const char *what, int ok, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
/* Rows "quote" and "chain", "tcb"; false: no TDX quote. */
int cloud_quote(struct bytes data, struct verifier *verifier, time_t at, struct quote *ret,
                struct cloud_verdict *v, struct err *e);
