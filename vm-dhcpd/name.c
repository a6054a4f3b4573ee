/* SPDX-License-Identifier: ISC */
/* Words from outside; the contracts are in name.h. */
#include <stdbool.h>

#include "vm-dhcpd/name.h"

#define LABEL_MAX 63

size_t
name_clean(char *out, const char *name, size_t len)
{
	size_t n = 0;

	for (; n < len && name[n] && name[n] != '.'; n++) {
		char c = name[n];
		bool letter = (c | 32) >= 'a' && (c | 32) <= 'z', digit = c >= '0' && c <= '9';

		if (n == LABEL_MAX || !(letter || digit || c == '_' || (c == '-' && n)))
			return 0;
		out[n] = letter ? (char)(c | 32) : c;
	}
	out[n] = '\0';
	return n && out[n - 1] != '-' ? n : 0;
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

ssize_t
hex_parse(const char *s, size_t len, uint8_t *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i += 2) {
		if (i && s[i] == ':')
			i++;
		if (i + 1 >= len || n == size || hex_digit(s[i]) < 0 || hex_digit(s[i + 1]) < 0)
			return -1;
		out[n++] = (uint8_t)(hex_digit(s[i]) << 4 | hex_digit(s[i + 1]));
	}
	return (ssize_t)n;
}
