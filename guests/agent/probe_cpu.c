/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID as this layer sees it, and the kernel's flags. */
#include <cpuid.h>
#include <stdlib.h>
#include <string.h>

#include "agent/probe.h"
#include "agent/util.h"

static const char *const flag_names[] = {
        "vmx", "svm", "hypervisor", "tdx_guest", "tdx_host_platform", "npt", "ept"};

/* Leaves as listed in README.md; 0x40000000 is the hypervisor's name. */
static const struct {
	unsigned leaf, subleaf;
} leaves[] = {
        {0, 0},    {1, 0},          {7, 0},          {0xd, 0},        {0xd, 1},
        {0x21, 0}, {0x40000000, 0}, {0x80000001, 0}, {0x8000000a, 0},
};

void probe_cpu_bits(struct cpu_bits *ret)
{
	unsigned a, b, c, d;

	*ret = (struct cpu_bits){0};
	__cpuid(0, a, b, c, d);
	memcpy(ret->vendor, &b, 4);
	memcpy(ret->vendor + 4, &d, 4);
	memcpy(ret->vendor + 8, &c, 4);
	__cpuid(1, a, b, c, d);
	ret->vmx = c & (1u << 5);
	__cpuid(0x80000000, a, b, c, d);
	if (a >= 0x80000001) {
		__cpuid(0x80000001, a, b, c, d);
		ret->svm = c & (1u << 2);
	}
}

static json_t *read_leaves(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < COUNT_OF(leaves); i++) {
		unsigned a, b, c, d;
		__cpuid_count(leaves[i].leaf, leaves[i].subleaf, a, b, c, d);
		json_array_append_new(list, json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "leaf",
		                                      (json_int_t)leaves[i].leaf, "subleaf",
		                                      (json_int_t)leaves[i].subleaf, "eax",
		                                      (json_int_t)a, "ebx", (json_int_t)b, "ecx",
		                                      (json_int_t)c, "edx", (json_int_t)d));
	}
	return list;
}

static bool is_wanted(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(flag_names); i++) {
		if (strcmp(word, flag_names[i]) == 0)
			return true;
	}
	return false;
}

/* `line` is the value of "flags" or "vmx flags" ("ept" is only in the latter). */
static void add_flags(json_t *list, char *line)
{
	char *rest = NULL;

	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (is_wanted(word))
			json_array_append_new(list, json_string(word));
	}
}

json_t *probe_cpu(void *unused)
{
	_cleanup_(util_freep) char *info = NULL;
	json_t *fact = json_object(), *flags = json_array(), *model = json_null();
	struct cpu_bits bits;
	char *rest = NULL;

	(void)unused;
	probe_cpu_bits(&bits);
	if (util_read_file("/proc/cpuinfo", 4 << 20, &info, NULL) < 0)
		info = NULL;
	/* The first processor stands for all: its lines end at the first empty one. */
	char *end = info ? strstr(info, "\n\n") : NULL;
	if (end)
		*end = 0;
	for (char *line = info ? strtok_r(info, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *value = strchr(line, ':');
		if (!value)
			continue;
		value += value[1] == ' ' ? 2 : 1;
		if (strncmp(line, "model name", 10) == 0)
			model = util_json_text(value, strlen(value));
		else if (strncmp(line, "flags", 5) == 0 || strncmp(line, "vmx flags", 9) == 0)
			add_flags(flags, value);
	}
	json_object_set_new(fact, "vendor", util_json_text(bits.vendor, strlen(bits.vendor)));
	json_object_set_new(fact, "model", model);
	json_object_set_new(fact, "flags", flags);
	json_object_set_new(fact, "cpuid", read_leaves());
	return fact;
}
