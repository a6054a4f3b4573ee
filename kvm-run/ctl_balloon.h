/* SPDX-License-Identifier: ISC */
/* The control requests of the balloon; as those of ctl_request.c. */
#ifndef KVM_RUN_CTL_BALLOON_H
#define KVM_RUN_CTL_BALLOON_H

#include "kvm-run/ctl.h"

enum ctl_done ctl_balloon_show(struct ctl_request *r, char **word);
enum ctl_done ctl_balloon_set(struct ctl_request *r, char **word);

#endif
