/* SPDX-License-Identifier: ISC */
/* What a port of a bridge can be told, as words and as attributes of the kernel (IFLA_BRPORT_*). */
#ifndef VM_TAP_PORT_H
#define VM_TAP_PORT_H

#include <netlink/msg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PORT_SETTINGS 12

struct port {
	uint32_t given; /* bit i: the i-th of the table in port.c */
	uint32_t value[PORT_SETTINGS];
};

/* Takes KEY or KEY=VALUE: 1 when it is one of a port's, 0 when its key is not, -1 when its value is wrong (*why says how). */
int port_parse(struct port *p, const char *word, const char **why);

/* From IFLA_INFO_SLAVE_DATA. */
void port_read(struct port *p, struct nlattr *data);

/* Into IFLA_PROTINFO. */
void port_put(struct nl_msg *m, const struct port *p);

/* The first of want that have does not agree with, as "isolated is off, not on", in why; false if there is none. */
bool port_differ(const struct port *want, const struct port *have, char *why, size_t size);

#endif
