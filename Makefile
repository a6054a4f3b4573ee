# kvm-utils. `make help` lists the targets; the user's CC, CFLAGS, CPPFLAGS, LDFLAGS, PREFIX and DESTDIR are respected.
# A command is a directory: CMD/*.c and common/ make build/$(B)/CMD. Adding a source file needs no edit here.
VERSION := 0.1
CMDS := $(patsubst %/main.c,%,$(wildcard kvm-run/main.c vm-*/main.c))
# libvncserver is an extra: without it there is no vm-vnc, and all else is as it is.
ifneq ($(shell pkg-config --exists libvncserver 2>/dev/null || echo missing),)
$(warning no libvncserver: vm-vnc is left out)
CMDS := $(filter-out vm-vnc,$(CMDS))
endif
B ?= release
, := ,
O := build/$(B)
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
CLANG ?= clang
MAN := $(wildcard man/*.[1-8])
MAN_COMMANDS := $(foreach c,$(CMDS),$(wildcard man/$(c).[18]))
COMPLETIONS = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
# The scripts that QEMU calls, and examples for init, cron and systemd.
SCRIPTS := $(wildcard */qemu-if*)
EXAMPLES := $(wildcard man/examples/*)

# What each command links, and nothing more. PKG_: pkg-config names; LIBS_: raw words.
# slirp.pc asks for glib's, which libslirp-dev does not bring; its one header needs nothing of it.
LIBS_vm-slirp := -lslirp
PKG_vm-slirp := libseccomp
PKG_kvm-run := libseccomp liburing libdeflate libzstd zlib nettle
PKG_vm-bridge := libnl-3.0 libseccomp
PKG_vm-tap := libnl-3.0
PKG_vm-dhcpd := libnl-3.0 libseccomp
PKG_vm-nat := libnl-3.0 libseccomp
PKG_vm-pin := libseccomp
PKG_vm-img := libdeflate libzstd zlib nettle libseccomp
LIBS_vm-img := -lbz2
# libvncserver comes as a shared library, and only what is used of it and of those beside it is linked.
LINK_vm-vnc := -Wl,--as-needed
PKG_vm-vnc := libvncserver libseccomp zlib gnutls nettle libsasl2
LIBS_vm-vnc := -lcrypt
# kvm-run is linked statically: no ld.so at start, a smaller process, one file to carry around.
LINK_kvm-run := -static-pie
LINK_vm-img := -static-pie
LINK_vm-pin := -static-pie
# libnl can look names up, which a static program cannot; nothing here asks it to.
STATIC_NL := -static-pie $(patsubst %,-Wl$(,)--defsym=%=0,getaddrinfo freeaddrinfo getprotobyname getprotobynumber)
LINK_vm-bridge := $(STATIC_NL)
LINK_vm-tap := $(STATIC_NL)
LINK_vm-dhcpd := $(STATIC_NL)
LINK_vm-nat := $(STATIC_NL)

WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wwrite-strings -Wstrict-prototypes \
	-Wold-style-definition -Wmissing-prototypes -Wvla -Wimplicit-fallthrough -Wformat=2 -Wundef -fno-common
HARDEN := -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2 -fno-strict-aliasing
LDHARD := -pie -Wl,-z,relro,-z,now
CFLAGS ?= -O2 -g
SAN_asan := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SAN_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
SAN_tsan := -fsanitize=thread
ifneq ($(filter asan fuzz tsan,$(B)),)
CFLAGS := -O1 -g
HARDEN := -fPIE -fno-strict-aliasing -fstack-protector-strong
LINK_kvm-run := -pie
LINK_vm-img := -pie
LINK_vm-pin := -pie
LINK_vm-bridge := -pie
LINK_vm-tap := -pie
LINK_vm-dhcpd := -pie
LINK_vm-nat := -pie
endif
ifeq ($(B),debug)
CFLAGS := -O0 -g
HARDEN := -fPIE -fno-strict-aliasing
endif
# The counters are a file, mapped, that all runs of a program share: what is sealed, forked or killed counts as well.
SAN_cov := -fprofile-instr-generate=$(CURDIR)/build/cov/profile/%c%m.profraw -fcoverage-mapping
ifeq ($(B),cov)
CFLAGS := -O1 -g -mllvm -runtime-counter-relocation
endif
# KVM's structures end in arrays of any length; where they lie within others, those follow.
ifneq ($(filter cov fuzz lint,$(B)),)
CC := $(CLANG)
WARN += -Wno-unknown-warning-option -Wno-gnu-variable-sized-type-not-at-end -Wno-unused-command-line-argument
endif
ifneq ($(filter cov fuzz,$(B)),)
WARN += -Wno-missing-prototypes
endif
ifeq ($(B),lint)
WARN += -Werror
endif
SAN := $(SAN_$(B))
ALL_CPPFLAGS = -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -I. $(CPPFLAGS)
ALL_CFLAGS = -std=gnu11 $(WARN) $(HARDEN) $(SAN) $(CFLAGS)

.DELETE_ON_ERROR:
.PHONY: all help check asan lint fuzz faults mutate coverage bench soak demo install uninstall dist deb clean FORCE
all: $(CMDS:%=$(O)/%) ## build every command into build/$(B)/

$(patsubst %,$(O)/obj/common/%.o,attrs link link_settings netlink nft_message nft_rule forward_block): PKG_CFLAGS = $(shell pkg-config --cflags libnl-3.0)
common_obj := $(patsubst %.c,$(O)/obj/%.o,$(wildcard common/*.c common/image/*.c))
$(O)/libcommon.a: $(common_obj)
	rm -f $@ && $(AR) rcs $@ $^

pkg = $(if $(PKG_$(1)),$(shell pkg-config --$(2) $(PKG_$(1))))
define command_rules
$(1)_obj := $(patsubst %.c,$(O)/obj/%.o,$(wildcard $(1)/*.c))
$$($(1)_obj): PKG_CFLAGS = $$(call pkg,$(1),cflags)
$(O)/$(1): $$($(1)_obj) $(O)/libcommon.a
	$$(CC) $$(SAN) $(LDHARD) $$(LINK_$(1)) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) \
		$$(call pkg,$(1),libs $$(if $$(findstring static,$$(LINK_$(1))),--static))
endef
$(foreach c,$(CMDS),$(eval $(call command_rules,$(c))))

include tests/rules.mk

# A change of compiler or flags rebuilds everything of that flavour.
$(O)/flags: FORCE
	@mkdir -p $(O); echo '$(CC) $(subst ','\'',$(ALL_CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS))' | cmp -s - $@ || \
		echo '$(CC) $(subst ','\'',$(ALL_CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS))' >$@
$(O)/obj/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)

# What runs programs builds them first, quietly and at once, as many at a time as there are processors.
BUILD = $(MAKE) -s $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

# The suite on one build; `make asan` is the same on another.
check: ## install what the tests need, build, run them all
	tests/deps check
	$(BUILD) B=$(B) all tools
	$(BUILD) B=fuzz fuzzers
	B=$(B) tests/run $(T)

asan: ## check, with AddressSanitizer and UBSan
	$(MAKE) B=asan check

lint: ## clang -Werror and its analyzer, shellcheck, mandoc
	tests/deps lint
	$(BUILD) -k B=lint all tools
	tests/lint

fuzz: ## search with each fuzzer for FUZZ_SECONDS (10)
	tests/deps fuzz
	$(BUILD) B=fuzz fuzzers
	tests/fuzz/run

faults: ## let each system call of each command fail, which check does to some of them
	tests/deps check
	$(BUILD) B=$(B) all tools
	FAULTS_EVERY=1 BATS_TEST_TIMEOUT=3600 B=$(B) tests/run faults.bats

mutate: ## put known faults in, one by one, and demand that a test fails (M: which, as tests/mutate has it)
	tests/deps check
	tests/mutate '$(M)'

coverage: ## print how many lines of each command the tests run that need no lab
	tests/deps check coverage
	$(BUILD) B=cov all tools fuzzers
	tests/coverage $(T)

.PHONY: scenarios
scenarios: ## complete Debian systems, at full length: what README shows of tests/scenarios
	tests/deps check
	$(BUILD) B=$(B) all tools
	B=$(B) LONG=yes BATS_TEST_TIMEOUT=1800 tests/run debian.bats debian_screen.bats

bench: ## measure beside Debian's programs for the same jobs
	tests/deps bench
	$(BUILD) all tools
	for bench in boot firmware hotplug memory balloon blk img net requests slirp hub tap bridge tftp dhcp nat vnc pin; do echo "== $$bench"; tests/bench/$$bench || exit; done

soak: ## much of everything, and what it leaves; and kill -9 at every call of a start
	tests/deps check
	$(BUILD) all tools
	tests/soak
	KILLS=all BATS_TEST_TIMEOUT=7200 bats -f 'killed while' tests/kills.bats

demo: ## boot a stock Debian guest with a network and a disk
	tests/deps demo
	$(BUILD) all tools
	tests/demo

# vm-img called by qemu-img's name: always at share/kvm-utils/qemu-img; with QEMU_IMG=1 among the commands too.
install: all ## into $(DESTDIR)$(PREFIX); QEMU_IMG=1: with qemu-img as a name of vm-img
	install -d $(DESTDIR)$(PREFIX)/bin $(patsubst .%,$(DESTDIR)$(PREFIX)/share/man/man%,$(sort $(suffix $(MAN))))
	install $(CMDS:%=$(O)/%) $(DESTDIR)$(PREFIX)/bin
	for page in $(MAN); do install -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}; done
	install -d $(DESTDIR)$(PREFIX)/share/kvm-utils/examples
	install $(SCRIPTS) $(DESTDIR)$(PREFIX)/share/kvm-utils
	install -d $(COMPLETIONS)
	man/completion $(MAN_COMMANDS) >$(O)/completion
	install -m 644 $(O)/completion $(COMPLETIONS)/kvm-run
	for cmd in $(filter-out kvm-run,$(CMDS)); do ln -sf kvm-run $(COMPLETIONS)/$$cmd; done
	ln -sf ../../bin/vm-img $(DESTDIR)$(PREFIX)/share/kvm-utils/qemu-img
	$(if $(QEMU_IMG),ln -sf vm-img $(DESTDIR)$(PREFIX)/bin/qemu-img)
	for file in $(EXAMPLES); do mode=644; [ ! -x $$file ] || mode=755; \
		install -m $$mode $$file $(DESTDIR)$(PREFIX)/share/kvm-utils/examples; done

uninstall: ## undo install
	rm -f $(DESTDIR)$(PREFIX)/share/kvm-utils/qemu-img
	[ "$$(readlink $(DESTDIR)$(PREFIX)/bin/qemu-img)" != vm-img ] || rm -f $(DESTDIR)$(PREFIX)/bin/qemu-img
	rm -f $(CMDS:%=$(DESTDIR)$(PREFIX)/bin/%) $(CMDS:%=$(COMPLETIONS)/%)
	for page in $(MAN); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done
	rm -f $(patsubst %,$(DESTDIR)$(PREFIX)/share/kvm-utils/%,$(notdir $(SCRIPTS)) $(addprefix examples/,$(notdir $(EXAMPLES))))
	cd $(DESTDIR)$(PREFIX)/share && rmdir -p kvm-utils/examples 2>/dev/null || :

dist: ## the sources of HEAD, as build/kvm-utils-VERSION.tar.gz
	mkdir -p build
	git archive --prefix=kvm-utils-$(VERSION)/ -o build/kvm-utils-$(VERSION).tar.gz HEAD

deb: ## Debian packages, in build/deb
	tests/deps deb
	$(BUILD) all
	.ci/deb $(VERSION)

help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1	/p' Makefile | expand -t 12

clean: ## remove build/
	rm -rf build
