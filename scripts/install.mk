# SPDX-License-Identifier: Apache-2.0
# libtception as other programs link it, and `make install`. Part of the Makefile.

prefix := /usr/local
exec_prefix = $(prefix)
bindir = $(exec_prefix)/bin
libdir = $(exec_prefix)/lib
includedir = $(prefix)/include
mandir = $(prefix)/share/man
bashdir = $(prefix)/share/bash-completion/completions
zshdir = $(prefix)/share/zsh/site-functions
# What guests are made of. The program looks for it beside the folder that it is in itself.
partsdir = $(dir $(bindir))lib/tception
# Where Debian's Python looks: below /usr in one folder for all its versions.
pythondir = $(prefix)/lib/python$(if $(filter /usr,$(prefix)),3,$(shell python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])'))/dist-packages

VERSION := $(shell sed -n 's/.*TCEPTION_VERSION "\(.*\)"/\1/p' harness/core/version.h)
SONAME := libtception.so.0
LIBRARY := $B/lib/libtception.a $B/lib/$(SONAME)
LIBRARY_OBJ := $(foreach r,format core trust,$(patsubst %.c,$B/obj/%.o,$(wildcard harness/$r/*.c)))
LIBRARY_OWN := $(patsubst %.c,$B/obj/%.o,$(wildcard harness/tception/*.c))

$(LIBRARY_OBJ) $(LIBRARY_OWN): CFLAGS += -fPIC -fvisibility=hidden
$B/lib/rooms.a: $(LIBRARY_OBJ)
	@mkdir -p $(@D)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
# One object: the room `tception` with all that it needs, and no names but those of its header.
$B/lib/libtception.o: $(LIBRARY_OWN) $B/lib/rooms.a
	$(call say,LD,$@)$(CC) -r -nostdlib $^ -o $@ && objcopy --localize-hidden $@
$B/lib/libtception.a: $B/lib/libtception.o
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
$B/lib/$(SONAME): $B/lib/libtception.o
	$(call say,LD,$@)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs $^ -lcrypto -ljansson -o $@ && ln -sf $(SONAME) $B/lib/libtception.so

# How another program uses the library: no more than these two libraries beside it.
$B/example: $B/obj/harness/example/verify.o $B/lib/libtception.a
	$(call say,LD,$@)$(CC) $^ -lcrypto -ljansson -o $@

PARTS := $B/tdxemu.bin $B/fwcfg.efi $B/initrd.cpio $B/initrd-backports.cpio
FLEET := $(wildcard scripts/fleet/[a-z]*)
CASES := cases/default.yaml cases/full.yaml cases/local.yaml
PARTS_IMAGE := vmlinuz vmlinux vmlinuz-backports vmlinux-backports root.squashfs root-minimal.squashfs OVMF.fd
.PHONY: library install install-image uninstall
library: $(LIBRARY) ## libtception, shared and static
install: all $(LIBRARY) ## into prefix=/usr/local (DESTDIR, libdir, ...): program, manual, completion, libtception, header, Python binding
	install -d $(addprefix $(DESTDIR),$(bindir) $(libdir)/pkgconfig $(includedir)/tception $(mandir)/man1 $(partsdir)/cases $(partsdir)/fleet $(pythondir) $(bashdir) $(zshdir))
	install $B/tception $(DESTDIR)$(bindir)
	install -m 644 $(PARTS) $(DESTDIR)$(partsdir)
	install $B/agent $(DESTDIR)$(partsdir)
	install -m 644 $(CASES) $(DESTDIR)$(partsdir)/cases
	install $(FLEET) $(DESTDIR)$(partsdir)/fleet
	install -m 644 scripts/completion/tception.bash $(DESTDIR)$(bashdir)/tception
	install -m 644 scripts/completion/_tception $(DESTDIR)$(zshdir)
	install -m 644 harness/cli/tception.1 $(DESTDIR)$(mandir)/man1
	install -m 644 harness/tception/tception.h $(DESTDIR)$(includedir)/tception
	install -m 644 $(LIBRARY) $(DESTDIR)$(libdir)
	ln -sf $(SONAME) $(DESTDIR)$(libdir)/libtception.so
	sed 's|@prefix@|$(prefix)|; s|@libdir@|$(libdir)|; s|@includedir@|$(includedir)|; s|@version@|$(VERSION)|' \
		harness/tception/tception.pc.in > $(DESTDIR)$(libdir)/pkgconfig/tception.pc
	install -m 644 harness/python/tception.py $(DESTDIR)$(pythondir)
install-image: $(IMAGE) ## also the guest image and the firmware, without which `tception run` needs TCEPTION_CACHE
	install -d $(DESTDIR)$(partsdir)/cache
	install -m 644 $(wildcard $(addprefix $(CACHE)/,$(PARTS_IMAGE))) $(DESTDIR)$(partsdir)/cache
uninstall: ## what both have installed
	rm -f $(DESTDIR)$(bindir)/tception $(DESTDIR)$(mandir)/man1/tception.1 $(DESTDIR)$(includedir)/tception/tception.h
	rm -f $(addprefix $(DESTDIR)$(libdir)/,libtception.a $(SONAME) libtception.so pkgconfig/tception.pc) $(DESTDIR)$(pythondir)/tception.py
	rm -f $(DESTDIR)$(bashdir)/tception $(DESTDIR)$(zshdir)/_tception
	rm -f $(addprefix $(DESTDIR)$(partsdir)/,$(notdir $(PARTS)) agent $(CASES) $(FLEET:scripts/%=%) $(addprefix cache/,$(PARTS_IMAGE)))
	for d in $(includedir)/tception $(partsdir)/cache $(partsdir)/cases $(partsdir)/fleet $(partsdir); do [ ! -d $(DESTDIR)$$d ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$$d; done

.PHONY: deb
deb: ## Debian packages in build/deb
	scripts/packaging/build-deb $B/deb
