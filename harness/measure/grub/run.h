/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/hash.h"
#include "format/bytes.h"
#include "measure/grub/grub.h"
#include "measure/grub/script.h"

/* What grub.c, grub_commands.c and grub_test.c share: a GRUB that runs. */
#define GRUB_MENU_MAX   256u
#define GRUB_CONFIG_MAX (1u << 20)   /* bytes of a configuration, a list, a module */
#define GRUB_FILE_MAX   (512u << 20) /* bytes of a kernel or an initrd */

struct grub_entry {
	char *id;      /* or NULL */
	char *word[8]; /* the command that it begins with: setparams, its title, other words */
	size_t words;
	char *body;       /* without braces */
	const char *file; /* where it is */
	unsigned line;
	bool submenu;
};
struct grub_menu {
	struct grub_entry entry[GRUB_MENU_MAX];
	unsigned entries;
	struct grub_menu *outer;
};

struct grub_initrd { /* of one file or several, each from a multiple of 4 bytes on */
	uint64_t size;
	uint8_t digest[48];
};

struct grub_run {
	struct event_list *l;
	const struct grub_image *image;
	const struct shim *shim;
	struct bootfs *fs;
	struct grub_script *script;
	struct grub_menu *menu;
	char *name[64]; /* of configurations: kept for reasons */
	unsigned names;
	char loaded[GRUB_DEPENDENCIES_MAX][32]; /* modules, besides those built in */
	unsigned loaded_count;
	struct bytes
	        autoload;    /* $prefix/x86_64-efi/command.lst: what modules could be loaded for */
	bool has_fs_list;    /* and so for file systems */
	struct bytes kernel; /* data NULL: none is loaded */
	struct grub_initrd initrd;
	char *cmdline;
	bool blind; /* stopped at a file system that is not read here */
};

/* "(hd0,gpt2)/x" or "/x" on $root: 1 with the partition and the path in it, 0 after a stop. */
int grub_locate(struct grub_run *g, const char *path, unsigned *ret_partition,
                const char **ret_rest);
/* Opens a file as GRUB does, which measures it: 1, or 0 where there is none or after a stop. */
int grub_open(struct grub_run *g, const char *path, size_t max, struct bytes *ret, struct err *e);
/* The same of a file that is only hashed: its size and SHA-384. `also` takes it, too, or is NULL. */
int grub_open_hashed(struct grub_run *g, const char *path, struct hash384 *also,
                     struct grub_initrd *ret, struct err *e);
/* A configuration, run: as `source` does, or as `configfile` with a menu of its own. 1 or 0, as
 * above. */
int grub_run_config(struct grub_run *g, const char *path, bool menu, struct err *e);
void grub_add_entry(struct grub_run *g, const struct grub_words *w);
/* `[` and `test`: 0, or 1 for false. */
int grub_test(struct grub_run *g, const struct grub_words *w, int *ret_status, struct err *e);
/* Commands that look for files and read them. */
#define GRUB_COMMAND(name) \
	int name(struct grub_run *g, const struct grub_words *w, int *ret_status, struct err *e)
/* When $lang or $locale_dir was set: translations that are there would be read. */
int grub_look_for_language(struct grub_run *g, struct err *e);
GRUB_COMMAND(grub_run_search);
GRUB_COMMAND(grub_run_config_file);
GRUB_COMMAND(grub_run_insmod);
GRUB_COMMAND(grub_run_load_env);
GRUB_COMMAND(grub_run_save_env);

int grub_boot(struct grub_run *g, struct err *e);
/* The lists of modules' commands and so on below a new $prefix. */
int grub_read_lists(struct grub_run *g, const char *prefix, struct err *e);

/* struct grub_host, with the run as userdata. */
extern const struct grub_host grub_host_template;
