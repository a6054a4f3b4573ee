/* SPDX-License-Identifier: ISC */
/* Secrets: --object secret,id=ID,data=TEXT|file=PATH[,format=raw|base64]. */
#ifndef VM_IMG_SECRET_H
#define VM_IMG_SECRET_H

#include <stddef.h>
#include <stdint.h>

#define SECRETS_MAX 16

struct secrets {
	struct secret {
		const char *id;
		uint8_t *bytes;
		size_t len;
	} list[SECRETS_MAX];
	size_t n;
};

/* Takes what --object says; dies where it is wrong, or cannot be read. */
void secret_add(struct secrets *s, const char *word);

/* The secret of that id; dies where there is none. */
const struct secret *secret_find(const struct secrets *s, const char *id);

#endif
