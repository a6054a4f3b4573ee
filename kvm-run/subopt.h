/* SPDX-License-Identifier: ISC */
/* Options of an option: "4,sockets=2,threads=2". */
#ifndef KVM_RUN_SUBOPT_H
#define KVM_RUN_SUBOPT_H

#include <stdbool.h>

/* The next word of *rest, cut at its comma in place: *key, and *value after the '=' or NULL without one. False: no more. */
bool subopt_next(char **rest, const char **key, char **value);

#endif
