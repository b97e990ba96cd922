# SPDX-License-Identifier: Apache-2.0
# whydrop: plain GNU Make. `make help` says what there is.

MAKEFLAGS += --no-builtin-rules
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

VERSION := 0.1.0
B       ?= build
V       ?= 0
SAN     ?=
SYSROOT ?=
PREFIX  ?= /usr/local
DESTDIR ?=

CC      := gcc
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
STRIP   ?= strip
ARCH    ?= $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n'
endif

# A sanitized build has its own objects, so that the two never mix.
comma := ,
O := $(B)$(if $(SAN),/san-$(subst $(comma),-,$(SAN)),/obj)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wformat=2 -Wvla -Wcast-qual -Wwrite-strings -Wundef
CPPFLAGS := -D_GNU_SOURCE -DWD_VERSION='"$(VERSION)"' -I. -Iuser -isystem $(B)/bpf -isystem $(SYSROOT)/usr/include/libnl3
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu17 $(CFLAGS) $(WARN) -fno-strict-aliasing -fstack-protector-strong \
	-ffunction-sections -fdata-sections -fno-common
ALL_LDFLAGS := -Wl,--gc-sections
ifneq ($(SAN),)
ALL_CFLAGS += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
ALL_LDFLAGS += -fsanitize=$(SAN)
else
STATIC := -static
endif
LIBS := -lbpf -lelf -lz -ljansson -lyaml -levent_extra -levent_core -lssl -lcrypto -lnl-3 -lpthread

ROOMS    := base model probe kube node flow rules policy ipam diagnose output
LIB_SRC  := $(sort $(foreach r,$(ROOMS),$(wildcard user/$(r)/*.c)))
CMD_SRC  := $(sort $(wildcard user/cmd/*.c))
WIRE_SRC := bpf/wire.bpf.c
BPF_SRC  := $(filter-out $(WIRE_SRC),$(sort $(wildcard bpf/*.bpf.c)))
BPF_HDR  := $(wildcard bpf/*.h vmlinux/*.h)
BPF_OBJ  := $(BPF_SRC:bpf/%.bpf.c=$(B)/bpf/%.bpf.o)
SKELS    := $(B)/bpf/whydrop.skel.h $(B)/bpf/wire.skel.h
LIB_OBJ  := $(LIB_SRC:%.c=$(O)/%.o)
CMD_OBJ  := $(CMD_SRC:%.c=$(O)/%.o)
UNIT_SRC := $(sort $(wildcard tests/unit/*/*_test.c))
UNIT_BIN := $(UNIT_SRC:%.c=$(O)/%)
BIN      := $(if $(SAN),$(O)/whydrop,$(B)/whydrop)

.PHONY: all
all: $(BIN) $(if $(SAN),,$(B)/tests/lab/peer $(B)/tests/lab/hooks compile_commands) ## build the static binary build/whydrop

.PHONY: help
help: ## this list
	@echo "Targets:"
	@sed -n 's/^\([a-z0-9_-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | sort | \
		awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'
	@echo
	@echo "Variables: V=1 (show commands), SAN=address,undefined, ARCH=x86|arm64, B=build, PREFIX, DESTDIR"

.PHONY: deps
deps: ## install the Debian packages that are missing (needs root)
	$(Q)tests/deps build

.PHONY: test-deps
test-deps:
	$(Q)tests/deps build test

# ---- kernel side -------------------------------------------------------------

# -Wno-unused-parameter: BPF_PROG() hides its context in the function that it writes.
BPF_CFLAGS = -target bpf -mcpu=v3 -g -O2 -std=gnu17 -Wall -Wextra -Werror -Wshadow -Wno-unused-parameter \
	-D__TARGET_ARCH_$(1) -I. -Ivmlinux -Ibpf

$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(BPF_HDR)
	$(say) BPF $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(call BPF_CFLAGS,$(ARCH)) -c $< -o $@

# One object of all families: maps and settings are weak in each and merge here.
$(B)/bpf/whydrop.o: $(BPF_OBJ)
	$(say) BPFLINK $@
	$(Q)$(BPFTOOL) gen object $@ $^

$(B)/bpf/whydrop.skel.h: $(B)/bpf/whydrop.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name wd_bpf > $@.tmp && mv $@.tmp $@

# The packet hooks are an object of their own: loaded when one is first attached.
$(B)/bpf/wire.o: $(WIRE_SRC:bpf/%.bpf.c=$(B)/bpf/%.bpf.o)
	$(say) BPFLINK $@
	$(Q)$(BPFTOOL) gen object $@ $^

$(B)/bpf/wire.skel.h: $(B)/bpf/wire.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name wd_wire > $@.tmp && mv $@.tmp $@

# The same sources for the other architecture: proves that nothing of the host leaks in.
.PHONY: bpf-cross
bpf-cross: ## compile the BPF objects for every supported architecture
	$(Q)for a in x86 arm64; do for f in $(BPF_SRC) $(WIRE_SRC); do \
		o=$(B)/cross/$$a/$$(basename $$f .c).o; mkdir -p $$(dirname $$o); \
		$(CLANG) $(subst __ARCH__,$$a,$(call BPF_CFLAGS,__ARCH__)) -c $$f -o $$o || exit 1; \
		echo "  BPF      $$a $$f"; done; done

# ---- user side ---------------------------------------------------------------

$(O)/%.o: %.c | $(SKELS)
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MD -MP -c $< -o $@

$(O)/libwhydrop.a: $(LIB_OBJ)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BIN): $(CMD_OBJ) $(O)/libwhydrop.a
	$(say) LINK $@
	$(Q)tests/check/link $(CC) $(ALL_LDFLAGS) $(STATIC) -o $@ $^ $(LIBS)

PEER_SRC := $(sort $(wildcard tests/lab/peer/*.c))
$(B)/tests/lab/peer: $(PEER_SRC) $(wildcard tests/lab/peer/*.h)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/lab/peer -o $@ $(PEER_SRC)

# The packet hooks by themselves, for checks of their manners among other programs.
$(B)/tests/lab/hooks: tests/lab/hooks/driver.c $(O)/libwhydrop.a
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)tests/check/link $(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(STATIC) -o $@ $^ $(LIBS)

# The API client by itself, for tests/kube; sanitized when SAN is set.
$(O)/tests/kube/driver: tests/kube/driver.c $(O)/libwhydrop.a
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)tests/check/link $(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(STATIC) -o $@ $^ $(LIBS)

.PHONY: kube-driver
kube-driver: $(O)/tests/kube/driver

.PHONY: compile_commands
compile_commands: $(B)/compile_commands.json
$(B)/compile_commands.json: Makefile $(LIB_SRC) $(CMD_SRC) $(UNIT_SRC)
	$(Q)mkdir -p $(@D)
	$(Q)tests/check/compile-commands '$(CC) $(subst ','\'',$(CPPFLAGS)) $(ALL_CFLAGS)' \
		$(LIB_SRC) $(CMD_SRC) $(UNIT_SRC) > $@.tmp && mv $@.tmp $@

# ---- tests -------------------------------------------------------------------

$(O)/tests/unit/%: tests/unit/%.c $(O)/libwhydrop.a
	$(say) TEST $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MD -MP $(ALL_LDFLAGS) -o $@ $< $(O)/libwhydrop.a $(LIBS) -lcmocka

.PHONY: unit-binaries
unit-binaries: $(UNIT_BIN)

.PHONY: unit
unit: ## unit tests, with address and undefined-behaviour sanitizers
	$(Q)$(MAKE) --no-print-directory SAN=address,undefined CFLAGS='-O1 -g' unit-binaries
	$(Q)tests/check/unit $(B)/san-address-undefined/tests/unit

FUZZ_SRC := $(sort $(wildcard tests/fuzz/*_fuzz.c))
FUZZ_BIN := $(FUZZ_SRC:%.c=$(O)/%)
$(O)/tests/fuzz/%_fuzz: tests/fuzz/%_fuzz.c tests/fuzz/main.c $(wildcard tests/fuzz/*.h) $(O)/libwhydrop.a
	$(say) FUZZ $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< tests/fuzz/main.c $(O)/libwhydrop.a $(LIBS)

.PHONY: fuzz-binaries
fuzz-binaries: $(FUZZ_BIN)

.PHONY: fuzz
fuzz: ## every fuzzer for two seconds, with sanitizers (deterministic)
	$(Q)$(MAKE) --no-print-directory SAN=address,undefined CFLAGS='-O1 -g' fuzz-binaries
	$(Q)tests/check/fuzz $(B)/san-address-undefined/tests/fuzz

.PHONY: check
check: all ## static checks: layers, formatting, static binary, warnings
	$(Q)tests/check/run $(B)

.PHONY: test
test: test-deps ## everything that gates (installs what it needs)
	$(Q)tests/run

.PHONY: test-kernels
test-kernels: test-deps all ## the whole lab in every kernel of the matrix, and docs/KERNELS.md
	$(Q)tests/kernels/run

.PHONY: test-arm64
test-arm64: ## cross-build for arm64, and a smoke test under emulation
	$(Q)tests/deps build lab arm64
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/kernels/arm64

.PHONY: demo
demo: deps ## trace real failures in a lab of network namespaces and show the answers
	$(Q)tests/deps build lab
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/lab/run --demo

.PHONY: bench
bench: ## the figures of docs/PERFORMANCE.md, each with its baseline
	$(Q)tests/deps build test
	$(Q)$(MAKE) --no-print-directory all bench-binaries kube-driver
	$(Q)tests/bench/run

BENCH_SRC := $(sort $(wildcard tests/bench/*.c))
BENCH_BIN := $(BENCH_SRC:tests/bench/%.c=$(B)/tests/bench/%)
.PHONY: bench-binaries
bench-binaries: $(BENCH_BIN)
$(B)/tests/bench/%: tests/bench/%.c $(wildcard tests/bench/*.h) $(B)/obj/libwhydrop.a
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)tests/check/link $(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(STATIC) -o $@ $< $(B)/obj/libwhydrop.a \
		$(LIBS) -lm

.PHONY: format
format: ## rewrite the sources in the project's format
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i

.PHONY: install
install: all ## install the stripped binary below $(DESTDIR)$(PREFIX)
	$(Q)install -D -m 0755 $(B)/whydrop $(DESTDIR)$(PREFIX)/sbin/whydrop
	$(Q)$(STRIP) $(DESTDIR)$(PREFIX)/sbin/whydrop

.PHONY: clean
clean: ## remove what was built
	$(Q)rm -rf $(B)

-include $(LIB_OBJ:.o=.d) $(CMD_OBJ:.o=.d) $(UNIT_BIN:=.d)
