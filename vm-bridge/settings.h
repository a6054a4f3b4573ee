/* SPDX-License-Identifier: ISC */
/* What a bridge can be told: the words of -O and of show, and the kernel's attributes for them. */
#ifndef VM_BRIDGE_SETTINGS_H
#define VM_BRIDGE_SETTINGS_H

#include <netlink/attr.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/netlink.h"

#define SETTINGS_MAX 16

/* Values by place in the table of settings.c; bit i of `given`: the i-th has one. */
struct settings {
	uint32_t given;
	uint32_t value[SETTINGS_MAX];
};

/* Takes "stp=on". NULL, or why not. */
const char *settings_parse(struct settings *s, const char *word);

/* What a bridge has that was not told otherwise: no spanning tree, and so no delay before frames pass. */
void settings_default(struct settings *s);

/* From IFLA_INFO_DATA of a bridge. */
void settings_read(struct settings *s, struct nlattr *data);

/* Into IFLA_INFO_DATA. */
void settings_put(struct nl_msg *m, const struct settings *s);

/* Whether one of them is about VLANs, which not every kernel's bridges know. */
bool settings_need_vlan(const struct settings *s);

/* The first of `want` that `have` does not agree with, as "stp is off, not on" in why; false if there is none. */
bool settings_differ(const struct settings *want, const struct settings *have, char *why, size_t size);

/* Calls fn with each word and value that s has. */
void settings_each(const struct settings *s, void (*fn)(const char *key, const char *value, void *arg), void *arg);

#endif
