/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "golden.h"
#include "measure/sdboot/config.h"
#include "measure/sdboot/order.h"
#include "measure/sdboot/text.h"
#include "test/tests.h"

/* uapi-group.org, "Version Format Specification", its examples and its order of one version. */
static const struct {
	const char *a;
	char relation;
	const char *b;
} versions[] = {
        {"11", '=', "11"},
        {"systemd-123", '=', "systemd-123"},
        {"bar-123", '<', "foo-123"},
        {"123a", '>', "123"},
        {"123.a", '>', "123"},
        {"123.a", '<', "123.b"},
        {"123a", '>', "123.a"},
        {"11\xce\xb1", '=', "11\xce\xb2"},
        {"A", '<', "a"},
        {"", '<', "0"},
        {"0.", '>', "0"},
        {"0.0", '>', "0"},
        {"0", '>', "~"},
        {"", '>', "~"},
        {"1_", '=', "1"},
        {"_1", '=', "1"},
        {"1_", '<', "1.2"},
        {"1_2_3", '>', "1.3.3"},
        {"1+", '=', "1"},
        {"+1", '=', "1"},
        {"1+", '<', "1.2"},
        {"1+2+3", '>', "1.3.3"},
        {"122.1", '<', "123~rc1-1"},
        {"123~rc1-1", '<', "123"},
        {"123", '<', "123-a"},
        {"123-a", '<', "123-a.1"},
        {"123-a.1", '<', "123-1"},
        {"123-1", '<', "123-1.1"},
        {"123-1.1", '<', "123^post1"},
        {"123^post1", '<', "123.a-1"},
        {"123.a-1", '<', "123.1-1"},
        {"123.1-1", '<', "123a-1"},
        {"123a-1", '<', "124-1"},
        {"00123", '=', "123"},
        {"9", '<', "10"},
};

TEST_EACH(compares_versions, versions)
{
	int wanted = versions[_i].relation == '=' ? 0 : versions[_i].relation == '<' ? -1 : 1;

	ck_assert_int_eq(sd_version_compare(versions[_i].a, versions[_i].b), wanted);
	ck_assert_int_eq(sd_version_compare(versions[_i].b, versions[_i].a), -wanted);
}

/* systemd's boot/efi-string.c, line_get_key_value(): what a file's lines are. */
TEST(reads_lines)
{
	char text[] =
	        "\n  title \t A title  \r\n# title no\nalone\nx \"quoted 'text'\"\ny 'a'\nz \"";
	static const char *const wanted[][2] = {
	        {"title", "A title"}, {"x", "quoted 'text'"}, {"y", "a"}, {"z", ""}};
	struct sd_line line;
	char *at = text;

	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		ck_assert(sd_next_line(&at, " \t", &line));
		ck_assert_str_eq(line.key, wanted[i][0]);
		ck_assert_str_eq(line.value, wanted[i][1]);
	}
	ck_assert(!sd_next_line(&at, " \t", &line));
}

static const struct {
	unsigned version;
	const char *before, *after;
} cmdlines[] = {
        {257,
         " a\tb\x7f"
         "c \n",
         "a b c"},
        {257, "\x01\x02", ""},
        {257, "", ""},
        {254,
         " a\tb\x7f"
         "c \n",
         " a b\x7f"
         "c"},
        {254, " \n", ""},
};

TEST_EACH(cleans_command_lines, cmdlines)
{
	const struct sd_program p = {.version = cmdlines[_i].version};
	char text[32];

	strcpy(text, cmdlines[_i].before);
	sd_mangle(text, &p);
	ck_assert_str_eq(text, cmdlines[_i].after);
}

TEST(turns_paths_round)
{
	char *path = sd_path("//EFI/Linux\\\\x.efi"), *plain = sd_fat_path(path);

	ck_assert_str_eq(path, "\\EFI\\Linux\\x.efi");
	ck_assert_str_eq(plain, "EFI/Linux/x.efi");
	free(path);
	free(plain);
}

/* loader.conf(5): the pattern, tries left, what is not understood. */
static const struct {
	unsigned version;
	const char *config, *chosen; /* NULL: cannot be told */
} choices[] = {
        {257, "", "one"},
        {257, "default two", "two"},
        {257, "default TW*", "two"},
        {257, "default t?o", "two"},
        {257, "default @saved", "one"},
        {257, "default @other", "one"},
        {257, "default [t]wo", NULL},
        {257, "default auto-reboot", NULL},
        {257, "timeout menu-force", NULL},
        {257, "timeout menu-force\ntimeout 5", "one"},
        {257, "preferred two", "one"},
        {262, "preferred two", "two"},
        {262, "preferred three", "one"}, /* has no tries left */
        {262, "default three", "three"},
        {262, "preferred three\ndefault two", "two"},
};

TEST_EACH(takes_an_entry, choices)
{
	static struct sd_entries list;
	const struct sd_program p = {.version = choices[_i].version};
	static const char *const ids[] = {"one", "two", "three"};
	struct sd_config c = {0};
	const struct sd_entry *n;
	const char *reason;
	char text[64];

	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		list.entry[i] =
		        (struct sd_entry){.id = (char *)ids[i], .tries_left = i == 2 ? 0 : -1};
		list.count = i + 1;
	}
	strcpy(text, choices[_i].config);
	ck_assert_int_eq(sd_config_read(text, &p, &c, NULL), 0);
	n = sd_config_select(&c, &p, &list, &reason);
	if (choices[_i].chosen) {
		ck_assert_ptr_nonnull(n);
		ck_assert_str_eq(n->id, choices[_i].chosen);
	} else
		ck_assert_ptr_null(n);
	sd_config_done(&c);
}

TESTS("sdboot")
