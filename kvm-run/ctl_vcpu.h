/* SPDX-License-Identifier: ISC */
/* The control requests of vCPUs. */
#ifndef KVM_RUN_CTL_VCPU_H
#define KVM_RUN_CTL_VCPU_H

#include "kvm-run/ctl.h"

/* vcpus: index and thread of each. */
enum ctl_done ctl_vcpus(struct ctl_request *r, char **word);

/* plug vcpu[N]. */
enum ctl_done ctl_plug(struct ctl_request *r, char **word);

/* unplug vcpuN. */
enum ctl_done ctl_unplug_vcpu(struct ctl_request *r, char **word);

#endif
