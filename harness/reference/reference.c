/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/reference.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "format/text.h"
#include "reference/corim.h"

#define REGISTERS 3 /* RTMR0 to RTMR2 */

const char *const reference_format_names[REFERENCE_FORMATS] = {
        [REFERENCE_JSON] = "json", [REFERENCE_CORIM] = "corim", [REFERENCE_POLICY] = "policy",
        [REFERENCE_RVPS] = "rvps", [REFERENCE_REGO] = "rego",
};
static const char *const names[REGISTERS] = {"rtmr0", "rtmr1", "rtmr2"};

/* ---- from predictions ---- */

static bool has_name(const json_t *images, const char *name)
{
	json_t *image;
	size_t i;

	json_array_foreach(images, i, image)
	{
		if (strcmp(json_string_value(json_object_get(image, "name")), name) == 0)
			return true;
	}
	return false;
}

int reference_add(json_t *images, const struct prediction *p, const char *name, bool partial,
                  struct err *e)
{
	json_t *image;

	if (has_name(images, name))
		return err_set(e, -EEXIST, "two predictions are called '%.100s'", name);
	for (unsigned i = 0; i < REGISTERS && !partial; i++) {
		if (!p->known[i])
			return err_set(e, -ENODATA,
			               "%.100s: RTMR%u is not known (%s): without it any value "
			               "would be right, which --partial allows",
			               name, i, p->reason[i]);
	}
	image = json_pack("{s:s, s:[o, o]}", "name", name, "mrtd", json_hex(p->mrtd[MRTD_SINGLE_PASS], 48),
	                  json_hex(p->mrtd[MRTD_TWO_PASS], 48));
	if (!image)
		return err_set(e, -EINVAL, "'%.100s' is no name in UTF-8", name);
	for (unsigned i = 0; i < REGISTERS; i++) {
		if (p->known[i])
			json_object_set_new(image, names[i], json_hex(p->rtmr[i], 48));
	}
	return json_array_append_new(images, image) < 0 ? err_nomem(e) : 0;
}

/* ---- Trustee ---- */

/* Adds a value to the list of this name, unless it is there. */
static int add_value(json_t *values, const char *name, const char *value)
{
	json_t *list = json_object_get(values, name), *v;
	size_t i;

	if (!list && json_object_set_new(values, name, list = json_array()) < 0)
		return -ENOMEM;
	json_array_foreach(list, i, v)
	{
		if (strcmp(json_string_value(v), value) == 0)
			return 0;
	}
	return json_array_append_new(list, json_string(value));
}

/* Which registers beside MRTD the images have, as bits; -ENOTSUP when not all have the same. */
static int common_registers(const json_t *images, struct err *e)
{
	int common = -1;
	json_t *image;
	size_t k;

	json_array_foreach(images, k, image)
	{
		int own = 0;

		for (int i = 0; i < REGISTERS; i++)
			own |= (json_object_get(image, names[i]) != NULL) << i;
		if (common >= 0 && own != common)
			return err_set(e, -ENOTSUP,
			               "the predictions do not know the same registers, which a "
			               "policy of Trustee cannot say: write one for each");
		common = own;
	}
	return common;
}

/* An image with one of its MRTDs. */
static int add_image(json_t *values, const json_t *image, const char *mrtd)
{
	char joined[(1 + REGISTERS) * (2 * 48 + 1) + 1], name[] = "rtmr_0";
	int used = snprintf(joined, sizeof(joined), "%s", mrtd), r;

	r = add_value(values, "mr_td", mrtd);
	for (int i = 0; r == 0 && i < REGISTERS; i++) {
		const char *v = json_string_value(json_object_get(image, names[i]));

		if (!v)
			continue;
		used += snprintf(joined + used, sizeof(joined) - (size_t)used, ":%s", v);
		name[5] = (char)('0' + i);
		r = add_value(values, name, v);
	}
	return r == 0 ? add_value(values, "td_images", joined) : r;
}

/* The message that `rvps-tool register` sends: the values are its payload, in base64. */
static json_t *rvps_message(const json_t *images)
{
	_cleanup_(freep) char *payload = NULL, *text = NULL;
	json_t *values = json_object(), *image, *mrtd;
	size_t i, k;
	int r = 0;

	json_array_foreach(images, i, image)
	{
		json_array_foreach(json_object_get(image, "mrtd"), k, mrtd)
		{
			r |= add_image(values, image, json_string_value(mrtd));
		}
	}
	text = r == 0 ? json_dumps(values, JSON_COMPACT) : NULL;
	json_decref(values);
	payload = text ? malloc(BASE64_ENCODED_SIZE(strlen(text))) : NULL;
	if (!payload)
		return NULL;
	base64_encode(text, strlen(text), payload);
	return json_pack("{s:s, s:s, s:s}", "version", "0.1.0", "type", "sample", "payload",
	                 payload);
}

/* In the terms of an EAR appraisal, as Trustee's own policy: AR4SI's trust claims. */
static const char rego_head[] =
        "package policy\n\n"
        "import rego.v1\n\n"
        "# Made by tception: a TD is affirmed when its MRTD and RTMRs are together one of the\n"
        "# images in the reference value td_images. What runs in it (RTMR3) is not looked at.\n\n"
        "default executables := 33\n\n"
        "default hardware := 97\n\n"
        "default configuration := 36\n\n"
        "trust_claims := {\n"
        "\t\"executables\": executables,\n"
        "\t\"hardware\": hardware,\n"
        "\t\"configuration\": configuration,\n"
        "\t\"file-system\": 0,\n"
        "\t\"instance-identity\": 0,\n"
        "\t\"runtime-opaque\": 0,\n"
        "\t\"storage-opaque\": 0,\n"
        "\t\"sourced-data\": 0,\n"
        "}\n\n"
        "body := input.tdx.quote.body\n\n";
static const char rego_tail[] =
        "executables := 3 if {\n"
        "\tinput.tdx\n"
        "\timage in query_reference_value(\"td_images\")\n"
        "}\n\n"
        "hardware := 2 if {\n"
        "\tinput.tdx.quote.header.tee_type == \"81000000\"\n"
        "\tinput.tdx.quote.header.vendor_id == \"939a7233f79c4ca9940a0db3957f0607\"\n"
        "\tbody.mr_td in query_reference_value(\"mr_td\")\n"
        "\tinput.tdx.tcb_status == \"UpToDate\"\n"
        "\tinput.tdx.collateral_expiration_status == \"0\"\n"
        "}\n\n"
        "configuration := 2 if {\n"
        "\tinput.tdx.td_attributes.debug == false\n"
        "}\n";

static char *rego(int registers)
{
	char *text = NULL, list[100] = "body.mr_td";

	for (int i = 0; i < REGISTERS; i++) {
		size_t used = strlen(list);

		if (registers & 1 << i)
			snprintf(list + used, sizeof(list) - used, ", body.rtmr_%d", i);
	}
	if (asprintf(&text, "%simage := concat(\":\", [%s])\n\n%s", rego_head, list, rego_tail) < 0)
		return NULL;
	return text;
}

/* ---- documents ---- */

static char *dump(json_t *document)
{
	char *text = document ? json_dumps(document, JSON_INDENT(1)) : NULL, *line = NULL;

	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	json_decref(document);
	free(text);
	return line;
}

int reference_write(enum reference_format format, const json_t *images, char **ret, struct err *e)
{
	int registers = format == REFERENCE_RVPS || format == REFERENCE_REGO
	                        ? common_registers(images, e)
	                        : 0;
	char *text = NULL;

	if (registers < 0)
		return registers;
	if (format == REFERENCE_JSON)
		text = dump(json_pack("{s:i, s:O}", "reference_values", 1, "images", images));
	else if (format == REFERENCE_POLICY)
		text = dump(json_pack("{s:O}", "images", images));
	else if (format == REFERENCE_RVPS)
		text = dump(rvps_message(images));
	else if (format == REFERENCE_REGO)
		text = rego(registers);
	*ret = text;
	return text ? 0 : err_nomem(e);
}

static int read_json(struct bytes document, json_t **ret, struct err *e)
{
	json_error_t why;
	json_auto_t *root = json_loadb((const char *)document.data, document.size,
	                               JSON_REJECT_DUPLICATES, &why);
	json_t *images = json_object_get(root, "images");

	if (!root)
		return err_set(e, -EINVAL, "line %d: no JSON", why.line);
	if (json_integer_value(json_object_get(root, "reference_values")) != 1 ||
	    json_array_size(images) == 0)
		return err_set(e, -EINVAL,
		               "no reference values: \"reference_values\": 1 and \"images\" are "
		               "missing; a policy is given by --policy");
	*ret = json_incref(images);
	return 0;
}

int reference_read(struct bytes document, const char *key_pem, json_t **ret, struct err *e)
{
	size_t i = 0;

	while (i < document.size && strchr(" \t\r\n", document.data[i]))
		i++;
	if (i == document.size || document.data[i] != '{')
		return corim_read(document, key_pem, ret, e);
	if (key_pem)
		return err_set(e, -EACCES, "JSON is not signed, and a signer's key was given");
	return read_json(document, ret, e);
}
