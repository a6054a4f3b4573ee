/* SPDX-License-Identifier: ISC */
/* JSON (RFC 8259) as a peer sends it, read where it lies: nothing is built from it, and any bytes are safe. */
#ifndef VM_PIN_JSON_H
#define VM_PIN_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH 64 /* of values within values; what is deeper is no JSON here */

/* The text of a value, without blanks around it. */
struct json {
	const char *at;
	size_t len;
};

/* The value that the text begins with, of which nothing is known yet but its length. False when there is none. */
bool json_value(struct json *v, const char *text, size_t len);

/* The value of an object's own member of that name, written without escapes; the first if there are several. False: none, or no object. */
bool json_member(const struct json *object, const char *name, struct json *value);

/*
 * The array's next item. *rest is NULL before the first and then this function's. False at the end, and when it is no
 * array.
 */
bool json_item(const struct json *array, const char **rest, struct json *item);

/* A whole number from 0 to max. */
bool json_number(const struct json *v, uint64_t max, uint64_t *number);

#endif
