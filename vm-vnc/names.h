/* SPDX-License-Identifier: ISC */
/*
 * The access list of names: KIND:PATTERN, in which * stands for any characters. A viewer's names are of the same form: those
 * that its certificate bears (cn, dn, dns, email, uri, ip), and the one under which it has proved a password (user).
 */
#ifndef VM_VNC_NAMES_H
#define VM_VNC_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define NAMES_MAX 64

struct names {
	size_t n;
	const char *list[NAMES_MAX];
};

/* Adds a word, which stays the caller's. NULL, or why not. */
const char *names_add(struct names *l, const char *word);

/* Whether a name, of that form, is on the list. */
bool names_has(const struct names *l, const char *name);

#endif
