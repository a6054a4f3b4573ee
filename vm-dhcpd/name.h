/* SPDX-License-Identifier: ISC */
/* Words from outside: names of guests, bytes in hexadecimal. */
#ifndef VM_DHCPD_NAME_H
#define VM_DHCPD_NAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MAC_FORMAT "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_ARGS(m) (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

/*
 * The first label of a name that a guest gave, in lower case, into out (len + 1 bytes). Its length, 0 when it is none:
 * letters, digits and inner hyphens (RFC 1123, 2.1; underscores too, which many have), at most 63.
 */
size_t name_clean(char *out, const char *name, size_t len);

/* "0a0b" or "0a:0b" into at most size bytes. Their number, or -1. */
ssize_t hex_parse(const char *s, size_t len, uint8_t *out, size_t size);

#endif
