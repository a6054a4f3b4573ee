/* SPDX-License-Identifier: ISC */
/* Network interfaces by name. */
#ifndef COMMON_IFACE_H
#define COMMON_IFACE_H

/* Why the kernel would take no interface of this name (its dev_valid_name), or NULL. */
const char *iface_name_fault(const char *name);

/* As iface_name_fault, of a name in which one %d may stand for a number that the kernel chooses. */
const char *iface_pattern_fault(const char *name);

#endif
