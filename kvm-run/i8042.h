/* SPDX-License-Identifier: ISC */
/* The keyboard controller's ports with no keyboard behind them: enough for software that resets a PC through it. */
#ifndef KVM_RUN_I8042_H
#define KVM_RUN_I8042_H

struct vm;

/* Ports 0x60 and 0x64 on the vm's bus. There is no state. */
void i8042_init(struct vm *vm);

#endif
