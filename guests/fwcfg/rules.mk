# SPDX-License-Identifier: Apache-2.0
# A "kernel" that copies fw_cfg files to the debug port; see README.md.
$B/fwcfg.efi: $(wildcard guests/fwcfg/*) harness/format/portio.h Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 $(WARN) -Iharness -m64 -Os -ffreestanding -fpie -fno-stack-protector -mno-red-zone -mgeneral-regs-only \
		-fcf-protection=none -fno-asynchronous-unwind-tables -nostdlib -static -Wl,--build-id=none \
		-Wl,--no-dynamic-linker -Wl,-z,noexecstack -Wl,-T,guests/fwcfg/fwcfg.lds \
		guests/fwcfg/head.S guests/fwcfg/fwcfg.c -o $@.elf
	$(Q)objcopy -O binary $@.elf $@
