# SPDX-License-Identifier: Apache-2.0
# The programs that run under test. They may include harness/format and nothing else of the harness.
FORMAT_SRC := $(wildcard harness/format/*.c)

# The agent: one static binary for every layer, so it depends on nothing a container lacks.
AGENT_SRC := $(wildcard guests/agent/*.c) $(FORMAT_SRC)
AGENT_OBJ := $(AGENT_SRC:%.c=$B/agent-obj/%.o)
$B/agent-obj/%.o: %.c Makefile guests/rules.mk | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC agent,$<)$(CC) $(CFLAGS) -Os -Iguests -c $< -o $@
$B/agent: $(AGENT_OBJ)
	$(call say,LD,$@)$(CC) -static -s $^ -ljansson -lkcapi -lsodium -lcrypt -o $@

# Its unit tests. test_agent brings a driver of its own, the others take the real ones.
AGENT_DRIVERS := $(wildcard guests/agent/driver_*.c)
AGENT_TEST_SRC := $(filter-out guests/agent/main.c $(AGENT_DRIVERS),$(AGENT_SRC))
AGENT_TEST_LIBS = -ljansson -lkcapi -lsodium -lcrypt -larchive $(CHECK_LIBS) -lm
AGENT_TESTS := test_agent test_containers test_parts test_probes test_sealed test_td
GUEST_TESTS += $(AGENT_TESTS:%=$B/test/%)
GUEST_SAN_TESTS += $(AGENT_TESTS:%=$B/san/test/%)
$B/obj/guests/%.o: guests/%.c Makefile guests/rules.mk | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) -Iguests -c $< -o $@
$B/san/guests/%.o: guests/%.c Makefile guests/rules.mk | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC san,$<)$(CC) $(BASE_CFLAGS) $(SAN) -Iguests -c $< -o $@
define AGENT_TEST
$B/test/$1: $(AGENT_TEST_SRC:%.c=$B/obj/%.o) $B/obj/guests/agent/test/$1.o $(2:%.c=$B/obj/%.o)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(CC) $$(TEST_LD) $$^ $$(AGENT_TEST_LIBS) -o $$@
$B/san/test/$1: $(AGENT_TEST_SRC:%.c=$B/san/%.o) $B/san/guests/agent/test/$1.o $(2:%.c=$B/san/%.o)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(CC) $$(SAN) $$(TEST_LD) $$^ $$(AGENT_TEST_LIBS) -o $$@
endef
$(eval $(call AGENT_TEST,test_agent))
$(eval $(call AGENT_TEST,test_containers,$(AGENT_DRIVERS)))
$(eval $(call AGENT_TEST,test_parts,$(AGENT_DRIVERS)))
$(eval $(call AGENT_TEST,test_probes,$(AGENT_DRIVERS)))
$(eval $(call AGENT_TEST,test_sealed))
$(eval $(call AGENT_TEST,test_td,$(AGENT_DRIVERS)))

# The tiny nested guest: a freestanding PVH ELF for QEMU inside a layer, where a Linux boot is too slow.
# Stripped: the names of the compiler's temporary files would differ each time.
TINY_SRC := $(wildcard guests/tiny/*.c) $(addprefix harness/format/,frame.c reader.c sha2.c text.c)
TINY_DEPS := $(wildcard guests/tiny/* guests/tiny/include/*) $(TINY_SRC) guests/rules.mk
$B/tiny.elf: $(TINY_DEPS) | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 $(WARN) -m32 -Os -ffreestanding -fno-pic -fno-pie -fno-stack-protector -nostdlib \
		-static -s -Wl,--build-id=none,--gc-sections -Wl,-T,guests/tiny/tiny.lds -ffunction-sections -fdata-sections \
		-fno-tree-loop-distribute-patterns -Iguests/tiny/include -Iharness guests/tiny/start.S $(TINY_SRC) -o $@

# The same for another architecture, the row "emulate it": clang and lld make it, whatever the host is.
$B/tiny-riscv64.elf: $(TINY_DEPS) | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC,$@)clang --target=riscv64-unknown-elf -march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax -std=gnu11 \
		-Wall -Wextra -Werror -Os -ffreestanding -fno-builtin -nostdlib -static -fuse-ld=lld \
		-Wl,--build-id=none,--gc-sections -Wl,-T,guests/tiny/riscv64.lds -ffunction-sections -fdata-sections -Iguests/tiny/include \
		-Iharness -Iguests/tiny guests/tiny/riscv64.S $(TINY_SRC) -o $@

# The software TDX module, see guests/tdxemu/README.md.
include guests/tdxemu/rules.mk

include guests/fwcfg/rules.mk

# What a TD promises its guest, row by row: a static program of its own, for any TD.
CONFORMANCE_SRC := $(wildcard guests/conformance/*.c) $(FORMAT_SRC)
$B/conformance: $(CONFORMANCE_SRC:%.c=$B/agent-obj/%.o)
	$(call say,LD,$@)$(CC) -static -s -Wl,--build-id=none -Wl,--gc-sections $^ -o $@

# The initramfs of layer 0: the agent as /init and the modules it needs before the root file system. One for each
# kernel; the second one and that of the next release may be missing.
$B/initrd.cpio: guests/image/initrd $B/agent $B/tiny.elf $B/tiny-riscv64.elf $B/conformance $(IMAGE)
	$(call say,INITRD,$@)guests/image/initrd $(CACHE)/modules $B/agent $B/tiny.elf $B/tiny-riscv64.elf $B/conformance $@
$B/initrd-backports.cpio: OTHER_MODULES = $(CACHE)/modules-backports
$B/initrd-forky.cpio: OTHER_MODULES = $(CACHE)/forky/modules
$B/initrd-backports.cpio $B/initrd-forky.cpio: guests/image/initrd $B/agent $B/tiny.elf $B/tiny-riscv64.elf $B/conformance $(IMAGE)
	@if [ -d $(OTHER_MODULES) ]; then \
		guests/image/initrd $(OTHER_MODULES) $B/agent $B/tiny.elf $B/tiny-riscv64.elf $B/conformance $@; else rm -f $@; fi
