/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_measure.h"
#include "format/text.h"
#include "measure/util.h"

#define IMAGE_MAX (1u << 30) /* bytes of a kernel or an initrd */

const char measure_options_help[] =
        "  --firmware FILE     the TDVF image\n"
        "  --memory MIB        the TD's memory\n"
        "  --vcpus N           taken, though nothing but the ACPI tables depends on it\n"
        "  --kernel FILE       started with QEMU's -kernel\n"
        "  --initrd FILE       QEMU's -initrd\n"
        "  --cmdline TEXT      QEMU's -append\n"
        "  --acpi DIR          what `tception measure acpi` captured\n"
        "  --qemu-version V    of the QEMU that runs the TD; before 10.1 it writes into the\n"
        "                      kernel (default: it does not)\n";

static int parse_memory(const char *text, uint64_t *ret, struct err *e)
{
	char *end;
	unsigned long long mib;

	errno = 0;
	mib = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || mib == 0 || mib > 1ull << 30)
		return err_set(e, -EINVAL, "--memory %.20s: not a number of MiB", text);
	*ret = mib << 20;
	return 0;
}

static int parse_version(const char *text, struct measure_inputs *in, struct err *e)
{
	unsigned major, minor;

	if (sscanf(text, "%3u.%3u", &major, &minor) != 2 || major == 0)
		return err_set(e, -EINVAL, "--qemu-version %.20s: not like 7.2 or 10.1.2", text);
	in->qemu_major = major;
	in->qemu_minor = minor;
	return 0;
}

static int take_file(const char *path, size_t max, struct bytes *slot, struct bytes *ret,
                     struct err *e)
{
	struct bytes fresh;
	int r = measure_read_file(path, max, &fresh, e);

	if (r < 0)
		return r;
	bytes_free(slot);
	*slot = *ret = fresh;
	return 0;
}

static int take_acpi(struct measure_options *o, const char *dir, struct err *e)
{
	struct acpi_blobs fresh;
	int r = acpi_blobs_load(dir, &fresh, e);

	if (r < 0)
		return r;
	acpi_blobs_free(&o->acpi);
	o->acpi = fresh;
	o->inputs.acpi = &o->acpi;
	return 0;
}

int measure_options_take(struct measure_options *o, int option, const char *value, struct err *e)
{
	struct measure_inputs *in = &o->inputs;

	switch (option) {
	case 256:
		return take_file(value, TDVF_IMAGE_MAX, &o->firmware, &in->firmware, e);
	case 257:
		return parse_memory(value, &in->memory, e);
	case 258:
		return 0;
	case 259:
		return take_file(value, IMAGE_MAX, &o->kernel, &in->kernel, e);
	case 260:
		return take_file(value, IMAGE_MAX, &o->initrd, &in->initrd, e);
	case 261:
		in->cmdline = value;
		return 0;
	case 262:
		return take_acpi(o, value, e);
	case 263:
		return parse_version(value, in, e);
	default:
		return err_set(e, -ENOENT, "unknown option");
	}
}

void measure_options_done(struct measure_options *o)
{
	acpi_blobs_free(&o->acpi);
	bytes_free(&o->firmware);
	bytes_free(&o->kernel);
	bytes_free(&o->initrd);
	*o = (struct measure_options){0};
}

json_t *measure_hex(const uint8_t digest[48])
{
	char hex[HEX_ENCODED_SIZE(48)];

	hex_encode(digest, 48, hex);
	return json_string(hex);
}

json_t *measure_registers(const struct prediction *p)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < 4; i++)
		json_array_append_new(list, p->known[i] ? measure_hex(p->rtmr[i]) : json_null());
	return list;
}

json_t *measure_events(const struct prediction *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->events; i++) {
		const struct predicted_event *ev = &p->event[i];

		json_array_append_new(
		        list, json_pack("{s:i, s:I, s:o, s:s, s:s}", "rtmr", (int)ev->rtmr, "type",
		                        (json_int_t)ev->type, "digest",
		                        ev->known ? measure_hex(ev->digest) : json_null(), "input",
		                        measure_input_names[ev->input], "what", ev->what));
	}
	return list;
}
