/* SPDX-License-Identifier: ISC */
/* What a terminal sends for keys, as keys of the machine's keyboard. */
#ifndef VM_VNC_TERMINAL_KEYS_H
#define VM_VNC_TERMINAL_KEYS_H

#include <stdbool.h>
#include <stddef.h>

/* Presses and lets go of the keys that these bytes stand for, on the wire `machine`. False when Ctrl-] is among them. */
bool terminal_keys(int machine, const char *bytes, size_t len);

#endif
