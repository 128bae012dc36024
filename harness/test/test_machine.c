/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/hash.h"
#include "format/text.h"
#include "measure/machine.h"
#include "measure/machine_file.h"
#include "measure/qemu_line.h"
#include "measure/tables/tables.h"
#include "test/golden.h"
#include "test/tests.h"
#include "test/words.h"

/* ---- a command line, taken apart ---- */

TEST(options_have_a_value_or_none)
{
	static const char *const expected[][2] = {{"-S", NULL},
	                                          {"-append", "-quiet"},
	                                          {"-nodefaults", NULL},
	                                          {"-hda", "disk.img"},
	                                          {"-m", "1G"}};
	char *const *at = words("-S -append -quiet --nodefaults disk.img -m 1G");
	struct qemu_option o;

	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		ck_assert_int_eq(qemu_option_next(&at, &o, NULL), 1);
		ck_assert_str_eq(o.name, expected[i][0]);
		ck_assert_int_eq(o.value != NULL, expected[i][1] != NULL);
		if (o.value)
			ck_assert_str_eq(o.value, expected[i][1]);
	}
	ck_assert_int_eq(qemu_option_next(&at, &o, NULL), 0);
}

TEST(values_come_back_as_they_were)
{
	static const char *const values[] = {"virtio-blk-pci,drive=a,,b,bootindex=1",
	                                     "{\"driver\":\"x\",\"n\":3,\"on\":true}"};

	for (size_t i = 0; i < COUNT_OF(values); i++) {
		json_t *object = qemu_value_read(values[i], "driver");
		char *text = qemu_value_write(object, "driver", values[i]);

		ck_assert_str_eq(text, values[i]);
		free(text);
		json_decref(object);
	}
}

/* ---- files that describe a machine ---- */

static char *yaml_of(const char *path, const char *version)
{
	struct machine_file m;
	struct err e;
	char *text = NULL;
	int r = machine_file_read(path, &m, &e);

	ck_assert_msg(r == 0, "%s", r ? e.text : "");
	if (version)
		ck_assert_str_eq(m.version, version);
	ck_assert_int_eq(machine_file_write(m.argv.item, m.version, &text, NULL), 0);
	machine_file_done(&m);
	return text;
}

TEST(yaml_and_back)
{
	char *text = yaml_of("cases/golden/machine-file/machine.yaml", "10.0.13");

	ck_assert_ptr_nonnull(strstr(text, "machine: \"q35,hpet=off,vmport=off\"\n"));
	ck_assert_ptr_nonnull(strstr(text, "  - driver: \"virtio-blk-pci\"\n"));
	ck_assert_ptr_nonnull(strstr(text, "file=a,,b.img"));
	free(text);
}

TEST(yaml_is_a_machine)
{
	struct machine_file f;
	struct machine m;

	ck_assert_int_eq(machine_file_read("cases/golden/machine-file/machine.yaml", &f, NULL), 0);
	ck_assert_int_eq(machine_from_argv(f.argv.item, &m, NULL), 0);
	ck_assert_uint_eq(m.memory, 2048ull << 20);
	ck_assert_str_eq(m.firmware, "/usr/share/OVMF.fd");
	ck_assert_str_eq(m.cmdline, "console=ttyS0");
	machine_done(&m);
	machine_file_done(&f);
}

TEST(a_domain_of_libvirt)
{
	char *text = yaml_of("cases/golden/machine-file/domain.xml", "");

	ck_assert_ptr_nonnull(strstr(text, "machine: \"pc-q35-10.1,hpet=off\"\n"));
	ck_assert_ptr_nonnull(strstr(text, "memory: \"size=2097152k\"\n"));
	ck_assert_ptr_nonnull(strstr(text, "cmdline: \"console=ttyS0 & more\"\n"));
	ck_assert_ptr_nonnull(strstr(text, "    bus: \"pci.1\"\n    addr: \"0.0\"\n"));
	/* nobody takes it for a device that is known */
	ck_assert_ptr_nonnull(strstr(text, "  - driver: \"libvirt-panic\"\n"));
	ck_assert_ptr_null(strstr(text, "tdx: false"));
	free(text);
}

TEST(what_is_no_machine)
{
	static const struct {
		const char *text, *complaint;
	} bad[] = {
	        {"memory: [1]\n", ":1:9: not a single value; expected a text on one line"},
	        {"memory: 1\nmemory: 2\n", ":2:1: repeated key 'memory'; expected each key once"},
	        {"devices:\n  - bus: x\n",
	         ":2:5: a device without a driver; expected driver: NAME"},
	        {"devices:\n  - driver: x\n    a=b: c\n",
	         ":3:5: no property, or again 'a=b'; expected each property once"},
	        {"", ":1:1: an empty file; expected a machine"},
	        {"<x/>", ": no domain of libvirt: <x>"},
	        {"<domain><memory>", ": no well-formed XML"},
	};
	char path[] = "/tmp/tception-machine-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct machine_file m;
		struct err e;

		ck_assert_int_eq(file_write(path, bad[i].text, strlen(bad[i].text), NULL), 0);
		ck_assert_int_lt(machine_file_read(path, &m, &e), 0);
		ck_assert_msg(strncmp(e.text, path, strlen(path)) == 0 &&
		                      strcmp(e.text + strlen(path), bad[i].complaint) == 0,
		              "%s", e.text);
	}
	unlink(path);
}

/* ---- tables without a boot ---- */

static void digest_of(const struct acpi_blobs *b, char hex[97])
{
	uint8_t digest[48], *text = malloc(b->loader.size + b->rsdp.size + b->tables.size);

	memcpy(text, b->loader.data, b->loader.size);
	memcpy(text + b->loader.size, b->rsdp.data, b->rsdp.size);
	memcpy(text + b->loader.size + b->rsdp.size, b->tables.data, b->tables.size);
	hash384(text, b->loader.size + b->rsdp.size + b->tables.size, digest);
	hex_encode(digest, sizeof(digest), hex);
	free(text);
}

/* "DIGEST VERSION OPTION...": as captured from that QEMU. */
static void check_tables(char *line)
{
	char *rest = line, *digest = strsep(&rest, " "), *version = strsep(&rest, " ");
	char command[4096], hex[97];
	struct tables_spec spec;
	struct acpi_blobs blobs;
	struct err e;
	int r;

	snprintf(command, sizeof(command), "qemu -nodefaults -cpu max,phys-bits=48 %s", rest);
	r = tables_spec_from_argv(words(command), version, &spec, &e);
	ck_assert_msg(r == 0, "%s: %s", rest, r ? e.text : "");
	ck_assert_int_eq(tables_make(&spec, &blobs, NULL), 0);
	digest_of(&blobs, hex);
	ck_assert_msg(strcmp(hex, digest) == 0, "%s: %s", version, rest);
	acpi_blobs_free(&blobs);
}

TEST(tables_as_captured)
{
	struct golden text = golden_open("cases/golden/acpi/q35-tables");
	char *copy = strndup((const char *)text.data, text.size), *rest = copy, *line;
	unsigned lines = 0;

	while ((line = strsep(&rest, "\n")) && *line) {
		check_tables(line);
		lines++;
	}
	ck_assert_uint_eq(lines, 48);
	free(copy);
	golden_done(&text);
}

#define PLAIN "qemu -nodefaults -cpu host -m 2048 -machine q35,smm=off "

TEST(what_is_not_known_is_said)
{
	static const struct {
		const char *line, *version, *reason;
	} bad[] = {
	        {PLAIN "-numa node", "10.0.13", "-numa node: what it does to"},
	        {PLAIN "-device VGA", "10.0.13", "-device VGA: what"},
	        {PLAIN "-device virtio-blk-pci,bus=pci.1", "10.0.13", "-device virtio-blk-pci,bus"},
	        {PLAIN "-device pci-bridge,id=b,chassis_nr=1", "10.0.13", "-device pci-bridge,id"},
	        {PLAIN "-device pcie-root-port,id=p,hotplug=off", "10.0.13",
	         "-device pcie-root-port"},
	        {PLAIN "-device pcie-root-port,id=p,addr=3.1", "10.0.13", "-device pcie-root-port"},
	        {PLAIN "-device pcie-root-port,id=p,bus=q", "10.0.13", "-device pcie-root-port"},
	        {PLAIN "-device pcie-root-port,id=p -device pcie-root-port,id=p", "10.0.13",
	         "-device pcie-root-port"},
	        {PLAIN "-device pcie-root-port,id=p,addr=3 -device pcie-root-port,addr=3.1 "
	               "-device pcie-root-port,addr=3.1",
	         "10.0.13", "-device pcie-root-port,addr=3.1"},
	        {PLAIN "-device virtio-rng-pci,addr=3 -device pcie-root-port,addr=3.1", "10.0.13",
	         "-device pcie-root-port,addr=3.1"},
	        {PLAIN "-device pcie-root-port,id=p -device virtio-rng-pci,bus=p,addr=1", "10.0.13",
	         "-device virtio-rng-pci,bus=p"},
	        {PLAIN "-device pcie-root-port,id=p -device virtio-rng-pci,bus=p "
	               "-device virtio-rng-pci,bus=p",
	         "10.0.13", "-device virtio-rng-pci,bus=p"},
	        {PLAIN "-global x.y=z", "10.0.13", "-global x.y=z: what"},
	        {PLAIN "-smp 2,maxcpus=4", "10.0.13", "-smp 2,maxcpus=4: what"},
	        {PLAIN "-smp 300", "10.0.13", "-smp 300: what"},
	        {PLAIN "-m 2048,maxmem=4G", "10.0.13", "-m 2048,maxmem=4G: what"},
	        {PLAIN "-machine pc-q35-7.2", "10.0.13", "-machine pc-q35-7.2: what"},
	        {PLAIN "-cpu max", "10.0.13", "-cpu max: what"},
	        {PLAIN, "10.0", "QEMU 10.0: the third number is needed"},
	        {PLAIN, "7.2.9", "the tables of QEMU 7.2.9 are not known here"},
	        {PLAIN, "9.2.1", "the tables of QEMU 9.2.1 are not known here"},
	        {PLAIN, "10.0.14", "the tables of QEMU 10.0.14 are not known here"},
	        {"qemu -cpu host -m 1G -machine q35,smm=off", "10.0.13", "no -nodefaults"},
	        {"qemu -nodefaults -cpu host -m 1G -machine q35", "10.0.13", "-machine smm"},
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct tables_spec spec;
		struct err e;
		char line[300];
		size_t n = (size_t)snprintf(line, sizeof(line), "%s", bad[i].line);

		while (line[n - 1] == ' ')
			line[--n] = '\0';
		ck_assert_int_eq(tables_spec_from_argv(words(line), bad[i].version, &spec, &e),
		                 -ENOTSUP);
		ck_assert_msg(strncmp(e.text, bad[i].reason, strlen(bad[i].reason)) == 0, "%s",
		              e.text);
	}
}

/* A hardware TD has neither SMM nor PIC, whatever the line says of them. */
TEST(a_hardware_td)
{
	static const char line[] =
	        "qemu -nodefaults -cpu host -m 2G -object tdx-guest,id=t "
	        "-machine q35,kernel_irqchip=split,confidential-guest-support=t,hpet=off";
	struct tables_spec spec;

	ck_assert_int_eq(tables_spec_from_argv(words(line), "10.0.13", &spec, NULL), 0);
	ck_assert(!spec.pic && !spec.hpet);
}

TESTS("machine")
