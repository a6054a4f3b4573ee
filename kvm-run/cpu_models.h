/* SPDX-License-Identifier: ISC */
/* The processors that -M knows by name: who they say they are, and which features they have. */
#ifndef KVM_RUN_CPU_MODELS_H
#define KVM_RUN_CPU_MODELS_H

#include <stddef.h>
#include <stdint.h>

#include "kvm-run/cpu_features.h"

/* Sizes in KiB, and ways; lines are of 64 bytes. 0: there is no such cache. */
struct cpu_caches {
	struct cpu_cache {
		uint16_t kib;
		uint8_t ways;
	} l1d, l1i, l2, l3;
};

struct cpu_identity {
	uint16_t family, model;
	uint8_t stepping;
	uint32_t level, xlevel;	 /* the last leaves: of 0 on, of 80000000 on */
	const char *title;	 /* what the guest calls it */
	struct cpu_caches caches;
};

/* A row of the table. What it leaves out is as in its base. */
struct cpu_model {
	const char *name;
	const char *also; /* another name, or NULL */
	const char *base;
	const char *features; /* what it has more, and with '-' less, than its base */
	struct cpu_identity is;
	const char *on_amd; /* the model whose family, model and stepping AMD's guests see, or NULL */
};

/* The table, and its end. */
extern const struct cpu_model cpu_models[];
extern const size_t cpu_models_count;

/* The row of a name, of any case: "Haswell", "Haswell-v1" (the same), "Haswell-v4", "Haswell-noTSX-IBRS" (the same); or NULL. */
const struct cpu_model *cpu_model_find(const char *name);

/* The whole of a model, with what it has from its bases. */
void cpu_model_identity(const struct cpu_model *m, struct cpu_identity *out);
void cpu_model_features(const struct cpu_model *m, struct cpu_features *out);

#endif
