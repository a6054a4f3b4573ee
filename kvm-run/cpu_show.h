/* SPDX-License-Identifier: ISC */
/* -M list and -M baseline: what is printed of processors, in place of running a guest. */
#ifndef KVM_RUN_CPU_SHOW_H
#define KVM_RUN_CPU_SHOW_H

#include <stdio.h>

#include "kvm-run/cpu_guest.h"
#include "kvm-run/cpu_option.h"

/* Prints what the option wants shown; the exit status. Dies (1) without KVM, (2) on a line of input that is no model. */
int cpu_show(const struct cpu_option *o);

/* --- of cpu_baseline.c --- */

/* Reads models from `in`, one a line, into what all of them can give a guest. Their number, or -1 and the reason. */
int cpu_baseline_read(struct cpu_guest *common, FILE *in, struct why *w);

/* The words of -M that ask for just this, to stdout. What no guest takes along to another host is left out. */
void cpu_baseline_print(const struct cpu_guest *g);

#endif
