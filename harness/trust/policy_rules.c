// SPDX-License-Identifier: Apache-2.0
#include "trust/policy_rules.h"

#include <errno.h>
#include <string.h>

#include "format/bytes.h"
#include "format/text.h"

#define REGISTER(name, source, type, field)                                        \
	{                                                                          \
		name, source, offsetof(type, field), sizeof(((type *)NULL)->field) \
	}
#define TD(name, field)  REGISTER(name, POLICY_OF_TD, struct quote_td, field)
#define PCK(name, field) REGISTER(name, POLICY_OF_PCK, struct pck, field)
const struct policy_register policy_registers[POLICY_REGISTERS] = {
        TD("mrtd", mrtd),
        TD("rtmr0", rtmr[0]),
        TD("rtmr1", rtmr[1]),
        TD("rtmr2", rtmr[2]),
        TD("rtmr3", rtmr[3]),
        TD("report_data", report_data),
        TD("mrseam", mrseam),
        TD("mrsignerseam", mrsignerseam),
        TD("mrconfigid", mrconfigid),
        TD("mrowner", mrowner),
        TD("mrownerconfig", mrownerconfig),
        TD("mrservicetd", mrservicetd),
        PCK("fmspc", fmspc),
        PCK("platform_instance_id", instance),
};
#undef PCK
#undef TD
#undef REGISTER

const struct policy_register *policy_register_find(const char *name)
{
	for (size_t i = 0; i < POLICY_REGISTERS; i++) {
		if (strcmp(policy_registers[i].name, name) == 0)
			return &policy_registers[i];
	}
	return NULL;
}

static bool equal_hex(const json_t *v, const uint8_t *value, size_t size, bool *ret_equal)
{
	const char *text = json_string_value(v);
	uint8_t bytes[64];
	size_t n;

	if (!text || strlen(text) != 2 * size || hex_decode(text, 2 * size, bytes, &n) != FORMAT_OK)
		return false;
	*ret_equal = value && memcmp(bytes, value, size) == 0;
	return true;
}

bool policy_match(const json_t *wanted, const uint8_t *value, size_t size, bool *ret_equal)
{
	bool any = false, one;
	size_t i;
	json_t *element;

	if (!json_is_array(wanted))
		return equal_hex(wanted, value, size, ret_equal);
	json_array_foreach(wanted, i, element)
	{
		if (!equal_hex(element, value, size, &one))
			return false;
		any |= one;
	}
	*ret_equal = any;
	return json_array_size(wanted) > 0;
}

const char *policy_list(unsigned set, const char *const names[], size_t count,
                        char out[POLICY_NAMES])
{
	size_t used = 0;

	snprintf(out, POLICY_NAMES, "nothing");
	for (size_t i = 0; i < count && used < POLICY_NAMES; i++) {
		if (set & 1u << i)
			used += (size_t)snprintf(out + used, POLICY_NAMES - used, "%s%s",
			                         used ? ", " : "", names[i]);
	}
	return out;
}
