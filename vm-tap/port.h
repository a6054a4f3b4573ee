/* SPDX-License-Identifier: ISC */
/* What a port of a bridge can be told. */
#ifndef VM_TAP_PORT_H
#define VM_TAP_PORT_H

#include "common/attrs.h"

extern const struct attr_table port_settings; /* IFLA_BRPORT_* */

#endif
