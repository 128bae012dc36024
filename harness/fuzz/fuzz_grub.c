/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"
#include "measure/grub/script.h"

static bool knows(void *userdata, const char *name)
{
	(void)userdata;
	return strcmp(name, "[") == 0 || strcmp(name, "echo") == 0 || strcmp(name, "set") == 0 ||
	       strcmp(name, "configfile") == 0;
}

static int command(void *userdata, struct grub_script *s, const struct grub_words *words,
                   int *ret_status, struct err *e)
{
	(void)userdata;
	*ret_status = words->count % 2; /* both branches of conditions */
	if (words->block)
		grub_script_params(s, words);
	if (strcmp(words->word[0], "set") == 0 && words->count > 2)
		return grub_script_set(s, words->word[1], words->word[2], e);
	if (strcmp(words->word[0], "configfile") == 0 && words->count > 1) {
		struct bytes text = {(const uint8_t *)words->word[1], strlen(words->word[1])};
		int r;

		grub_script_enter(s);
		r = grub_script_run(s, "inner", 1, text, e);
		grub_script_leave(s);
		return r;
	}
	return 0;
}

static void executing(void *userdata, const char *text)
{
	*(size_t *)userdata += strlen(text);
}

static int changed(void *userdata, struct grub_script *s, const char *name, struct err *e)
{
	(void)userdata, (void)e;
	if (strcmp(name, "x") == 0)
		grub_script_export(s, name);
	return 0;
}

/* GRUB's script language, with commands that run more of it. Seeds: cases/golden/grub-script */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t bytes = 0;
	const struct grub_host host = {.command = command,
	                               .knows = knows,
	                               .executing = executing,
	                               .changed = changed,
	                               .userdata = &bytes};
	struct grub_script *s;

	if (grub_script_new(&host, &s, NULL) < 0)
		return 0;
	grub_script_run(s, "fuzz", 1, (struct bytes){data, size}, NULL);
	grub_script_free(s);
	return 0;
}
