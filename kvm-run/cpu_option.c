/* SPDX-License-Identifier: ISC */
/* The words of -M; the contracts are in cpu_option.h. They are those of QEMU's -cpu, so far as they mean something here. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "common/util.h"
#include "kvm-run/cpu_option.h"
#include "kvm-run/subopt.h"

#define TEXT_MAX 8192

/* Leaf 1 has room for these (Intel SDM vol. 2, CPUID, figure 3-6): 15 and an extension of 255; two nibbles; one. */
static const struct number {
	const char *key;
	size_t off;
	uint32_t min, max;
} numbers[] = {
	{"family", offsetof(struct cpu_option, family), 0, 15 + 255},
	{"model", offsetof(struct cpu_option, model_number), 0, 255},
	{"stepping", offsetof(struct cpu_option, stepping), 0, 15},
	{"level", offsetof(struct cpu_option, level), 1, 0xff},
	{"xlevel", offsetof(struct cpu_option, xlevel), 0, 0x800000ff},
	{"phys-bits", offsetof(struct cpu_option, phys_bits), 32, 52},
};

static const struct text {
	const char *key;
	size_t off, size;
} texts[] = {
	{"vendor", offsetof(struct cpu_option, vendor), CPU_VENDOR_LEN + 1},
	{"model-id", offsetof(struct cpu_option, title), CPU_TITLE_LEN + 1},
};

static bool
set_number(struct cpu_option *o, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		const struct number *n = &numbers[i];
		uint64_t v;

		if (strcmp(key, n->key) || !num_parse(value, n->min, n->max, &v))
			continue;
		memcpy((char *)o + n->off, &(uint32_t){(uint32_t)v}, sizeof(uint32_t));
		return true;
	}
	return !strcmp(key, "tsc-frequency") && num_parse(value, 1000000, 1000000000000, &o->tsc_hz);
}

static bool
set_text(struct cpu_option *o, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		size_t len = strlen(value);

		if (strcmp(key, texts[i].key) || len >= texts[i].size)
			continue;
		if (i == 0 && len != CPU_VENDOR_LEN)
			return false;
		memcpy((char *)o + texts[i].off, value, len + 1);
		return true;
	}
	return false;
}

static bool
set_switch(struct cpu_option *o, const char *key, bool on)
{
	if (!strcmp(key, "check"))
		o->lax = on;
	else if (!strcmp(key, "enforce"))
		o->lax = !on;
	else if (!strcmp(key, "pinned"))
		o->pinned = on;
	else if (!strcmp(key, "kvm"))
		o->no_kvm = !on;
	else if (!strcmp(key, "pmu"))
		o->pmu = on ? CPU_SWITCH_ON : CPU_SWITCH_OFF;
	else
		return false;
	return true;
}

static bool
set_feature(struct cpu_option *o, const char *name, bool on)
{
	size_t len = strlen(name);

	return cpu_features_set(&o->on, name, len, on) && cpu_features_set(&o->off, name, len, !on);
}

/* A word with a value, or "on" for one without. */
static const char *
set(struct cpu_option *o, const char *key, const char *value, struct why *w)
{
	bool off = value && !strcmp(value, "off");

	if (!strncmp(key, "hv", 2))
		return hyperv_word(&o->hv, key, value) ? NULL :
		    why(w, "%s%s%s: not a word of Hyper-V's", key, value ? "=" : "", value ? value : "");
	if (!value || off || !strcmp(value, "on")) {
		if (set_switch(o, key, !off) || set_feature(o, key, !off))
			return NULL;
		return why(w, "%s: no such feature", key);
	}
	if (set_number(o, key, value) || set_text(o, key, value))
		return NULL;
	return why(w, "%s=%s: no such word, or no value for it", key, value);
}

static const char *
one_word(struct cpu_option *o, bool first, const char *key, const char *value, struct why *w)
{
	if (*key == '+' || *key == '-')
		return !value && set_feature(o, key + 1, *key == '+') ? NULL : why(w, "%s: no such feature", key);
	if (!value && !strcmp(key, "baseline")) {
		o->show = CPU_SHOW_BASELINE;
		return NULL;
	}
	if (!first || value)
		return set(o, key, value, w);
	if (!strcmp(key, "host") || !strcmp(key, "max"))
		return NULL;
	o->model = cpu_model_find(key);
	if (o->model || !set(o, key, value, w))
		return NULL;
	return why(w, "%s: no such model; -M list shows them", key);
}

const char *
cpu_option_parse(struct cpu_option *o, const char *text, struct why *w)
{
	char copy[TEXT_MAX], *rest = copy, *value;
	const char *key, *fault = NULL;
	size_t len = text ? strlen(text) : 0;

	*o = (struct cpu_option){.family = CPU_UNSAID, .model_number = CPU_UNSAID, .stepping = CPU_UNSAID,
	    .level = CPU_UNSAID, .xlevel = CPU_UNSAID, .phys_bits = CPU_UNSAID};
	if (!text)
		return NULL;
	if (len >= sizeof(copy))
		return "too long";
	memcpy(copy, text, len + 1);
	if (!strcmp(text, "list")) {
		o->show = CPU_SHOW_LIST;
		return NULL;
	}
	o->alone = !strcmp(text, "baseline");
	for (bool first = true; !fault && subopt_next(&rest, &key, &value); first = false)
		fault = one_word(o, first, key, value, w);
	return fault;
}

const char *
cpu_option_text(const char *text)
{
	static char all[2 * TEXT_MAX];
	const char *more;
	char number[16];
	ssize_t n;

	if (!text || text[0] != '@')
		return text;
	more = strchrnul(text, ',');
	snprintf(number, sizeof(number), "%.*s", (int)(more - text - 1), text + 1);
	if (strlen(more) >= TEXT_MAX)
		die_usage("-M: too long");
	n = fd_read_all((int)num_opt('M', number, 0, 1 << 20), all, TEXT_MAX - 1);
	if (n < 0)
		die_usage("-M %s: %s", text, strerror(errno));
	while (n && strchr(" \t\n", all[n - 1]))
		n--;
	memcpy(all + n, more, strlen(more) + 1);
	return all;
}
