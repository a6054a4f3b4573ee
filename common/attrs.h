/* SPDX-License-Identifier: ISC */
/* Settings of things in the kernel: what the words of -O are in attributes of netlink. */
#ifndef COMMON_ATTRS_H
#define COMMON_ATTRS_H

#include <netlink/msg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTRS_MAX 16 /* in a table */

struct attr {
	const char *word;
	int type;
	uint8_t size; /* bytes of the attribute */
	enum {
		ATTR_SWITCH, /* on or off */
		ATTR_NUMBER,
		ATTR_SECONDS, /* which the kernel counts in USER_HZ */
	} unit;
	uint32_t min, max;
};

struct attr_table {
	const struct attr *v;
	size_t n;
};

/* Values by place in their table; bit i of `given`: the i-th has one. */
struct attrs {
	uint32_t given;
	uint32_t value[ATTRS_MAX];
};

/* Takes "stp=on". NULL, or why not. */
const char *attrs_parse(const struct attr_table *t, struct attrs *a, const char *word);

/* Gives one a value that was given none. */
void attrs_default(const struct attr_table *t, struct attrs *a, const char *word, uint32_t value);

/* Whether it has one, and which: 0 if it has none. */
bool attrs_given(const struct attr_table *t, const struct attrs *a, const char *word);
uint32_t attrs_value(const struct attr_table *t, const struct attrs *a, const char *word);

/* From a nest of attributes, and into one. */
void attrs_read(const struct attr_table *t, struct attrs *a, struct nlattr *nest);
void attrs_put(const struct attr_table *t, const struct attrs *a, struct nl_msg *m);

/* The first of `want` that `have` does not agree with, as "stp is off, not on" in why; false if there is none. */
bool attrs_differ(const struct attr_table *t, const struct attrs *want, const struct attrs *have, char *why, size_t size);

/* Calls fn with each word and value that there is. */
void attrs_each(const struct attr_table *t, const struct attrs *a, void (*fn)(const char *key, const char *value, void *arg), void *arg);

#endif
