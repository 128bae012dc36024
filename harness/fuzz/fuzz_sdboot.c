/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"
#include "measure/sdboot/config.h"
#include "measure/sdboot/order.h"
#include "measure/sdboot/stub.h"
#include "measure/sdboot/text.h"
#include "measure/shell.h"

static struct sd_entries list;

static void read_texts(struct bytes b, const struct sd_program *p)
{
	struct sd_config c = {0};
	char *text = sd_text(b), *copy = sd_text(b), *path = sd_path(text), *plain;
	char *script = sd_text(b);

	struct shell_command command;

	plain = sd_fat_path(path);
	if (script)
		shell_read_script(script, &command);
	free(script);
	sd_version_compare(text, text + strlen(text) / 2);
	sd_config_read(copy, p, &c, NULL);
	sd_mangle(text, p);
	sd_config_done(&c);
	free(text);
	free(copy);
	free(path);
	free(plain);
}

static void measure_image(struct bytes b)
{
	struct admission a = {.on = false};
	const struct stub_start s = {.options = "@1 x", .read_only = true, .admission = &a};
	struct event_list l = {0};
	struct pe pe;

	if (pe_parse(b, &pe, NULL) == 0 && uki_is(&pe))
		stub_measure(&l, &pe, &s, NULL);
	event_list_done(&l);
}

static void find_entries(struct bytes b, const struct sd_program *p)
{
	struct sd_config c = {0};
	const char *reason;
	struct disk *d;
	struct fat fat;

	if (disk_open_memory(b, &d, NULL) < 0)
		return;
	if (fat_open(d, 0, disk_size(d), &fat, NULL) == 0 &&
	    sd_entries_load(&list, p, &fat, "\\EFI\\BOOT\\BOOTX64.EFI", NULL) == 0) {
		sd_entries_sort(&list, p);
		sd_config_select(&c, p, &list, &reason);
	}
	sd_entries_done(&list);
	list.reason[0] = '\0';
	disk_free(d);
}

/* A text of systemd-boot's or the shell's, a unified kernel image, a file system with boot entries. Seeds:
 * cases/golden/sdboot */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned versions[] = {254, 257, 262};
	struct bytes b = {data, size};

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		const struct sd_program p = {.version = versions[i], .profiles = i > 0};

		read_texts(b, &p);
		find_entries(b, &p);
	}
	measure_image(b);
	return 0;
}
