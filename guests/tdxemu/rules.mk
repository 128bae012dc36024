# SPDX-License-Identifier: Apache-2.0
# The software TDX module: one flat binary that QEMU's loader places in RAM; the harness appends its
# configuration (harness/format/tdxemu.h).
TDXEMU_LOAD := 0x10000000
TDXEMU_DEFS := -DCONFIG_SIZE=224 -DAP_PAGE=0x8000 -DLOAD_ADDRESS=$(TDXEMU_LOAD)
TDXEMU_CORE := $(wildcard guests/tdxemu/core/*.c)
TDXEMU_SRC := $(TDXEMU_CORE) $(wildcard guests/tdxemu/svm/*.c guests/tdxemu/boot/*.c) \
	$(addprefix harness/format/,sha2.c tdreport.c tdvf.c tdhob.c mrtd.c reader.c)
TDXEMU_OBJ := $B/tdxemu/guests/tdxemu/boot/start.o $(TDXEMU_SRC:%.c=$B/tdxemu/%.o)
TDXEMU_CFLAGS := -std=gnu11 -O2 -g $(WARN) -Iharness -Iguests -MMD -MP $(TDXEMU_DEFS) \
	-ffreestanding -fpie -fvisibility=hidden -mno-red-zone -mgeneral-regs-only -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fcf-protection=none -fno-jump-tables -fno-strict-aliasing

$B/tdxemu/%.o: %.c guests/tdxemu/rules.mk | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC tdxemu,$<)$(CC) $(TDXEMU_CFLAGS) -c $< -o $@
$B/tdxemu/guests/tdxemu/boot/start.o: guests/tdxemu/boot/start.S guests/tdxemu/rules.mk | $(SETUP)
	@mkdir -p $(@D)
	$(call say,AS tdxemu,$<)$(CC) $(TDXEMU_DEFS) -c $< -o $@
$B/tdxemu/module.elf: $(TDXEMU_OBJ) guests/tdxemu/boot/module.lds
	$(call say,LD,$@)ld -pie --no-dynamic-linker -z norelro -z max-page-size=4096 --no-warn-rwx-segments -T guests/tdxemu/boot/module.lds \
		$(TDXEMU_OBJ) -o $@
$B/tdxemu/module.bin: $B/tdxemu/module.elf
	$(Q)objcopy -O binary $< $@
$B/tdxemu.bin: guests/tdxemu/boot/low.S $B/tdxemu/module.bin
	$(call say,LD,$@)$(CC) $(TDXEMU_DEFS) -Wa,-I$B/tdxemu -c $< -o $B/tdxemu/low.o
	$(Q)ld -Ttext=$(TDXEMU_LOAD) -e low_start -nostdlib $B/tdxemu/low.o -o $B/tdxemu/low.elf
	$(Q)objcopy -O binary -j .text $B/tdxemu/low.elf $@

# core/ as a normal program: unit tests, and a fuzzer of TDCALL.
TDXEMU_TESTS := test_tdcall test_vmcall test_cpuview test_msr test_pages test_decode test_softint test_entry test_field
GUEST_TESTS += $(TDXEMU_TESTS:%=$B/test/%)
GUEST_SAN_TESTS += $(TDXEMU_TESTS:%=$B/san/test/%)
GUEST_FUZZERS += $B/fuzz/fuzz_tdcall $B/fuzz/fuzz_cpu
TDXEMU_HOSTED := $(TDXEMU_CORE) $(addprefix harness/format/,code.c reader.c sha2.c tdreport.c)
TDXEMU_HOSTED_test_decode := guests/tdxemu/svm/decode.c
TDXEMU_HOSTED_test_softint := $(addprefix guests/tdxemu/svm/,decode.c softint.c)
TDXEMU_HOSTED_test_entry := guests/tdxemu/svm/entry.c
TDXEMU_HOSTED_fuzz_cpu := guests/tdxemu/svm/decode.c

define TDXEMU_TEST
$B/test/$1: $(patsubst %.c,$B/obj/%.o,guests/tdxemu/test/$1.c $(TDXEMU_HOSTED) $(TDXEMU_HOSTED_$1))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(CC) $$(TEST_LD) $$^ $$(CHECK_LIBS) -lm -o $$@
$B/san/test/$1: $(patsubst %.c,$B/san/%.o,guests/tdxemu/test/$1.c $(TDXEMU_HOSTED) $(TDXEMU_HOSTED_$1))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(CC) $$(SAN) $$(TEST_LD) $$^ $$(CHECK_LIBS) -lm -o $$@
endef
$(foreach t,$(TDXEMU_TESTS),$(eval $(call TDXEMU_TEST,$t)))
define TDXEMU_FUZZER
$B/fuzz/$1: $(patsubst %.c,$B/fuzz-obj/%.o,guests/tdxemu/test/$1.c $(TDXEMU_HOSTED) $(TDXEMU_HOSTED_$1))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(FUZZ_CC) -fsanitize=fuzzer $$(TEST_LD) $$^ -o $$@
endef
$(foreach f,fuzz_tdcall fuzz_cpu,$(eval $(call TDXEMU_FUZZER,$f)))

# A hostile kernel for the tests: the headers of guests/fwcfg, code of our own.
$B/hostile.efi: guests/tdxemu/test/hostile.c guests/tdxemu/test/hostile_cpu.h $(wildcard guests/fwcfg/*) guests/tdxemu/rules.mk | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 $(WARN) -m64 -Os -ffreestanding -fpie -fno-stack-protector -mno-red-zone -mgeneral-regs-only \
		-fcf-protection=none -fno-asynchronous-unwind-tables -fno-jump-tables -fno-tree-loop-distribute-patterns \
		-fvisibility=hidden -Iharness -Iguests -nostdlib -static -Wl,--build-id=none -Wl,--no-dynamic-linker \
		-Wl,-z,noexecstack -Wl,-T,guests/fwcfg/fwcfg.lds guests/fwcfg/head.S $< -o $@.elf
	$(Q)objcopy -O binary $@.elf $@
