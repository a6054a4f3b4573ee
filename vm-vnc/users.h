/* SPDX-License-Identifier: ISC */
/*
 * Names and their passwords, as a file has them: lines NAME:HASH, or NAME:HASH:view for those who may only look. HASH is of
 * crypt(5), as mkpasswd, `openssl passwd -6` and `htpasswd -B` make it. Empty lines, and those that # begins, say nothing.
 */
#ifndef VM_VNC_USERS_H
#define VM_VNC_USERS_H

#include <stdbool.h>
#include <stddef.h>

#define USERS_MAX 256

struct users {
	size_t n;
	struct user_entry {
		const char *name, *hash;
		bool view;
	} list[USERS_MAX];
};

/* Takes the text of such a file, which it cuts up and points into. NULL, or why not, with the number of the line in *line. */
const char *users_parse(struct users *u, char *text, unsigned *line);

/* Whether that is his password; *view: he may only look. Takes as long for a name that is not there. */
bool users_right(const struct users *u, const char *name, const char *password, bool *view);

#endif
