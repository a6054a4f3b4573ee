/* SPDX-License-Identifier: ISC */
/* What verbs like list and show print, in the three forms they have. */
#ifndef COMMON_PRINT_H
#define COMMON_PRINT_H

#include <stdbool.h>
#include <stdint.h>

struct printer {
	enum {
		PRINT_ROWS, /* an object a line, its values with tabs between, those of a list with commas */
		PRINT_KEYS, /* a value a line, behind its key and a tab; a list's key is in the singular */
		PRINT_JSON, /* an object a line */
	} form;
	bool rest;	 /* something stands before, in the object or row */
	bool list_rest;	 /* and in the list */
	bool row;	 /* within a row of a list */
	const char *one; /* the list's key, in the singular */
};

void print_begin(struct printer *p);
void print_end(struct printer *p);

void print_word(struct printer *p, const char *key, const char *value);
void print_number(struct printer *p, const char *key, uint64_t value);
void print_mac(struct printer *p, const char *key, const uint8_t mac[6]);

/* A list of words, or of rows, within an object. */
void print_list(struct printer *p, const char *many, const char *one);
void print_item(struct printer *p, const char *value);
void print_row(struct printer *p);
void print_row_end(struct printer *p);
void print_list_end(struct printer *p);

#endif
