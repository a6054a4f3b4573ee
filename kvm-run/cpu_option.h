/* SPDX-License-Identifier: ISC */
/* What -M asks for, as words and before any look at the host. */
#ifndef KVM_RUN_CPU_OPTION_H
#define KVM_RUN_CPU_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/why.h"
#include "kvm-run/cpu_features.h"
#include "kvm-run/cpu_models.h"
#include "kvm-run/hyperv.h"

#define CPU_VENDOR_LEN 12
#define CPU_TITLE_LEN 48 /* what leaves 80000002 to 80000004 hold */

enum cpu_show { CPU_SHOW_NOTHING, CPU_SHOW_LIST, CPU_SHOW_BASELINE };

/* In a number: as the model has it. */
#define CPU_UNSAID UINT32_MAX

enum cpu_switch { CPU_SWITCH_UNSAID, CPU_SWITCH_OFF, CPU_SWITCH_ON };

struct cpu_option {
	const struct cpu_model *model; /* NULL: this host's processor, with all that KVM offers */
	struct cpu_features on, off;
	char vendor[CPU_VENDOR_LEN + 1], title[CPU_TITLE_LEN + 1]; /* "": the host's, the model's */
	uint32_t family, model_number, stepping, level, xlevel, phys_bits;
	uint64_t tsc_hz;     /* 0: the host's */
	enum cpu_switch pmu; /* performance counters: a host's has them, a named model has not */
	bool lax;	     /* go on without what the host lacks */
	bool pinned;	     /* vCPUs have their CPUs for themselves: HLT, PAUSE, MWAIT stay in the guest */
	bool no_kvm;	     /* the guest is not told of KVM */
	struct hyperv hv;
	enum cpu_show show;
	bool alone; /* `baseline` was all that was said */
};

/* Parses the words of -M; NULL stands for "host". NULL, or the reason. */
const char *cpu_option_parse(struct cpu_option *o, const char *text, struct why *w);

/* Of "@FD" or "@FD,WORDS" what that descriptor has, with the words; else the text itself. Dies (2) if it cannot be read.
 * Static, or text. */
const char *cpu_option_text(const char *text);

#endif
