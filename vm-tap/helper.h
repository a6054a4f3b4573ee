/* SPDX-License-Identifier: ISC */
/* Standing in for qemu-bridge-helper. */
#ifndef VM_TAP_HELPER_H
#define VM_TAP_HELPER_H

#include <stdbool.h>

/* Whether these are its arguments: --use-vnet, --fd=N, --br=BRIDGE. */
bool helper_called(char **argv);

/* Makes the tap, sends its descriptor as the helper does (one byte 0 with SCM_RIGHTS), and returns; dies when it cannot. */
void helper(char **argv);

#endif
