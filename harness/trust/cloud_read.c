/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence in JSON, by the names that others give its parts. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "trust/cloud.h"

void cloud_parts_done(struct cloud_parts *p)
{
	for (size_t i = 0; i < p->count; i++)
		form_done(&p->item[i]);
	p->count = 0;
}

struct bytes cloud_keep(struct cloud_parts *p, struct form_bytes b)
{
	p->item[p->count++] = b;
	return (struct bytes){b.data, b.size};
}

static const json_t *member(const json_t *object, const char *a, const char *b)
{
	const json_t *found = json_object_get(object, a);

	return found || !b ? found : json_object_get(object, b);
}

static int take_member(const json_t *value, const char *name, struct cloud_parts *p,
                       struct bytes *ret, struct err *e)
{
	struct form_bytes b;
	int r;

	if (!value || json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0))
		return 0;
	r = form_json(value, &b);
	if (r == -ENOMEM)
		return err_nomem(e);
	if (r < 0)
		return err_set(e, -EBADMSG, "%s: no bytes in hexadecimal, base64 or numbers", name);
	*ret = cloud_keep(p, b);
	return 0;
}

static int take_pcrs(const json_t *list, struct azure_evidence *ev, struct err *e)
{
	if (!list)
		return 0;
	if (json_array_size(list) != 24)
		return err_set(e, -EBADMSG, "pcrs: not 24 values");
	for (size_t i = 0; i < 24; i++) {
		_cleanup_(form_done) struct form_bytes b = {0};

		if (form_json(json_array_get(list, i), &b) < 0 || b.size != 32)
			return err_set(e, -EBADMSG, "pcrs: number %zu is no SHA-256", i);
		memcpy(ev->pcr[i], b.data, 32);
	}
	ev->pcrs = 24;
	return 0;
}

static int take_text(const json_t *value, struct cloud_parts *p, struct bytes *ret, struct err *e)
{
	struct form_bytes b = {.size = json_string_length(value)};

	if (!json_is_string(value))
		return 0;
	b.data = (uint8_t *)strdup(json_string_value(value));
	if (!b.data)
		return err_nomem(e);
	*ret = cloud_keep(p, b);
	return 0;
}

/* PEM after PEM. */
static int take_texts(const json_t *list, struct cloud_parts *p, struct bytes *ret, struct err *e)
{
	struct form_bytes b = {0};
	FILE *f = open_memstream((char **)&b.data, &b.size);

	if (!f)
		return err_nomem(e);
	for (size_t i = 0; i < json_array_size(list); i++)
		fprintf(f, "%s\n", json_string_value(json_array_get(list, i)) ?: "");
	if (fclose(f) != 0)
		return err_nomem(e);
	*ret = cloud_keep(p, b);
	return 0;
}

int azure_read(const void *json, size_t size, struct cloud_parts *p, struct azure_evidence *ev,
               struct err *e)
{
	json_auto_t *root = json_loadb((const char *)json, size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *tpm = json_object_get(root, "tpm_attestation");
	const json_t *quote =
	        tpm ? json_object_get(tpm, "quote") : json_object_get(root, "tpm_quote");
	int r;

	if (!json_is_object(root))
		return err_set(e, -EBADMSG, "no JSON object");
	if ((r = take_member(member(root, "hcl_report", "hcl_report_base64"), "hcl_report", p,
	                     &ev->hcl, e)) < 0 ||
	    (r = take_member(member(root, "td_quote", "tdx_quote_base64"), "td_quote", p,
	                     &ev->td_quote, e)) < 0 ||
	    (r = take_member(json_object_get(quote, "message"), "message", p, &ev->message, e)) <
	            0 ||
	    (r = take_member(json_object_get(quote, "signature"), "signature", p, &ev->signature,
	                     e)) < 0 ||
	    (r = take_member(json_object_get(tpm ? tpm : root, "event_log"), "event_log", p,
	                     &ev->log, e)) < 0 ||
	    (r = take_text(json_object_get(tpm, "ak_certificate_pem"), p, &ev->ak_cert, e)) < 0 ||
	    (r = take_texts(json_object_get(tpm, "ak_intermediate_certificates_pem"), p,
	                    &ev->ak_more, e)) < 0)
		return r;
	return take_pcrs(json_object_get(quote, "pcrs"), ev, e);
}
