/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "case/cell.h"
#include "core/escape.h"
#include "format/bytes.h"
#include "test/tests.h"

static const char *const good[] = {
        "vm",
        "td",
        "td@mem=4096@vcpus=2",
        "td@exits=ve/docker",
        "td@pages=shared",
        "vm@accel=tcg/docker",
        "td/docker+dev+tsm+noapparmor",
        "td/docker.privileged",
        "td/podman.rootless+tsm+dev",
        "vm@mem=1024/qemu.kvm",
        "vm/docker/docker/docker/docker/docker",
        "td/podman.rootless+dev+broker@user=keep-id@cap=sys_admin/qemu.tcg@arch=riscv64",
        "td/lxc.unprivileged+tsm-ro@cap=none",
};

TEST_EACH(round_trip, good)
{
	struct cell c;
	struct err e;
	char id[CELL_ID_MAX];

	ck_assert_int_eq(cell_parse(good[_i], &c, &e), 0);
	cell_print(&c, c.layers, id);
	ck_assert_str_eq(id, good[_i]);
}

static const struct {
	const char *id;
	const char *expected; /* in the message */
} bad[] = {
        {"", "column 1"},
        {"docker", "column 1: unknown layer 0 'docker'; expected vm, td"},
        {"td/", "column 4"},
        {"td//docker", "column 4"},
        {"td/td", "column 4: unknown inner layer 'td'"},
        {"td/dokcer", "unknown inner layer 'dokcer'; expected docker, podman, lxc"},
        {"td/docker.rootles", "column 11: unknown mode 'rootles'; expected privileged, rootless"},
        {"td/uml/docker", "column 7: a further layer; expected the end"},
        {"td/qemu.tcg/docker", "column 12: a further layer"},
        {"td/qemu.tcg@arch=arm", "unknown value 'arm'; expected riscv64"},
        {"td/qemu.kvm@arch=riscv64", "column 4: another architecture under KVM"},
        {"td/qemu.tcg+broker@arch=riscv64", "column 4: a broker for a machine with one serial"},
        {"td/docker@user=keep-id", "column 4: keep-id, which is Podman's"},
        {"td/podman.rootless@userns=identity", "column 4: a user namespace in a mode that is one"},
        {"td/incus.privileged@userns=identity",
         "column 4: a user namespace in a mode that is without"},
        {"td/bwrap@userns=shifted", "column 4: userns=shifted, which this kind cannot"},
        {"td/lxc.privileged@cap=sys_admin",
         "column 4: a capability added, which this kind cannot; expected cap=none"},
        {"td/docker@user=adm",
         "unknown value 'adm'; expected root, keep-id, a number from 1 to 65535"},
        {"td/podman", "column 10: no mode after 'podman'; expected rootful, rootless"},
        {"td.x", "unknown mode"},
        {"td/docker+", "column 11"},
        {"td/docker+gpu", "unknown grant 'gpu'; expected dev, devgroup, devmode, kvm, entry"},
        {"td/docker+dev+dev", "column 15: repeated grant"},
        {"td@mem", "column 7: axis without a value"},
        {"td@mem=", "column 8"},
        {"td@mem=1024@mem=2048", "column 13: repeated axis 'mem'; expected each axis once"},
        {"td@accel=kvm", "unknown axis 'accel'"},
        {"td@mem=1024/docker@mem=1024", "unknown axis 'mem'; expected cap, agent, user"},
        {"td@mem=lots",
         "column 8: unknown value 'lots'; expected a number of MiB from 512 to 1048576"},
        {"td@mem=-1", "unknown value '-1'"},
        {"td@mem=511", "unknown value '511'"},
        {"td@mem=1048577", "unknown value '1048577'"},
        {"td@mem=4294967808", "unknown value"},  /* 512, if it were cut */
        {"td@mem=0512", "unknown value '0512'"}, /* one way to write each number */
        {"td@vcpus=0", "unknown value '0'; expected a number from 1 to 1024"},
        {"td@vcpus=1025", "unknown value '1025'"},
        {"td@vcpus=1x", "unknown value '1x'"},
        {"vm@accel=hax", "unknown value 'hax'; expected auto, kvm, tcg"},
        {"td@kernel=sid", "unknown value 'sid'; expected trixie, backports"},
        {"vm@image=tiny", "unknown value 'tiny'; expected full, minimal, extra"},
        {"td@release=sid", "unknown value 'sid'; expected trixie, forky"},
        {"td@image=minimal@release=forky", "a release, which has its kernel and its image, with another one"},
        {"td@kernel=backports@release=forky/docker", "release alone"},
        {"td@exits=all", "unknown value 'all'; expected passthrough, ve"},
        {"td@pages=private", "unknown value 'private'; expected enforced, shared"},
        {"td@quote=3", "unknown value '3'; expected 4, 5"},
        {"vm/docker@vcpus=2", "unknown axis 'vcpus'"},
        {"vm/qemu.kvm@mem=abc", "column 17: unknown value 'abc'"},
        {"vm/qemu.kvm@mem=1", "expected a number of MiB from 32 to 1048576"},
        {"vm/uml@mem=x", "unknown value 'x'"},
        {"td/qemu.tcg@mem=banana", "unknown value 'banana'"},
        {"vm/bwrap@cap=sysadmin", "column 14: unknown value 'sysadmin'; expected none, or a"},
        {"vm/docker@cap=SYS_ADMIN", "unknown value 'SYS_ADMIN'"},
        {"vm/docker@user=0", "unknown value '0'"},
        {"vm/podman.rootful@rootfs=strong", "unknown value 'strong'; expected weak, changed"},
        {"vm/docker@agent=sing", "unknown value 'sing'; expected hang, flood, garbage, replay, foreign"},
        {"vm/qemu.tcg@machine=pc", "unknown value 'pc'; expected q35, microvm"},
        {"vm/qemu.tcg@arch=riscv64@machine=q35", "column 4: a machine type of this architecture"},
        {"td docker", "column 3: unexpected character"},
        {"td/docker\n", "unexpected character"},
        {"TD", "column 1"},
        {"td@mem=12345678901234567890123456789012", "at most 31"},
        {"vm/docker/docker/docker/docker/docker/docker", "too many layers"},
};

TEST_EACH(refused, bad)
{
	struct cell c = {.layers = 77};
	struct err e = {0};

	ck_assert_int_eq(cell_parse(bad[_i].id, &c, &e), -EINVAL);
	ck_assert_msg(strstr(e.text, bad[_i].expected) != NULL, "'%s': %s", bad[_i].id, e.text);
	ck_assert_uint_eq(c.layers, 77); /* untouched */
}

TEST(too_long)
{
	char id[400];
	struct cell c;
	struct err e;

	memset(id, 'a', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	memcpy(id, "td@mem=", 7);
	ck_assert_int_eq(cell_parse(id, &c, &e), -EINVAL);
}

TEST(questions)
{
	struct cell c;
	struct err e;
	char id[CELL_ID_MAX];

	ck_assert_int_eq(cell_parse("td@mem=512/docker.privileged/docker+tsm", &c, &e), 0);
	ck_assert_uint_eq(c.layers, 3);
	cell_print(&c, 2, id);
	ck_assert_str_eq(id, "td@mem=512/docker.privileged");
	ck_assert_uint_eq(layer_number(&c.layer[0], AXIS_MEM), 512);
	ck_assert_uint_eq(layer_number(&c.layer[0], AXIS_VCPUS), 1);
	ck_assert_int_eq(layer_word(&c.layer[0], AXIS_KERNEL), WORD_KERNEL_TRIXIE);
	ck_assert_int_eq(layer_word(&c.layer[0], AXIS_EXITS), WORD_ABSENT);
	ck_assert_ptr_null(layer_said(&c.layer[0], AXIS_VCPUS));
	ck_assert(layer_has(&c.layer[2], GRANT_TSM));
	ck_assert(!layer_has(&c.layer[2], GRANT_DEV));
	ck_assert(layer_is_intrusive(&c.layer[1]));
	ck_assert(!layer_is_intrusive(&c.layer[2]));
}

/* Two ways to write a cell, and whether they are of the same. */
static const struct {
	const char *a, *b;
	bool same;
} pairs[] = {
        {"td/docker+dev+tsm", "td/docker+tsm+dev", true},
        {"td/docker+dev+tsm/bwrap", "td/docker+tsm+dev/bwrap", true},
        {"td@mem=1024@vcpus=2", "td@vcpus=2@mem=1024", true},
        {"vm", "vm@kernel=trixie", true},
        {"vm@accel=auto", "vm@mem=2048@vcpus=1@image=full", true},
        {"vm/docker@user=root", "vm/docker", true},
        {"vm/uml@mem=128", "vm/uml", true},
        {"vm/qemu.tcg@machine=microvm", "vm/qemu.tcg", true},
        {"vm/qemu.kvm@machine=q35", "vm/qemu.kvm", true},
        {"vm/qemu.kvm@machine=microvm", "vm/qemu.kvm", false},
        {"td", "vm", false},
        {"td", "td/docker", false},
        {"td/docker+dev", "td/docker", false},
        {"td/docker.privileged", "td/docker", false},
        {"td/docker@user=1000", "td/docker@user=1001", false},
        {"td/podman.rootful@user=1000", "td/podman.rootful@user=keep-id", false},
        {"td", "td@exits=passthrough", false}, /* a hardware TD has only the first */
        {"td", "td@pages=enforced", false},
        {"td", "td@quote=4", false},
};

TEST_EACH(the_same, pairs)
{
	struct cell a, b;
	struct err e;

	ck_assert_int_eq(cell_parse(pairs[_i].a, &a, &e), 0);
	ck_assert_int_eq(cell_parse(pairs[_i].b, &b, &e), 0);
	ck_assert_int_eq(cell_same(&a, &b), pairs[_i].same);
	ck_assert_int_eq(cell_same(&b, &a), pairs[_i].same);
}

TEST(escaping)
{
	char out[12], tight[4];

	ck_assert_str_eq(text_escape(out, sizeof(out), "plain"), "plain");
	ck_assert_str_eq(text_escape(out, sizeof(out), "\033[2J"), "\\x1b[2J");
	ck_assert_str_eq(text_escape(out, sizeof(out), "a\\\xc3\xa4"), "a\\\\\\xc3\\xa4");
	ck_assert_str_eq(text_escape(out, sizeof(out), "0123456789a"), "0123456789a");
	ck_assert_str_eq(text_escape(out, sizeof(out), "0123456789ab"), "01234567...");
	ck_assert_str_eq(text_escape(out, sizeof(out), "0123456\r\r"), "0123456...");
	ck_assert_str_eq(text_escape(tight, sizeof(tight), "abcdef"), "...");
	ck_assert_str_eq(text_escape(out, sizeof(out), NULL), "");
}

TESTS("cell")
