/* SPDX-License-Identifier: ISC */
/* TERM, INT and HUP, unless the parent had them ignored, press the guest's power button; the second one ends kvm-run as
 * that signal does by default. USR1 has it say what vCPUs and devices did. */
#ifndef KVM_RUN_SIGNALS_H
#define KVM_RUN_SIGNALS_H

struct vm;

/* Blocks them and watches for them in the main loop. Main thread, before other threads are started. */
void signals_watch(struct vm *vm);

#endif
