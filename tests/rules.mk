# How test programs are built: tests/DIR/NAME.c becomes build/$(B)/DIR/NAME, linked with libcommon.a and with what
# comments of its own say: /* links: kvm-run/virtq.c vm-slirp/opts.c */ sources of commands, /* pkg: slirp */ libraries
# beyond those of the commands it has sources of. kvm-run/all.a: all but its main, where the program has no function of that name.
said = $(shell sed -n 's,^/\* $(1): \(.*\) \*/$$,\1,p' $(2))
programs = $(patsubst tests/%.c,$(O)/%,$(wildcard $(1:%=tests/%/*.c)))
linked = $(patsubst %/,%,$(sort $(dir $(call said,links,$(1)))))
pkgs = $(call said,pkg,$(1)) $(foreach d,$(call linked,$(1)),$(PKG_$(d)))

sectors = $(O)/guests/sector $(O)/guests/fwstorm $(O)/guests/video

.PHONY: tools helpers fuzzers
.PRECIOUS: $(O)/obj/%.o
tools: helpers $(call programs,unit) ## build the tests' own programs
helpers: $(call programs,tools lab guests) $(sectors)
fuzzers: $(call programs,fuzz)

$(O)/obj/tests/%.o: PKG_CFLAGS = $(foreach p,$(sort $(call pkgs,$<)),$(shell pkg-config --cflags $(p)))

.SECONDEXPANSION:
$(O)/obj/%/all.a: $$(filter-out %/main.o,$$($$*_obj))
	rm -f $@ && $(AR) rcs $@ $^

$(call programs,unit tools lab fuzz): $(O)/%: $(O)/obj/tests/%.o \
		$$(addprefix $(O)/obj/,$$(subst .c,.o,$$(call said,links,tests/$$*.c))) $(O)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(SAN) $(if $(filter fuzz/%,$*),-fsanitize=fuzzer) $(LDHARD) $(LDFLAGS) -o $@ $^ -Wl,--as-needed \
		$(foreach p,$(sort $(call pkgs,tests/$*.c)),$(shell pkg-config --libs $(p))) \
		$(foreach d,$(call linked,tests/$*.c),$(LIBS_$(d)))

# Guests of a few functions, entered by PVH; no host's library, no flags but their own. GNU as knows mixed code sizes.
GUEST_CC ?= gcc
$(call programs,guests): $(O)/guests/%: tests/guests/%.c $(wildcard tests/guests/*.h) tests/guests/start.S tests/guests/guest.ld
	@mkdir -p $(@D)
	$(GUEST_CC) -std=gnu11 -O2 $(WARN) -ffreestanding -fno-pic -fno-stack-protector -fcf-protection=none -mgeneral-regs-only \
		-mno-red-zone -static -nostdlib -Wl,--build-id=none,--no-warn-rwx-segments -T tests/guests/guest.ld -o $@ tests/guests/start.S $<

# 512 bytes, as a BIOS loads them.
$(sectors): $(O)/guests/%: tests/guests/%.S
	@mkdir -p $(@D)
	$(GUEST_CC) -m32 -static -nostdlib -Wl,--build-id=none,--oformat=binary,-Ttext=0x7c00 -o $@ $<
