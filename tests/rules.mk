# How test programs are built: tests/DIR/NAME.c becomes build/$(B)/DIR/NAME, linked with libcommon.a and with what
# comments of its own say: /* links: kvm-run/virtq.c vm-slirp/opts.c */ more sources, /* pkg: slirp */ pkg-config names.
said = $(shell sed -n 's,^/\* $(1): \(.*\) \*/$$,\1,p' $(2))
programs = $(patsubst tests/%.c,$(O)/%,$(wildcard $(1:%=tests/%/*.c)))

.PHONY: tools fuzzers
.PRECIOUS: $(O)/obj/%.o
tools: $(call programs,unit tools lab) ## build the tests' own programs
fuzzers: $(call programs,fuzz)

.SECONDEXPANSION:
$(call programs,unit tools lab fuzz): $(O)/%: $(O)/obj/tests/%.o \
		$$(patsubst %.c,$(O)/obj/%.o,$$(call said,links,tests/$$*.c)) $(O)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(SAN) $(if $(filter fuzz/%,$*),-fsanitize=fuzzer) $(LDHARD) $(LDFLAGS) -o $@ $^ \
		$(foreach p,$(call said,pkg,tests/$*.c),$(shell pkg-config --libs $(p)))
