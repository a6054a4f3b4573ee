/* SPDX-License-Identifier: ISC */
/* Domain names in packets; the contract is in dname.h. */
#include <string.h>

#include "vm-dhcpd/dname.h"

#define LABEL_MAX 63

#define LABEL_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

size_t
dname_encode(const char *name, uint8_t out[DNAME_MAX])
{
	size_t len = 0;

	do {
		size_t label = strspn(name, LABEL_CHARS);

		/* Behind the label there must still be room for the root's. */
		if (!label || label > LABEL_MAX || len + 1 + label + 1 > DNAME_MAX)
			return 0;
		if (name[label] && name[label] != '.')
			return 0;
		out[len++] = (uint8_t)label;
		memcpy(out + len, name, label);
		len += label;
		name += label + (name[label] == '.');
	} while (*name);
	out[len++] = 0;
	return len;
}
