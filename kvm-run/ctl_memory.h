/* SPDX-License-Identifier: ISC */
/* The control requests of memory; as those of ctl_request.c. */
#ifndef KVM_RUN_CTL_MEMORY_H
#define KVM_RUN_CTL_MEMORY_H

#include "kvm-run/ctl.h"

enum ctl_done ctl_memory(struct ctl_request *r, char **word);
enum ctl_done ctl_memory_set(struct ctl_request *r, char **word);
enum ctl_done ctl_merge(struct ctl_request *r, char **word);

#endif
