# SPDX-License-Identifier: Apache-2.0
# tception. `make run` and `make test` set up whatever they need; `make help` lists the rest.
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.SECONDARY: # keep objects: a test is linked again, not compiled again
B := build
CACHE := $(or $(TCEPTION_CACHE),$(abspath $B/cache))
export TCEPTION_CACHE := $(CACHE)
IMAGE := $(CACHE)/.image.stamp

CC := gcc
WARN := -Wall -Wextra -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wswitch-enum -Werror
BASE_CFLAGS := -std=gnu11 $(WARN) -D_GNU_SOURCE -Iharness -isystem /usr/include/libxml2 -MMD -MP
CFLAGS := -O2 -g $(BASE_CFLAGS)
# What a sanitizer says needs lines and no more, and what runs that often is compiled for longer than it runs: not optimised.
# Of warnings, -O2 has the better ones.
SAN := -O0 -g1 -Wno-format-truncation -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
TEST_LD := -fuse-ld=lld # for the many programs of the tests
LIBS := -lssl -lcrypto -ljansson -lyaml -lsystemd -lz -lcbor -lm
SETUP := $B/.setup.stamp

# One short line a command: $(call say,CC,FILE) before it. `make V=1` prints the commands themselves.
ifneq ($(V),1)
Q := @
say = @$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,printf '%-10s %s\n' '$1' '$2';)
endif

# ---- set-up: packages, firmware, guest image --------------------------------------------------
$(SETUP): scripts/setup scripts/packages
	$(call say,SETUP,scripts/packages)scripts/setup
	@mkdir -p $B && touch $@

# ---- harness -----------------------------------------------------------------------------------
ROOMS := format core trust tception case disk measure measure/grub measure/sdboot measure/tables reference plan record judge run report td
MAIN_SRC := $(wildcard harness/cli/*.c)
ROOM_SRC := $(foreach r,$(ROOMS),$(wildcard harness/$r/*.c))
MAIN_OBJ := $(MAIN_SRC:%.c=$B/obj/%.o)
FILES := $B/page.o $B/q35.o
ROOM_OBJ := $(ROOM_SRC:%.c=$B/obj/%.o) $(FILES)

$B/obj/harness/%.o: harness/%.c Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) -c $< -o $@
$B/san/harness/%.o: harness/%.c Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC san,$<)$(CC) $(BASE_CFLAGS) $(SAN) -c $< -o $@

# Files that are part of the program as they are.
$B/page.o: harness/report/page.S $(wildcard harness/report/page/*) | $(SETUP)
	$(call say,AS,$<)$(CC) -c $< -o $@
$B/q35.o: harness/measure/tables/q35.S harness/measure/tables/q35.txt | $(SETUP)
	$(call say,AS,$<)$(CC) -c $< -o $@

$B/libtception.a: $(ROOM_OBJ)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
$B/tception: $(MAIN_OBJ) $B/libtception.a
	$(call say,LD,$@)$(CC) $^ $(LIBS) -ljwt -o $@

# ---- guests: the agent (static), the tiny nested guest, the software TDX module -------------------
include guests/rules.mk

# ---- unit tests (check), each a program of its own --------------------------------------------------
# `make test` runs them under sanitizers, and plain those that try more of the same there.
TEST_SRC := $(wildcard harness/test/test_*.c)
TESTS := $(TEST_SRC:harness/test/%.c=$B/test/%) $(GUEST_TESTS)
SAN_TESTS := $(TEST_SRC:harness/test/%.c=$B/san/test/%) $(GUEST_SAN_TESTS)
EXHAUSTIVE_TESTS := $B/test/test_verify
# Those that wait for deadlines come first, and the longest in parts.
WAITING_TESTS := $(foreach k,1 2 3 4,$B/san/test/test_runner:$k/4) $(foreach k,1 2 3,$B/san/test/test_digest:$k/3) $B/san/test/test_pccs
CHECK_LIBS := -lxml2 -lcheck -lsubunit -lrt -lpthread

$B/test/%: $B/obj/harness/test/%.o $B/libtception.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(TEST_LD) $^ $(CHECK_LIBS) $(LIBS) -o $@
$B/san/harness/format/sha2.o: SAN += -O2 # most of what some of them do is hashing
$B/san/libtception.a: $(ROOM_SRC:%.c=$B/san/%.o) $(FILES)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
$B/san/test/%: $B/san/harness/test/%.o $B/san/libtception.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(SAN) $(TEST_LD) $^ $(CHECK_LIBS) $(LIBS) -o $@

# ---- benchmarks ---------------------------------------------------------------------------------------
$B/bench/%: scripts/bench/%.c scripts/bench/bench.h $B/libtception.a
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) $(filter %.c %.a,$^) $(LIBS) -o $@

# ---- fuzzers (clang's libFuzzer): one per parser, seeds in cases/golden --------------------------------
FUZZ_SRC := $(wildcard harness/fuzz/fuzz_*.c)
FUZZERS := $(FUZZ_SRC:harness/fuzz/%.c=$B/fuzz/%) $(GUEST_FUZZERS)
FUZZ_CC := clang -std=gnu11 -O1 -gline-tables-only -D_GNU_SOURCE -Iharness -Iguests -isystem /usr/include/libxml2 -MMD -MP \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined
$B/fuzz-obj/%.o: %.c Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC fuzz,$<)$(FUZZ_CC) -fsanitize=fuzzer-no-link -c $< -o $@
$B/fuzz/libtception.a: $(ROOM_SRC:%.c=$B/fuzz-obj/%.o) $(FILES)
	@mkdir -p $(@D)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
$B/fuzz/%: $B/fuzz-obj/harness/fuzz/%.o $B/fuzz-obj/harness/fuzz/steady.o $B/fuzz/libtception.a
	$(call say,LD,$@)$(FUZZ_CC) -fsanitize=fuzzer $(TEST_LD) $^ $(LIBS) -o $@

# ---- verbs --------------------------------------------------------------------------------------------------
$(IMAGE): $(addprefix guests/image/,build fetch packages finish engines) | $(SETUP)
	$(call say,IMAGE,$(CACHE))guests/image/build $(CACHE)
	@touch $@

# ---- libtception for others, `make install` ------------------------------------------------------------------
include scripts/install.mk

GUESTS := $B/agent $B/tiny.elf $B/tdxemu.bin $B/fwcfg.efi $B/hostile.efi $B/initrd.cpio $B/initrd-backports.cpio $B/initrd-forky.cpio
.PHONY: image-minimal image-extra image-forky test-next refresh all tception example guests image run test programs test-unit test-plain test-cases test-fuzz test-full test-hardware bench bench-matrix bench-report check-arrows format clean help
all: $B/tception guests ## build the harness and the guest programs
tception: $B/tception
example: $B/example ## the example of harness/example
guests: $(GUESTS)
image: $(IMAGE) ## build the guest image and fetch the firmware (cached)
image-minimal: $(IMAGE) ## also the image of cells with @image=minimal: Podman alone
	guests/image/build $(CACHE) minimal
image-extra: $(IMAGE) ## also the image of cells with @image=extra: engines that the usual one lacks
	guests/image/other $(CACHE) extra
image-forky: $(IMAGE) ## also the image of cells with @release=forky: kernel and engines of Debian's next release
	guests/image/other $(CACHE) forky
	@rm -f $B/initrd-forky.cpio && $(MAKE) --no-print-directory $B/initrd-forky.cpio
refresh: | $(SETUP) ## build the image anew from today's packages
	rm -f $(CACHE)/inputs
	guests/image/build $(CACHE)
	@touch $(IMAGE)

run: ## run cases/default.yaml and print which layers attest
	@$(MAKE) --no-print-directory $(PARALLEL) all image
	$(call say,RUN,cases/default.yaml $(ARGS))$B/tception run cases/default.yaml $(ARGS)

# Everything is built on all processors; the stages that follow use them by themselves. Unit tests and fuzzers
# run side by side, because some of the former wait for deadlines.
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
test: ## everything that CI runs
	@$(MAKE) --no-print-directory $(PARALLEL) check-arrows programs image
	@$(MAKE) --no-print-directory $(if $(PARALLEL),-j2) test-unit test-fuzz
	@$(MAKE) --no-print-directory test-cases
programs: all library $(EXHAUSTIVE_TESTS) $(SAN_TESTS) $(FUZZERS) $B/example $B/test/tcb_lines
test-unit: $(EXHAUSTIVE_TESTS) $(SAN_TESTS) $B/example ## C unit tests under ASan and UBSan
	$(call say,TEST,scripts/run-tests)scripts/run-tests $(WAITING_TESTS) $(EXHAUSTIVE_TESTS) \
		$(filter-out $(foreach w,$(WAITING_TESTS),$(firstword $(subst :, ,$w))),$(SAN_TESTS))
test-plain: $(TESTS) ## C unit tests without sanitizers, each test in a process of its own
	$(call say,TEST,scripts/run-tests)scripts/run-tests $(TESTS)
test-fuzz: $(FUZZERS) ## replay the corpora, then a fixed number of runs from a fixed seed
	$(call say,FUZZ,scripts/run-fuzzers)scripts/run-fuzzers check $(FUZZERS)
test-cases: all image $B/test/tcb_lines ## the matrix and the fault tests on real guests
	$(call say,PYTEST,cases)/usr/bin/python3 -B -m pytest -p no:cacheprovider -q -n auto cases
test-full: test test-plain $B/test/tsc_lines ## also the unit tests without sanitizers, the full matrix, foreign verifiers and programs, TDs of 64 vCPUs, the HTML report in a browser, trust domains as a new user has them, clocks and verdicts beside load, the guest image built twice, and long fuzzing (ten million runs, or a hundred thousand through certificates)
	scripts/setup scripts/packages-full
	guests/image/other $(CACHE) extra
	$(call say,PYTEST,cases/full_*.py)/usr/bin/python3 -B -m pytest -p no:cacheprovider -q cases/full_*.py
	TCEPTION_QVL_CASES=100000 /usr/bin/python3 -B -m pytest -p no:cacheprovider -q cases/test_qvl_rules.py
	scripts/image-twice $(CACHE)
	scripts/run-fuzzers runs $(FUZZERS)
test-next: all image-forky ## the full matrix once more on Debian's next release, beside today's: what differs is in results/NEXT.md
	$(call say,PYTEST,cases/next_matrix.py)/usr/bin/python3 -B -m pytest -p no:cacheprovider -q cases/next_matrix.py
test-hardware: ## on a TDX host: what CI can't run, and a bundle of it to send back; ARGS="..." as for run
	@$(MAKE) --no-print-directory $(PARALLEL) all image
	scripts/test-hardware $(ARGS)
bench: $B/bench/verify $B/bench/mrtd $B/bench/confined $B/bench/cold $B/tception ## speed, as ratios (on an idle machine)
	scripts/bench/run $^
bench-matrix: all image ## CPU seconds, time and memory of the default matrix, against AGAINST=another built checkout
	scripts/bench/matrix $(AGAINST) $(ARGS)
bench-report: $B/test/many_cells $B/tception ## a report of ten thousand cells: CPU, memory, and how it opens in Chromium
	scripts/bench/report $^
check-arrows: ## includes may only point one way
	$(Q)scripts/check-arrows

format: ## apply clang-format
	clang-format -i $$(git ls-files '*.c' '*.h')
clean: ## remove what was built, keep the cached image
	find $B -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +
help: ## this list; V=1 prints whole commands, ARGS="..." gives options to `tception run`
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile scripts/install.mk | expand -t 16

-include $(shell find $B -path $B/cache -prune -o -name '*.d' -print 2>/dev/null)
